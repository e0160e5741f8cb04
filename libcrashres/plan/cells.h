/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Addresses and sizes as a device tree has them: in 32-bit words, big-endian,
 * as many as #address-cells and #size-cells of the root say. Of /chosen and of
 * memory nodes Linux reads all ranges so (drivers/of/fdt.c, dt_root_addr_cells).
 */
#ifndef CRS_CELLS_H
#define CRS_CELLS_H

#include "../base/ctx.h"
#include "../base/range.h"

struct crs_cells {
	unsigned int address, size;
};

/* What one range takes at most: two words for each number. */
#define CRS_CELLS_MAX 16

/* Linux takes 1 where the root does not say. */
struct crs_cells crs_cells_of_root(const void *dtb);

/* Are there 1 or 2 of each? Nothing below takes others. */
bool crs_cells_are_supported(struct crs_cells cells);

/* The same question; CRASHRES_ERR_FORMAT and a sentence where not. */
enum crashres_status crs_cells_check(struct crashres_ctx *ctx, struct crs_cells cells);

/* The bytes of one range. */
static inline size_t crs_cells_bytes(struct crs_cells cells)
{
	return 4 * (cells.address + cells.size);
}

/*
 * @out has room for crs_cells_bytes(). @what the range is goes into the sentence.
 *
 * Return: CRASHRES_ERR_LIMIT where @range does not fit the cells.
 */
enum crashres_status crs_cells_put(struct crashres_ctx *ctx, struct crs_cells cells,
				   const char *what, struct crashres_range range, uint8_t *out);

/* The range in the crs_cells_bytes() at @value; false where it wraps. */
bool crs_cells_get(struct crs_cells cells, const void *value, struct crashres_range *range);

#endif
