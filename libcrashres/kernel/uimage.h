/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* U-Boot's legacy uImage (u-boot, include/image.h): 64 bytes, then the kernel. */
#ifndef CRS_UIMAGE_H
#define CRS_UIMAGE_H

#include "../base/input.h"

bool crs_uimage_probe(const void *data, size_t size);

/*
 * @inner: out; the kernel, "<file> (uImage)". What follows it in @file is
 * ignored, for flash devices are longer than what is in them.
 *
 * Return:
 *   CRASHRES_ERR_FORMAT       truncated or damaged
 *   CRASHRES_ERR_UNSUPPORTED  no arm64 Linux kernel, or a compression that is not
 *                             known or not built in
 *   CRASHRES_ERR_LIMIT        as crs_decompress()
 */
enum crashres_status crs_uimage_open(struct crashres_ctx *ctx, const struct crashres_input *file,
				     struct crashres_input **inner);

#endif
