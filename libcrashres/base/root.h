/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The files below the context's root.
 *
 * A root that the caller has set is a real one, as if by chroot(2): an absolute
 * link starts at the root, ".." stops there, and the magic links of procfs, which
 * lead anywhere, are refused (ELOOP).
 *
 * Paths have no leading slash. Every failure to open or read is CRASHRES_ERR_OS.
 */
#ifndef CRS_ROOT_H
#define CRS_ROOT_H

#include "ctx.h"

/*
 * Opens a file for reading. Never waits.
 *
 * Return: CRASHRES_ERR_FORMAT for a directory, FIFO, socket or device; it is not opened.
 */
enum crashres_status crs_root_open(struct crashres_ctx *ctx, const char *path, int *fd);

enum crashres_status crs_root_open_folder(struct crashres_ctx *ctx, const char *path, int *fd);

/* True only if there is no @path, false if it cannot be told. */
bool crs_root_lacks(const struct crashres_ctx *ctx, const char *path);

/*
 * Reads a whole file into one allocation, with a NUL behind it. Files of procfs
 * show their size only by being read.
 *
 * Return: as crs_root_open(), and CRASHRES_ERR_FORMAT for more than @limit bytes.
 */
enum crashres_status crs_root_read(struct crashres_ctx *ctx, const char *path, size_t limit,
				   uint8_t **data, size_t *size);

/* The same for a descriptor, from where it stands. @name is for messages. */
enum crashres_status crs_read_fd(struct crashres_ctx *ctx, int fd, size_t limit, const char *name,
				 uint8_t **data, size_t *size);

#endif
