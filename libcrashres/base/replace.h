/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * replace.h: replace a file in one step. The new content goes to a temporary file in
 * the same folder, which is then renamed. After a crash of the machine either the old or the
 * new file is complete.
 */
#ifndef CRS_REPLACE_H
#define CRS_REPLACE_H

#include <sys/types.h>
#include <sys/uio.h>

#include "ctx.h"

/* The attributes that the new file gets from the model, besides the owner. */
enum crs_replace_attributes {
	CRS_REPLACE_ALL_ATTRIBUTES,	/* the permissions and the extended attributes, except
					   security.ima and security.evm, which sign the old
					   content, and security.capability */
	CRS_REPLACE_MODE_ONLY,		/* the permissions to read and write */
};

/*
 * Writes @count @parts, one after the other, to the file @path. If @path is a symbolic
 * link, the target of the link is replaced or created, and the link stays.
 *
 * @model_fd:   an open file; borrowed. The new file gets its owner and group, if this user
 *              can change them, and its attributes. It never gets the set-user-id,
 *              set-group-id or sticky bit.
 *
 * No signal leaves a temporary file, with two exceptions of SIGKILL: on a file system without
 * O_TMPFILE such as vfat, and between linkat(2) and rename(2), when the file is complete.
 * Signals of this thread wait while the temporary file has a name.
 *
 * vfat has no owner, no mode and no extended attributes: the new file has those of the mount.
 *
 * Return: CRASHRES_ERR_OS. The temporary file is then removed, and the old file is
 * unchanged.
 */
enum crashres_status crs_replace_file(struct crashres_ctx *ctx, const char *path, int model_fd,
				      enum crs_replace_attributes attributes,
				      const struct iovec *parts, size_t count);

/*
 * Writes @data to @path as crs_replace_file() does, to a file of this user with the permissions
 * @mode. If @path is a device, a pipe or a file without a name (/dev/stdout can be one), the
 * bytes are written into it, and @mode is not used.
 *
 * Return: CRASHRES_ERR_OS.
 */
enum crashres_status crs_save_file(struct crashres_ctx *ctx, const char *path, mode_t mode,
				   const struct iovec *data);

#endif
