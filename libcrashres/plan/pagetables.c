/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <endian.h>
#include <string.h>
#include <sys/types.h>

#include "pagetables.h"

#define ENTRIES		512

/* Levels are numbered as in the Arm ARM: 0 is the root, 3 holds pages. */
#define LAST_LEVEL	3
#define BLOCK_LEVEL	2

/* VMSAv8-64 descriptors. */
#define VALID		(1ULL << 0)
#define TABLE_OR_PAGE	(1ULL << 1)
#define ATTR_NORMAL	(1ULL << 2)	/* AttrIndx 1; mmu.c sets MAIR to match */
#define AP_EL0		(1ULL << 6)	/* AP[1]: RES1 in a regime without EL0 */
#define AP_READ_ONLY	(1ULL << 7)
#define INNER_SHAREABLE	(3ULL << 8)
#define ACCESSED	(1ULL << 10)
#define PXN		(1ULL << 53)
#define UXN		(1ULL << 54)	/* XN in a regime without EL0 */

struct builder {
	enum crs_regime regime;
	uint64_t base;
	uint8_t *tables;	/* NULL: only count them */
	size_t used;
};

static unsigned int shift_of(int level)
{
	return 12 + 9 * (unsigned int)(LAST_LEVEL - level);
}

static uint64_t attributes(enum crs_regime regime, enum crs_mapping mapping)
{
	uint64_t bits = VALID | ACCESSED | UXN;

	if (regime == CRS_REGIME_EL2)
		bits |= AP_EL0;
	if (mapping != CRS_MAP_DEVICE)
		bits |= ATTR_NORMAL | INNER_SHAREABLE;
	if (mapping == CRS_MAP_CODE)
		/* XN is one bit where there is no EL0; else it is EL0's alone. */
		return (regime == CRS_REGIME_EL2 ? bits & ~UXN : bits) | AP_READ_ONLY;
	return regime == CRS_REGIME_EL2 ? bits : bits | PXN;
}

/* Does one mapping alone decide about all of @range? -1: no. Else its index, or @count for none. */
static ssize_t mapping_of(const struct crs_map *maps, size_t count, struct crashres_range range)
{
	for (size_t i = count; i-- > 0;) {
		if (crs_range_contains(maps[i].range, range))
			return (ssize_t)i;
		if (crs_range_overlaps(maps[i].range, range))
			return -1;
	}
	return (ssize_t)count;
}

static void put(const struct builder *builder, size_t table, size_t entry, uint64_t value)
{
	value = htole64(value);
	memcpy(builder->tables + table * CRS_TABLE_SIZE + entry * sizeof(value), &value,
	       sizeof(value));
}

/* Writes the table of @level that covers what starts at @first; gives its number. */
static size_t fill_table(struct builder *builder, const struct crs_map *maps, size_t count,
			 int level, uint64_t first)
{
	const uint64_t size = 1ULL << shift_of(level);
	size_t table = builder->used++;

	for (size_t i = 0; i < ENTRIES; i++) {
		struct crashres_range range = { first + i * size, size };
		ssize_t map = mapping_of(maps, count, range);
		uint64_t entry;

		if (map == (ssize_t)count)
			continue;
		if (map >= 0 && level >= BLOCK_LEVEL)
			entry = range.base | attributes(builder->regime, maps[map].mapping) |
				(level == LAST_LEVEL ? TABLE_OR_PAGE : 0);
		else
			entry = (builder->base + CRS_TABLE_SIZE * (uint64_t)fill_table(
					builder, maps, count, level + 1, range.base)) |
				VALID | TABLE_OR_PAGE;
		if (builder->tables)
			put(builder, table, i, entry);
	}
	return table;
}

size_t crs_pagetables_count(const struct crs_map *maps, size_t count)
{
	struct builder builder = { 0 };

	fill_table(&builder, maps, count, 0, 0);
	return builder.used;
}

void crs_pagetables_make(const struct crs_map *maps, size_t count, enum crs_regime regime,
			 uint64_t base, uint8_t *tables)
{
	struct builder builder = { .regime = regime, .base = base, .tables = tables };

	fill_table(&builder, maps, count, 0, 0);
}
