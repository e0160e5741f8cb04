/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files that are there whole or not at all, whenever the machine stops. */
#ifndef CRS_IMA_REPLACE_H
#define CRS_IMA_REPLACE_H

#include <sys/uio.h>

#include "../libcrashres/base/ctx.h"

enum crs_replace_attributes {
	CRS_REPLACE_ALL_ATTRIBUTES, /* mode; extended attributes but security.ima and security.evm
				     */
	CRS_REPLACE_MODE_ONLY,	    /* mode, but nobody executes it; no extended attributes */
};

/*
 * Puts a file of these @parts at @path, over what is there. Through a symbolic
 * link it is the file behind it that is replaced.
 *
 * @model_fd: whose owner it gets, where that is permitted, and what @attributes says.
 */
enum crashres_status crs_replace_file(struct crashres_ctx *ctx, const char *path, int model_fd,
				      enum crs_replace_attributes attributes,
				      const struct iovec *parts, size_t count);

#endif
