/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* remove.c: crashres_signature_remove(): take a signature from its place. */
#include <errno.h>
#include <linux/limits.h>
#include <stdlib.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "../libcrashres/base/input.h"
#include "../libcrashres/base/replace.h"
#include "../libcrashres/kernel/modsig.h"
#include "attribute.h"
#include "imasig.h"
#include "sigfile.h"

/* Fails with the errno of a call for security.ima of @fd. */
static enum crashres_status fail_xattr(struct crashres_ctx *ctx, int fd, const char *verb)
{
	if (errno == ENODATA || errno == EOPNOTSUPP)
		return crs_fail(ctx, CRASHRES_ERR_NO_SIGNATURE, "no security.ima");
	return crs_attribute_fail(ctx, fd, errno, verb);
}

/*
 * Removes security.ima of the opened file. A plain digest stays, because the kernel itself
 * has stored it.
 */
static enum crashres_status remove_xattr(struct crashres_ctx *ctx,
					 const struct crashres_input *file)
{
	int fd = file->original_fd;
	CRS_CLEANUP(crs_freep) uint8_t *data = malloc(XATTR_SIZE_MAX);
	ssize_t size;

	if (!data)
		return crs_fail_memory(ctx);
	if (fd < 0)
		return crs_fail(ctx, CRASHRES_ERR_NO_SIGNATURE, "no security.ima");
	size = fgetxattr(fd, "security.ima", data, XATTR_SIZE_MAX);
	if (size < 0)
		return fail_xattr(ctx, fd, "read");
	if (crs_imasig_is_digest(data, (size_t)size))
		return crs_fail(ctx, CRASHRES_ERR_NO_SIGNATURE,
				"security.ima contains a digest, not a signature");
	if (fremovexattr(fd, "security.ima") < 0)
		return fail_xattr(ctx, fd, "remove");
	return CRASHRES_OK;
}

static enum crashres_status remove_sigfile(struct crashres_ctx *ctx,
					   const struct crashres_input *file)
{
	CRS_CLEANUP(crs_freep) char *path = NULL;
	CRS_CLEANUP(crs_target_close) struct crs_target target = CRS_TARGET_CLOSED;
	enum crashres_status status = crs_sigfile_open(ctx, file, &path, &target);

	if (status == CRASHRES_OK)
		status = crs_sigfile_check(ctx, &target);
	if (status == CRASHRES_OK && unlinkat(target.folder, target.name, 0) < 0)
		status = crs_fail_errno(ctx, CRASHRES_ERR_OS, errno, "%s: cannot delete", path);
	return status;
}

/*
 * Writes the content without its appended signatures, one or several. @output: NULL: in the place
 * of the file.
 */
static enum crashres_status remove_appended(struct crashres_ctx *ctx, const char *output,
					    const struct crashres_input *file)
{
	struct crs_modsig modsig;
	enum crashres_status status = crs_modsig_parse(ctx, file->data, file->size, &modsig);
	const struct iovec content = {
		(void *)(uintptr_t)file->data,
		crs_modsig_strip(ctx, file->data, file->size),
	};

	return status == CRASHRES_OK ? crs_replace_input(ctx, file, output, &content, 1) : status;
}

/* Fails with CRASHRES_ERR_REQUEST for a place that cannot be emptied, or not into a new file. */
static enum crashres_status check_place(struct crashres_ctx *ctx, enum crashres_signature signature,
					const char *output)
{
	switch (signature) {
	case CRASHRES_SIGNATURE_APPENDED:
		return CRASHRES_OK;
	case CRASHRES_SIGNATURE_XATTR:
	case CRASHRES_SIGNATURE_SIGFILE:
		if (output)
			return crs_fail(ctx, CRASHRES_ERR_REQUEST,
					"only the removal of an appended signature has an output "
					"file");
		return CRASHRES_OK;
	case CRASHRES_SIGNATURE_PE:
		return crs_fail(ctx, CRASHRES_ERR_REQUEST,
				"the library removes no PE signatures: sbattach and pesign remove "
				"them");
	}
	return crs_fail(ctx, CRASHRES_ERR_REQUEST, "unknown kind of signature %d", (int)signature);
}

enum crashres_status crashres_signature_remove(struct crashres_ctx *ctx, const char *path,
					       enum crashres_signature signature,
					       const char *output)
{
	enum crashres_status status = check_place(ctx, signature, output);
	struct crashres_input *file;

	if (status == CRASHRES_OK)
		status = crashres_input_open(ctx, path, &file);
	if (status != CRASHRES_OK)
		return crs_prefix_error(ctx, status, "remove");
	if (signature == CRASHRES_SIGNATURE_XATTR)
		status = remove_xattr(ctx, file);
	else if (signature == CRASHRES_SIGNATURE_SIGFILE)
		status = remove_sigfile(ctx, file);
	else
		status = remove_appended(ctx, output, file);
	crashres_input_close(file);
	return crs_prefix_error(ctx, status, "remove %s", path);
}
