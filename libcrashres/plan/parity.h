/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * parity.h: decides how much parity a crash kernel gets, and computes it.
 *
 * Parity works like RAID 6: each group of blocks has two parity blocks, P and Q, with which
 * purgatory can repair any two damaged blocks of the group. Block number n belongs to group
 * n % group_count, so adjacent damage spreads over all groups. purgatory/shared/parity.h has
 * the arithmetic.
 *
 * The parity area: the P blocks of all groups, then the Q blocks of all groups.
 */
#ifndef CRS_PARITY_H
#define CRS_PARITY_H

#include "../base/ctx.h"

/*
 * Returns the number of parity groups for @blocks checked blocks (more than 0); 0: no parity.
 *
 * @repair: the member "repair" of the request.
 * @room:   bytes that parity may have if @repair is CRASHRES_REPAIR_AUTO.
 * @reason: out; why there is this amount of parity.
 *
 * A group has at most 255 blocks, so the result can be more than @repair.
 */
uint64_t crs_parity_groups(uint64_t blocks, uint32_t repair, uint64_t room,
			   enum crashres_repair_reason *reason);

/* The size of the parity area in bytes. */
uint64_t crs_parity_size(uint64_t groups);

/*
 * Computes @parity, crs_parity_size() bytes that are aligned to 16. The blocks of all segments
 * are numbered one after the other, in the order of @segments.
 */
void crs_parity_make(const struct crashres_segment *segments, size_t count, uint64_t groups,
		     uint8_t *parity);

#endif
