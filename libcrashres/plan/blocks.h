/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A segment cut into blocks: what digests and parity are made of. */
#ifndef CRS_BLOCK_H
#define CRS_BLOCK_H

#include "../../purgatory/abi.h"
#include "../base/range.h"

/* For a block that is put together; the digest and parity code wants it aligned. */
struct crs_block {
	uint8_t bytes[PURGATORY_BLOCK_SIZE] __attribute__((aligned(64)));
};

/* Blocks of @segment that hold data; behind them it is zero, as the kernel leaves it. */
uint64_t crs_block_count(const struct crashres_segment *segment);

/*
 * Block @number of @segment, aligned to 16 bytes: where it stands, or in @room
 * where data ends inside of it or it stands askew. NULL for one of zeros, from
 * crs_block_count() on.
 */
const void *crs_block(const struct crashres_segment *segment, uint64_t number,
		     struct crs_block *room);

#endif
