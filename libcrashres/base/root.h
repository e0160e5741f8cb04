/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Opens and reads the files of /proc and /sys below the context's root.
 *
 * A root other than "/" is a copy of another machine's files. It works as if by
 * chroot(2): an absolute link starts at the root, and ".." stops there. The magic links
 * of procfs, such as /proc/PID/root, can lead anywhere; the library refuses them (ELOOP).
 *
 * Paths have no leading slash. Every failure to open or read is CRASHRES_ERR_OS.
 */
#ifndef CRS_ROOT_H
#define CRS_ROOT_H

#include "ctx.h"

/*
 * Opens a regular file for reading. Never blocks.
 *
 * @fd: out; the caller closes it.
 *
 * Return: CRASHRES_ERR_FORMAT for a directory, FIFO, socket or device. Such a file is not
 * opened for reading, because that can block or start a device.
 */
enum crashres_status crs_root_open(struct crashres_ctx *ctx, const char *path, int *fd);

/* Opens a folder for fdopendir(3) or openat(2). @fd: out; the caller closes it. */
enum crashres_status crs_root_open_folder(struct crashres_ctx *ctx, const char *path, int *fd);

/*
 * Is @path certainly missing (ENOENT)? False also if the library cannot find out, for
 * example without permission. Sets no error sentence.
 */
bool crs_root_lacks(const struct crashres_ctx *ctx, const char *path);

/*
 * Reads a whole file. procfs reports a size of 0 for its files, so this reads until the
 * end of the file.
 *
 * @limit: the greatest accepted size in bytes.
 * @data:  out; the caller frees it with free(3). A NUL follows the @size bytes, so the
 *         caller can use a text file as a string.
 *
 * Return: as crs_root_open(), and CRASHRES_ERR_FORMAT for more than @limit bytes.
 */
enum crashres_status crs_root_read(struct crashres_ctx *ctx, const char *path, size_t limit,
				   uint8_t **data, size_t *size);

/* Like crs_root_read(), from the current position of @fd. @name: the file in errors. */
enum crashres_status crs_read_fd(struct crashres_ctx *ctx, int fd, size_t limit, const char *name,
				 uint8_t **data, size_t *size);

#endif
