/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cells.h: reads and writes ranges as a device tree stores them.
 *
 * A cell is a 32-bit big-endian word. #address-cells and #size-cells of the root node give the
 * number of cells of an address and of a size. Linux uses these numbers for all ranges in
 * /chosen and in memory nodes (drivers/of/fdt.c, dt_root_addr_cells).
 *
 *   <address: 1 or 2 cells> <size: 1 or 2 cells>
 */
#ifndef CRS_CELLS_H
#define CRS_CELLS_H

#include "../base/ctx.h"
#include "../base/range.h"

/* The numbers of cells of one range. */
struct crs_cells {
	unsigned int address, size;
};

/* The largest size of one range in bytes: two cells for each number. */
#define CRS_CELLS_MAX 16

/* The cells of the root node. As in Linux, a missing or malformed property counts as 1. */
struct crs_cells crs_cells_of_root(const void *dtb);

/* Are both numbers 1 or 2? The functions below support no others. */
bool crs_cells_are_supported(struct crs_cells cells);

/* Returns CRASHRES_ERR_FORMAT, with a sentence, if crs_cells_are_supported() is false. */
enum crashres_status crs_cells_check(struct crashres_ctx *ctx, struct crs_cells cells);

/* The size of one range in bytes. */
static inline size_t crs_cells_bytes(struct crs_cells cells)
{
	return 4 * (cells.address + cells.size);
}

/*
 * Writes @range to @out, which has room for crs_cells_bytes().
 *
 * @what: the name of the range in the error sentence.
 *
 * Return: CRASHRES_ERR_LIMIT if the address or the size needs more cells.
 */
enum crashres_status crs_cells_put(struct crashres_ctx *ctx, struct crs_cells cells,
				   const char *what, struct crashres_range range, uint8_t *out);

/* Reads @range from the crs_cells_bytes() at @value. False: base + size exceeds 64 bits. */
bool crs_cells_get(struct crs_cells cells, const void *value, struct crashres_range *range);

#endif
