/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "leaf.h"

#define LEAF		PURGATORY_LEAF_SIZE
#define ALIGNMENT	16

uint64_t crs_leaf_count(const struct crashres_segment *segment)
{
	return segment->data_size / LEAF + (segment->data_size % LEAF != 0);
}

const void *crs_leaf(const struct crashres_segment *segment, uint64_t number,
		     struct crs_leaf *room)
{
	const uint8_t *data;
	uint64_t left;

	if (number >= crs_leaf_count(segment))
		return NULL;
	data = (const uint8_t *)segment->data + number * LEAF;
	left = segment->data_size - number * LEAF;
	if (left >= LEAF && (uintptr_t)data % ALIGNMENT == 0)
		return data;
	*room = (struct crs_leaf){ { 0 } };
	memcpy(room->bytes, data, left < LEAF ? left : LEAF);
	return room->bytes;
}
