/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Compression around a kernel. Each wrapper is unpacked as a stream into a sealed memfd. */
#ifndef CRS_DECOMPRESS_H
#define CRS_DECOMPRESS_H

#include "../file.h"

/*
 * Looks for a wrapper around @file. Without one: CRASHRES_OK and *inner NULL.
 * @name of the result is "<file> (gzip)".
 *
 * Return: CRASHRES_ERR_FORMAT for a damaged or truncated wrapper,
 * CRASHRES_ERR_LIMIT where it unpacks to more than 4 GiB.
 */
enum crashres_status crs_decompress(struct crashres_ctx *ctx, const struct crashres_file *file,
				    struct crashres_file **inner);

#endif
