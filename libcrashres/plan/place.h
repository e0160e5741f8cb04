/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * place.h: a list of free memory, and functions that take pieces from it.
 *
 * Physical addresses, bytes.
 */
#ifndef CRS_PLACE_H
#define CRS_PLACE_H

#include "../base/range.h"

/* Free memory. Initialise it with zeros; crs_ranges_free() of holes releases it. */
struct crs_place {
	struct crs_ranges holes;	/* sorted, without overlaps (crs_ranges_normalize()) */
};

/* The demands of a segment. */
struct crs_need {
	uint64_t size;			/* bytes, more than 0 */
	uint64_t alignment;		/* power of two; base - offset is a multiple of it */
	uint64_t offset;		/* text_offset for an Image; 0 for other segments */
};

/*
 * Finds the lowest (highest) range inside @window that satisfies @need, removes it from the
 * free memory and stores it in @placed.
 *
 * Return: CRASHRES_ERR_NO_SPACE or CRASHRES_ERR_MEMORY. A failure sets no sentence.
 */
enum crashres_status crs_place_lowest(struct crs_place *place, struct crs_need need,
				      struct crashres_range window, struct crashres_range *placed);
enum crashres_status crs_place_highest(struct crs_place *place, struct crs_need need,
				       struct crashres_range window, struct crashres_range *placed);

/*
 * The size of the largest free range inside @window that starts at the alignment and offset of
 * @need. The size of @need is ignored.
 */
uint64_t crs_place_largest(const struct crs_place *place, struct crs_need need,
			   struct crashres_range window);

/*
 * The number of free bytes that must be added at the end of @window so that @need fits.
 * 0: it fits already. UINT64_MAX: the address space ends before.
 */
uint64_t crs_place_shortage(const struct crs_place *place, struct crs_need need,
			    struct crashres_range window);

#endif
