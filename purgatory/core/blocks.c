/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* block.c: the blocks of all segments, numbered through: where each is, and whether it is damaged. */
#include "purgatory.h"

#define WORD_BITS	64

static uint64_t *word_of(uint64_t block)
{
	return (uint64_t *)pg_at(pg_params.bitmap_offset) + block / WORD_BITS;
}

static uint64_t bit_of(uint64_t block)
{
	return 1ULL << block % WORD_BITS;
}

uint64_t pg_bitmap_size(void)
{
	return (pg_params.block_count + WORD_BITS - 1) / WORD_BITS * sizeof(uint64_t);
}

/* Loaded as zero, but nothing has checked that it still is. */
void pg_clear_bitmap(void)
{
	for (uint64_t block = 0; block < pg_params.block_count; block += WORD_BITS)
		*word_of(block) = 0;
}

void pg_set_damaged(uint64_t block, bool damaged)
{
	if (damaged)
		*word_of(block) |= bit_of(block);
	else
		*word_of(block) &= ~bit_of(block);
}

bool pg_is_damaged(uint64_t block)
{
	return *word_of(block) & bit_of(block);
}

const struct purgatory_segment *pg_segment_of(uint64_t block)
{
	for (uint32_t i = 0; i < pg_params.segment_count; i++) {
		const struct purgatory_segment *segment = &pg_params.segments[i];
		uint64_t blocks = segment->size / PURGATORY_BLOCK_SIZE;

		if (block >= segment->first_block && block - segment->first_block < blocks)
			return segment;
	}
	return NULL;
}

uint8_t *pg_block_at(uint64_t block)
{
	const struct purgatory_segment *segment = pg_segment_of(block);

	if (!segment || segment->base == PG_NOWHERE)
		return NULL;
	return (uint8_t *)segment->base + (block - segment->first_block) * PURGATORY_BLOCK_SIZE;
}
