/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * check.c: is every leaf what was loaded.
 */
#include "purgatory.h"

static void note_leaf(struct pg_check *check, uint64_t leaf, bool intact)
{
	check->record.leaves++;
	if (intact)
		return;
	check->record.damaged++;
	pg_set_damaged(leaf, true);
}

/*
 * An abort while it is read (memory that answers no more) is damage as well.
 * Twice, because an SError tells of something that failed some time ago.
 */
static bool is_intact(const struct pg_check *check, uint64_t leaf, const void *data)
{
	return pg_is_right(check->sha256, leaf, data) || pg_is_right(check->sha256, leaf, data);
}

/* Where they cannot be read, which of them it was is not told. */
static void hash_leaves(struct pg_check *check, uint64_t leaf, unsigned int count,
			const void *const lanes[PG_SHA256_LANES])
{
	struct pg_digest digests[PG_SHA256_LANES];
	bool readable = pg_hash_leaves(check->sha256, lanes, digests);

	for (unsigned int i = 0; i < count; i++)
		note_leaf(check, leaf + i, readable ? pg_is_expected(leaf + i, &digests[i]) :
						      is_intact(check, leaf + i, lanes[i]));
}

/* @count is 1 to PG_SHA256_LANES: what is left over hashes its last leaf again. */
static void check_leaves(struct pg_check *check, uint64_t leaf, const uint8_t *data,
			 unsigned int count)
{
	const void *lanes[PG_SHA256_LANES];

	for (unsigned int i = 0; i < PG_SHA256_LANES; i++)
		lanes[i] = data + (i < count ? i : count - 1) * PURGATORY_LEAF_SIZE;
	if (count < PG_SHA256_LANES || !pg_are_zeros_as_expected(leaf, lanes)) {
		hash_leaves(check, leaf, count, lanes);
		return;
	}
	for (unsigned int i = 0; i < count; i++)
		note_leaf(check, leaf + i, true);
}

static void miss_segment(struct pg_check *check, const struct purgatory_segment *segment)
{
	for (uint64_t i = 0; i < segment->size / PURGATORY_LEAF_SIZE; i++)
		note_leaf(check, segment->first_leaf + i, false);
}

static void check_segment(struct pg_check *check, const struct purgatory_segment *segment)
{
	const uint8_t *data = (const uint8_t *)segment->base;
	uint64_t left = segment->size / PURGATORY_LEAF_SIZE;

	for (uint64_t leaf = segment->first_leaf; left;) {
		unsigned int count = left < PG_SHA256_LANES ? (unsigned int)left : PG_SHA256_LANES;

		if (pg_clock_is_over(&check->clock)) {
			check->record.flags |= PURGATORY_FLAG_TIME_OUT;
			return;
		}
		check_leaves(check, leaf, data, count);
		leaf += count;
		left -= count;
		data += count * PURGATORY_LEAF_SIZE;
	}
}

/* Only after pg_check_self: trusts the params. */
void pg_check_segments(struct pg_check *check)
{
	pg_clear_bitmap();
	pg_check_tables(check);
	for (uint32_t i = 0; i < pg_params.segment_count; i++) {
		if (pg_params.segments[i].base == PG_NOWHERE)
			miss_segment(check, &pg_params.segments[i]);
		else
			check_segment(check, &pg_params.segments[i]);
	}
}
