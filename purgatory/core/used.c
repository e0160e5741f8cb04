/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* used.c: keeps the list of used ranges and cleans them. */
#include "access.h"
#include "blocks.h"
#include "image.h"
#include "used.h"

/* Kept from pg_set_used() until the kernel starts. */
static struct pg_used used_ranges;

void pg_list_used(struct pg_range tree, struct pg_used *used)
{
	const struct pg_place place = {
		.base = (uintptr_t)&pg_header,
		.scratch_offset = pg_header.scratch_offset,
		.tree = tree,
	};

	pg_params_list_used(&pg_params, &place, used);
}

bool pg_set_used(struct pg_range tree)
{
	pg_list_used(tree, &used_ranges);
	return pg_used_is_disjoint(&used_ranges);
}

/* Leaves out lost blocks, because their memory can abort. Returns false if another block aborts. */
static bool clean_undamaged_blocks(const struct pg_map *map)
{
	bool clean = true;

	for (uint64_t at = 0; at < map->size; at += PURGATORY_BLOCK_SIZE)
		if (!pg_is_lost_at(map->base + at) &&
		    !pg_clean((const uint8_t *)map->base + at, PURGATORY_BLOCK_SIZE))
			clean = false;
	return clean;
}

bool pg_clean_used(bool after_check)
{
	bool clean = true;

	for (size_t i = 0; i < used_ranges.count; i++) {
		const struct pg_map *map = &used_ranges.maps[i];

		if (!map->clean || pg_clean((const uint8_t *)map->base, map->size))
			continue;
		if (!after_check || !clean_undamaged_blocks(map))
			clean = false;
	}
	return clean;
}
