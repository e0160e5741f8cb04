/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How much parity a crash kernel gets, and its bytes; purgatory/shared/parity.h says what it is. */
#ifndef CRS_PARITY_H
#define CRS_PARITY_H

#include "../base/ctx.h"

/*
 * The number of parity groups for @blocks, more than 0. @ask is the request's
 * "repair", and @room what parity may take where that is CRASHRES_REPAIR_AUTO.
 *
 * A group has 255 members at most, so a small share that was asked for can
 * become a larger one. 0 groups: no parity, and @reason says why.
 */
uint64_t crs_parity_groups(uint64_t blocks, uint32_t repair, uint64_t room,
			   enum crashres_repair_reason *reason);

/* Bytes of the parity of so many groups. */
uint64_t crs_parity_size(uint64_t groups);

/* Fills @parity, aligned to 16 bytes, for the blocks of all segments, numbered through. */
void crs_parity_make(const struct crashres_segment *segments, size_t count, uint64_t groups,
		     uint8_t *parity);

#endif
