/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sigfile.c: find the signature file of a file, and tell it from files of other programs. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "../libcrashres/base/root.h"
#include "imasig.h"
#include "sigfile.h"

enum crashres_status crs_sigfile_open(struct crashres_ctx *ctx, const struct crashres_input *file,
				      char **path, struct crs_target *target)
{
	if (asprintf(path, "%s.sig", file->name) < 0) {
		*path = NULL;
		return crs_fail_memory(ctx);
	}
	return crs_target_open_beside(ctx, file->name, file->original_fd, *path, target);
}

static enum crashres_status fail_foreign(struct crashres_ctx *ctx, const struct crs_target *target)
{
	return crs_fail(ctx, CRASHRES_ERR_FORMAT, "%s: is not a signature file", target->path);
}

/*
 * Opens the signature file. @fd: out; -1 if the name has no regular file, such as a link or a
 * FIFO. The caller closes it.
 */
static enum crashres_status open_sigfile(struct crashres_ctx *ctx, const struct crs_target *target,
					 int *fd)
{
	*fd = -1;
	if (target->kind == CRS_TARGET_MISSING)
		return crs_fail(ctx, CRASHRES_ERR_NO_SIGNATURE, "no %s", target->path);
	if (!S_ISREG(target->st.st_mode))
		return CRASHRES_OK;
	*fd = openat(target->folder, target->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	return *fd >= 0 ? CRASHRES_OK :
	       crs_fail_errno(ctx, CRASHRES_ERR_OS, errno, "%s: cannot open", target->path);
}

enum crashres_status crs_sigfile_check(struct crashres_ctx *ctx, const struct crs_target *target)
{
	CRS_CLEANUP(crs_freep) uint8_t *data = NULL;
	CRS_CLEANUP(crs_closep) int fd = -1;
	struct crs_imasig imasig;
	size_t size;
	enum crashres_status status = open_sigfile(ctx, target, &fd);

	if (status != CRASHRES_OK)
		return status;
	if (!crs_target_is(target, fd))
		return fail_foreign(ctx, target);
	status = crs_read_fd(ctx, fd, CRS_IMASIG_FILE_LIMIT, target->path, &data, &size);
	if (status == CRASHRES_OK)
		status = crs_imasig_parse(ctx, data, size, &imasig);
	if (status == CRASHRES_OK || status == CRASHRES_ERR_MEMORY)
		return status;
	return fail_foreign(ctx, target);
}
