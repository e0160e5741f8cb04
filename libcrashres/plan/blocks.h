/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* blocks.h: reads a segment in blocks of 4 KiB, the units of digests and parity. */
#ifndef CRS_BLOCK_H
#define CRS_BLOCK_H

#include "../../purgatory/abi.h"
#include "../base/range.h"

/* Memory for a copy of one block. SHA-256 and parity code needs an aligned block. */
struct crs_block {
	uint8_t bytes[PURGATORY_BLOCK_SIZE] __attribute__((aligned(64)));
};

/* The number of blocks with data. The blocks after them are zeros, as the kernel fills them. */
uint64_t crs_block_count(const struct crashres_segment *segment);

/*
 * Returns block @number of @segment, aligned to 16 bytes. The pointer leads into the segment's
 * data if possible. If the data is not aligned, or ends inside the block, the block is copied
 * to @room, and the rest of @room is zero. NULL: the block has only zeros (@number is not below
 * crs_block_count()).
 */
const void *crs_block(const struct crashres_segment *segment, uint64_t number,
		      struct crs_block *room);

#endif
