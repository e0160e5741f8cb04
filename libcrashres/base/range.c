/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Computes with address ranges and lists of them. */
#include <stdlib.h>
#include <string.h>

#include "range.h"

bool crs_range_make(uint64_t base, uint64_t size, struct crashres_range *range)
{
	uint64_t end;

	if (__builtin_add_overflow(base, size, &end))
		return false;
	*range = (struct crashres_range){ base, size };
	return true;
}

bool crs_range_from_inclusive(uint64_t first, uint64_t last, struct crashres_range *range)
{
	/* The range up to UINT64_MAX has 2^64 - first bytes: its end does not fit. */
	if (last < first || last == UINT64_MAX)
		return false;
	return crs_range_make(first, last - first + 1, range);
}

bool crs_range_equal(struct crashres_range a, struct crashres_range b)
{
	return a.base == b.base && a.size == b.size;
}

bool crs_range_overlaps(struct crashres_range a, struct crashres_range b)
{
	return crs_range_intersect(a, b).size != 0;
}

bool crs_range_contains(struct crashres_range outer, struct crashres_range inner)
{
	return outer.base <= inner.base && crs_range_end(inner) <= crs_range_end(outer);
}

struct crashres_range crs_range_intersect(struct crashres_range a, struct crashres_range b)
{
	uint64_t base = a.base > b.base ? a.base : b.base;
	uint64_t end_a = crs_range_end(a), end_b = crs_range_end(b);
	uint64_t end = end_a < end_b ? end_a : end_b;

	return (struct crashres_range){ base, end > base ? end - base : 0 };
}

bool crs_align_up(uint64_t value, uint64_t alignment, uint64_t *result)
{
	uint64_t sum;

	if (__builtin_add_overflow(value, alignment - 1, &sum))
		return false;
	*result = crs_align_down(sum, alignment);
	return true;
}

/* Makes room for @capacity items. Doubles the room, so n additions cost O(n) copies. */
static bool reserve(struct crs_ranges *ranges, size_t capacity)
{
	struct crashres_range *items;

	if (capacity <= ranges->capacity)
		return true;
	if (capacity < 2 * ranges->capacity)
		capacity = 2 * ranges->capacity;
	items = reallocarray(ranges->items, capacity, sizeof(*items));
	if (!items)
		return false;
	ranges->items = items;
	ranges->capacity = capacity;
	return true;
}

bool crs_ranges_add(struct crs_ranges *ranges, struct crashres_range range)
{
	if (!reserve(ranges, ranges->count + 1))
		return false;
	ranges->items[ranges->count++] = range;
	return true;
}

/*
 * Normalizes both lists, then walks both once. /proc/iomem of a large machine has
 * 100,000 reservations, so a loop over all pairs would take seconds.
 *
 * In the loop, h is the first hole that ends after the start of the current range. base
 * moves to the end of each hole in the range; the bytes before that hole are kept.
 */
bool crs_ranges_subtract_all(struct crs_ranges *ranges, const struct crs_ranges *holes)
{
	struct crs_ranges left = { 0 };
	struct crs_ranges sorted = { 0 };
	size_t h = 0;

	if (!crs_ranges_copy(&sorted, holes))
		return false;
	crs_ranges_normalize(&sorted);
	crs_ranges_normalize(ranges);
	for (size_t i = 0; i < ranges->count; i++) {
		uint64_t base = ranges->items[i].base, end = crs_range_end(ranges->items[i]);

		while (h < sorted.count && crs_range_end(sorted.items[h]) <= base)
			h++;
		for (size_t k = h; k < sorted.count && sorted.items[k].base < end; k++) {
			uint64_t hole_end = crs_range_end(sorted.items[k]);

			if (sorted.items[k].base > base &&
			    !crs_ranges_add(&left, (struct crashres_range){
					base, sorted.items[k].base - base }))
				goto fail;
			base = hole_end < end ? hole_end : end;
		}
		if (base < end &&
		    !crs_ranges_add(&left, (struct crashres_range){ base, end - base }))
			goto fail;
	}
	crs_ranges_free(&sorted);
	crs_ranges_free(ranges);
	*ranges = left;
	return true;
fail:
	crs_ranges_free(&sorted);
	crs_ranges_free(&left);
	return false;
}

bool crs_ranges_subtract(struct crs_ranges *ranges, struct crashres_range hole)
{
	const struct crs_ranges holes = { .items = &hole, .count = 1 };

	return crs_ranges_subtract_all(ranges, &holes);
}

bool crs_ranges_copy(struct crs_ranges *to, const struct crs_ranges *from)
{
	struct crs_ranges copy = { 0 };

	if (!reserve(&copy, from->count))
		return false;
	if (from->count)
		memcpy(copy.items, from->items, from->count * sizeof(*copy.items));
	copy.count = from->count;
	*to = copy;
	return true;
}

void crs_ranges_clip(struct crs_ranges *ranges, struct crashres_range window)
{
	size_t kept = 0;

	for (size_t i = 0; i < ranges->count; i++) {
		struct crashres_range part = crs_range_intersect(ranges->items[i], window);

		if (part.size)
			ranges->items[kept++] = part;
	}
	ranges->count = kept;
}

static int compare_bases(const void *a, const void *b)
{
	const struct crashres_range *left = a, *right = b;

	return (left->base > right->base) - (left->base < right->base);
}

void crs_ranges_normalize(struct crs_ranges *ranges)
{
	size_t kept = 0;

	if (!ranges->count)
		return;
	qsort(ranges->items, ranges->count, sizeof(*ranges->items), compare_bases);
	for (size_t i = 0; i < ranges->count; i++) {
		struct crashres_range next = ranges->items[i];
		struct crashres_range *last = kept ? &ranges->items[kept - 1] : NULL;

		if (!next.size)
			continue;
		if (last && next.base <= crs_range_end(*last)) {
			if (crs_range_end(next) > crs_range_end(*last))
				last->size = crs_range_end(next) - last->base;
		} else {
			ranges->items[kept++] = next;
		}
	}
	ranges->count = kept;
}

void crs_ranges_free(struct crs_ranges *ranges)
{
	free(ranges->items);
	*ranges = (struct crs_ranges){ 0 };
}
