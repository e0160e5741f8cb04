/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sealed.c: finds the segments after kexec_file_load of a sealed Image.
 *
 * The kernel's loader chooses the addresses of the Image, of the initrd and of the
 * device tree, and puts the address of the tree into x0. The real kernel, the digests
 * and the parity lie at fixed offsets inside the Image. The address of the initrd is in
 * the device tree.
 *
 *   sealed Image:  header page | P: purgatory, params, digests, ... | parity | kernel
 *
 * No digest covers the device tree, so every address in it is hostile. The tree and the
 * initrd must not overlap the Image, and tree, initrd and elfcorehdr must not overlap
 * each other. A tree or an initrd that breaks this rule is ignored: the blocks of the
 * initrd then count as damaged.
 *
 * The MMU is off in this file. Stores go to memory and not to the caches, so each place
 * is cleaned before it is read or written, and again after it is written.
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

/* Bytes that are cleaned before the header of the tree (40 bytes) is read. */
#define TREE_HEADER	64

static const struct pg_range no_range;

/*
 * Whether a repair may store to the initrd, whose address comes from the device tree:
 *   DISTRUSTED     no: outside of a crash region, other data can lie at that address
 *   TO_BE_CHECKED  inside the crash region; pg_may_store() decides after the check
 *   TRUSTED        at least one block has the right digest, so this is the sealed initrd
 */
static enum { DISTRUSTED, TO_BE_CHECKED, TRUSTED } initrd_trust;

static uint64_t purgatory_base(void)
{
	return (uintptr_t)&pg_header;
}

/* Returns the range from the header page to the end of the kernel, which is segment 0. */
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

/*
 * Cleans the header, then the whole tree, whose size is in the header. Cleaning writes dirty
 * lines to memory, which can change the header. So the header is read again.
 */
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

/* Without elfcorehdr the capture kernel cannot make a dump, so nothing must overwrite it. */
static bool overlaps_elfcorehdr(const struct pg_fdt *tree, struct pg_range range)
{
	struct pg_range core;

	return pg_fdt_chosen_range(tree, "linux,elfcorehdr", &core) && pg_do_overlap(range, core);
}

/*
 * Cleans and opens the device tree at @dtb. booting.rst demands alignment to 8 bytes.
 * @dtb can point to no memory at all: the access then aborts. Returns false if there is no
 * valid tree at @dtb, or if the tree overlaps the Image or elfcorehdr.
 */
static bool open_tree(uint64_t dtb, struct pg_fdt *tree)
{
	struct opening opening = { .data = (void *)dtb, .tree = tree };

	return dtb && dtb % sizeof(uint64_t) == 0 && is_outside_image(dtb, TREE_HEADER) &&
	       pg_access(clean_and_open, &opening) && opening.done &&
	       is_outside_image(dtb, tree->size) && !overlaps_elfcorehdr(tree, tree_range(tree));
}

/*
 * Returns the crash region: the first range of linux,usable-memory-range (the kernel's
 * crashk_res), if purgatory lies inside it. Returns size 0 if the tree has no such range,
 * as in a normal kexec.
 */
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
 * Returns the base of the initrd. Returns PG_NOWHERE if the tree names no initrd, an initrd
 * of another size than the sealed one, or a place that is not allowed: then all its
 * blocks count as damaged. The check hashes whole blocks, so the tree must not start in
 * the last block of the initrd either.
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

/*
 * Returns the address that a growing tree must not reach: the next used range after the
 * tree, or the end of the region, at most PG_FDT_SIZE_MAX after the start of the tree.
 */
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

/*
 * Adds the record to the tree and sets params.record. Outside of a crash region there is
 * no record, because the memory after the tree can be in use.
 */
static void add_record(struct pg_fdt *tree, struct pg_range region)
{
	uint64_t room;

	if (!region.size || !pg_is_inside(tree_range(tree), region))
		return;
	room = find_room_end(tree, region) - (uintptr_t)tree->data;
	if (!pg_clean(tree->data, room))
		return;
	pg_params.record = pg_fdt_add_record(tree, room);
	/* The stores went past the caches, and speculation can have read old lines meanwhile. */
	pg_clean(tree->data, room);
}

/*
 * Switches the console off if its UART overlaps a used range of RAM. The Image can have
 * been sealed on another board, where the UART has another address.
 */
static void silence_overlapping_uart(const struct pg_used *used)
{
	for (size_t i = 0; i < used->count; i++)
		if (used->maps[i].mapping == PG_MAP_DEVICE &&
		    pg_used_overlaps(used, (struct pg_range){ used->maps[i].base, used->maps[i].size }))
			pg_params.uart_type = PURGATORY_UART_NONE;
}

/*
 * Builds the page tables for this exception level. If that is not possible, sets
 * root_offset to 0, and the check runs with the MMU off. The library makes roots_size
 * large enough for every place that the loader can choose.
 */
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
	/* The stores went past the caches, and speculation can have read old lines meanwhile. */
	if (!pg_clean(tables, pg_params.roots_size))
		pg_params.root_offset[regime] = 0;
}

/* Like params_are_sane() in self.c, for the params that only a sealed Image has. */
static bool params_are_sane(void)
{
	uint64_t size = pg_params.roots_size;

	return size % PG_TABLE_SIZE == 0 &&
	       pg_is_outside_self_digest(pg_params.root_offset[0], size) &&
	       pg_is_outside_self_digest(pg_params.root_offset[1], size) &&
	       pg_params.segment_count > (pg_params.initrd_size ? 1 : 0);
}

/* Turns offsets from P into physical addresses. The initrd has no address yet. */
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
	/* The stores to pg_params went past the caches too. */
	return pg_clean(&pg_params, sizeof(pg_params)) && disjoint;
}

static bool has_intact_block(const struct purgatory_segment *segment)
{
	for (uint64_t i = 0; i < segment->size / PURGATORY_BLOCK_SIZE; i++)
		if (!pg_was_damaged(segment->first_block + i))
			return true;
	return false;
}

/*
 * The initrd is the last segment, so its blocks are the last ones. If not one of its
 * blocks has the right digest, the tree names a place that holds something else.
 */
bool pg_may_store(uint64_t block)
{
	const struct purgatory_segment *last = &pg_params.segments[pg_params.segment_count - 1];

	if (!pg_params.initrd_size || block < last->first_block)
		return true;
	/* The repair calls this for each block. Look for an intact block only once. */
	if (initrd_trust == TO_BE_CHECKED)
		initrd_trust = has_intact_block(last) ? TRUSTED : DISTRUSTED;
	return initrd_trust == TRUSTED;
}
