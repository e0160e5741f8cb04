/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* attribute.c: say why security.ima cannot be changed. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "attribute.h"

/* Does the file have a flag that root itself must clear first (chattr(1))? */
static bool is_immutable(int fd)
{
	struct statx stx;

	return !statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &stx) &&
	       stx.stx_attributes & (STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND);
}

enum crashres_status crs_attribute_fail(struct crashres_ctx *ctx, int fd, int error,
					const char *verb)
{
	if (error != EPERM && error != EACCES)
		return crs_fail_errno(ctx, CRASHRES_ERR_OS, error, "cannot %s security.ima", verb);
	if (is_immutable(fd))
		return crs_fail(ctx, CRASHRES_ERR_PERMISSION,
				"cannot %s security.ima: the file is immutable or append-only "
				"(chattr)", verb);
	return crs_fail_errno(ctx, CRASHRES_ERR_PERMISSION, error,
			      "cannot %s security.ima (this needs CAP_SYS_ADMIN)", verb);
}
