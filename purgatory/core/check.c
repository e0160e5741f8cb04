/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check.c: hashes every block and marks the damaged blocks. */
#include "blocks.h"
#include "check.h"
#include "digest.h"
#include "image.h"
#include "shared/params.h"

static void note_block(struct pg_check *check, uint64_t block, bool intact)
{
	check->record.blocks++;
	if (intact)
		return;
	check->record.damaged++;
	pg_set_damaged(block);
}

/*
 * Hashes @count blocks at once, from number @block on. A block that aborts when it is
 * read is damaged too. After an abort, each block is hashed alone to find the bad one.
 * @lanes: addresses of the blocks; the results of lanes from @count on are ignored.
 */
static void hash_blocks(struct pg_check *check, uint64_t block, unsigned int count,
			const void *const lanes[PG_SHA256_LANES])
{
	struct pg_digest digests[PG_SHA256_LANES];
	bool readable = pg_hash_blocks(check->sha256, lanes, digests);

	for (unsigned int i = 0; i < count; i++)
		note_block(check, block + i,
			   readable ? pg_is_expected_digest(block + i, &digests[i]) :
				      pg_has_right_digest(check->sha256, block + i, lanes[i]));
}

/*
 * Checks @count blocks (1 to PG_SHA256_LANES) at @data. The hash functions always take
 * PG_SHA256_LANES blocks, so the unused lanes hash the last block again.
 */
static void check_blocks(struct pg_check *check, uint64_t block, const uint8_t *data,
			 unsigned int count)
{
	const void *lanes[PG_SHA256_LANES];

	for (unsigned int i = 0; i < PG_SHA256_LANES; i++)
		lanes[i] = data + (i < count ? i : count - 1) * PURGATORY_BLOCK_SIZE;
	if (count < PG_SHA256_LANES || !pg_are_expected_zeros(block, lanes)) {
		hash_blocks(check, block, count, lanes);
		return;
	}
	for (unsigned int i = 0; i < count; i++)
		note_block(check, block + i, true);
}

/* The segment was not found, so all its blocks are damaged. */
static void note_missing_segment(struct pg_check *check, const struct purgatory_segment *segment)
{
	for (uint64_t i = 0; i < segment->size / PURGATORY_BLOCK_SIZE; i++)
		note_block(check, segment->first_block + i, false);
}

/* Ends early, with PURGATORY_FLAG_TIME_OUT, when the time is over. */
static void check_segment(struct pg_check *check, const struct purgatory_segment *segment)
{
	const uint8_t *data = (const uint8_t *)segment->base;
	uint64_t left = segment->size / PURGATORY_BLOCK_SIZE;

	for (uint64_t block = segment->first_block; left;) {
		unsigned int count = left < PG_SHA256_LANES ? (unsigned int)left : PG_SHA256_LANES;

		if (pg_clock_is_over(&check->clock)) {
			check->record.flags |= PURGATORY_FLAG_TIME_OUT;
			return;
		}
		check_blocks(check, block, data, count);
		block += count;
		left -= count;
		data += count * PURGATORY_BLOCK_SIZE;
	}
}

void pg_check_segments(struct pg_check *check)
{
	pg_clear_bitmaps();
	check->record.flags |= pg_check_tables(check->sha256);
	for (uint32_t i = 0; i < pg_params.segment_count; i++) {
		if (pg_params.segments[i].base == PG_NOWHERE)
			note_missing_segment(check, &pg_params.segments[i]);
		else
			check_segment(check, &pg_params.segments[i]);
	}
}
