/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* place.c: takes pieces from a list of free memory, first fit from below or from above. */
#include "place.h"

/* The part of @hole from the first suitable address for @need on; empty if there is none. */
static struct crashres_range skip_to_aligned(struct crashres_range hole, struct crs_need need)
{
	uint64_t aligned, base, floor = hole.base > need.offset ? hole.base - need.offset : 0;

	if (!crs_align_up(floor, need.alignment, &aligned) ||
	    __builtin_add_overflow(aligned, need.offset, &base) || base > crs_range_end(hole))
		return (struct crashres_range){ 0 };
	return (struct crashres_range){ base, crs_range_end(hole) - base };
}

/* Sets @found to the highest range in @hole that satisfies @need. False: it does not fit. */
static bool find_highest(struct crashres_range hole, struct crs_need need,
			 struct crashres_range *found)
{
	uint64_t base;

	if (hole.size < need.size || crs_range_end(hole) - need.size < need.offset)
		return false;
	base = crs_align_down(crs_range_end(hole) - need.size - need.offset, need.alignment) +
	       need.offset;
	return crs_range_make(base, need.size, found) && crs_range_contains(hole, *found);
}

/* Removes @found from the free memory. */
static enum crashres_status claim(struct crs_place *place, struct crashres_range found,
				  struct crashres_range *placed)
{
	if (!crs_ranges_subtract(&place->holes, found))
		return CRASHRES_ERR_MEMORY;
	*placed = found;
	return CRASHRES_OK;
}

enum crashres_status crs_place_lowest(struct crs_place *place, struct crs_need need,
				      struct crashres_range window, struct crashres_range *placed)
{
	for (size_t i = 0; i < place->holes.count; i++) {
		struct crashres_range rest = skip_to_aligned(
			crs_range_intersect(place->holes.items[i], window), need);

		if (rest.size >= need.size)
			return claim(place, (struct crashres_range){ rest.base, need.size }, placed);
	}
	return CRASHRES_ERR_NO_SPACE;
}

enum crashres_status crs_place_highest(struct crs_place *place, struct crs_need need,
				       struct crashres_range window, struct crashres_range *placed)
{
	struct crashres_range found;

	for (size_t i = place->holes.count; i-- > 0;)
		if (find_highest(crs_range_intersect(place->holes.items[i], window), need, &found))
			return claim(place, found, placed);
	return CRASHRES_ERR_NO_SPACE;
}

uint64_t crs_place_largest(const struct crs_place *place, struct crs_need need,
			   struct crashres_range window)
{
	uint64_t largest = 0;

	for (size_t i = 0; i < place->holes.count; i++) {
		uint64_t size = skip_to_aligned(crs_range_intersect(place->holes.items[i], window),
					     need).size;

		if (size > largest)
			largest = size;
	}
	return largest;
}

uint64_t crs_place_shortage(const struct crs_place *place, struct crs_need need,
			    struct crashres_range window)
{
	struct crashres_range tail = { crs_range_end(window), 0 };
	uint64_t floor, aligned, end;

	if (crs_place_largest(place, need, window) >= need.size)
		return 0;
	/* Only a hole that ends with the window grows with it. */
	for (size_t i = 0; i < place->holes.count; i++) {
		struct crashres_range hole = crs_range_intersect(place->holes.items[i], window);

		if (hole.size && crs_range_end(hole) == crs_range_end(window))
			tail = hole;
	}
	floor = tail.base > need.offset ? tail.base - need.offset : 0;
	if (!crs_align_up(floor, need.alignment, &aligned) ||
	    __builtin_add_overflow(aligned, need.offset, &end) ||
	    __builtin_add_overflow(end, need.size, &end))
		return UINT64_MAX;
	return end - crs_range_end(window);
}
