/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sealed.c: purgatory at the head of a sealed Image.
 *
 * Whoever loads the Image chooses its place, and those of an initrd and a device
 * tree. What is inside the Image is found from its start, all else from the
 * device tree. No digest covers the tree: its addresses are hostile. Nothing in it
 * may name memory of the Image; initrd, tree and the dump's core header share no
 * byte.
 *
 * The MMU is off, and the caches are cleaned for a place before it is read or
 * written here.
 */
#include <stddef.h>

#include "arm64/mmu.h"
#include "shared/params.h"
#include "access.h"
#include "blocks.h"
#include "fdt.h"
#include "find.h"
#include "image.h"
#include "self.h"
#include "used.h"

#define TREE_HEADER	64

static const struct pg_range no_range;

/*
 * Whether blocks may be stored to where the tree says that the initrd is. Outside a
 * crash region they may not. In one the check tells.
 */
static enum { DISTRUSTED, TO_BE_CHECKED, TRUSTED } initrd_trust;

static uint64_t purgatory_base(void)
{
	return (uintptr_t)&pg_header;
}

/* From the header page to the end of the kernel, the first segment. */
static struct pg_range image_range(void)
{
	const struct purgatory_segment *kernel = &pg_params.segments[0];
	uint64_t first = purgatory_base() - PURGATORY_SEALED_HEADER;

	return (struct pg_range){ first, kernel->base + kernel->size - first };
}

struct opening {
	void *data;
	struct pg_fdt *tree;
	bool done;			/* out */
};

/* The size field lies inside the data. Cleaning can change it, so it is read again afterwards. */
static void clean_and_open(void *arg)
{
	struct opening *opening = arg;

	opening->done = false;
	pg_clean(opening->data, TREE_HEADER);
	if (!pg_fdt_open(opening->data, opening->tree))
		return;
	pg_clean(opening->data, opening->tree->size);
	opening->done = pg_fdt_open(opening->data, opening->tree);
}

static bool is_outside_image(uint64_t base, uint64_t size)
{
	return base < PG_ADDRESS_LIMIT && size <= PG_ADDRESS_LIMIT - base &&
	       !pg_do_overlap((struct pg_range){ base, size }, image_range());
}

static struct pg_range tree_range(const struct pg_fdt *tree)
{
	return (struct pg_range){ (uintptr_t)tree->data, tree->size };
}

/* Without the core header there is no dump. */
static bool overlaps_elfcorehdr(const struct pg_fdt *tree, struct pg_range range)
{
	struct pg_range core;

	return pg_fdt_chosen_range(tree, "linux,elfcorehdr", &core) && pg_do_overlap(range, core);
}

/* Where there is no memory there is no tree. */
static bool open_tree(uint64_t dtb, struct pg_fdt *tree)
{
	struct opening opening = { .data = (void *)dtb, .tree = tree };

	return dtb && dtb % sizeof(uint64_t) == 0 && is_outside_image(dtb, TREE_HEADER) &&
	       pg_access(clean_and_open, &opening) && opening.done &&
	       is_outside_image(dtb, tree->size) && !overlaps_elfcorehdr(tree, tree_range(tree));
}

/* The crash region that this was loaded into; size 0 where it was not, or it cannot be told. */
static struct pg_range find_crash_region(const struct pg_fdt *tree)
{
	const struct pg_range all = { 0, PG_ADDRESS_LIMIT };
	const struct pg_range self = { purgatory_base(), pg_params.segment_size };
	struct pg_range region;

	if (!pg_fdt_chosen_range(tree, "linux,usable-memory-range", &region) ||
	    !pg_is_inside(region, all) || !pg_is_inside(self, region))
		return no_range;
	return region;
}

/*
 * Another initrd than the one that was sealed is damage, and so is none. Whole
 * pages count: the tree must not even start in the initrd's last one.
 */
static uint64_t find_initrd(const struct pg_fdt *tree, struct pg_range region)
{
	const struct purgatory_segment *last = &pg_params.segments[pg_params.segment_count - 1];
	struct pg_range initrd;

	if (!pg_fdt_initrd(tree, &initrd) || initrd.size != pg_params.initrd_size ||
	    initrd.base % PURGATORY_BLOCK_SIZE || (region.size && !pg_is_inside(initrd, region)))
		return PG_NOWHERE;
	initrd.size = last->size;
	if (!is_outside_image(initrd.base, initrd.size) ||
	    pg_do_overlap(initrd, tree_range(tree)) || overlaps_elfcorehdr(tree, initrd))
		return PG_NOWHERE;
	return initrd.base;
}

/* Where the tree must end when it grows: at the next thing behind it, or with the region. */
static uint64_t find_room_end(const struct pg_fdt *tree, struct pg_range region)
{
	uint64_t start = (uintptr_t)tree->data, end = region.base + region.size;
	struct pg_range used[3] = { image_range() };

	if (!pg_fdt_initrd(tree, &used[1]))
		used[1].size = 0;
	if (!pg_fdt_chosen_range(tree, "linux,elfcorehdr", &used[2]))
		used[2].size = 0;
	for (unsigned int i = 0; i < 3; i++)
		if (used[i].size && used[i].base >= start + tree->size && used[i].base < end)
			end = used[i].base;
	return end - start < PG_FDT_SIZE_MAX ? end : start + PG_FDT_SIZE_MAX;
}

/* Outside a crash region nobody can say what is free: then there is no record. */
static void add_record(struct pg_fdt *tree, struct pg_range region)
{
	uint64_t room;

	if (!region.size || !pg_is_inside(tree_range(tree), region))
		return;
	room = find_room_end(tree, region) - (uintptr_t)tree->data;
	if (!pg_clean(tree->data, room))
		return;
	pg_params.record = pg_fdt_add_record(tree, room);
	/* Speculation may have read old lines while the tree was changed past the caches. */
	pg_clean(tree->data, room);
}

/*
 * The Image may have been sealed for another board, where memory lies at the
 * address of the UART.
 */
static void silence_overlapping_uart(const struct pg_used *used)
{
	for (size_t i = 0; i < used->count; i++)
		if (used->maps[i].mapping == PG_MAP_DEVICE &&
		    pg_used_overlaps(used, (struct pg_range){ used->maps[i].base, used->maps[i].size }))
			pg_params.uart_type = PURGATORY_UART_NONE;
}

/* Without tables the MMU stays off. roots_size is right for all Images that the library makes. */
static void build_page_tables(const struct pg_used *used)
{
	enum pg_regime regime = pg_mmu_regime();
	uint8_t *tables = pg_at(pg_params.root_offset[regime]);

	if (!pg_used_is_mappable(used) ||
	    pg_pagetables_count(used->maps, used->count) > pg_params.roots_size / PG_TABLE_SIZE ||
	    !pg_clean(tables, pg_params.roots_size)) {
		pg_params.root_offset[regime] = 0;
		return;
	}
	pg_pagetables_make(used->maps, used->count, regime, (uintptr_t)tables, tables);
	/* Speculation may have read old lines meanwhile. */
	if (!pg_clean(tables, pg_params.roots_size))
		pg_params.root_offset[regime] = 0;
}

/* The digest says that a library wrote this; it may still be a wrong one. */
static bool params_are_sane(void)
{
	uint64_t size = pg_params.roots_size;

	return size % PG_TABLE_SIZE == 0 &&
	       pg_is_outside_self_digest(pg_params.root_offset[0], size) &&
	       pg_is_outside_self_digest(pg_params.root_offset[1], size) &&
	       pg_params.segment_count > (pg_params.initrd_size ? 1 : 0);
}

static void make_addresses_absolute(void)
{
	pg_params.kernel_entry += purgatory_base();
	pg_params.parity_base += purgatory_base();
	for (uint32_t i = 0; i < pg_params.segment_count; i++)
		pg_params.segments[i].base += purgatory_base();
	if (pg_params.initrd_size)
		pg_params.segments[pg_params.segment_count - 1].base = PG_NOWHERE;
}

static void find_in_tree(struct pg_fdt *tree)
{
	struct pg_range region = find_crash_region(tree);

	if (region.size)
		initrd_trust = TO_BE_CHECKED;
	if (pg_params.initrd_size)
		pg_params.segments[pg_params.segment_count - 1].base = find_initrd(tree, region);
	add_record(tree, region);
}

bool pg_complete_params(uint64_t dtb)
{
	struct pg_range tree_used = no_range;
	struct pg_used used;
	struct pg_fdt tree;
	bool disjoint;

	if (!params_are_sane())
		return false;
	pg_params.dtb = dtb;
	initrd_trust = DISTRUSTED;
	make_addresses_absolute();
	if (open_tree(dtb, &tree)) {
		find_in_tree(&tree);
		tree_used = tree_range(&tree);
	}
	pg_list_used(tree_used, &used);
	silence_overlapping_uart(&used);
	disjoint = pg_set_used(tree_used);
	pg_list_used(tree_used, &used);
	build_page_tables(&used);
	/* Speculation may have read old lines meanwhile. */
	return pg_clean(&pg_params, sizeof(pg_params)) && disjoint;
}

static bool has_intact_block(const struct purgatory_segment *segment)
{
	for (uint64_t i = 0; i < segment->size / PURGATORY_BLOCK_SIZE; i++)
		if (!pg_was_damaged(segment->first_block + i))
			return true;
	return false;
}

/* What has not one right block is something else than the initrd. */
bool pg_may_store(uint64_t block)
{
	const struct purgatory_segment *last = &pg_params.segments[pg_params.segment_count - 1];

	if (!pg_params.initrd_size || block < last->first_block)
		return true;
	/* Asked for each block, looked for once. */
	if (initrd_trust == TO_BE_CHECKED)
		initrd_trust = has_intact_block(last) ? TRUSTED : DISTRUSTED;
	return initrd_trust == TRUSTED;
}
