/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tests memory nodes (plan/memory-nodes.c): a requested device tree without memory gets the
 * memory of the running machine. A wrong program boots a kernel without RAM, or with the wrong
 * RAM.
 */
#include <libfdt.h>

#include "../../libcrashres/base/fdt.h"
#include "../../libcrashres/plan/memory-nodes.h"
#include "support.h"

#define ROOM	4096

/* Describes a node of a test tree. NULL: no such property. reg_size is in bytes. */
struct node {
	const char *name, *type, *status;
	const char *reg;
	size_t reg_size;
	bool more;		/* adds NUMA, hotplug, phandle and child node */
};

struct tree {
	uint32_t address_cells, size_cells;
	bool no_chosen;
	size_t efi;		/* number of properties of efi_names in /chosen */
	struct node nodes[3];
};

/* Properties of /chosen that describe a UEFI memory map. Linux needs the first five. */
static const char *const efi_names[] = {
	"linux,uefi-system-table", "linux,uefi-mmap-start", "linux,uefi-mmap-size",
	"linux,uefi-mmap-desc-size", "linux,uefi-mmap-desc-ver", "linux,uefi-secure-boot",
};

static void put_node(void *dtb, const struct node *node)
{
	fdt_begin_node(dtb, node->name);
	if (node->type)
		fdt_property_string(dtb, "device_type", node->type);
	if (node->status)
		fdt_property_string(dtb, "status", node->status);
	if (node->reg)
		fdt_property(dtb, "reg", node->reg, (int)node->reg_size);
	if (node->more) {
		fdt_property_u32(dtb, "numa-node-id", 1);
		fdt_property(dtb, "hotpluggable", "", 0);
		fdt_property_u32(dtb, "phandle", 1);
		fdt_property_u64(dtb, "linux,usable-memory", 1);
		fdt_begin_node(dtb, "child");
		fdt_end_node(dtb);
	}
	fdt_end_node(dtb);
}

/* Returns the DTB that @tree describes, in ROOM bytes. The caller frees it. */
static uint8_t *build(const struct tree *tree)
{
	uint8_t *dtb = unit_alloc(ROOM);

	assert_int_equal(fdt_create(dtb, ROOM), 0);
	fdt_add_reservemap_entry(dtb, 0x1000, 0x2000);
	fdt_finish_reservemap(dtb);
	fdt_begin_node(dtb, "");
	fdt_property_u32(dtb, "#address-cells", tree->address_cells);
	fdt_property_u32(dtb, "#size-cells", tree->size_cells);
	for (size_t i = 0; i < COUNT(tree->nodes) && tree->nodes[i].name; i++)
		put_node(dtb, &tree->nodes[i]);
	if (!tree->no_chosen) {
		fdt_begin_node(dtb, "chosen");
		for (size_t i = 0; i < tree->efi; i++)
			fdt_property_u32(dtb, efi_names[i], (uint32_t)i);
		fdt_end_node(dtb);
	}
	fdt_end_node(dtb);
	assert_int_equal(fdt_finish(dtb), 0);
	return dtb;
}

/* Returns the children of the root as "name(property=hex ...)...". The caller frees the text. */
static char *nodes_as_text(const void *dtb)
{
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	int node, property;

	assert_non_null(out);
	fdt_for_each_subnode(node, dtb, 0) {
		const char *between = "";

		fprintf(out, "%s(", fdt_get_name(dtb, node, NULL));
		fdt_for_each_property_offset(property, dtb, node) {
			const char *name;
			int length;
			const uint8_t *value = fdt_getprop_by_offset(dtb, property, &name, &length);

			fprintf(out, "%s%s=", between, name);
			for (int i = 0; i < length; i++)
				fprintf(out, "%02x", value[i]);
			between = " ";
		}
		fprintf(out, ")");
	}
	assert_int_equal(fclose(out), 0);
	return text;
}

/* The property device_type = "memory" in this text. */
#define TYPE "device_type=6d656d6f727900"

/*
 * Returns the tree @users with the memory that is added from the machine's tree @machines (can
 * be NULL) or from @ram. The caller frees the tree.
 */
static uint8_t *add(struct unit *unit, const struct tree *users, const struct tree *machines,
		    struct crs_ranges *ram)
{
	uint8_t *tree = build(users), *machine = machines ? build(machines) : NULL, *result;
	const struct crs_memory_source source = {
		.dtb = machine, .dtb_size = machine ? fdt_totalsize(machine) : 0, .ram = ram,
	};
	size_t size;

	assert_ok(unit, crs_memory_nodes_add(unit->ctx, "my.dtb", tree, &source, &result, &size));
	assert_int_equal(fdt_check_full(result, size), 0);
	assert_int_equal(fdt_totalsize(result), size);
	assert_int_equal(fdt_num_mem_rsv(result), 1);
	free(tree);
	free(machine);
	return result;
}

/* Asserts the nodes of the result and the log, and clears the log. */
static void check(struct unit *unit, const struct tree *users, const struct tree *machines,
		  struct crs_ranges *ram, const char *wanted, const char *log)
{
	uint8_t *result = add(unit, users, machines, ram);
	char *text = nodes_as_text(result);

	assert_string_equal(text, wanted);
	assert_string_equal(unit->log, log);
	free(text);
	free(result);
	free(unit->log);
	unit->log = strdup("");
}

/* Asserts that the call fails with @status and @sentence. */
static void refuse(struct unit *unit, const struct tree *users, const struct tree *machines,
		   struct crs_ranges *ram, enum crashres_status status, const char *sentence)
{
	uint8_t *tree = build(users), *machine = machines ? build(machines) : NULL;
	const struct crs_memory_source source = {
		.dtb = machine, .dtb_size = machine ? fdt_totalsize(machine) : 0, .ram = ram,
	};
	uint8_t *result = UNTOUCHED;
	size_t size = 77;

	assert_fails(unit, crs_memory_nodes_add(unit->ctx, "my.dtb", tree, &source, &result, &size),
		     status, sentence);
	assert_ptr_equal(result, UNTOUCHED);
	assert_int_equal(size, 77);
	free(tree);
	free(machine);
}

static struct crs_ranges no_ram;

/*
 * Values of reg: LOW is 2 GiB at 1 GiB, HIGH is 4 GiB at 4 GiB. The digits are the numbers of
 * address and size cells.
 */
#define LOW_11	"\x40\0\0\0\x80\0\0\0"
#define LOW_12	"\x40\0\0\0\0\0\0\0\x80\0\0\0"
#define LOW_21	"\0\0\0\0\x40\0\0\0\x80\0\0\0"
#define LOW_22	"\0\0\0\0\x40\0\0\0\0\0\0\0\x80\0\0\0"
#define HIGH_22	"\0\0\0\1\0\0\0\0\0\0\0\1\0\0\0\0"

static const struct tree machine_22 = {
	.address_cells = 2, .size_cells = 2,
	.nodes = { { "memory@40000000", "memory", NULL, LOW_22, 16 } },
};
static const struct tree machine_high = {
	.address_cells = 2, .size_cells = 2,
	.nodes = { { "memory", "memory", NULL, LOW_22 HIGH_22, 32 } },
};
static const struct tree empty_22 = { .address_cells = 2, .size_cells = 2 };

#define LOG_MACHINES_TREE \
	"info: my.dtb describes no memory: the memory nodes of the machine's device tree are " \
	"added\n"

static void test_memory_node_is_converted_to_the_cells_of_the_tree(void **state)
{
	/*
	 * Columns: address and size cells, property reg and its bytes, the same as hexadecimal
	 * text.
	 */
	static const struct {
		uint32_t address, size;
		const char *reg;
		size_t reg_size;
		const char *hex;
	} cases[] = {
		{ 1, 1, LOW_11, 8, "4000000080000000" },
		{ 1, 2, LOW_12, 12, "400000000000000080000000" },
		{ 2, 1, LOW_21, 12, "000000004000000080000000" },
		{ 2, 2, LOW_22, 16, "00000000400000000000000080000000" },
	};

	for (size_t from = 0; from < COUNT(cases); from++)
		for (size_t to = 0; to < COUNT(cases); to++) {
			const struct tree machine = {
				.address_cells = cases[from].address, .size_cells = cases[from].size,
				.nodes = { { "memory@40000000", "memory", "okay", cases[from].reg,
					     cases[from].reg_size } },
			};
			const struct tree users = {
				.address_cells = cases[to].address, .size_cells = cases[to].size,
			};
			char wanted[128];

			snprintf(wanted, sizeof(wanted), "memory@40000000(reg=%s " TYPE ")chosen()",
				 cases[to].hex);
			check(*state, &users, &machine, &no_ram, wanted, LOG_MACHINES_TREE);
		}
}

static void test_memory_too_large_for_the_cells_is_refused(void **state)
{
	static const struct tree one = { .address_cells = 1, .size_cells = 1 };
	static const struct tree two_one = { .address_cells = 2, .size_cells = 1 };
	struct crs_ranges ram = { 0 };

	refuse(*state, &one, &machine_high, &no_ram, CRASHRES_ERR_LIMIT,
	       "my.dtb: memory@40000000: 0x100000000 + 0x100000000 does not fit the root node's "
	       "1 address and 1 size cells");
	refuse(*state, &two_one, &machine_high, &no_ram, CRASHRES_ERR_LIMIT,
	       "my.dtb: memory@40000000: 0x100000000 + 0x100000000 does not fit the root node's "
	       "2 address and 1 size cells");
	unit_add(&ram, 0xffffffff, 0xffffffff);
	check(*state, &one, NULL, &ram, "memory@ffffffff(reg=ffffffffffffffff " TYPE ")chosen()",
	      "info: my.dtb describes no memory: the RAM of /proc/iomem is added\n");
	unit_add(&ram, 1ULL << 32, 1);
	refuse(*state, &one, NULL, &ram, CRASHRES_ERR_LIMIT,
	       "my.dtb: memory@ffffffff: 0x100000000 + 0x1 does not fit the root node's "
	       "1 address and 1 size cells");
	crs_ranges_free(&ram);
}

static void test_numa_and_hotplug_properties_are_copied(void **state)
{
	static const struct tree machine = {
		.address_cells = 2, .size_cells = 2,
		.nodes = {
			{ "memory@40000000", "memory", NULL, LOW_22, 16, .more = true },
			{ "secram@e000000", "memory", "disabled", LOW_22, 16 },
			{ "memory@100000000", "memory", "ok", HIGH_22, 16 },
		},
	};

	check(*state, &empty_22, &machine, &no_ram,
	      "memory@100000000(reg=00000001000000000000000100000000 " TYPE ")"
	      "memory@40000000(hotpluggable= numa-node-id=00000001 "
	      "reg=00000000400000000000000080000000 " TYPE ")chosen()",
	      "info: my.dtb describes no memory: the memory nodes of the machine's device tree are "
	      "added\n");
}

/* Asserts that the tree stays the same, except for free space at its end. */
static void check_unchanged(struct unit *unit, const struct tree *users)
{
	static const struct tree efi_machine = {
		.address_cells = 2, .size_cells = 2, .efi = 6,
		.nodes = { { "memory@0", "memory", NULL, HIGH_22, 16 } },
	};
	const struct tree *machines[] = { &machine_high, &efi_machine, NULL };
	struct crs_ranges ram = { 0 };
	uint8_t *wanted = build(users);

	unit_add(&ram, GIB, GIB);
	assert_int_equal(fdt_pack(wanted), 0);
	for (size_t i = 0; i < COUNT(machines); i++) {
		uint8_t *result = add(unit, users, machines[i], &ram);

		assert_int_equal(fdt_totalsize(result), fdt_totalsize(wanted));
		assert_memory_equal(result, wanted, fdt_totalsize(wanted));
		free(result);
	}
	assert_string_equal(unit->log, "");
	crs_ranges_free(&ram);
	free(wanted);
}

static void test_tree_with_memory_is_unchanged(void **state)
{
	static const struct tree trees[] = {
		{ .address_cells = 2, .size_cells = 2, .nodes = {
			{ "memory@40000000", "memory", NULL, LOW_22, 16 } } },
		{ .address_cells = 1, .size_cells = 1, .no_chosen = true, .nodes = {
			{ "ram", "memory", "okay", LOW_11, 8 } } },
		/* The memory is known by the node's name alone, or is in one of several nodes. */
		{ .address_cells = 2, .size_cells = 2, .nodes = {
			{ "memory", NULL, NULL, LOW_22, 16 } } },
		{ .address_cells = 2, .size_cells = 2, .nodes = {
			{ "memory@0", "memory", NULL, NULL, 0 },
			{ "memory@40000000", "memory", NULL, LOW_22, 16 } } },
		{ .address_cells = 2, .size_cells = 2, .efi = 5 },
		{ .address_cells = 2, .size_cells = 2, .efi = 6, .nodes = {
			{ "memory@0", "memory", NULL, NULL, 0 } } },
	};

	for (size_t i = 0; i < COUNT(trees); i++)
		check_unchanged(*state, &trees[i]);
}

/* The DTBs of a kernel package have empty memory nodes that a boot loader fills in. */
static void test_empty_memory_nodes_are_replaced(void **state)
{
	static const struct tree trees[] = {
		{ .address_cells = 2, .size_cells = 2, .nodes = {
			{ "memory@40000000", "memory", NULL, "\0\0\0\0\x40\0\0\0\0\0\0\0\0\0\0\0", 16 },
			{ "memory@0", "memory", NULL, NULL, 0 },
			{ "memory", NULL, NULL, "", 0 } } },
		/* A range with a missing byte, and a range that wraps. */
		{ .address_cells = 2, .size_cells = 2, .nodes = {
			{ "memory", "memory", NULL, LOW_22, 15 },
			{ "memory@0", "memory", NULL, "\xff\0\0\0\0\0\0\0\xff\0\0\0\0\0\0\0", 16 } } },
	};

	for (size_t i = 0; i < COUNT(trees); i++)
		check(*state, &trees[i], &machine_22, &no_ram,
		      "memory@40000000(reg=00000000400000000000000080000000 " TYPE ")chosen()",
		      LOG_MACHINES_TREE);
}

static void test_nodes_that_are_not_memory_stay(void **state)
{
	static const struct tree tree = {
		.address_cells = 2, .size_cells = 2,
		.nodes = {
			{ "memory-controller@1000", NULL, NULL, "", 0 },
			{ "memory@0", "memory", "disabled", LOW_22, 16 },
			{ "memor", "memory-", NULL, NULL, 0 },
		},
	};

	check(*state, &tree, &machine_22, &no_ram,
	      "memory@40000000(reg=00000000400000000000000080000000 " TYPE ")"
	      "memory-controller@1000(reg=)"
	      "memory@0(" TYPE " status=64697361626c656400 reg=00000000400000000000000080000000)"
	      "memor(device_type=6d656d6f72792d00)chosen()", LOG_MACHINES_TREE);
}

#define LOG_UEFI_MAP "info: my.dtb describes no memory: the machine's UEFI memory map is added\n"

static void test_uefi_memory_map_is_copied(void **state)
{
	static const struct tree machine = { .address_cells = 2, .size_cells = 2, .efi = 6 };
	static const struct tree four = { .address_cells = 2, .size_cells = 2, .efi = 4 };
	static const struct tree no_chosen = {
		.address_cells = 2, .size_cells = 2, .no_chosen = true,
	};
	static const struct tree with_node = {
		.address_cells = 1, .size_cells = 1, .nodes = { { "soc" } },
	};

	/* No memory node is added, so a stub for ACPI remains a stub. */
	check(*state, &empty_22, &machine, &no_ram,
	      "chosen(linux,uefi-secure-boot=00000005 linux,uefi-mmap-desc-ver=00000004 "
	      "linux,uefi-mmap-desc-size=00000003 linux,uefi-mmap-size=00000002 "
	      "linux,uefi-mmap-start=00000001 linux,uefi-system-table=00000000)", LOG_UEFI_MAP);
	check(*state, &no_chosen, &machine, &no_ram,
	      "chosen(linux,uefi-secure-boot=00000005 linux,uefi-mmap-desc-ver=00000004 "
	      "linux,uefi-mmap-desc-size=00000003 linux,uefi-mmap-size=00000002 "
	      "linux,uefi-mmap-start=00000001 linux,uefi-system-table=00000000)", LOG_UEFI_MAP);
	check(*state, &with_node, &machine, &no_ram,
	      "soc()chosen(linux,uefi-secure-boot=00000005 linux,uefi-mmap-desc-ver=00000004 "
	      "linux,uefi-mmap-desc-size=00000003 linux,uefi-mmap-size=00000002 "
	      "linux,uefi-mmap-start=00000001 linux,uefi-system-table=00000000)", LOG_UEFI_MAP);
	/* Linux ignores an incomplete UEFI map, so it counts as missing. */
	check(*state, &four, &machine, &no_ram,
	      "chosen(linux,uefi-secure-boot=00000005 linux,uefi-mmap-desc-ver=00000004 "
	      "linux,uefi-system-table=00000000 linux,uefi-mmap-start=00000001 "
	      "linux,uefi-mmap-size=00000002 linux,uefi-mmap-desc-size=00000003)", LOG_UEFI_MAP);
	check(*state, &empty_22, &four, &no_ram, "chosen()",
	      "warning: my.dtb describes no memory, and the machine shows none\n");
}

static void test_iomem_is_used_if_the_machines_tree_has_no_memory(void **state)
{
	static const struct tree machines[] = {
		{ .address_cells = 2, .size_cells = 2 },
		{ .address_cells = 2, .size_cells = 2, .efi = 4 },
		{ .address_cells = 3, .size_cells = 2, .nodes = {
			{ "memory@0", "memory", NULL, LOW_22 HIGH_22, 32 } } },
		{ .address_cells = 2, .size_cells = 2, .nodes = {
			{ "memory@0", "memory", NULL, NULL, 0 },
			{ "memory@40000000", "memory", "disabled", LOW_22, 16 },
			{ "memory@80000000", NULL, NULL, LOW_22, 16 } } },
	};
	struct crs_ranges ram = { 0 };

	unit_add(&ram, GIB, 2 * GIB);
	unit_add(&ram, 4 * GIB, GIB);
	for (size_t i = 0; i <= COUNT(machines); i++)
		check(*state, &empty_22, i < COUNT(machines) ? &machines[i] : NULL, &ram,
		      "memory@40000000(reg=00000000400000000000000080000000"
		      "00000001000000000000000040000000 " TYPE ")chosen()",
		      "info: my.dtb describes no memory: the RAM of /proc/iomem is added\n");
	crs_ranges_free(&ram);
}

static void test_impossible_cells_are_refused(void **state)
{
	static const struct tree tree = { .address_cells = 3, .size_cells = 0 };

	refuse(*state, &tree, &machine_22, &no_ram, CRASHRES_ERR_FORMAT,
	       "my.dtb: the root node has 3 address and 0 size cells: only 1 or 2 are supported");
}

/*
 * An earlier version failed with FDT_ERR_EXISTS. Only nodes with the name of a new node are
 * removed.
 */
static void test_disabled_node_of_the_same_name_is_replaced(void **state)
{
	static const struct tree tree = {
		.address_cells = 2, .size_cells = 2,
		.nodes = {
			{ "memory@40000000", "memory", "disabled", LOW_22, 16 },
			{ "memory@0", "memory", "disabled", LOW_22, 16 },
			{ "memory@80000000", NULL, "reserved", NULL, 0 },
		},
	};
	struct crs_ranges ram = { 0 };

	unit_add(&ram, 0x40000000, 0x80000000);
	check(*state, &tree, &machine_22, &no_ram,
	      "memory@40000000(reg=00000000400000000000000080000000 " TYPE ")"
	      "memory@0(" TYPE " status=64697361626c656400 reg=00000000400000000000000080000000)"
	      "memory@80000000(status=726573657276656400)chosen()", LOG_MACHINES_TREE);
	check(*state, &tree, NULL, &ram,
	      "memory@40000000(reg=00000000400000000000000080000000 " TYPE ")"
	      "memory@0(" TYPE " status=64697361626c656400 reg=00000000400000000000000080000000)"
	      "memory@80000000(status=726573657276656400)chosen()",
	      "info: my.dtb describes no memory: the RAM of /proc/iomem is added\n");
	crs_ranges_free(&ram);
}

static void test_two_nodes_of_one_address_are_refused(void **state)
{
	static const struct tree machine = {
		.address_cells = 2, .size_cells = 2,
		.nodes = {
			{ "memory@40000000", "memory", NULL, LOW_22, 16 },
			{ "ram@40000000", "memory", NULL, LOW_22, 16 },
		},
	};

	refuse(*state, &empty_22, &machine, &no_ram, CRASHRES_ERR_FORMAT,
	       "my.dtb: cannot edit the device tree: FDT_ERR_EXISTS");
}

/* A truncated tree of the machine is ignored, and /proc/iomem is used. */
static void test_truncated_tree_of_the_machine_is_ignored(void **state)
{
	struct unit *unit = *state;
	struct crs_ranges ram = { 0 };
	uint8_t *tree = build(&empty_22), *machine = build(&machine_22);
	size_t whole = fdt_totalsize(machine);

	unit_add(&ram, 4 * GIB, GIB);
	for (size_t size = 0; size <= whole; size++) {
		/*
		 * The allocation has the exact size, so AddressSanitizer sees a read after its
		 * end.
		 */
		uint8_t *cut = unit_alloc(size), *result;
		const struct crs_memory_source source = { cut, size, &ram };
		size_t result_size;
		char *text;

		memcpy(cut, machine, size);
		assert_ok(unit, crs_memory_nodes_add(unit->ctx, "my.dtb", tree, &source, &result,
						     &result_size));
		text = nodes_as_text(result);
		assert_string_equal(text, size == whole ?
				    "memory@40000000(reg=00000000400000000000000080000000 " TYPE
				    ")chosen()" :
				    "memory@100000000(reg=00000001000000000000000040000000 " TYPE
				    ")chosen()");
		free(text);
		free(result);
		free(cut);
	}
	crs_ranges_free(&ram);
	free(tree);
	free(machine);
}

/* Damages bytes of both trees at random. The result is an error or a valid tree. */
static void test_random_damage_gives_an_error_or_a_valid_tree(void **state)
{
	static const struct tree efi = {
		.address_cells = 2, .size_cells = 2, .efi = 6,
		.nodes = { { "memory@0", "memory", NULL, LOW_22, 16, .more = true } },
	};
	struct unit *unit = *state;
	uint8_t *trees[] = { build(&empty_22), build(&machine_high), build(&efi) };
	uint8_t tree[ROOM], machine[ROOM];
	struct crs_ranges ram = { 0 };
	uint32_t seed = 4711;
	size_t good = 0;

	unit_add(&ram, 4 * GIB, GIB);
	for (size_t i = 0; i < 20000; i++) {
		const struct crs_memory_source source = { machine, sizeof(machine), &ram };
		uint8_t *result = UNTOUCHED;
		size_t size = 77;

		memcpy(tree, trees[unit_random(&seed) % COUNT(trees)], ROOM);
		memcpy(machine, trees[unit_random(&seed) % COUNT(trees)], ROOM);
		for (uint32_t damages = unit_random(&seed) % 4; damages--;) {
			uint8_t *victim = unit_random(&seed) % 2 ? tree : machine;

			victim[unit_random(&seed) % 640] = (uint8_t)(unit_random(&seed) >> 9);
		}
		if (crs_fdt_check(tree, ROOM))
			continue;
		if (crs_memory_nodes_add(unit->ctx, "my.dtb", tree, &source, &result, &size)) {
			assert_ptr_equal(result, UNTOUCHED);
			assert_int_equal(size, 77);
			continue;
		}
		good++;
		assert_int_equal(fdt_check_full(result, size), 0);
		free(result);
	}
	assert_true(good > 5000);
	crs_ranges_free(&ram);
	for (size_t i = 0; i < COUNT(trees); i++)
		free(trees[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT_TEST(test_memory_node_is_converted_to_the_cells_of_the_tree),
		UNIT_TEST(test_memory_too_large_for_the_cells_is_refused),
		UNIT_TEST(test_numa_and_hotplug_properties_are_copied),
		UNIT_TEST(test_tree_with_memory_is_unchanged),
		UNIT_TEST(test_empty_memory_nodes_are_replaced),
		UNIT_TEST(test_nodes_that_are_not_memory_stay),
		UNIT_TEST(test_uefi_memory_map_is_copied),
		UNIT_TEST(test_iomem_is_used_if_the_machines_tree_has_no_memory),
		UNIT_TEST(test_impossible_cells_are_refused),
		UNIT_TEST(test_disabled_node_of_the_same_name_is_replaced),
		UNIT_TEST(test_two_nodes_of_one_address_are_refused),
		UNIT_TEST(test_truncated_tree_of_the_machine_is_ignored),
		UNIT_TEST(test_random_damage_gives_an_error_or_a_valid_tree),
	};

	return cmocka_run_group_tests_name("memory-nodes", tests, NULL, NULL);
}
