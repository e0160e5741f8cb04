/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* blocks.c: the address and the state of each block. */
#include <stddef.h>

#include "shared/params.h"
#include "blocks.h"
#include "image.h"

#define WORD_BITS	64

enum bitmap { DAMAGED, REPAIRED };

static uint64_t *word_of(enum bitmap bitmap, uint64_t block)
{
	uint64_t offset = bitmap == REPAIRED ? pg_params_bitmap_size(pg_params.block_count) : 0;

	return (uint64_t *)pg_at(pg_params.bitmap_offset + offset) + block / WORD_BITS;
}

static uint64_t bit_of(uint64_t block)
{
	return 1ULL << block % WORD_BITS;
}

/* The kernel loaded zeros, but no digest covers the bitmaps. */
void pg_clear_bitmaps(void)
{
	for (uint64_t block = 0; block < pg_params.block_count; block += WORD_BITS) {
		*word_of(DAMAGED, block) = 0;
		*word_of(REPAIRED, block) = 0;
	}
}

void pg_set_damaged(uint64_t block)
{
	*word_of(DAMAGED, block) |= bit_of(block);
}

bool pg_was_damaged(uint64_t block)
{
	return *word_of(DAMAGED, block) & bit_of(block);
}

void pg_set_repaired(uint64_t block, bool repaired)
{
	if (repaired)
		*word_of(REPAIRED, block) |= bit_of(block);
	else
		*word_of(REPAIRED, block) &= ~bit_of(block);
}

bool pg_is_repaired(uint64_t block)
{
	return *word_of(REPAIRED, block) & bit_of(block);
}

bool pg_is_lost(uint64_t block)
{
	return pg_was_damaged(block) && !pg_is_repaired(block);
}

bool pg_is_lost_at(uint64_t address)
{
	if (!pg_params.block_count)
		return false;
	for (uint32_t i = 0; i < pg_params.segment_count; i++) {
		const struct purgatory_segment *segment = &pg_params.segments[i];

		if (address >= segment->base && address - segment->base < segment->size)
			return pg_is_lost(segment->first_block +
					  (address - segment->base) / PURGATORY_BLOCK_SIZE);
	}
	return false;
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

uint8_t *pg_block_data(uint64_t block)
{
	const struct purgatory_segment *segment = pg_segment_of(block);

	if (!segment || segment->base == PG_NOWHERE)
		return NULL;
	return (uint8_t *)segment->base + (block - segment->first_block) * PURGATORY_BLOCK_SIZE;
}
