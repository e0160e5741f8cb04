/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where things go: free memory, from which segments are taken. */
#ifndef CRS_PLACE_H
#define CRS_PLACE_H

#include "../base/range.h"

struct crs_place {
	struct crs_ranges holes;	/* normalized */
};

/* What a segment needs. */
struct crs_need {
	uint64_t size;			/* > 0 */
	uint64_t alignment;		/* of base - offset; a power of two */
	uint64_t offset;		/* behind an aligned address; 0 for most */
};

/*
 * Takes the lowest (highest) place inside @window that holds @need, and marks
 * it as used.
 *
 * Return: CRASHRES_ERR_NO_SPACE, CRASHRES_ERR_MEMORY; neither sets a sentence.
 */
enum crashres_status crs_place_lowest(struct crs_place *place, struct crs_need need,
				      struct crashres_range window, struct crashres_range *placed);
enum crashres_status crs_place_highest(struct crs_place *place, struct crs_need need,
				       struct crashres_range window, struct crashres_range *placed);

/*
 * How large @need could be at most, at its alignment and inside @window; its
 * own size does not matter.
 */
uint64_t crs_place_largest(const struct crs_place *place, struct crs_need need,
			   struct crashres_range window);

/*
 * By how many bytes @window would have to be longer at its end, all of them
 * free, for @need to fit; 0 where it fits.
 */
uint64_t crs_place_shortage(const struct crs_place *place, struct crs_need need,
			    struct crashres_range window);

#endif
