/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * repair.c: repairs damaged blocks from parity.
 *
 * No digest covers the parity blocks. Each repaired block must have the right digest
 * before it is stored, so damaged parity cannot do harm.
 */
#include <stdbool.h>
#include <stddef.h>

#include "access.h"
#include "blocks.h"
#include "digest.h"
#include "find.h"
#include "image.h"
#include "record.h"
#include "repair.h"

/*
 * Two buffers of one block each. First they hold P and Q of the lost members alone,
 * then the lost members themselves (parity.h).
 */
static struct {
	uint8_t p[PURGATORY_BLOCK_SIZE] __attribute__((aligned(64)));
	uint8_t q[PURGATORY_BLOCK_SIZE] __attribute__((aligned(64)));
} syndrome;

struct group {
	const struct pg_check *check;
	uint64_t number;		/* of the group, from 0 */
	uint64_t members;		/* blocks in the group */
	unsigned int lost_count;	/* lost members; can be more than 2 */
	uint64_t lost[2];		/* the first two lost members, in rising order */
	bool has_p, has_q;		/* the parity block can be read */
};

static uint64_t block_of(const struct group *group, uint64_t member)
{
	return member * pg_params.group_count + group->number;
}

static void find_lost(struct group *group)
{
	uint64_t blocks = pg_params.block_count - group->number;

	group->members = (blocks + pg_params.group_count - 1) / pg_params.group_count;
	group->lost_count = 0;
	for (uint64_t member = 0; member < group->members; member++) {
		if (!pg_is_lost(block_of(group, member)))
			continue;
		if (group->lost_count < 2)
			group->lost[group->lost_count] = member;
		group->lost_count++;
	}
}

static const uint64_t *parity_block(uint64_t index)
{
	return (const uint64_t *)(pg_params.parity_base + index * PURGATORY_BLOCK_SIZE);
}

static void read_block(void *block)
{
	const volatile uint64_t *words = block;

	for (unsigned int i = 0; i < PURGATORY_BLOCK_SIZE / sizeof(uint64_t); i++)
		(void)words[i];
}

static void add_block(uint8_t *to, const uint64_t *from)
{
	for (unsigned int i = 0; i < PURGATORY_BLOCK_SIZE / sizeof(uint64_t); i++)
		((uint64_t *)to)[i] ^= from[i];
}

/*
 * Computes P and Q of the members that are not lost, and adds the parity blocks.
 * The result is P and Q of the lost members. Starts from zeros, because pg_access()
 * can call it twice.
 */
static void fold_group(void *arg)
{
	const struct group *group = arg;

	for (unsigned int i = 0; i < PURGATORY_BLOCK_SIZE / sizeof(uint64_t); i++) {
		((uint64_t *)syndrome.p)[i] = 0;
		((uint64_t *)syndrome.q)[i] = 0;
	}
	/* Start with the highest member, because each step multiplies Q by 2. */
	for (uint64_t member = group->members; member-- > 0;) {
		uint64_t block = block_of(group, member);

		pg_parity_fold(group->check->parity, syndrome.p, syndrome.q,
			       pg_is_lost(block) ? NULL : pg_block_data(block));
	}
	if (group->has_p)
		add_block(syndrome.p, parity_block(group->number));
	if (group->has_q)
		add_block(syndrome.q, parity_block(pg_params.group_count + group->number));
}

static bool make_syndrome(struct group *group)
{
	uint64_t q = pg_params.group_count + group->number;

	group->has_p = pg_access(read_block, (void *)parity_block(group->number));
	group->has_q = pg_access(read_block, (void *)parity_block(q));
	return pg_access(fold_group, group);
}

struct store {
	uint64_t *to;
	const uint64_t *from;
};

static void store_block(void *arg)
{
	const struct store *block = arg;

	for (unsigned int i = 0; i < PURGATORY_BLOCK_SIZE / sizeof(uint64_t); i++)
		block->to[i] = block->from[i];
}

/*
 * Stores @data to @block if @data has the right digest. Reads the block back and hashes
 * it, because bad memory can lose a store.
 */
static bool restore_block(struct pg_check *check, uint64_t block, const void *data)
{
	struct store place = { (uint64_t *)pg_block_data(block), data };

	/* Never store to a block that the check did not find damaged. */
	if (!place.to || !pg_may_store(block) || !pg_is_lost(block) ||
	    !pg_has_right_digest(check->sha256, block, data))
		return false;
	pg_record_first_difference(&check->record, block, data);
	if (!pg_access(store_block, &place) || !pg_has_right_digest(check->sha256, block, place.to))
		return false;
	pg_set_repaired(block, true);
	pg_record_repaired(&check->record, block);
	return true;
}

/* With one lost member, P is the member itself. If P is damaged or unreadable, Q gives it too. */
static void repair_one(struct pg_check *check, const struct group *group)
{
	uint64_t block = block_of(group, group->lost[0]);

	if (group->has_p && restore_block(check, block, syndrome.p))
		return;
	if (!group->has_q)
		return;
	pg_parity_solve_q(check->parity, syndrome.q, (unsigned int)group->lost[0]);
	restore_block(check, block, syndrome.q);
}

static void repair_two(struct pg_check *check, const struct group *group)
{
	if (!group->has_p || !group->has_q)
		return;
	pg_parity_solve_two(check->parity, syndrome.p, syndrome.q, (unsigned int)group->lost[0],
			    (unsigned int)group->lost[1]);
	restore_block(check, block_of(group, group->lost[0]), syndrome.p);
	restore_block(check, block_of(group, group->lost[1]), syndrome.q);
}

static void repair_group(struct pg_check *check, struct group *group)
{
	if (group->lost_count > 2 || !make_syndrome(group))
		return;
	if (group->lost_count == 1)
		repair_one(check, group);
	else
		repair_two(check, group);
}

void pg_repair(struct pg_check *check)
{
	const struct purgatory_record *record = &check->record;
	struct group group = { .check = check };

	/* A failure needs no handling: old parity is as harmless as damaged parity. */
	pg_clean((const void *)pg_params.parity_base,
		 2 * pg_params.group_count * PURGATORY_BLOCK_SIZE);
	for (; group.number < pg_params.group_count && record->repaired < record->damaged;
	     group.number++) {
		find_lost(&group);
		if (!group.lost_count)
			continue;
		if (pg_clock_is_over(&check->clock)) {
			check->record.flags |= PURGATORY_FLAG_TIME_OUT;
			return;
		}
		repair_group(check, &group);
	}
}

void pg_verify_repaired(struct pg_check *check)
{
	struct purgatory_record *record = &check->record;
	uint64_t left = record->repaired;

	for (uint64_t block = 0; left && block < pg_params.block_count; block++) {
		if (!pg_is_repaired(block))
			continue;
		if (pg_clock_is_over(&check->clock)) {
			record->flags |= PURGATORY_FLAG_TIME_OUT;
			return;
		}
		left--;
		if (pg_has_right_digest(check->sha256, block, pg_block_data(block)))
			continue;
		pg_set_repaired(block, false);
		pg_record_lost_again(record, block);
	}
}
