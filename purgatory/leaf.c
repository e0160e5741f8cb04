/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* leaf.c: the leaves of all segments, numbered through: where each is, and whether it is damaged. */
#include "purgatory.h"

#define WORD_BITS	64

static uint64_t *word_of(uint64_t leaf)
{
	return (uint64_t *)pg_at(pg_params.bitmap_offset) + leaf / WORD_BITS;
}

static uint64_t bit_of(uint64_t leaf)
{
	return 1ULL << leaf % WORD_BITS;
}

uint64_t pg_bitmap_size(void)
{
	return (pg_params.leaf_count + WORD_BITS - 1) / WORD_BITS * sizeof(uint64_t);
}

/* Loaded as zero, but nothing has checked that it still is. */
void pg_clear_bitmap(void)
{
	for (uint64_t leaf = 0; leaf < pg_params.leaf_count; leaf += WORD_BITS)
		*word_of(leaf) = 0;
}

void pg_set_damaged(uint64_t leaf, bool damaged)
{
	if (damaged)
		*word_of(leaf) |= bit_of(leaf);
	else
		*word_of(leaf) &= ~bit_of(leaf);
}

bool pg_is_damaged(uint64_t leaf)
{
	return *word_of(leaf) & bit_of(leaf);
}

const struct purgatory_segment *pg_segment_of(uint64_t leaf)
{
	for (uint32_t i = 0; i < pg_params.segment_count; i++) {
		const struct purgatory_segment *segment = &pg_params.segments[i];
		uint64_t leaves = segment->size / PURGATORY_LEAF_SIZE;

		if (leaf >= segment->first_leaf && leaf - segment->first_leaf < leaves)
			return segment;
	}
	return NULL;
}

uint8_t *pg_leaf_at(uint64_t leaf)
{
	const struct purgatory_segment *segment = pg_segment_of(leaf);

	if (!segment || segment->base == PG_NOWHERE)
		return NULL;
	return (uint8_t *)segment->base + (leaf - segment->first_leaf) * PURGATORY_LEAF_SIZE;
}
