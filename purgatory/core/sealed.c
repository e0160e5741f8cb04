/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sealed.c: purgatory at the head of a sealed Image.
 *
 * Whoever loads the Image puts it where it likes, with an initrd and a device
 * tree of its own making. What is inside the Image is found from its start, all
 * else from the device tree, which no digest covers: whatever it says, nothing
 * but the record is written that does not have the right digest.
 *
 * The MMU is off, and what a cache holds of a place is cleaned before it is read
 * or written here.
 */
#include "fdt.h"
#include "shared/pagetables.h"
#include "purgatory.h"

/* Above 48 bits neither Image nor page tables go. */
#define ADDRESS_LIMIT	(1ULL << 48)

/* MAX_FDT_SIZE of Linux (asm/boot.h). */
#define TREE_MAX	(2ULL << 20)

#define TREE_HEADER	64

static uint64_t base_of_all(void)
{
	return (uintptr_t)&pg_header;
}

struct opening {
	void *data;
	struct pg_fdt *tree;
	bool done;			/* out */
};

/* Its size is in it, and may be another one once what a cache holds has been cleaned. */
static void open_clean(void *arg)
{
	struct opening *opening = arg;

	pg_clean(opening->data, TREE_HEADER);
	if (!pg_fdt_open(opening->data, opening->tree))
		return;
	pg_clean(opening->data, opening->tree->size);
	opening->done = pg_fdt_open(opening->data, opening->tree);
}

/* Where there is no memory there is no tree. */
static bool open_tree(uint64_t dtb, struct pg_fdt *tree)
{
	struct opening opening = { .data = (void *)dtb, .tree = tree };

	return dtb && dtb % sizeof(uint64_t) == 0 && dtb < ADDRESS_LIMIT &&
	       pg_try(open_clean, &opening) && opening.done;
}

static bool is_inside(struct pg_range inner, struct pg_range outer)
{
	return inner.base >= outer.base && inner.base - outer.base <= outer.size &&
	       inner.size <= outer.size - (inner.base - outer.base);
}

/* The crash region that this was loaded into; size 0 where it was not, or it cannot be told. */
static struct pg_range find_region(const struct pg_fdt *tree)
{
	const struct pg_range all = { 0, ADDRESS_LIMIT }, none = { 0, 0 };
	const struct pg_range self = { base_of_all(), pg_params.segment_size };
	struct pg_range region;

	if (!pg_fdt_chosen_range(tree, "linux,usable-memory-range", &region) ||
	    !is_inside(region, all) || !is_inside(self, region))
		return none;
	return region;
}

/* Another initrd than the one that was sealed is damage, and so is none. */
static uint64_t find_initrd(const struct pg_fdt *tree, struct pg_range region)
{
	struct pg_range initrd;

	if (!pg_fdt_initrd(tree, &initrd) || initrd.size != pg_params.initrd_size ||
	    initrd.base % PURGATORY_BLOCK_SIZE || initrd.base >= ADDRESS_LIMIT ||
	    (region.size && !is_inside(initrd, region)))
		return PG_NOWHERE;
	return initrd.base;
}

static struct pg_map whole_pages(uint64_t first, uint64_t end, enum pg_mapping mapping)
{
	return (struct pg_map){ first, end - first, mapping };
}

static uint64_t page_down(uint64_t address)
{
	return address / PURGATORY_BLOCK_SIZE * PURGATORY_BLOCK_SIZE;
}

/* As the library maps it where it knows the region (plan/purgatory-segment.c). */
static size_t list_maps(struct pg_range region, struct pg_map maps[3])
{
	uint64_t last_register = pg_params.uart_base + 5 * (uint64_t)pg_params.uart_stride;
	size_t count = 0;

	maps[count++] = whole_pages(page_down(region.base + PURGATORY_BLOCK_SIZE - 1),
				    page_down(region.base + region.size), PG_MAP_DATA);
	if (pg_params.uart_type != PURGATORY_UART_NONE && pg_params.uart_base < ADDRESS_LIMIT &&
	    last_register < ADDRESS_LIMIT)
		maps[count++] = whole_pages(page_down(pg_params.uart_base),
					    page_down(last_register) + PURGATORY_BLOCK_SIZE,
					    PG_MAP_DEVICE);
	maps[count++] = whole_pages(base_of_all(), base_of_all() + pg_header.scratch_offset,
				    PG_MAP_CODE);
	return count;
}

/* Without a region, or with one that needs more tables than there is room for, the MMU stays off. */
static void build_tables(struct pg_range region)
{
	struct pg_map maps[3];
	size_t count = region.size ? list_maps(region, maps) : 0;

	if (!count || pg_pagetables_count(maps, count) > pg_params.roots_size / PG_TABLE_SIZE) {
		pg_params.root_offset[0] = 0;
		pg_params.root_offset[1] = 0;
		return;
	}
	for (unsigned int regime = PG_REGIME_EL1; regime <= PG_REGIME_EL2; regime++) {
		uint8_t *tables = pg_at(pg_params.root_offset[regime]);

		pg_clean(tables, pg_params.roots_size);
		pg_pagetables_make(maps, count, (enum pg_regime)regime, (uintptr_t)tables, tables);
		/* What was fetched meanwhile is older. */
		pg_clean(tables, pg_params.roots_size);
	}
}

/* What lies behind the tree and is in use, the nearest of it, or the end of the region. */
static uint64_t end_of_room(const struct pg_fdt *tree, uint64_t dtb, struct pg_range region)
{
	uint64_t end = region.base + region.size, tree_end = dtb + tree->size;
	struct pg_range used[3] = { { base_of_all(), PURGATORY_BLOCK_SIZE } };

	if (!pg_fdt_initrd(tree, &used[1]))
		used[1].size = 0;
	if (!pg_fdt_chosen_range(tree, "linux,elfcorehdr", &used[2]))
		used[2].size = 0;
	for (unsigned int i = 0; i < 3; i++)
		if (used[i].size && used[i].base >= tree_end && used[i].base < end)
			end = used[i].base;
	return end - dtb < TREE_MAX ? end : dtb + TREE_MAX;
}

/* Outside a crash region nobody can say what is free: then there is no record. */
static void make_record(struct pg_fdt *tree, uint64_t dtb, struct pg_range region)
{
	uint64_t end;

	if (!region.size || !is_inside((struct pg_range){ dtb, tree->size }, region))
		return;
	end = end_of_room(tree, dtb, region);
	pg_clean((const void *)dtb, end - dtb);
	pg_params.record = pg_fdt_add_record(tree, end - dtb);
}

/* The digest says that a library wrote this; it may still be a wrong one. */
static bool params_are_sane(void)
{
	uint64_t size = pg_params.roots_size;

	return size % PG_TABLE_SIZE == 0 && pg_is_behind_self(pg_params.root_offset[0], size) &&
	       pg_is_behind_self(pg_params.root_offset[1], size) && pg_params.segment_count > 0;
}

bool pg_find_all(uint64_t dtb)
{
	struct pg_range region = { 0, 0 };
	struct pg_fdt tree;
	bool found;

	if (!params_are_sane())
		return false;
	found = open_tree(dtb, &tree);
	if (found)
		region = find_region(&tree);
	pg_params.dtb = dtb;
	pg_params.kernel_entry += base_of_all();
	pg_params.parity_base += base_of_all();
	for (uint32_t i = 0; i < pg_params.segment_count; i++)
		pg_params.segments[i].base += base_of_all();
	if (pg_params.initrd_size)
		pg_params.segments[pg_params.segment_count - 1].base =
			found ? find_initrd(&tree, region) : PG_NOWHERE;
	build_tables(region);
	if (found)
		make_record(&tree, dtb, region);
	/* What was fetched meanwhile is older. */
	pg_clean(&pg_params, sizeof(pg_params));
	return true;
}

/* The record is in a tree that the kernel's loader made. */
void pg_clean_found(void)
{
	if (pg_params.record)
		pg_clean((const void *)pg_params.record, sizeof(struct purgatory_record));
}
