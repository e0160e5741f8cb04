/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cells.c: reads and writes ranges as a device tree stores them. */
#include <inttypes.h>
#include <libfdt.h>

#include "cells.h"

static unsigned int root_cells(const void *dtb, const char *property)
{
	int length;
	const fdt32_t *value = fdt_getprop(dtb, 0, property, &length);

	return value && length == (int)sizeof(*value) ? fdt32_to_cpu(*value) : 1;
}

struct crs_cells crs_cells_of_root(const void *dtb)
{
	return (struct crs_cells){
		.address = root_cells(dtb, "#address-cells"),
		.size = root_cells(dtb, "#size-cells"),
	};
}

bool crs_cells_are_supported(struct crs_cells cells)
{
	return cells.address >= 1 && cells.address <= 2 && cells.size >= 1 && cells.size <= 2;
}

enum crashres_status crs_cells_check(struct crashres_ctx *ctx, struct crs_cells cells)
{
	if (crs_cells_are_supported(cells))
		return CRASHRES_OK;
	return crs_fail(ctx, CRASHRES_ERR_FORMAT,
			"the root node has %u address and %u size cells: only 1 or 2 are supported",
			cells.address, cells.size);
}

/* Does @value fit into so many cells? */
static bool fits(unsigned int cells, uint64_t value)
{
	return cells > 1 || value <= UINT32_MAX;
}

/* Writes @value as big-endian cells; the bytes need no alignment. */
static void put(uint8_t *out, unsigned int cells, uint64_t value)
{
	for (unsigned int i = cells * 4; i-- > 0;)
		*out++ = (uint8_t)(value >> 8 * i);
}

enum crashres_status crs_cells_put(struct crashres_ctx *ctx, struct crs_cells cells,
				   const char *what, struct crashres_range range, uint8_t *out)
{
	if (!fits(cells.address, range.base) || !fits(cells.size, range.size))
		return crs_fail(ctx, CRASHRES_ERR_LIMIT,
				"%s: 0x%" PRIx64 " + 0x%" PRIx64 " does not fit the root node's "
				"%u address and %u size cells", what, range.base, range.size,
				cells.address, cells.size);
	put(out, cells.address, range.base);
	put(out + 4 * cells.address, cells.size, range.size);
	return CRASHRES_OK;
}

static uint64_t get(const uint8_t *value, unsigned int cells)
{
	uint64_t number = 0;

	for (unsigned int i = 0; i < cells * 4; i++)
		number = number << 8 | value[i];
	return number;
}

bool crs_cells_get(struct crs_cells cells, const void *value, struct crashres_range *range)
{
	const uint8_t *bytes = value;

	return crs_range_make(get(bytes, cells.address),
			      get(bytes + 4 * cells.address, cells.size), range);
}
