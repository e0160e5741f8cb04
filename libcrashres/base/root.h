/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The files below the context's root. */
#ifndef CRS_ROOT_H
#define CRS_ROOT_H

#include "ctx.h"

/* Reads @fd to its end into one allocation, with a NUL behind it. */
enum crashres_status crs_read_fd(struct crashres_ctx *ctx, int fd, size_t limit, const char *name,
				 uint8_t **data, size_t *size);

/*
 * Reads a /proc or /sys file below the context's root; @path has no leading
 * slash. Such files show their size only by being read. CRASHRES_ERR_OS where
 * it is missing or unreadable, CRASHRES_ERR_FORMAT where it exceeds @limit.
 */
enum crashres_status crs_read_below_root(struct crashres_ctx *ctx, const char *path, size_t limit,
					 uint8_t **data, size_t *size);

#endif
