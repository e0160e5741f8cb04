/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finds out whether a sealed Image that exists can stay. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef HAVE_IMA
#include <crashres/ima.h>
#endif

#include "published.h"

/*
 * The start of a sealed Image (libcrashres/plan/sealed-image.h). A file with this start is a sealed
 * Image even if the rest of it is damaged or missing.
 */
#define MAGIC		"crsseal2"
#define MAGIC_OFFSET	64
#define HEADER_SIZE	(MAGIC_OFFSET + sizeof(MAGIC) - 1)

/* Opens a regular file. Returns -1 if it is no regular file, or cannot be opened. */
static int open_regular(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd >= 0 && (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Is the file a sealed Image by its start, or is it empty, as a failed write can leave it? */
static bool has_header(const char *path)
{
	char header[HEADER_SIZE];
	int fd = open_regular(path);
	ssize_t size;

	if (fd < 0)
		return false;
	size = read(fd, header, sizeof(header));
	close(fd);
	return !size || (size == sizeof(header) &&
			 !memcmp(header + MAGIC_OFFSET, MAGIC, sizeof(header) - MAGIC_OFFSET));
}

/* Can the sealed Image be opened? */
static bool is_readable(struct crashres_ctx *ctx, const char *path)
{
	struct crashres_kernel *kernel;
	bool sealed;

	if (crashres_kernel_open(ctx, path, &kernel) != CRASHRES_OK)
		return false;
	sealed = crashres_kernel_is_sealed(kernel);
	crashres_kernel_close(kernel);
	return sealed;
}

enum published published_look(struct crashres_ctx *ctx, const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? PUBLISHED_ABSENT : PUBLISHED_FOREIGN;
	if (!has_header(path))
		return PUBLISHED_FOREIGN;
	return is_readable(ctx, path) ? PUBLISHED_SEALED : PUBLISHED_DAMAGED;
}

/* Does the file start with the bytes of @sealed? @exact: and has it no more bytes? */
static bool starts_with(struct crashres_ctx *ctx, const char *path,
			const struct crashres_input *sealed, bool exact)
{
	struct crashres_input *file;
	size_t size, sealed_size;
	const void *sealed_data = crashres_input_data(sealed, &sealed_size), *data;
	bool same;

	if (crashres_input_open(ctx, path, &file) != CRASHRES_OK)
		return false;
	data = crashres_input_data(file, &size);
	same = (exact ? size == sealed_size : size > sealed_size) &&
	       !memcmp(data, sealed_data, sealed_size);
	crashres_input_close(file);
	return same;
}

/* Is the file @sealed without its signature? */
static bool has_content(struct crashres_ctx *ctx, const char *path,
			const struct crashres_input *sealed, enum seal_signature signature)
{
	struct crashres_input *checked;

	if (signature != SEAL_SIGNATURE_PE)
		return starts_with(ctx, path, sealed, signature == SEAL_SIGNATURE_IMA);
	if (crashres_sealed_check_signed(ctx, sealed, path, &checked) != CRASHRES_OK)
		return false;
	crashres_input_close(checked);
	return true;
}

#ifdef HAVE_IMA
static enum crashres_signature find_place(enum seal_signature signature)
{
	switch (signature) {
	case SEAL_SIGNATURE_PE:
		return CRASHRES_SIGNATURE_PE;
	case SEAL_SIGNATURE_IMA:
		return CRASHRES_SIGNATURE_XATTR;
	default:
		return CRASHRES_SIGNATURE_APPENDED;
	}
}

/* Is the signature valid? Without a certificate, an unknown key is no fault. */
static bool is_signed(struct crashres_ctx *ctx, const char *path,
		      const struct seal_signing *signing)
{
	struct crashres_certificate *certificate = NULL;
	struct crashres_verification *verification = NULL;
	bool good = !signing->cert ||
		    crashres_certificate_open(ctx, signing->cert, &certificate) == CRASHRES_OK;

	good = good && crashres_verify(ctx, path, find_place(signing->signature), &certificate,
				       !!certificate, &verification) == CRASHRES_OK;
	good = good && (verification->valid || (!certificate && verification->key_unknown));
	free(verification);
	crashres_certificate_free(certificate);
	return good;
}
#else
/* Without OpenSSL, a PE signature is found but not verified. */
static bool is_signed(struct crashres_ctx *ctx, const char *path,
		      const struct seal_signing *signing)
{
	(void)ctx;
	(void)path;
	return signing->signature == SEAL_SIGNATURE_PE;
}
#endif

bool published_is_current(struct crashres_ctx *ctx, const char *path,
			  const struct crashres_input *sealed,
			  const struct seal_signing *signing)
{
	return has_content(ctx, path, sealed, signing->signature) && is_signed(ctx, path, signing);
}

bool published_is_older(const char *path, const char *file)
{
	struct stat own, other;

	if (!file || stat(path, &own) < 0 || stat(file, &other) < 0)
		return false;
	return own.st_mtim.tv_sec < other.st_ctim.tv_sec ||
	       (own.st_mtim.tv_sec == other.st_ctim.tv_sec &&
		own.st_mtim.tv_nsec < other.st_ctim.tv_nsec);
}
