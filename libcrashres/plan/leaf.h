/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A segment cut into leaves: what digests and parity are made of. */
#ifndef CRS_LEAF_H
#define CRS_LEAF_H

#include "../../purgatory/handover.h"
#include "../range.h"

/* For a leaf that is put together; the digest and parity code wants it aligned. */
struct crs_leaf {
	uint8_t bytes[PURGATORY_LEAF_SIZE] __attribute__((aligned(64)));
};

/* Leaves of @segment that hold data; behind them it is zero, as the kernel leaves it. */
uint64_t crs_leaf_count(const struct crashres_segment *segment);

/*
 * Leaf @number of @segment, aligned to 16 bytes: where it stands, or in @room
 * where data ends inside of it or it stands askew. NULL for one of zeros, from
 * crs_leaf_count() on.
 */
const void *crs_leaf(const struct crashres_segment *segment, uint64_t number,
		     struct crs_leaf *room);

#endif
