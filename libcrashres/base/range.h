/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Ranges that cannot wrap, and lists of them.
 *
 * The invariant of struct crashres_range, base + size <= UINT64_MAX, is checked
 * where a range is made: by crs_range_make() and crs_range_from_inclusive().
 * Nothing else here checks it again.
 */
#ifndef CRS_RANGE_H
#define CRS_RANGE_H

#include <crashres/crashres.h>

bool crs_range_make(uint64_t base, uint64_t size, struct crashres_range *range);

/* From what the kernel prints: first and last byte. */
bool crs_range_from_inclusive(uint64_t first, uint64_t last, struct crashres_range *range);

static inline uint64_t crs_range_end(struct crashres_range range)
{
	return range.base + range.size;
}

/* The last byte, for printing; meaningless for an empty range. */
static inline uint64_t crs_range_last(struct crashres_range range)
{
	return range.base + range.size - 1;
}

bool crs_range_equal(struct crashres_range a, struct crashres_range b);
bool crs_range_overlaps(struct crashres_range a, struct crashres_range b);
bool crs_range_contains(struct crashres_range outer, struct crashres_range inner);
struct crashres_range crs_range_intersect(struct crashres_range a, struct crashres_range b);

/* False where the result exceeds UINT64_MAX. @alignment is a power of two. */
bool crs_align_up(uint64_t value, uint64_t alignment, uint64_t *result);

static inline uint64_t crs_align_down(uint64_t value, uint64_t alignment)
{
	return value & ~(alignment - 1);
}

/* A list that grows. All zero is an empty one. */
struct crs_ranges {
	struct crashres_range *items;
	size_t count;
	size_t capacity;
};

/* These return false when memory runs out, with the list as it was. */
bool crs_ranges_add(struct crs_ranges *ranges, struct crashres_range range);
bool crs_ranges_subtract(struct crs_ranges *ranges, struct crashres_range hole);
bool crs_ranges_subtract_all(struct crs_ranges *ranges, const struct crs_ranges *holes);
bool crs_ranges_copy(struct crs_ranges *to, const struct crs_ranges *from);

/* Cuts every range to what lies inside @window. */
void crs_ranges_clip(struct crs_ranges *ranges, struct crashres_range window);

/* Sorts, and joins what overlaps or touches. */
void crs_ranges_normalize(struct crs_ranges *ranges);

void crs_ranges_free(struct crs_ranges *ranges);

#endif
