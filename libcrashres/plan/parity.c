/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* parity.c: decides how much parity a crash kernel gets, and computes it. */
#include <string.h>

#include "../../purgatory/abi.h"
#include "../../purgatory/shared/parity.h"
#include "blocks.h"
#include "parity.h"

#define BLOCK		PURGATORY_BLOCK_SIZE
#define BLOCKS_A_GROUP	2		/* P and Q */
#define AUTO_SHARE	625		/* 1/100 %, for CRASHRES_REPAIR_AUTO: 1 byte for 16 bytes */
#define WHOLE		10000		/* 100 % in 1/100 % */

static uint64_t divide_up(uint64_t a, uint64_t b)
{
	return a / b + (a % b != 0);
}

uint64_t crs_parity_size(uint64_t groups)
{
	return groups * BLOCKS_A_GROUP * BLOCK;
}

/* @blocks comes from memory that exists, so the products below cannot wrap. */
uint64_t crs_parity_groups(uint64_t blocks, uint32_t repair, uint64_t room,
			   enum crashres_repair_reason *reason)
{
	uint64_t share = repair == CRASHRES_REPAIR_AUTO ? AUTO_SHARE : repair;
	uint64_t min_groups = divide_up(blocks, PURGATORY_MEMBERS_MAX);
	uint64_t groups = divide_up(blocks * share, WHOLE * BLOCKS_A_GROUP);
	uint64_t max_groups = room / crs_parity_size(1);

	*reason = repair ? CRASHRES_REPAIR_REQUESTED : CRASHRES_REPAIR_OFF;
	if (!repair)
		return 0;
	if (groups < min_groups)
		groups = min_groups;
	if (repair != CRASHRES_REPAIR_AUTO || groups <= max_groups)
		return groups;
	*reason = max_groups >= min_groups ? CRASHRES_REPAIR_REDUCED : CRASHRES_REPAIR_NO_ROOM;
	return max_groups >= min_groups ? max_groups : 0;
}

/* The number of blocks, with data or zeros. */
static uint64_t all_blocks(const struct crashres_segment *segment)
{
	return segment->range.size / BLOCK;
}

/*
 * Folds the blocks from the last to the first: pg_parity_fold() multiplies Q at each step, so
 * the member with the highest power comes first (purgatory/shared/parity.h).
 */
void crs_parity_make(const struct crashres_segment *segments, size_t count, uint64_t groups,
		     uint8_t *parity)
{
	struct crs_block room;
	uint64_t index = 0;

	memset(parity, 0, crs_parity_size(groups));
	for (size_t i = 0; i < count; i++)
		index += all_blocks(&segments[i]);
	for (size_t i = count; i-- > 0;) {
		for (uint64_t block = all_blocks(&segments[i]); block-- > 0;) {
			uint8_t *p = parity + --index % groups * BLOCK;

			pg_parity_fold(PG_PARITY_VECTORS, p, p + groups * BLOCK,
				       crs_block(&segments[i], block, &room));
		}
	}
}
