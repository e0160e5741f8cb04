/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pagetables.c: builds page tables; compiled into the library and into sealed.bin. */
#include <stdbool.h>

#include "pagetables.h"

#define ENTRIES		512

/* Levels are numbered as in the Arm ARM: 0 is the root, 3 holds pages. */
#define LAST_LEVEL	3
#define BLOCK_LEVEL	2

/* Bits of VMSAv8-64 descriptors (Arm ARM, "VMSAv8-64 descriptor formats"). */
#define VALID		(1ULL << 0)
#define TABLE_OR_PAGE	(1ULL << 1)
#define ATTR_NORMAL	(1ULL << 2)	/* AttrIndx 1: Normal memory in the MAIR of mmu.c */
#define AP_EL0		(1ULL << 6)	/* AP[1]: access from EL0; RES1 at EL2 with E2H=0 */
#define AP_READ_ONLY	(1ULL << 7)
#define INNER_SHAREABLE	(3ULL << 8)
#define ACCESSED	(1ULL << 10)
#define PXN		(1ULL << 53)
#define UXN		(1ULL << 54)	/* XN at EL2 with E2H=0 */

/* No map contains this address. */
#define NO_MAP		SIZE_MAX

struct builder {
	const struct pg_map *maps;
	size_t count;
	enum pg_regime regime;
	uint64_t base;		/* physical address of the first table */
	uint8_t *tables;	/* NULL: count the tables, write nothing */
	size_t used;		/* tables so far */
};

/* An entry of a table of @level covers 2^shift bytes. */
static unsigned int shift_of(int level)
{
	return 12 + 9 * (unsigned int)(LAST_LEVEL - level);
}

static uint64_t attributes(enum pg_regime regime, enum pg_mapping mapping)
{
	uint64_t bits = VALID | ACCESSED | UXN;

	if (regime == PG_REGIME_EL2)
		bits |= AP_EL0;
	if (mapping != PG_MAP_DEVICE)
		bits |= ATTR_NORMAL | INNER_SHAREABLE;
	if (mapping == PG_MAP_CODE)
		/*
		 * Code must be executable at the privileged level. At EL2 with E2H=0, bit 54 is
		 * XN and forbids that, so clear it. Otherwise bit 54 is UXN and stays set.
		 */
		return (regime == PG_REGIME_EL2 ? bits & ~UXN : bits) | AP_READ_ONLY;
	return regime == PG_REGIME_EL2 ? bits : bits | PXN;
}

/*
 * Returns the last map that contains @address, or NO_MAP. The answer is the same for all
 * addresses from @address to *@end.
 */
static size_t find_map(const struct builder *builder, uint64_t address, uint64_t *end)
{
	size_t found = NO_MAP;

	*end = UINT64_MAX;
	for (size_t i = 0; i < builder->count; i++) {
		const struct pg_map *map = &builder->maps[i];
		uint64_t edge = map->base;

		if (address >= map->base + map->size)
			continue;
		if (address >= map->base) {
			found = i;
			edge = map->base + map->size;
		}
		if (edge < *end)
			*end = edge;
	}
	return found;
}

/* Writes an entry as little-endian. Does nothing if the tables are only counted. */
static void write_entry(const struct builder *builder, size_t table, size_t entry, uint64_t value)
{
	uint64_t *at = (uint64_t *)(builder->tables + table * PG_TABLE_SIZE) + entry;

	if (!builder->tables)
		return;
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	value = __builtin_bswap64(value);
#endif
	*at = value;
}

static size_t fill_table(struct builder *builder, int level, uint64_t first);

/*
 * Builds a table of the next level for the addresses from @base on, and returns the entry
 * that points to it. Needed if several maps share the entry, or if @level allows no blocks.
 */
static uint64_t make_table_entry(struct builder *builder, int level, uint64_t base)
{
	uint64_t number = fill_table(builder, level + 1, base);

	return (builder->base + PG_TABLE_SIZE * number) | VALID | TABLE_OR_PAGE;
}

static uint64_t make_leaf_entry(const struct builder *builder, int level, uint64_t base, size_t map)
{
	return base | attributes(builder->regime, builder->maps[map].mapping) |
	       (level == LAST_LEVEL ? TABLE_OR_PAGE : 0);
}

/*
 * Builds the table of @level for the addresses from @first on, with all tables below it.
 * Returns its number. find_map() runs once for each edge of a map and not for each entry,
 * because a sealed Image builds its tables with the caches off.
 */
static size_t fill_table(struct builder *builder, int level, uint64_t first)
{
	const uint64_t size = 1ULL << shift_of(level);
	size_t table = builder->used++, map = NO_MAP;
	uint64_t end = first;

	for (size_t i = 0; i < ENTRIES; i++) {
		uint64_t base = first + i * size, entry = 0;

		if (base >= end)
			map = find_map(builder, base, &end);
		if (base + size > end || (map != NO_MAP && level < BLOCK_LEVEL))
			entry = make_table_entry(builder, level, base);
		else if (map != NO_MAP)
			entry = make_leaf_entry(builder, level, base, map);
		if (base + size > end)
			end = base + size;
		write_entry(builder, table, i, entry);
	}
	return table;
}

size_t pg_pagetables_count(const struct pg_map *maps, size_t count)
{
	struct builder builder = { .maps = maps, .count = count };

	fill_table(&builder, 0, 0);
	return builder.used;
}

void pg_pagetables_make(const struct pg_map *maps, size_t count, enum pg_regime regime,
			uint64_t base, uint8_t *tables)
{
	struct builder builder = {
		.maps = maps, .count = count, .regime = regime, .base = base, .tables = tables,
	};

	fill_table(&builder, 0, 0);
}
