/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzz target: the device tree parser of a sealed Image (purgatory/core/fdt.c).
 *
 * If libfdt accepts a tree, the parser must give the same answers as libfdt. For any other tree
 * there is no correct answer, but no access may leave the tree. The tree fills a heap block of
 * the exact size, so a sanitizer sees every access after its end.
 */
#include <libfdt.h>

#include "../../purgatory/abi.h"
#include "../../purgatory/core/fdt.h"
#include "../unit/support.h"
#include "fuzz.h"

#define HEADER_SIZE	40		/* bytes; header of version 17 */
#define TREE_MAX	(2U << 20)	/* bytes; fdt.c refuses larger trees */
#define RECORD_SIZE	sizeof(struct purgatory_record)

/* Stops the program if a property does not hold. */
static void require(bool condition)
{
	if (!condition)
		abort();
}

/* Returns the total size in bytes that the header claims; 0 if the field is missing. */
static uint32_t read_total_size(const uint8_t *data, size_t size)
{
	return size < 8 ? 0 : fdt32_ld((const fdt32_t *)(data + 4));
}

/* Returns a copy of @data in a heap block of @room bytes; the rest is zero. */
static uint8_t *copy_tree(const uint8_t *data, size_t size, size_t room)
{
	uint8_t *copy = calloc(1, room);

	require(copy != NULL);
	memcpy(copy, data, size < room ? size : room);
	return copy;
}

/*
 * The functions below follow Linux (drivers/of/fdt.c): a root node without cell counts has 1
 * and 1; an initrd address has one or two cells, independent of the root node.
 */
static uint32_t root_cells(const void *tree, const char *name)
{
	int size;
	const fdt32_t *cells = fdt_getprop(tree, 0, name, &size);

	return cells && size == 4 ? fdt32_ld(cells) : 1;
}

/* Returns the big-endian number in one or two cells of 32 bits. */
static uint64_t number(const uint8_t *value, uint32_t cells)
{
	return cells == 2 ? fdt64_ld((const fdt64_t *)value) : fdt32_ld((const fdt32_t *)value);
}

/* Reads a number of 4 or 8 bytes from /chosen. False: missing, or of another size. */
static bool chosen_number(const void *tree, int chosen, const char *name, uint64_t *value)
{
	int size;
	const uint8_t *bytes = fdt_getprop(tree, chosen, name, &size);

	if (!bytes || (size != 4 && size != 8))
		return false;
	*value = number(bytes, (uint32_t)size / 4);
	return true;
}

/* Whether the range has bytes and does not wrap. */
static bool is_range(uint64_t base, uint64_t size)
{
	return size && base <= UINT64_MAX - size;
}

/* Asserts that the parser finds the same initrd as libfdt. */
static void check_initrd(const void *data, int chosen, const struct pg_fdt *tree)
{
	uint64_t start, end;
	bool right = chosen_number(data, chosen, "linux,initrd-start", &start) &&
		     chosen_number(data, chosen, "linux,initrd-end", &end) && end > start &&
		     is_range(start, end - start);
	struct pg_range found;

	require(pg_fdt_initrd(tree, &found) == right);
	require(!right || (found.base == start && found.size == end - start));
}

/* Asserts that the parser finds the same address and size in property @name as libfdt. */
static void check_range(const void *data, int chosen, const struct pg_fdt *tree, const char *name)
{
	uint32_t address = root_cells(data, "#address-cells"), cells = root_cells(data, "#size-cells");
	struct pg_range found;
	int size;
	const uint8_t *value = fdt_getprop(data, chosen, name, &size);
	bool right = value && address >= 1 && address <= 2 && cells >= 1 && cells <= 2 &&
		     (uint32_t)size >= 4 * (address + cells) &&
		     is_range(number(value, address), number(value + 4 * address, cells));

	require(pg_fdt_chosen_range(tree, name, &found) == right);
	require(!right || (found.base == number(value, address) &&
			   found.size == number(value + 4 * address, cells)));
}

/* Tries a tree that libfdt refuses: a range that the parser finds must not wrap. */
static void check_damaged(const struct pg_fdt *tree)
{
	struct pg_range found;

	require(!pg_fdt_initrd(tree, &found) || is_range(found.base, found.size));
	require(!pg_fdt_chosen_range(tree, "linux,elfcorehdr", &found) ||
		is_range(found.base, found.size));
}

/* A property as libfdt lists it. */
struct property {
	const void *tree;
	int offset;		/* below 0: there is no further property */
	const char *name;
	const void *value;
	int size;
};

static void read_property(struct property *property)
{
	if (property->offset >= 0)
		property->value = fdt_getprop_by_offset(property->tree, property->offset,
							&property->name, &property->size);
}

static void next_property(struct property *property)
{
	property->offset = fdt_next_property_offset(property->tree, property->offset);
	read_property(property);
}

static struct property first_property(const void *tree, int node)
{
	struct property first = { .tree = tree, .offset = fdt_first_property_offset(tree, node) };

	read_property(&first);
	return first;
}

static bool is_record(const struct property *property)
{
	return property->offset >= 0 && property->size == (int)RECORD_SIZE &&
	       !strcmp(property->name, PURGATORY_RECORD_PROPERTY);
}

/*
 * Asserts that two nodes have the same properties in the same order, except for the record at
 * address @record, which is new or was emptied.
 */
static void same_properties(struct property old, struct property new, uint64_t record)
{
	for (;; next_property(&old), next_property(&new)) {
		bool in_record = new.offset >= 0 && (uintptr_t)new.value == record;

		if (in_record && !is_record(&old))
			next_property(&new);
		if (old.offset < 0)
			break;
		require(new.offset >= 0 && !strcmp(old.name, new.name) && old.size == new.size);
		require((in_record && is_record(&old)) ||
			!memcmp(old.value, new.value, (size_t)old.size));
	}
	require(new.offset < 0);
}

/* Returns the offset of the next node, or -1 after the last one. */
static int next_node(const void *tree, int node, int *depth)
{
	node = fdt_next_node(tree, node, depth);
	return *depth < 0 ? -1 : node;
}

/* Asserts that libfdt finds each node and property of @before in @after, in the same order. */
static void same_nodes(const void *before, const void *after, uint64_t record)
{
	int a = 0, b = 0, old_depth = 0, new_depth = 0;

	while (a >= 0 && b >= 0) {
		require(old_depth == new_depth);
		require(!strcmp(fdt_get_name(before, a, NULL), fdt_get_name(after, b, NULL)));
		same_properties(first_property(before, a), first_property(after, b), record);
		a = next_node(before, a, &old_depth);
		b = next_node(after, b, &new_depth);
	}
	require(a < 0 && b < 0);
}

/*
 * Asserts that the grown tree is valid, has the record at address @record, and kept everything
 * else.
 */
static void check_grown(const uint8_t *before, const uint8_t *after, size_t room, uint64_t record)
{
	const uint8_t *value;
	int size;

	require(fdt_check_full(after, room) == 0);
	value = fdt_getprop(after, fdt_subnode_offset(after, 0, "chosen"), PURGATORY_RECORD_PROPERTY,
			    &size);
	require((uintptr_t)value == record && size == (int)RECORD_SIZE);
	same_nodes(before, after, record);
}

/*
 * Adds a record to a tree in a block of @room bytes. If libfdt accepts the tree (@accepted), it
 * also checks the grown tree.
 */
static void try_record(const uint8_t *data, size_t size, size_t room, bool accepted)
{
	uint8_t *before = copy_tree(data, size, room), *grown = copy_tree(data, size, room);
	struct pg_fdt tree;
	uint64_t record;

	require(pg_fdt_open(grown, &tree));
	record = pg_fdt_add_record(&tree, room);
	if (!record)
		require(!memcmp(before, grown, room));
	else
		require(record % 4 == 0 && record >= (uintptr_t)grown &&
			record - (uintptr_t)grown <= room - RECORD_SIZE);
	if (record && accepted)
		check_grown(before, grown, room, record);
	free(before);
	free(grown);
}

/*
 * fdt.c demands more than libfdt in two places: version 17, and a structure block of whole
 * words. The version is compared first, because libfdt 1.6.1 crashes on some older trees.
 */
static bool libfdt_accepts(const uint8_t *tree, uint32_t size)
{
	return fdt_version(tree) >= 17 && fdt_size_dt_struct(tree) % 4 == 0 &&
	       fdt_check_full(tree, size) == 0;
}

/* Tries a tree that the parser accepts. The block @data has the size in the header. */
static void check_opened(const uint8_t *data, const struct pg_fdt *tree)
{
	bool accepted = libfdt_accepts(data, tree->size);
	int chosen = accepted ? fdt_subnode_offset(data, 0, "chosen") : -1;

	if (chosen >= 0) {
		check_initrd(data, chosen, tree);
		check_range(data, chosen, tree, "linux,usable-memory-range");
		check_range(data, chosen, tree, "linux,elfcorehdr");
	} else if (accepted) {
		require(!pg_fdt_initrd(tree, &(struct pg_range){ 0, 0 }));
	} else {
		check_damaged(tree);
	}
	/* No room, room for a record only, and enough room for record, header and name. */
	for (uint32_t more = 0; more <= 2 * RECORD_SIZE; more += RECORD_SIZE)
		try_record(data, tree->size, tree->size + more, accepted);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t total_size = read_total_size(data, size);
	bool possible = total_size >= HEADER_SIZE && total_size <= TREE_MAX;
	/* If the total size is impossible, pg_fdt_open() reads the header only. */
	uint8_t *copy = copy_tree(data, size, possible ? total_size : HEADER_SIZE);
	struct pg_fdt tree;

	if (pg_fdt_open(copy, &tree))
		check_opened(copy, &tree);
	else
		require(!possible || !libfdt_accepts(copy, total_size));
	free(copy);
	return 0;
}

/* Stops the program if a call of libfdt fails while a valid tree is made. */
static void must_succeed(int status)
{
	require(status == 0);
}

/* Writes a range of 512 MiB at 1 GiB in @cells cells for each number (0 counts as 1). */
static void set_range(uint8_t *tree, int node, const char *name, uint32_t cells)
{
	must_succeed(fdt_setprop_empty(tree, node, name));
	for (uint32_t i = 0; i < 2; i++) {
		if (cells == 2)
			must_succeed(fdt_appendprop_u32(tree, node, name, 0));
		must_succeed(fdt_appendprop_u32(tree, node, name, 0x40000000 >> i));
	}
}

/*
 * Returns a valid tree. @cells: address and size cells of the root node; 0: no such properties.
 */
static uint8_t *make_tree(const char *chosen, uint32_t cells, size_t *size)
{
	uint8_t *tree = unit_alloc(4096);
	int node;

	must_succeed(fdt_create_empty_tree(tree, 4096));
	if (cells) {
		must_succeed(fdt_setprop_u32(tree, 0, "#address-cells", cells));
		must_succeed(fdt_setprop_u32(tree, 0, "#size-cells", cells));
	}
	require(fdt_add_subnode(tree, 0, "cpus") > 0);
	node = fdt_add_subnode(tree, 0, chosen);
	require(fdt_add_subnode(tree, node, "chosen") > 0);
	set_range(tree, node, "linux,usable-memory-range", cells);
	set_range(tree, node, "linux,elfcorehdr", cells);
	must_succeed(fdt_setprop_u64(tree, node, "linux,initrd-end", 0x140123456));
	must_succeed(fdt_setprop_u64(tree, node, "linux,initrd-start", 0x140000000));
	must_succeed(fdt_setprop_string(tree, node, "bootargs", "quiet"));
	must_succeed(fdt_pack(tree));
	*size = fdt_totalsize(tree);
	return tree;
}

/* Returns @tree with a record of an earlier kernel of @record_size bytes, and frees @tree. */
static uint8_t *with_record(uint8_t *tree, uint32_t record_size, size_t *size)
{
	uint8_t *larger = unit_alloc(8192), *record;
	int node;

	must_succeed(fdt_open_into(tree, larger, 8192));
	free(tree);
	node = fdt_subnode_offset(larger, 0, "chosen");
	must_succeed(fdt_setprop_placeholder(larger, node, PURGATORY_RECORD_PROPERTY,
					     (int)record_size, (void **)&record));
	unit_fill(record, record_size, 7);
	must_succeed(fdt_nop_property(larger, fdt_subnode_offset(larger, 0, "chosen"), "bootargs"));
	must_succeed(fdt_pack(larger));
	*size = fdt_totalsize(larger);
	return larger;
}

uint8_t *fuzz_seed(unsigned int index, size_t *size)
{
	switch (index) {
	case 0:
		return make_tree("chosen", 2, size);
	case 1:
		return make_tree("chosen", 1, size);
	case 2:
		return make_tree("chosen@0", 0, size);
	case 3:
		return make_tree("choosen", 2, size);
	case 4:
		return with_record(make_tree("chosen", 2, size), RECORD_SIZE, size);
	case 5:
		return with_record(make_tree("chosen", 1, size), 4, size);
	default:
		return NULL;
	}
}

/* Writes the magic, the real size, and valid offsets of the blocks. */
void fuzz_repair(uint8_t *data, size_t size)
{
	static const uint32_t header[] = { 0xd00dfeed, 0, 56, 0, 40, 17, 16 };

	for (size_t word = 0; word < COUNT(header) && 4 * word + 4 <= size; word++)
		if (header[word])
			fdt32_st(data + 4 * word, header[word]);
	if (size >= 8)
		fdt32_st(data + 4, (uint32_t)size);
}
