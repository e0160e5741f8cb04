/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Address ranges that cannot wrap, and lists of them.
 *
 * A range is base + size: a physical address and a number of bytes. Invariant:
 * base + size <= UINT64_MAX. crs_range_make() and crs_range_from_inclusive() check it
 * when they make a range. No other function here checks it again.
 */
#ifndef CRS_RANGE_H
#define CRS_RANGE_H

#include <crashres/crashres.h>

/* Makes a range. Return: false, with @range unchanged, if base + size wraps. */
bool crs_range_make(uint64_t base, uint64_t size, struct crashres_range *range);

/*
 * Makes a range from its first and last byte, as /proc/iomem prints ranges.
 *
 * Return: false, with @range unchanged, if @last lies before @first or is UINT64_MAX.
 */
bool crs_range_from_inclusive(uint64_t first, uint64_t last, struct crashres_range *range);

/* The address of the first byte after @range. */
static inline uint64_t crs_range_end(struct crashres_range range)
{
	return range.base + range.size;
}

/* The address of the last byte of @range, for messages. @range must not be empty. */
static inline uint64_t crs_range_last(struct crashres_range range)
{
	return range.base + range.size - 1;
}

bool crs_range_equal(struct crashres_range a, struct crashres_range b);

/* Do @a and @b share at least one byte? An empty range shares none. */
bool crs_range_overlaps(struct crashres_range a, struct crashres_range b);

/* Does @inner lie completely in @outer? Both can be equal. */
bool crs_range_contains(struct crashres_range outer, struct crashres_range inner);

/* The shared bytes of @a and @b; size 0 if there are none. */
struct crashres_range crs_range_intersect(struct crashres_range a, struct crashres_range b);

/*
 * Rounds @value up to a multiple of @alignment, which must be a power of two.
 *
 * Return: false, with *@result unchanged, if the result exceeds UINT64_MAX.
 */
bool crs_align_up(uint64_t value, uint64_t alignment, uint64_t *result);

/* Rounds @value down to a multiple of @alignment, which must be a power of two. */
static inline uint64_t crs_align_down(uint64_t value, uint64_t alignment)
{
	return value & ~(alignment - 1);
}

/* A list that grows. A struct of zeros is an empty list. Free it with crs_ranges_free(). */
struct crs_ranges {
	struct crashres_range *items;	/* owned; NULL if @capacity is 0 */
	size_t count;			/* items in use */
	size_t capacity;		/* items that fit into the allocation */
};

/*
 * The next four return false if memory runs out. The list is unchanged then, except that
 * the subtracting functions can have normalized it.
 */

/* Appends @range. */
bool crs_ranges_add(struct crs_ranges *ranges, struct crashres_range range);

/* Removes the bytes of @hole from every range. The result is normalized. */
bool crs_ranges_subtract(struct crs_ranges *ranges, struct crashres_range hole);

/* Removes the bytes of all @holes, which can be in any order. The result is normalized. */
bool crs_ranges_subtract_all(struct crs_ranges *ranges, const struct crs_ranges *holes);

/* Copies @from into @to. Does not free the former items of @to. */
bool crs_ranges_copy(struct crs_ranges *to, const struct crs_ranges *from);

/* Cuts every range to its part inside @window. Drops ranges that lie outside. */
void crs_ranges_clip(struct crs_ranges *ranges, struct crashres_range window);

/* Sorts the list by base, joins ranges that overlap or touch, and drops empty ones. */
void crs_ranges_normalize(struct crs_ranges *ranges);

/* Frees the items. The list is empty afterwards. */
void crs_ranges_free(struct crs_ranges *ranges);

#endif
