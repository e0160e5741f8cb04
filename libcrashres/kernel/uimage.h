/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Opens the legacy uImage of U-Boot (u-boot, include/image.h): a header of 64 bytes, then
 * the kernel, which can be compressed.
 */
#ifndef CRS_UIMAGE_H
#define CRS_UIMAGE_H

#include "../base/input.h"

/* Does @data start with the magic of a uImage? */
bool crs_uimage_probe(const void *data, size_t size);

/*
 * Checks both checksums and takes the kernel out of @file. Ignores bytes after the kernel,
 * because a flash device is larger than its content.
 *
 * @inner: out; the kernel, named "FILE (uImage)"; the caller closes it.
 *
 * Return:
 *   CRASHRES_ERR_FORMAT       the file is truncated or damaged
 *   CRASHRES_ERR_UNSUPPORTED  not an arm64 Linux kernel, or a compression that is unknown
 *                             or not in this build
 *   CRASHRES_ERR_LIMIT        as crs_decompress()
 */
enum crashres_status crs_uimage_open(struct crashres_ctx *ctx, const struct crashres_input *file,
				     struct crashres_input **inner);

#endif
