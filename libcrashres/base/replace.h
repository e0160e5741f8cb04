/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * replace.h: replace a file in one step. The new content goes to a temporary file in
 * the same folder, which is then renamed. After a crash of the machine either the old or the
 * new file is complete. crashres_input_save() is implemented here, too.
 */
#ifndef CRS_REPLACE_H
#define CRS_REPLACE_H

#include <sys/uio.h>

#include "input.h"
#include "target.h"

/* A file to write. All members are borrowed. */
struct crs_new_file {
	const struct iovec *parts;		/* the content, one part after the other */
	size_t count;				/* of @parts */
	mode_t mode;				/* permissions, without those in the umask */
	const struct crashres_input *version;	/* the file that @parts are a new version of; NULL:
						   none */

	/* NULL, or changes the complete file @fd before it gets its name. */
	enum crashres_status (*finish)(struct crashres_ctx *ctx, int fd, const void *data);
	const void *finish_data;
};

/*
 * Writes @new to @target. The new file belongs to this user and has the permissions new->mode.
 *
 * There is one exception: if @target is the file that new->version was read from, it keeps its
 * owner and group, if this user can change them, its permissions and its extended attributes.
 * Left out are security.ima and security.evm, which sign the old content, security.capability, and
 * the set-user-id, set-group-id and sticky bits. The file must not change after it was read: this
 * is checked directly before the rename.
 *
 * No signal leaves a temporary file, with two exceptions of SIGKILL: on a file system without
 * O_TMPFILE such as vfat, and between linkat(2) and rename(2), when the file is complete.
 * Signals of this thread wait while the temporary file has a name.
 *
 * vfat has no owner, no mode and no extended attributes: the new file has those of the mount.
 *
 * Return: CRASHRES_ERR_OS, or that of new->finish. The temporary file is then removed, and the old
 * file is unchanged.
 */
enum crashres_status crs_target_write(struct crashres_ctx *ctx, const struct crs_target *target,
				      const struct crs_new_file *new);

/*
 * Writes a new version of @file, which was opened with crashres_input_open(), to @output or, if
 * this is NULL, in the place of the old version.
 *
 * Return: CRASHRES_ERR_OS.
 */
enum crashres_status crs_replace_input(struct crashres_ctx *ctx, const struct crashres_input *file,
				       const char *output, const struct iovec *parts, size_t count);

#endif
