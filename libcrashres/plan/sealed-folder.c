/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sealed-folder.c: looks in a folder for the sealed Image of a kernel and an initrd.
 *
 * The headers of the files are hostile, because the folder can belong to a copy of another machine.
 * The search only compares digests. The running kernel verifies the signature when the Image is
 * loaded, and purgatory checks the bytes after a panic.
 */
#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/root.h"
#include "../kernel/content.h"
#include "../kernel/pe.h"
#include "purgatory-segment.h"
#include "sealed-image.h"

/* A SHA-256 digest that is computed when it is first needed: an initrd can have 100 MiB. */
struct lazy_digest {
	const void *data;		/* borrowed */
	uint64_t size;			/* bytes of @data; 0: there is none, the digest is zero */
	bool known;			/* @digest was computed */
	uint8_t digest[PURGATORY_DIGEST_SIZE];
};

/* A search. The files that fit are compared by their age. */
struct search {
	struct crashres_ctx *ctx;
	const char *folder;		/* path below the root, without "/" at its start; borrowed */
	struct lazy_digest kernel;	/* of the kernel without its signatures */
	struct lazy_digest initrd;
	struct timespec time;		/* mtime of @name */
	char *name;			/* of the newest file that fits; owned; NULL: none yet */
	char *other;			/* of a file with the same kernel and another initrd; owned;
					   NULL: none */
	bool other_has_initrd;		/* @other is sealed with an initrd */
};

/* Is @digest the SHA-256 of the data? */
static bool digest_is(struct lazy_digest *lazy, const uint8_t digest[PURGATORY_DIGEST_SIZE])
{
	if (!lazy->known && lazy->size)
		crs_digest_bytes(lazy->data, lazy->size, lazy->digest);
	lazy->known = true;
	return !memcmp(lazy->digest, digest, PURGATORY_DIGEST_SIZE);
}

/* Reads the header of @fd. Returns false if the file is no sealed Image, or cannot be read. */
static bool read_header(int fd, uint64_t file_size, struct crs_seal_header *header)
{
	uint64_t offset, size;
	ssize_t got;

	do {
		got = pread(fd, header, sizeof(*header), 0);
	} while (got < 0 && errno == EINTR);
	return got == (ssize_t)sizeof(*header) &&
	       crs_sealed_find_kernel(header, file_size, &offset, &size);
}

/* Is the file newer than the one that was found before? */
static bool is_newer(const struct search *search, const struct stat *st)
{
	return !search->name || st->st_mtim.tv_sec > search->time.tv_sec ||
	       (st->st_mtim.tv_sec == search->time.tv_sec &&
		st->st_mtim.tv_nsec > search->time.tv_nsec);
}

/* Replaces the string *@to by a copy of @name. */
static enum crashres_status keep_name(struct crashres_ctx *ctx, const char *name, char **to)
{
	char *copy = strdup(name);

	if (!copy)
		return crs_fail_memory(ctx);
	free(*to);
	*to = copy;
	return CRASHRES_OK;
}

/* Compares the header of the file @name with kernel and initrd, and remembers a match. */
static enum crashres_status compare(struct search *search, const char *name, const struct stat *st,
				    const struct crs_seal_header *header)
{
	if (le64toh(header->kernel_size) != search->kernel.size ||
	    !digest_is(&search->kernel, header->kernel_digest))
		return CRASHRES_OK;
	if (le64toh(header->initrd_size) != search->initrd.size ||
	    !digest_is(&search->initrd, header->initrd_digest)) {
		search->other_has_initrd = header->initrd_size;
		return keep_name(search->ctx, name, &search->other);
	}
	if (!is_newer(search, st))
		return CRASHRES_OK;
	search->time = st->st_mtim;
	return keep_name(search->ctx, name, &search->name);
}

/* Makes "FOLDER/NAME". NULL: no memory, and the error is set. */
static char *join(const struct search *search, const char *name)
{
	char *path;

	if (asprintf(&path, "%s/%s", search->folder, name) >= 0)
		return path;
	crs_fail_memory(search->ctx);
	return NULL;
}

/*
 * Looks at one entry of the folder. Folders, FIFOs, devices and files that cannot be read are
 * skipped, and so are files with a dot at the start of their name: they are temporary.
 */
static enum crashres_status look_at(struct search *search, const char *name)
{
	CRS_CLEANUP(crs_freep) char *path = NULL;
	CRS_CLEANUP(crs_closep) int fd = -1;
	struct crs_seal_header header;
	struct stat st;

	if (*name == '.')
		return CRASHRES_OK;
	path = join(search, name);
	if (!path)
		return CRASHRES_ERR_MEMORY;
	if (crs_root_open(search->ctx, path, &fd) != CRASHRES_OK || fstat(fd, &st) < 0 ||
	    !read_header(fd, (uint64_t)st.st_size, &header))
		return CRASHRES_OK;
	return compare(search, name, &st, &header);
}

/* Looks at all entries of the folder. A missing folder is an empty one. */
static enum crashres_status look_at_all(struct search *search)
{
	enum crashres_status status;
	const struct dirent *entry;
	DIR *entries;
	int fd;

	if (crs_root_lacks(search->ctx, search->folder))
		return CRASHRES_OK;
	status = crs_root_open_folder(search->ctx, search->folder, &fd);
	if (status != CRASHRES_OK)
		return status;
	entries = fdopendir(fd);
	if (!entries) {
		close(fd);
		return crs_fail_memory(search->ctx);
	}
	while (status == CRASHRES_OK && (entry = readdir(entries)))
		status = look_at(search, entry->d_name);
	closedir(entries);
	return status;
}

/* Opens the file that was found. The file can have changed in the meantime. */
static enum crashres_status open_found(struct search *search, struct crashres_kernel **sealed)
{
	CRS_CLEANUP(crs_freep) char *path = join(search, search->name);
	CRS_CLEANUP(crs_freep) char *name = NULL;
	CRS_CLEANUP(crs_closep) int fd = -1;
	struct crashres_input *input;
	enum crashres_status status;

	if (!path || asprintf(&name, "/%s", path) < 0) {
		name = NULL;
		return crs_fail_memory(search->ctx);
	}
	status = crs_root_open(search->ctx, path, &fd);
	if (status == CRASHRES_OK)
		status = crashres_input_from_fd(search->ctx, fd, name, &input);
	if (status != CRASHRES_OK)
		return status;
	status = crashres_kernel_from_input(search->ctx, input, sealed);
	crashres_input_close(input);
	return status;
}

/* Returns the result of the search. @initrd: for the message; may be NULL. */
static enum crashres_status finish(struct search *search, const char *kernel,
				   const struct crashres_input *initrd,
				   struct crashres_kernel **sealed)
{
	if (search->name)
		return open_found(search, sealed);
	if (!search->other)
		return crs_fail(search->ctx, CRASHRES_ERR_NO_SEALED_IMAGE,
				"/%s has no sealed Image of %s", search->folder, kernel);
	if (!search->other_has_initrd)
		return crs_fail(search->ctx, CRASHRES_ERR_OTHER_INITRD,
				"/%s/%s: is sealed without an initrd, but the load has %s",
				search->folder, search->other, initrd->name);
	if (!initrd)
		return crs_fail(search->ctx, CRASHRES_ERR_OTHER_INITRD,
				"/%s/%s: is sealed with an initrd, but the load has no initrd",
				search->folder, search->other);
	return crs_fail(search->ctx, CRASHRES_ERR_OTHER_INITRD,
			"/%s/%s: is sealed with another initrd than %s", search->folder,
			search->other, initrd->name);
}

enum crashres_status crashres_sealed_find(struct crashres_ctx *ctx, const char *folder,
					  const struct crashres_kernel *kernel,
					  const struct crashres_input *initrd,
					  struct crashres_kernel **sealed)
{
	struct search search = { .ctx = ctx, .folder = folder + strspn(folder, "/") };
	struct crashres_input *content;
	enum crashres_status status = crs_kernel_content(ctx, kernel, &content);

	if (status != CRASHRES_OK)
		return status;
	if (!initrd)
		initrd = kernel->initrd;
	search.kernel = (struct lazy_digest){ .data = content->data, .size = content->size };
	if (initrd)
		search.initrd = (struct lazy_digest){ .data = initrd->data, .size = initrd->size };
	status = look_at_all(&search);
	if (status == CRASHRES_OK)
		status = finish(&search, kernel->file->name, initrd, sealed);
	crashres_input_close(content);
	free(search.name);
	free(search.other);
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
