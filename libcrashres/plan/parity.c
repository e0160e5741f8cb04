/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "../../purgatory/abi.h"
#include "../../purgatory/shared/parity.h"
#include "blocks.h"
#include "parity.h"

#define BLOCK		PURGATORY_BLOCK_SIZE
#define BLOCKS_A_GROUP	2		/* P and Q */
#define AUTO_SHARE	625		/* 1/100 %: one in 16 */
#define WHOLE		10000

static uint64_t divide_up(uint64_t a, uint64_t b)
{
	return a / b + (a % b != 0);
}

uint64_t crs_parity_size(uint64_t groups)
{
	return groups * BLOCKS_A_GROUP * BLOCK;
}

/* @blocks is bounded by memory that exists: nothing here can wrap. */
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

static uint64_t all_blocks(const struct crashres_segment *segment)
{
	return segment->range.size / BLOCK;
}

/* From the last block to the first: parity.h wants the highest member first. */
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
