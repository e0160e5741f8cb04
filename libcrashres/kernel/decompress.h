/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Compression around a kernel. Each wrapper is unpacked as a stream into a sealed memfd. */
#ifndef CRS_DECOMPRESS_H
#define CRS_DECOMPRESS_H

#include "../base/input.h"

/*
 * Looks for a wrapper around @file. Without one: CRASHRES_OK and *inner NULL.
 * @name of the result is "<file> (gzip)".
 *
 * What follows the compressed data is ignored, for signatures and the rest of a
 * block device stand there; except more of the same format, which is unpacked too.
 *
 * Return:
 *   CRASHRES_ERR_FORMAT       a damaged or truncated wrapper
 *   CRASHRES_ERR_LIMIT        it unpacks to more than 4 GiB, or needs too much memory to unpack
 *   CRASHRES_ERR_UNSUPPORTED  the library for it was not there when this was built
 */
enum crashres_status crs_decompress(struct crashres_ctx *ctx, const struct crashres_input *file,
				    struct crashres_input **inner);

/* Where in a file the kernel is, and the type of that file: "vmlinuz". */
struct crs_part {
	const char *type;
	uint64_t offset;
	uint64_t size;
};

/*
 * Unpacks a part of @file that is said to be in @format, such as "zstd". @part
 * lies inside @file. @name of the result is "<file> (vmlinuz)". Return: as above.
 */
enum crashres_status crs_decompress_part(struct crashres_ctx *ctx, const struct crashres_input *file,
					 const struct crs_part *part, const char *format,
					 struct crashres_input **inner);

#endif
