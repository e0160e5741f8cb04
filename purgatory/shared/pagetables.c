/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pagetables.c: page tables; the same code in the loader and in purgatory. */
#include <stdbool.h>

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

/* No map decides about this address. */
#define NO_MAP		SIZE_MAX

struct builder {
	const struct pg_map *maps;
	size_t count;
	enum pg_regime regime;
	uint64_t base;
	uint8_t *tables;	/* NULL: only count them */
	size_t used;
};

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
		/* XN is one bit where there is no EL0; else it is EL0's alone. */
		return (regime == PG_REGIME_EL2 ? bits & ~UXN : bits) | AP_READ_ONLY;
	return regime == PG_REGIME_EL2 ? bits : bits | PXN;
}

/* The map that decides about @address, and how far it or its absence reaches at least. */
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

/* Little-endian, whoever builds them. */
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

/* For what starts at @base: several maps decide about it, or @level has no blocks. */
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
 * Writes the table of @level that covers what starts at @first; gives its number.
 * The maps are looked through once for each of their edges, not for each entry:
 * a sealed Image does this without caches.
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
