/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* blocks.c: reads a segment in blocks of 4 KiB. */
#include <string.h>

#include "blocks.h"

#define BLOCK		PURGATORY_BLOCK_SIZE
#define ALIGNMENT	16	/* bytes; the size of a vector register */

uint64_t crs_block_count(const struct crashres_segment *segment)
{
	return segment->data_size / BLOCK + (segment->data_size % BLOCK != 0);
}

const void *crs_block(const struct crashres_segment *segment, uint64_t number,
		      struct crs_block *room)
{
	const uint8_t *data;
	uint64_t left;

	if (number >= crs_block_count(segment))
		return NULL;
	data = (const uint8_t *)segment->data + number * BLOCK;
	left = segment->data_size - number * BLOCK;
	if (left >= BLOCK && (uintptr_t)data % ALIGNMENT == 0)
		return data;
	*room = (struct crs_block){ { 0 } };
	memcpy(room->bytes, data, left < BLOCK ? left : BLOCK);
	return room->bytes;
}
