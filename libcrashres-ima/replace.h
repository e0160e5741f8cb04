/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * replace.h: replace a file in one step. The new content goes to a temporary file in
 * the same folder, which is then renamed. After a crash of the machine either the old or the
 * new file is complete.
 */
#ifndef CRS_IMA_REPLACE_H
#define CRS_IMA_REPLACE_H

#include <sys/uio.h>

#include "../libcrashres/base/ctx.h"

/* The attributes that the new file gets from the model, besides the owner. */
enum crs_replace_attributes {
	CRS_REPLACE_ALL_ATTRIBUTES,	/* the mode and the extended attributes, except
					   security.ima and security.evm, which sign the old
					   content */
	CRS_REPLACE_MODE_ONLY,		/* the permissions to read and write */
};

/*
 * Writes @count @parts, one after the other, to the file @path. If @path is a symbolic
 * link, the target of the link is replaced, and the link stays.
 *
 * @model_fd:   an open file; borrowed. The new file gets its owner, if this user can
 *              change the owner, and its attributes.
 *
 * Return: CRASHRES_ERR_OS. The temporary file is then removed, and the old file is
 * unchanged.
 */
enum crashres_status crs_replace_file(struct crashres_ctx *ctx, const char *path, int model_fd,
				      enum crs_replace_attributes attributes,
				      const struct iovec *parts, size_t count);

#endif
