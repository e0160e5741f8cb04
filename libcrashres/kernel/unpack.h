/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What decompress.c and one file a library agree on. */
#ifndef CRS_UNPACK_H
#define CRS_UNPACK_H

#include "../base/memfd.h"
#include "formats.h"

#define CRS_UNPACK_CHUNK	(256U << 10)

/*
 * For history windows. zstd -22 --ultra and xz -9 want 128 and 64 MiB; what
 * wants far more is not a kernel.
 */
#define CRS_UNPACK_MEMORY	(256ULL << 20)
#define CRS_UNPACK_WINDOW_LOG	27

struct crs_unpack {
	struct crashres_ctx *ctx;
	const uint8_t *input;	/* what is left of it */
	size_t left;
	uint8_t *chunk;		/* CRS_UNPACK_CHUNK bytes, for anything */
	struct crs_memfd *output;
};

/* Both set the sentence and return CRASHRES_ERR_FORMAT. */
enum crashres_status crs_unpack_truncated(struct crs_unpack *unpack);
enum crashres_status crs_unpack_damaged(struct crs_unpack *unpack, const char *reason);

/* Moves input on by @count bytes. */
void crs_unpack_advance(struct crs_unpack *unpack, size_t count);

#endif
