/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The interface between decompress.c and the unpack-NAME.c files, one for each library. */
#ifndef CRS_UNPACK_H
#define CRS_UNPACK_H

#include "../base/memfd.h"
#include "formats.h"

/* Bytes that a decompressor writes at a time. */
#define CRS_UNPACK_CHUNK	(256U << 10)

/*
 * Limits for the history window of a decompressor: bytes, and log2 of bytes for zstd.
 * "zstd -22 --ultra" needs 128 MiB and "xz -9" 64 MiB. No kernel needs more; a hostile
 * header can ask for gigabytes.
 */
#define CRS_UNPACK_MEMORY	(256ULL << 20)
#define CRS_UNPACK_WINDOW_LOG	27

/* The state of one unpacking. */
struct crs_unpack {
	struct crashres_ctx *ctx;
	const uint8_t *input;		/* next byte of the compressed data; hostile */
	size_t left;			/* bytes at @input */
	uint8_t *chunk;			/* buffer of CRS_UNPACK_CHUNK bytes, free to use */
	struct crs_memfd *output;
};

/* Set the error sentence. @reason: from the library or our own. Return: CRASHRES_ERR_FORMAT. */
enum crashres_status crs_unpack_truncated(struct crs_unpack *unpack);
enum crashres_status crs_unpack_damaged(struct crs_unpack *unpack, const char *reason);

/* Moves the input by @count bytes. */
void crs_unpack_advance(struct crs_unpack *unpack, size_t count);

#endif
