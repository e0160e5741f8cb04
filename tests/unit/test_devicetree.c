/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tests the flattening of /proc/device-tree into a DTB (machine/devicetree.c). A wrong program
 * builds a tree that the next kernel cannot boot with, or follows a link out of the root.
 */
#include <libfdt.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../libcrashres/machine/devicetree.h"
#include "support.h"

#define BASE		"sys/firmware/devicetree/base/"
#define TREE_MAX	(2 * MIB)	/* arm64 maps no larger DTB (booting.rst) */

/* Writes a property; @name is its path in the device tree. */
static void write_file(struct unit *unit, const char *name, const void *data, size_t size)
{
	char path[1024];

	snprintf(path, sizeof(path), BASE "%s", name);
	unit_write(unit, path, data, size);
}

/* The smallest tree that Linux can boot with: one memory node. */
static void write_memory(struct unit *unit)
{
	write_file(unit, "memory@0/device_type", "memory", 7);
}

static void use_root(struct unit *unit)
{
	CRS_CLEANUP(crs_freep) char *path = unit_path(unit, ".");

	assert_ok(unit, crashres_ctx_set_root(unit->ctx, path));
}

/* Flattens the tree below the test's folder. The caller frees the DTB; *@size is in bytes. */
static uint8_t *read_tree(struct unit *unit, size_t *size)
{
	uint8_t *dtb;

	use_root(unit);
	assert_ok(unit, crs_devicetree_read(unit->ctx, &dtb, size));
	assert_int_equal(fdt_check_full(dtb, *size), 0);
	assert_int_equal(fdt_totalsize(dtb), *size);
	assert_int_equal(fdt_num_mem_rsv(dtb), 0);
	return dtb;
}

/* Asserts that flattening fails with @status and @sentence. */
static void refuse(struct unit *unit, enum crashres_status status, const char *sentence)
{
	uint8_t *dtb = UNTOUCHED;
	size_t size = 77;

	use_root(unit);
	assert_fails(unit, crs_devicetree_read(unit->ctx, &dtb, &size), status, sentence);
	assert_ptr_equal(dtb, UNTOUCHED);
	assert_int_equal(size, 77);
}

/* Prints the names of all nodes below @parent as "(a b(c d))". */
static void list_nodes(const void *dtb, int parent, FILE *out)
{
	const char *before = "(";
	int node;

	fdt_for_each_subnode(node, dtb, parent) {
		fprintf(out, "%s%s", before, fdt_get_name(dtb, node, NULL));
		list_nodes(dtb, node, out);
		before = " ";
	}
	if (*before == ' ')
		fputc(')', out);
}

/* Asserts the nodes of the flattened tree, as list_nodes() prints them. */
static void check_nodes(struct unit *unit, const char *wanted)
{
	size_t dtb_size, size;
	uint8_t *dtb = read_tree(unit, &dtb_size);
	char *text;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	list_nodes(dtb, 0, out);
	assert_int_equal(fclose(out), 0);
	assert_string_equal(text, wanted);
	free(text);
	free(dtb);
}

static void test_folder_tree_equals_the_blob_of_libfdt(void **state)
{
	uint8_t *wanted = unit_alloc(TREE_MAX), *got;
	struct unit *unit = *state;
	size_t size;

	fdt_create(wanted, TREE_MAX);
	fdt_finish_reservemap(wanted);
	fdt_begin_node(wanted, "");
	fdt_property_u32(wanted, "#address-cells", 2);
	fdt_property_string(wanted, "compatible", "linux,dummy-virt");
	fdt_begin_node(wanted, "chosen");
	fdt_property_string(wanted, "bootargs", "quiet");
	fdt_property(wanted, "linux,empty", "", 0);
	fdt_end_node(wanted);
	fdt_begin_node(wanted, "memory@40000000");
	fdt_property_string(wanted, "device_type", "memory");
	fdt_property(wanted, "odd", "\1\2\3\4\5", 5);
	fdt_end_node(wanted);
	fdt_end_node(wanted);
	assert_int_equal(fdt_finish(wanted), 0);

	write_file(unit, "#address-cells", "\0\0\0\2", 4);
	write_file(unit, "compatible", "linux,dummy-virt", 17);
	write_file(unit, "name", "", 1);
	write_file(unit, "chosen/bootargs", "quiet", 6);
	write_file(unit, "chosen/linux,empty", "", 0);
	write_file(unit, "chosen/name", "chosen", 7);
	write_file(unit, "memory@40000000/odd", "\1\2\3\4\5", 5);
	write_file(unit, "memory@40000000/device_type", "memory", 7);
	got = read_tree(unit, &size);
	assert_int_equal(size, fdt_totalsize(wanted));
	assert_memory_equal(got, wanted, size);
	free(got);
	free(wanted);
}

/* readdir(3) returns names in any order. The tree must be the same on each run. */
static void test_nodes_are_sorted_by_name_and_unit_address(void **state)
{
	static const char *const names[] = {
		"cpu@10", "cpu@2", "cpu", "cpus", "cpu@1,0", "cpu@a", "cpu@100", "cpu-map",
		"uart@9000000", "uart@10000000", "memory@0", "b@2/y@1", "b@2/x@2", "b@2/x@10",
	};
	struct unit *unit = *state;

	for (size_t i = 0; i < COUNT(names); i++) {
		char path[64];

		snprintf(path, sizeof(path), "%s/device_type", names[i]);
		write_file(unit, path, "memory", 7);
	}
	check_nodes(unit, "(b@2(x@2 x@10 y@1) cpu cpu@2 cpu@a cpu@10 cpu@1,0 cpu@100 cpu-map cpus "
			  "memory@0 uart@9000000 uart@10000000)");
}

/* The base name "n" ends before "n-x", so n@1 comes first, although '-' sorts before '@'. */
static void test_shorter_node_name_sorts_first(void **state)
{
	struct unit *unit = *state;

	write_memory(unit);
	for (char letter = 'n'; letter <= 'u'; letter++) {
		char path[32];

		snprintf(path, sizeof(path), "%c-x/y", letter);
		write_file(unit, path, "", 0);
		snprintf(path, sizeof(path), "%c@1/y", letter);
		write_file(unit, path, "", 0);
	}
	check_nodes(unit, "(memory@0 n@1 n-x o@1 o-x p@1 p-x q@1 q-x r@1 r-x s@1 s-x t@1 t-x "
			  "u@1 u-x)");
}

/*
 * If a node and a property have the same name, the kernel shows the node as NAME#1 (safe_name()
 * in drivers/of/kobj.c). Other names with # stay.
 */
static void test_suffix_of_a_renamed_node_is_removed(void **state)
{
	struct unit *unit = *state;
	uint8_t *dtb;
	size_t size;

	write_memory(unit);
	write_file(unit, "cache", "\0\0\0\1", 4);
	write_file(unit, "cache#1/phandle", "\0\0\0\1", 4);
	write_file(unit, "a#b/x", "", 0);
	write_file(unit, "c#/x", "", 0);
	write_file(unit, "#12/x", "", 0);
	check_nodes(unit, "(#12 a#b c# cache memory@0)");
	dtb = read_tree(unit, &size);
	assert_non_null(fdt_getprop(dtb, 0, "cache", NULL));
	assert_non_null(fdt_getprop(dtb, fdt_path_offset(dtb, "/cache"), "phandle", NULL));
	free(dtb);
}

/*
 * On a running machine /proc/device-tree is a link to /sys/firmware/devicetree/base. A copied
 * root can contain either one.
 */
static void test_tree_is_read_from_either_place(void **state)
{
	struct unit *unit = *state;

	unit_write(unit, "proc/device-tree/memory@1/device_type", "memory", 7);
	check_nodes(unit, "(memory@1)");
	write_memory(unit);
	check_nodes(unit, "(memory@0)");
}

static void make_link(struct unit *unit, const char *target, const char *name)
{
	CRS_CLEANUP(crs_freep) char *path = unit_path(unit, name);

	assert_int_equal(symlink(target, path), 0);
}

/*
 * /proc/device-tree is an absolute link. Its target counts from the root (--root DIR), not from
 * / of the machine that plans.
 */
static void test_absolute_link_to_the_tree_stays_below_the_root(void **state)
{
	struct unit *unit = *state;

	refuse(unit, CRASHRES_ERR_OS, "cannot open /proc/device-tree: No such file or directory");
	unit_write(unit, "elsewhere/memory@2/device_type", "memory", 7);
	unit_write(unit, "proc/x", "", 0);
	make_link(unit, "/elsewhere", "proc/device-tree");
	check_nodes(unit, "(memory@2)");
}

static void test_link_to_a_property_is_refused(void **state)
{
	struct unit *unit = *state;

	write_memory(unit);
	make_link(unit, "device_type", BASE "memory@0/property");
	refuse(unit, CRASHRES_ERR_FORMAT,
	       "/proc/device-tree: memory@0: property: is neither a folder nor a file");
}

static void test_link_to_a_node_is_refused(void **state)
{
	struct unit *unit = *state;

	write_memory(unit);
	make_link(unit, "memory@0", BASE "node");
	refuse(unit, CRASHRES_ERR_FORMAT, "/proc/device-tree: node: is neither a folder nor a file");
}

static void test_fifo_in_the_tree_is_refused(void **state)
{
	struct unit *unit = *state;
	CRS_CLEANUP(crs_freep) char *path = unit_path(unit, BASE "memory@0/pipe");

	write_memory(unit);
	assert_int_equal(mkfifo(path, 0600), 0);
	refuse(unit, CRASHRES_ERR_FORMAT,
	       "/proc/device-tree: memory@0: pipe: is neither a folder nor a file");
}

static void test_tree_without_memory_is_refused(void **state)
{
	static const char sentence[] = "/proc/device-tree: the tree describes no memory: Linux did "
				       "not boot with it";
	struct unit *unit = *state;

	write_file(unit, "x", "", 0);
	refuse(unit, CRASHRES_ERR_UNSUPPORTED, sentence);
	write_file(unit, "memory/device_type", "memory", 6);
	write_file(unit, "soc/memory/device_type", "memory", 7);
	write_file(unit, "chosen/linux,uefi-system-table", "\0\0\0\0", 4);
	refuse(unit, CRASHRES_ERR_UNSUPPORTED, sentence);
	write_file(unit, "chosen/linux,uefi-mmap-start", "\0\0\0\0", 4);
	check_nodes(unit, "(chosen memory soc(memory))");
}

/* Writes a tree with @levels of nodes, the root node included. */
static void write_levels(struct unit *unit, size_t levels)
{
	char path[256];
	size_t used = 0;

	while (levels-- > 1)
		used += (size_t)snprintf(path + used, sizeof(path) - used, "n/");
	snprintf(path + used, sizeof(path) - used, "x");
	write_file(unit, path, "", 0);
}

static void test_tree_deeper_than_64_nodes_is_refused(void **state)
{
	struct unit *unit = *state;
	uint8_t *dtb;
	size_t size, length;

	write_memory(unit);
	write_levels(unit, 64);
	dtb = read_tree(unit, &size);
	free(dtb);
	write_levels(unit, 65);
	use_root(unit);
	dtb = UNTOUCHED;
	assert_int_equal(crs_devicetree_read(unit->ctx, &dtb, &size), CRASHRES_ERR_LIMIT);
	assert_ptr_equal(dtb, UNTOUCHED);
	/* Each level adds its name to the message: "/proc/device-tree: " and 63 times "n: ". */
	length = strlen("/proc/device-tree: ") + (size_t)63 * 3;
	assert_string_equal(crashres_error(unit->ctx) + length, "the tree is deeper than 64 nodes");
}

static void test_tree_larger_than_2_mib_is_refused(void **state)
{
	struct unit *unit = *state;
	uint8_t *big = unit_alloc(TREE_MAX + 1), *dtb;
	size_t size, rest;

	write_memory(unit);
	write_file(unit, "p", "", 0);
	dtb = read_tree(unit, &size);
	free(dtb);
	rest = TREE_MAX - size;
	write_file(unit, "p", big, rest - 4);
	dtb = read_tree(unit, &size);
	assert_in_range(size, TREE_MAX - 8, TREE_MAX);
	free(dtb);
	write_file(unit, "p", big, rest + 4);
	refuse(unit, CRASHRES_ERR_LIMIT, "/proc/device-tree: the tree has more than 2097152 bytes");
	write_file(unit, "p", big, TREE_MAX);
	refuse(unit, CRASHRES_ERR_LIMIT,
	       "/proc/device-tree: p: the tree has more than 2097152 bytes");
	write_file(unit, "p", big, TREE_MAX + 1);
	refuse(unit, CRASHRES_ERR_FORMAT, "/proc/device-tree: p: more than 2097152 bytes");
	free(big);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT_TEST(test_folder_tree_equals_the_blob_of_libfdt),
		UNIT_TEST(test_nodes_are_sorted_by_name_and_unit_address),
		UNIT_TEST(test_shorter_node_name_sorts_first),
		UNIT_TEST(test_suffix_of_a_renamed_node_is_removed),
		UNIT_TEST(test_tree_is_read_from_either_place),
		UNIT_TEST(test_absolute_link_to_the_tree_stays_below_the_root),
		UNIT_TEST(test_link_to_a_property_is_refused),
		UNIT_TEST(test_link_to_a_node_is_refused),
		UNIT_TEST(test_fifo_in_the_tree_is_refused),
		UNIT_TEST(test_tree_without_memory_is_refused),
		UNIT_TEST(test_tree_deeper_than_64_nodes_is_refused),
		UNIT_TEST(test_tree_larger_than_2_mib_is_refused),
	};

	return cmocka_run_group_tests_name("devicetree", tests, NULL, NULL);
}
