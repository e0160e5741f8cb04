/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sealed-folder.c: looks in a folder for the sealed Image of a kernel and an initrd.
 *
 * The search has two steps. The first reads only the headers of the files, and compares digests.
 * The second opens the files that fit, the newest first, until one can be loaded: a stranger
 * cannot change it, its size is possible, and the kernel inside is whole. The descriptor that is
 * compared in the second step is the one that is loaded. If no header fits, the second step opens
 * the files with another initrd in the same way, because only a whole one is a reason for an error.
 *
 * The headers are hostile, because the folder can belong to a copy of another machine. The running
 * kernel verifies the signature when the Image is loaded, and purgatory checks the bytes after a
 * panic.
 */
#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/root.h"
#include "../kernel/content.h"
#include "../kernel/pe.h"
#include "purgatory-segment.h"
#include "sealed-image.h"
#include "sealed-initrd.h"

/* A SHA-256 digest that is computed when it is first needed: an initrd can have 100 MiB. */
struct lazy_digest {
	const void *data;		/* borrowed */
	uint64_t size;			/* bytes of @data; 0: there is none, the digest is zero */
	bool known;			/* @digest was computed */
	uint8_t digest[PURGATORY_DIGEST_SIZE];
};

/* A file whose header fits the kernel. */
struct candidate {
	char *path;			/* "/FOLDER/NAME", for messages; owned */
	struct timespec time;		/* mtime */
	bool fits;			/* its header fits the initrd, too */
};

struct search {
	struct crashres_ctx *ctx;
	const char *folder;		/* path below the root, without "/" at its start; borrowed */
	int fd;				/* of the folder; -1: not open */
	struct lazy_digest kernel;	/* of the kernel without its signatures */
	struct lazy_digest initrd;
	const struct crashres_input *initrd_file;	/* borrowed; NULL: none */
	struct candidate *candidates;	/* owned */
	size_t count;			/* elements of @candidates */
	size_t fitting;			/* those whose header fits the initrd, too */
};

/* Is @digest the SHA-256 of the data? */
static bool digest_is(struct lazy_digest *lazy, const uint8_t digest[PURGATORY_DIGEST_SIZE])
{
	if (!lazy->known && lazy->size)
		crs_digest_bytes(lazy->data, lazy->size, lazy->digest);
	lazy->known = true;
	return !memcmp(lazy->digest, digest, PURGATORY_DIGEST_SIZE);
}

/* ------------------------------------------------------------ one file */

/*
 * Fails if somebody else than root or the user of this process can change @st: such a user can
 * write a file whose header fits, with a purgatory that checks nothing. @path: for messages.
 */
static enum crashres_status check_owner(struct crashres_ctx *ctx, const char *path,
					const struct stat *st)
{
	if (st->st_uid && st->st_uid != geteuid())
		return crs_fail(ctx, CRASHRES_ERR_PERMISSION, "%s: belongs to another user", path);
	if (st->st_mode & (S_IWGRP | S_IWOTH))
		return crs_fail(ctx, CRASHRES_ERR_PERMISSION, "%s: other users can write to it", path);
	return CRASHRES_OK;
}

/* Fails if @header has no initrd, but the digest of one. */
static enum crashres_status check_header(struct crashres_ctx *ctx, const char *path,
					 const struct crs_seal_header *header)
{
	static const uint8_t none[PURGATORY_DIGEST_SIZE];

	if (!header->initrd_size && memcmp(header->initrd_digest, none, sizeof(none)))
		return crs_fail(ctx, CRASHRES_ERR_FORMAT,
				"%s: the sealed Image is damaged: the header has the digest of an "
				"initrd of 0 bytes", path);
	return CRASHRES_OK;
}

/*
 * Checks owner, size and header before the file is read, because a sparse file can be as large as
 * RAM.
 */
static enum crashres_status check_file(struct crashres_ctx *ctx, const char *path,
				       const struct stat *st, const struct crs_seal_header *header)
{
	const uint64_t most = crs_sealed_size_limit(header);
	enum crashres_status status = check_owner(ctx, path, st);

	if (status == CRASHRES_OK && (uint64_t)st->st_size > most)
		status = crs_fail(ctx, CRASHRES_ERR_LIMIT,
				  "%s: has %jd bytes, and its header allows %" PRIu64, path,
				  (intmax_t)st->st_size, most);
	return status == CRASHRES_OK ? check_header(ctx, path, header) : status;
}

/*
 * Opens the regular file @name in the folder. Links are not followed: the file behind a link can
 * lie in a folder of another user. fstatat() comes first, because opening a device can start it.
 * Returns -1 if that is impossible.
 */
static int open_file(const struct search *search, const char *name, struct stat *st)
{
	CRS_CLEANUP(crs_closep) int fd = -1;
	int opened;

	if (fstatat(search->fd, name, st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st->st_mode))
		return -1;
	fd = openat(search->fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, st) < 0 || !S_ISREG(st->st_mode))
		return -1;
	opened = fd;
	fd = -1;
	return opened;
}

/* Reads the header of @fd. Returns false if the file is no sealed Image, or cannot be read. */
static bool read_header(int fd, struct crs_seal_header *header)
{
	uint64_t offset, size;
	ssize_t got;

	do {
		got = pread(fd, header, sizeof(*header), 0);
	} while (got < 0 && errno == EINTR);
	/* The size of the file is checked later: a truncated file gets a message of its own. */
	return got == (ssize_t)sizeof(*header) &&
	       crs_sealed_find_kernel(header, SIZE_MAX, &offset, &size);
}

static bool has_kernel(struct search *search, const struct crs_seal_header *header)
{
	return le64toh(header->kernel_size) == search->kernel.size &&
	       digest_is(&search->kernel, header->kernel_digest);
}

static bool has_initrd(struct search *search, const struct crs_seal_header *header)
{
	return le64toh(header->initrd_size) == search->initrd.size &&
	       digest_is(&search->initrd, header->initrd_digest);
}

/*
 * Logs why a file is not used: the error of @ctx. A file that is not used must not prevent the
 * load. Only a lack of memory is still an error.
 */
static enum crashres_status skip(struct crashres_ctx *ctx, enum crashres_status status)
{
	if (status == CRASHRES_OK || status == CRASHRES_ERR_MEMORY)
		return status;
	crs_log(ctx, CRASHRES_LOG_WARNING, "this sealed Image is not used: %s", ctx->error);
	return CRASHRES_OK;
}

/* ------------------------------------------------------------ all headers */

/* Adds @path to the candidates, which own it then. */
static enum crashres_status add_candidate(struct search *search, char **path, const struct stat *st,
					  bool fits)
{
	struct candidate *more = realloc(search->candidates,
					 (search->count + 1) * sizeof(*search->candidates));

	if (!more)
		return crs_fail_memory(search->ctx);
	search->candidates = more;
	more[search->count++] = (struct candidate){ .path = *path, .time = st->st_mtim,
						    .fits = fits };
	search->fitting += fits;
	*path = NULL;
	return CRASHRES_OK;
}

/* Adds a file with the same kernel and another initrd, if owner, size and header are possible. */
static enum crashres_status add_other(struct search *search, char **path, const struct stat *st,
				      const struct crs_seal_header *header)
{
	enum crashres_status status = check_file(search->ctx, *path, st, header);

	return status == CRASHRES_OK ? add_candidate(search, path, st, false) :
				       skip(search->ctx, status);
}

/*
 * Looks at one entry of the folder. Folders, links, FIFOs, devices and files that cannot be read
 * are skipped, and so are files with a dot at the start of their name: they are temporary.
 */
static enum crashres_status look_at(struct search *search, const char *name)
{
	CRS_CLEANUP(crs_closep) int fd = -1;
	CRS_CLEANUP(crs_freep) char *path = NULL;
	struct crs_seal_header header;
	struct stat st;

	if (*name == '.')
		return CRASHRES_OK;
	fd = open_file(search, name, &st);
	if (fd < 0 || !read_header(fd, &header) || !has_kernel(search, &header))
		return CRASHRES_OK;
	if (asprintf(&path, "/%s/%s", search->folder, name) < 0) {
		path = NULL;
		return crs_fail_memory(search->ctx);
	}
	return has_initrd(search, &header) ? add_candidate(search, &path, &st, true) :
					     add_other(search, &path, &st, &header);
}

/* Fails as check_owner() for the open folder. */
static enum crashres_status check_folder(const struct search *search)
{
	CRS_CLEANUP(crs_freep) char *path = NULL;
	struct stat st;

	if (asprintf(&path, "/%s", search->folder) < 0) {
		path = NULL;
		return crs_fail_memory(search->ctx);
	}
	if (fstat(search->fd, &st) < 0)
		return crs_fail_errno(search->ctx, CRASHRES_ERR_OS, errno, "%s: cannot read", path);
	return check_owner(search->ctx, path, &st);
}

/* Opens the folder. A folder that is missing, or that a stranger can change, is an empty one. */
static enum crashres_status open_folder(struct search *search)
{
	enum crashres_status status;

	if (crs_root_lacks(search->ctx, search->folder))
		return CRASHRES_OK;
	status = crs_root_open_folder(search->ctx, search->folder, &search->fd);
	if (status != CRASHRES_OK)
		return status;
	status = check_folder(search);
	if (status == CRASHRES_OK || status == CRASHRES_ERR_MEMORY)
		return status;
	crs_log(search->ctx, CRASHRES_LOG_WARNING, "no sealed Image in this folder is used: %s",
		search->ctx->error);
	close(search->fd);
	search->fd = -1;
	return CRASHRES_OK;
}

/* Looks at all entries of the folder. */
static enum crashres_status look_at_all(struct search *search)
{
	enum crashres_status status = open_folder(search);
	const struct dirent *entry;
	DIR *entries;
	int fd;

	if (status != CRASHRES_OK || search->fd < 0)
		return status;
	/* closedir() closes its descriptor, and the second step needs one. */
	fd = fcntl(search->fd, F_DUPFD_CLOEXEC, 0);
	entries = fd < 0 ? NULL : fdopendir(fd);
	if (!entries) {
		crs_closep(&fd);	/* does nothing for -1 */
		return crs_fail_memory(search->ctx);
	}
	while (status == CRASHRES_OK && (entry = readdir(entries)))
		status = look_at(search, entry->d_name);
	closedir(entries);
	return status;
}

/* ------------------------------------------------------------ the newest file */

/* For qsort(): the newest first. Equal times: in the order of the names. */
static int compare_age(const void *left, const void *right)
{
	const struct candidate *a = left, *b = right;

	if (a->time.tv_sec != b->time.tv_sec)
		return a->time.tv_sec < b->time.tv_sec ? 1 : -1;
	if (a->time.tv_nsec != b->time.tv_nsec)
		return a->time.tv_nsec < b->time.tv_nsec ? 1 : -1;
	return strcmp(a->path, b->path);
}

/* Checks the bytes that were read: they can differ from those of the first step. */
static enum crashres_status check_content(struct search *search,
					  const struct candidate *candidate,
					  const struct crashres_kernel *sealed)
{
	const struct crashres_input *file = sealed->file;
	struct crs_seal_header header;
	enum crashres_status status;

	if (!crashres_kernel_is_sealed(sealed))
		return crs_fail(search->ctx, CRASHRES_ERR_FORMAT, "%s: is not a sealed Image",
				candidate->path);
	memcpy(&header, file->data, sizeof(header));
	if (!has_kernel(search, &header) || has_initrd(search, &header) != candidate->fits)
		return crs_fail(search->ctx, CRASHRES_ERR_OS, "%s: changed during the search",
				candidate->path);
	status = crs_sealed_check_kernel(search->ctx, file);
	if (status != CRASHRES_OK)
		return status;
	return candidate->fits ?
	       crs_sealed_initrd_compare(search->ctx, sealed, search->initrd_file) :
	       crs_sealed_initrd_check_other(search->ctx, sealed, search->initrd_file);
}

/* Reads the file @fd, and checks it. */
static enum crashres_status read_file(struct search *search, int fd,
				      const struct candidate *candidate,
				      struct crashres_kernel **sealed)
{
	struct crashres_kernel *kernel;
	struct crashres_input *input;
	enum crashres_status status = crashres_input_from_fd(search->ctx, fd, candidate->path,
							     &input);

	if (status != CRASHRES_OK)
		return status;
	status = crashres_kernel_from_input(search->ctx, input, &kernel);
	crashres_input_close(input);
	if (status != CRASHRES_OK)
		return status;
	status = check_content(search, candidate, kernel);
	if (status == CRASHRES_OK)
		*sealed = kernel;
	else
		crashres_kernel_close(kernel);
	return status;
}

/* Opens a candidate, and checks it completely. */
static enum crashres_status open_candidate(struct search *search,
					   const struct candidate *candidate,
					   struct crashres_kernel **sealed)
{
	const char *path = candidate->path;
	struct stat st;
	CRS_CLEANUP(crs_closep) int fd = open_file(search, strrchr(path, '/') + 1, &st);
	struct crs_seal_header header;
	enum crashres_status status;

	if (fd < 0 || !read_header(fd, &header))
		return crs_fail(search->ctx, CRASHRES_ERR_OS, "%s: changed during the search",
				path);
	status = check_file(search->ctx, path, &st, &header);
	return status == CRASHRES_OK ? read_file(search, fd, candidate, sealed) : status;
}

/*
 * Opens the newest candidate that is whole. *@sealed stays as it is if there is none. @fits: of the
 * candidates that fit the initrd; otherwise of those that do not.
 */
static enum crashres_status open_newest(struct search *search, bool fits,
					struct crashres_kernel **sealed)
{
	enum crashres_status status = CRASHRES_OK;

	if (search->count)
		qsort(search->candidates, search->count, sizeof(*search->candidates), compare_age);
	for (size_t i = 0; i < search->count && status == CRASHRES_OK; i++) {
		if (search->candidates[i].fits != fits)
			continue;
		status = open_candidate(search, &search->candidates[i], sealed);
		if (status == CRASHRES_OK)
			return status;
		status = skip(search->ctx, status);
	}
	return status;
}

/* Sets the error of a search that found only @other, which is sealed with another initrd. */
static enum crashres_status fail_other(const struct search *search,
				       const struct crashres_kernel *other)
{
	const char *path = other->file->name;
	struct crs_seal_header header;

	memcpy(&header, other->file->data, sizeof(header));
	if (!search->initrd_file)
		return crs_fail(search->ctx, CRASHRES_ERR_OTHER_INITRD,
				"%s: is sealed with an initrd, but the load has no initrd", path);
	if (!header.initrd_size)
		return crs_fail(search->ctx, CRASHRES_ERR_OTHER_INITRD,
				"%s: is sealed without an initrd, but the load has %s", path,
				search->initrd_file->name);
	return crs_fail(search->ctx, CRASHRES_ERR_OTHER_INITRD,
			"%s: is sealed with another initrd than %s", path,
			search->initrd_file->name);
}

/*
 * Sets the error of a search that found nothing to load. @kernel: for the message. If a file fits
 * but cannot be loaded, an older file with another initrd does not matter.
 */
static enum crashres_status fail_missing(struct search *search, const char *kernel)
{
	struct crashres_kernel *other = NULL;
	enum crashres_status status = CRASHRES_OK;

	if (!search->fitting)
		status = open_newest(search, false, &other);
	if (status != CRASHRES_OK)
		return status;
	if (!other)
		return crs_fail(search->ctx, CRASHRES_ERR_NO_SEALED_IMAGE,
				"/%s has no sealed Image of %s", search->folder, kernel);
	status = fail_other(search, other);
	crashres_kernel_close(other);
	return status;
}

static void search_free(struct search *search)
{
	for (size_t i = 0; i < search->count; i++)
		free(search->candidates[i].path);
	free(search->candidates);
	crs_closep(&search->fd);
}

enum crashres_status crashres_sealed_find(struct crashres_ctx *ctx, const char *folder,
					  const struct crashres_kernel *kernel,
					  const struct crashres_input *initrd,
					  struct crashres_kernel **sealed)
{
	struct search search = { .ctx = ctx, .folder = folder + strspn(folder, "/"), .fd = -1 };
	struct crashres_kernel *found = NULL;
	struct crashres_input *content;
	enum crashres_status status = crs_kernel_content(ctx, kernel, &content);

	if (status != CRASHRES_OK)
		return status;
	search.initrd_file = initrd ? initrd : kernel->initrd;
	search.kernel = (struct lazy_digest){ .data = content->data, .size = content->size };
	if (search.initrd_file)
		search.initrd = (struct lazy_digest){ .data = search.initrd_file->data,
						      .size = search.initrd_file->size };
	status = look_at_all(&search);
	if (status == CRASHRES_OK)
		status = open_newest(&search, true, &found);
	if (status == CRASHRES_OK && !found)
		status = fail_missing(&search, kernel->file->name);
	if (status == CRASHRES_OK)
		*sealed = found;
	crashres_input_close(content);
	search_free(&search);
	return status;
}

/* ----------------------------------------------------------- a signer's output */

/* Has @kernel a PE signature, and is it @sealed without this signature? */
static enum crashres_status check_signed(struct crashres_ctx *ctx,
					 const struct crashres_kernel *kernel,
					 const struct crashres_input *sealed)
{
	struct crashres_input *content;
	enum crashres_status status;
	struct crs_pe pe;

	if (!crs_pe_parse(kernel->file->data, kernel->file->size, &pe) ||
	    !crs_pe_signatures_end(&pe))
		return crs_fail(ctx, CRASHRES_ERR_NO_SIGNATURE, "the file has no PE signature");
	status = crs_kernel_content(ctx, kernel, &content);
	if (status != CRASHRES_OK)
		return status;
	if (content->size != sealed->size || memcmp(content->data, sealed->data, sealed->size))
		status = crs_fail(ctx, CRASHRES_ERR_FORMAT,
				  "without its signature, the file is not the sealed Image");
	crashres_input_close(content);
	return status;
}

enum crashres_status crashres_sealed_check_signed(struct crashres_ctx *ctx,
						  const struct crashres_input *sealed,
						  const char *path,
						  struct crashres_input **checked)
{
	struct crashres_input *file;
	struct crashres_kernel *kernel;
	enum crashres_status status = crashres_input_open(ctx, path, &file);

	if (status != CRASHRES_OK)
		return status;
	status = crashres_kernel_from_input(ctx, file, &kernel);
	if (status == CRASHRES_OK) {
		status = check_signed(ctx, kernel, sealed);
		crashres_kernel_close(kernel);
	}
	if (status == CRASHRES_OK) {
		file->mode = sealed->mode;
		*checked = file;
	} else {
		crashres_input_close(file);
	}
	return status;
}
