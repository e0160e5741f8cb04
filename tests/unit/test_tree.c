/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tests the device tree parser of a sealed Image (purgatory/core/fdt.c) beside libfdt. It runs
 * after the panic on a tree that no check covers. A wrong program reads outside a damaged tree,
 * or destroys a good one when it adds the record.
 */
#include <endian.h>
#include <libfdt.h>

#include "../../purgatory/core/fdt.h"
#include "../../purgatory/abi.h"
#include "support.h"

#define ROOM	65536	/* bytes of each buffer */
#define RECORD	"crashres,record"

/*
 * Returns a packed tree, as the kernel's loader leaves it, in a buffer of ROOM bytes. @cells:
 * address and size cells of the root. @chosen: name of the node. The caller frees the tree.
 */
static uint8_t *make_tree(uint32_t cells, const char *chosen, bool with_initrd)
{
	uint8_t *tree = aligned_alloc(8, ROOM);
	int node;

	assert_non_null(tree);
	memset(tree, 0, ROOM);
	assert_int_equal(fdt_create_empty_tree(tree, ROOM), 0);
	assert_int_equal(fdt_add_mem_rsv(tree, 0x1000, 0x2000), 0);
	assert_int_equal(fdt_setprop_u32(tree, 0, "#address-cells", cells), 0);
	assert_int_equal(fdt_setprop_u32(tree, 0, "#size-cells", cells), 0);
	assert_true(fdt_add_subnode(tree, 0, "cpus") > 0);
	node = fdt_add_subnode(tree, 0, chosen);
	assert_true(node > 0);
	assert_true(fdt_add_subnode(tree, node, "below") > 0);
	assert_int_equal(fdt_setprop_string(tree, node, "bootargs", "console=ttyAMA0"), 0);
	if (with_initrd) {
		assert_int_equal(fdt_setprop_u64(tree, node, "linux,initrd-start", 0x150000000), 0);
		assert_int_equal(fdt_setprop_u64(tree, node, "linux,initrd-end", 0x150123456), 0);
	}
	assert_int_equal(fdt_setprop_u64(tree, node, "linux,usable-memory-range", 0x4000000020000000),
			 0);
	assert_int_equal(fdt_pack(tree), 0);
	return tree;
}

static struct pg_fdt open_tree(uint8_t *data)
{
	struct pg_fdt tree;

	assert_true(pg_fdt_open(data, &tree));
	assert_int_equal(tree.size, fdt_totalsize(data));
	return tree;
}

static void test_initrd_and_ranges_of_chosen_are_read(void **state)
{
	static const char *const names[] = { "chosen", "chosen@0" };

	for (size_t i = 0; i < COUNT(names); i++) {
		uint8_t *data = make_tree(1, names[i], true);
		struct pg_fdt tree = open_tree(data);
		struct pg_range range;

		assert_true(pg_fdt_initrd(&tree, &range));
		assert_range(range, 0x150000000, 0x123456);
		assert_true(pg_fdt_chosen_range(&tree, "linux,usable-memory-range", &range));
		assert_range(range, 0x40000000, 0x20000000);
		assert_false(pg_fdt_chosen_range(&tree, "linux,elfcorehdr", &range));
		assert_false(pg_fdt_chosen_range(&tree, "linux,usable-memory-rang", &range));
		free(data);
	}
}

static void test_missing_or_short_properties_are_not_found(void **state)
{
	uint8_t *data = make_tree(1, "chosen", false);
	struct pg_fdt tree = open_tree(data);
	struct pg_range range;

	assert_false(pg_fdt_initrd(&tree, &range));
	free(data);
	/* The cells of the root demand more bytes than the property has. */
	data = make_tree(2, "chosen", true);
	tree = open_tree(data);
	assert_false(pg_fdt_chosen_range(&tree, "linux,usable-memory-range", &range));
	free(data);
	data = make_tree(1, "choosen", true);
	tree = open_tree(data);
	assert_false(pg_fdt_initrd(&tree, &range));
	assert_int_equal(pg_fdt_add_record(&tree, ROOM), 0);
	free(data);
}

/* Linux and libfdt use the first of several properties with one name. */
static void test_first_of_two_cell_counts_is_used(void **state)
{
	uint8_t *data = make_tree(1, "chosen", true);
	struct pg_range range;
	struct pg_fdt tree;
	uint32_t strings;

	assert_int_equal(fdt_open_into(data, data, ROOM), 0);
	/* libfdt inserts a new property in front of the others. */
	assert_int_equal(fdt_setprop_u32(data, 0, "?address-cells", 2), 0);
	strings = fdt_off_dt_strings(data);
	*(uint8_t *)memchr(data + strings, '?', fdt_size_dt_strings(data)) = '#';
	assert_int_equal(fdt_address_cells(data, 0), 2);
	tree = open_tree(data);
	/* The value holds two cells, but three are needed. */
	assert_false(pg_fdt_chosen_range(&tree, "linux,usable-memory-range", &range));
	free(data);
}

/*
 * Asserts with libfdt that @after holds all nodes and properties of @before, and an empty
 * record at address @record.
 */
static void assert_grown(const uint8_t *before, const uint8_t *after, uint64_t record)
{
	int old = fdt_path_offset(before, "/chosen"), new = fdt_path_offset(after, "/chosen"), length;
	struct purgatory_record expected = {
		.magic = PURGATORY_RECORD_MAGIC,
		.version = PURGATORY_RECORD_VERSION,
		.size = sizeof(expected),
	};
	const void *value = fdt_getprop(after, new, RECORD, &length);
	uint64_t base, size;
	int property;

	assert_int_equal(fdt_check_full(after, ROOM), 0);
	assert_int_equal(length, sizeof(expected));
	assert_memory_equal(value, &expected, sizeof(expected));
	assert_ptr_equal(value, (void *)(uintptr_t)record);
	assert_int_equal(fdt_num_mem_rsv(after), 1);
	assert_int_equal(fdt_get_mem_rsv(after, 0, &base, &size), 0);
	assert_int_equal(base, 0x1000);
	fdt_for_each_property_offset(property, before, old) {
		const char *name;
		const void *was = fdt_getprop_by_offset(before, property, &name, &length);
		int now_length;
		const void *now = fdt_getprop(after, new, name, &now_length);

		assert_int_equal(length, now_length);
		assert_memory_equal(was, now, (size_t)length);
	}
	assert_true(fdt_path_offset(after, "/chosen/below") > 0);
	assert_true(fdt_path_offset(after, "/cpus") > 0);
	assert_int_equal(fdt_address_cells(after, 0), 1);
}

static void test_record_is_added_or_emptied(void **state)
{
	uint8_t *data = make_tree(1, "chosen", true), *before = unit_alloc(ROOM);
	struct pg_fdt tree = open_tree(data);
	uint64_t record;

	memcpy(before, data, ROOM);
	record = pg_fdt_add_record(&tree, ROOM);
	assert_int_equal(record % 4, 0);
	assert_grown(before, data, record);
	assert_int_equal(tree.size, fdt_totalsize(data));
	/* A second call empties the existing record. */
	memset((void *)(uintptr_t)record, 0xff, sizeof(struct purgatory_record));
	memcpy(before, data, ROOM);
	tree = open_tree(data);
	assert_int_equal(pg_fdt_add_record(&tree, 0), record);
	assert_int_equal(fdt_totalsize(data), fdt_totalsize(before));
	assert_int_equal(((struct purgatory_record *)(uintptr_t)record)->outcome, 0);
	free(before);
	free(data);
}

static void test_record_needs_its_exact_room(void **state)
{
	uint8_t *data = make_tree(1, "chosen", true), *before = unit_alloc(ROOM);
	struct pg_fdt tree = open_tree(data);
	uint64_t needed = fdt_off_dt_strings(data) + fdt_size_dt_strings(data) + 12 +
			  sizeof(struct purgatory_record) + sizeof(RECORD);

	memcpy(before, data, ROOM);
	assert_int_equal(pg_fdt_add_record(&tree, needed - 1), 0);
	assert_memory_equal(data, before, ROOM);
	assert_true(pg_fdt_add_record(&tree, needed));
	assert_int_equal(fdt_totalsize(data), needed);
	for (size_t i = needed; i < ROOM; i++)
		assert_int_equal(data[i], 0);
	free(before);
	free(data);
}

/* Asserts that no record is added to the tree, and that every byte stays. Frees @data. */
static void check_not_grown(uint8_t *data)
{
	uint8_t *before = unit_alloc(ROOM);
	struct pg_fdt tree;

	memcpy(before, data, ROOM);
	tree = open_tree(data);
	assert_int_equal(pg_fdt_add_record(&tree, ROOM), 0);
	assert_memory_equal(data, before, ROOM);
	free(before);
	free(data);
}

/* The strings block comes before the structure block. No kernel writes such a tree. */
static void test_tree_with_strings_first_is_not_grown(void **state)
{
	uint8_t *data = make_tree(1, "chosen", true);

	fdt_set_off_dt_strings(data, 64);
	check_not_grown(data);
}

/* The node name ends with the structure block, so the next token would lie after the block. */
static void test_node_name_without_nul_is_refused(void **state)
{
	/*
	 * A header of 40 bytes (magic, total size, offsets ...), then FDT_BEGIN_NODE with an
	 * empty name, FDT_BEGIN_NODE with the name "chosen@x" and no NUL.
	 */
	static const uint32_t words[] = {
		0xd00dfeed, 4096, 40, 60, 0, 17, 16, 0, 0, 20,
		1, 0, 1, 0x63686f73, 0x656e4078,	/* "chosen@x" */
	};
	uint32_t *data = aligned_alloc(8, 4096);
	struct pg_fdt tree;
	struct pg_range range;

	assert_non_null(data);
	memset(data, 0, 4096);
	for (size_t i = 0; i < COUNT(words); i++)
		data[i] = htobe32(words[i]);
	assert_true(pg_fdt_open(data, &tree));
	assert_false(pg_fdt_initrd(&tree, &range));
	assert_int_equal(pg_fdt_add_record(&tree, 2 << 20), 0);
	free(data);
}

/* The reservation block lies after /chosen, and a larger /chosen would overwrite it. */
static void test_tree_with_reservations_last_is_not_grown(void **state)
{
	uint8_t *data = make_tree(1, "chosen", true);

	fdt_set_off_mem_rsvmap(data, (fdt_totalsize(data) + 7) / 8 * 8);
	fdt_set_totalsize(data, fdt_totalsize(data) + 64);
	check_not_grown(data);
}

static void test_damaged_headers_are_refused(void **state)
{
	/* Columns: byte offset in the header (fdt.h), wrong value. */
	static const struct {
		size_t offset;
		uint32_t value;
	} damages[] = {
		{ 0, 0xd00dfeee }, { 4, (2U << 20) + 4 }, { 4, 39 }, { 8, 2 }, { 8, ROOM },
		{ 8, 0xfffffffc }, { 12, ROOM }, { 12, 0xffffffff }, { 20, 16 }, { 24, 18 },
		{ 32, ROOM }, { 36, ROOM }, { 36, 2 },
	};
	struct pg_fdt tree;

	for (size_t i = 0; i < COUNT(damages); i++) {
		uint8_t *data = make_tree(1, "chosen", true);

		*(fdt32_t *)(data + damages[i].offset) = cpu_to_fdt32(damages[i].value);
		if (pg_fdt_open(data, &tree))
			fail_msg("case %zu", i);
		free(data);
	}
}

/*
 * Damages the tree at random. The parser must end, and the sanitizers see a read outside the
 * tree. tests/fuzz/fuzz_fdt.c compares the answers with libfdt.
 */
static void test_damaged_tree_is_not_read_outside_its_bounds(void **state)
{
	uint8_t *good = make_tree(1, "chosen", true);
	uint32_t size = fdt_totalsize(good), seed = 1;

	for (int n = 0; n < 20000; n++) {
		uint8_t *data = aligned_alloc(8, (size + 7) / 8 * 8);
		struct pg_range range;
		struct pg_fdt tree;

		assert_non_null(data);
		memcpy(data, good, size);
		for (uint32_t i = 0; i <= unit_random(&seed) % 3; i++)
			data[unit_random(&seed) % size] = (uint8_t)unit_random(&seed);
		if (pg_fdt_open(data, &tree) && tree.size <= size) {
			pg_fdt_initrd(&tree, &range);
			pg_fdt_chosen_range(&tree, "linux,usable-memory-range", &range);
			/*
			 * There is no room for a record, because the buffer has the size of the
			 * tree.
			 */
			assert_int_equal(pg_fdt_add_record(&tree, size), 0);
		}
		free(data);
	}
	free(good);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_initrd_and_ranges_of_chosen_are_read),
		cmocka_unit_test(test_missing_or_short_properties_are_not_found),
		cmocka_unit_test(test_first_of_two_cell_counts_is_used),
		cmocka_unit_test(test_record_is_added_or_emptied),
		cmocka_unit_test(test_record_needs_its_exact_room),
		cmocka_unit_test(test_tree_with_strings_first_is_not_grown),
		cmocka_unit_test(test_node_name_without_nul_is_refused),
		cmocka_unit_test(test_tree_with_reservations_last_is_not_grown),
		cmocka_unit_test(test_damaged_headers_are_refused),
		cmocka_unit_test(test_damaged_tree_is_not_read_outside_its_bounds),
	};

	return cmocka_run_group_tests_name("tree", tests, NULL, NULL);
}
