/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Unpacks compressed kernels. The unpacked data goes as a stream into a sealed memfd, so
 * it can be larger than any buffer of the library.
 */
#ifndef CRS_DECOMPRESS_H
#define CRS_DECOMPRESS_H

#include "../base/input.h"

/*
 * Finds the compression of @file by its first bytes, and unpacks it.
 *
 * @inner: out; the unpacked file with the name "FILE (gzip)"; the caller closes it. NULL
 *         if @file is not compressed, which is not an error.
 *
 * Ignores bytes after the compressed data: a signature or the rest of a block device can
 * follow. But if a second member of the same format follows directly, unpacks it too, as
 * the tools of that format do.
 *
 * Return:
 *   CRASHRES_ERR_FORMAT       the compressed data is damaged or truncated
 *   CRASHRES_ERR_LIMIT        the unpacked data exceeds 4 GiB, or unpacking needs more
 *                             memory than CRS_UNPACK_MEMORY
 *   CRASHRES_ERR_UNSUPPORTED  this build has no library for the format
 */
enum crashres_status crs_decompress(struct crashres_ctx *ctx, const struct crashres_input *file,
				    struct crashres_input **inner);

/* The part of a container that holds the kernel. */
struct crs_part {
	const char *type;	/* of the container, such as "vmlinuz"; static */
	uint64_t offset;	/* bytes from the start of the file */
	uint64_t size;		/* bytes */
};

/*
 * Unpacks @part of @file. The caller has checked that the part lies inside the file.
 *
 * @format: compression that the container claims, such as "zstd"; can be hostile.
 * @inner:  out; named "FILE (vmlinuz)"; the caller closes it.
 *
 * Return: as crs_decompress(). CRASHRES_ERR_UNSUPPORTED also for an unknown @format.
 */
enum crashres_status crs_decompress_part(struct crashres_ctx *ctx, const struct crashres_input *file,
					 const struct crs_part *part, const char *format,
					 struct crashres_input **inner);

#endif
