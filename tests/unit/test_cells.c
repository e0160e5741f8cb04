/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tests cells (plan/cells.c): the numbers of address and size cells of the root node, and
 * ranges in this form. A wrong program writes an address with the wrong width, and the capture
 * kernel then uses other memory.
 */
#include <libfdt.h>

#include "../../libcrashres/plan/cells.h"
#include "support.h"

static struct crs_cells cells(unsigned int address, unsigned int size)
{
	return (struct crs_cells){ address, size };
}

/* Returns the cells of a root node with these bytes in its two properties. NULL: no property. */
static struct crs_cells read_root(const char *address, size_t address_length, const char *size,
				  size_t size_length)
{
	uint8_t dtb[256];

	fdt_create(dtb, sizeof(dtb));
	fdt_finish_reservemap(dtb);
	fdt_begin_node(dtb, "");
	if (address)
		fdt_property(dtb, "#address-cells", address, (int)address_length);
	if (size)
		fdt_property(dtb, "#size-cells", size, (int)size_length);
	fdt_end_node(dtb);
	assert_int_equal(fdt_finish(dtb), 0);
	return crs_cells_of_root(dtb);
}

/* A missing property counts as 1, as in Linux. The library also counts a malformed one as 1. */
static void test_cells_are_read_from_the_root_node(void **state)
{
	/*
	 * Columns: bytes and length of #address-cells and of #size-cells, expected numbers of
	 * cells.
	 */
	static const struct {
		const char *address;
		size_t address_length;
		const char *size;
		size_t size_length;
		struct crs_cells wanted;
	} cases[] = {
		{ "\0\0\0\2", 4, "\0\0\0\1", 4, { 2, 1 } },
		{ "\0\0\0\1", 4, "\0\0\0\2", 4, { 1, 2 } },
		{ NULL, 0, NULL, 0, { 1, 1 } },
		{ "\0\0\0\2", 4, NULL, 0, { 2, 1 } },
		{ "\0\0\0\2\0\0\0\2", 8, "\0\0\2", 3, { 1, 1 } },
		{ "", 0, "\0\0\0\0", 4, { 1, 0 } },
		{ "\xff\xff\xff\xff", 4, "\0\0\0\3", 4, { UINT32_MAX, 3 } },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct crs_cells got = read_root(cases[i].address, cases[i].address_length,
						 cases[i].size, cases[i].size_length);

		assert_int_equal(got.address, cases[i].wanted.address);
		assert_int_equal(got.size, cases[i].wanted.size);
	}
}

static void test_only_one_or_two_cells_are_possible(void **state)
{
	struct unit *unit = *state;

	for (unsigned int address = 0; address <= 3; address++)
		for (unsigned int size = 0; size <= 3; size++) {
			bool wanted = address % 3 && size % 3;

			assert_int_equal(crs_cells_are_supported(cells(address, size)), wanted);
			assert_int_equal(crs_cells_check(unit->ctx, cells(address, size)),
					 wanted ? CRASHRES_OK : CRASHRES_ERR_FORMAT);
		}
	assert_false(crs_cells_are_supported(cells(UINT32_MAX, 1)));
	assert_fails(unit, crs_cells_check(unit->ctx, cells(2, 4294967295)), CRASHRES_ERR_FORMAT,
		     "the root node has 2 address and 4294967295 size cells: only 1 or 2 are "
		     "supported");
}

static void test_range_is_written_and_read_back(void **state)
{
	/* Columns: numbers of cells, range, its bytes in the tree (big-endian). */
	static const struct {
		struct crs_cells cells;
		uint64_t base, size;
		const char *bytes;
	} cases[] = {
		{ { 1, 1 }, 0x12345678, 0x9abcdef0, "\x12\x34\x56\x78\x9a\xbc\xde\xf0" },
		{ { 1, 1 }, 0xffffffff, 0xffffffff, "\xff\xff\xff\xff\xff\xff\xff\xff" },
		{ { 2, 1 }, 0x123456789, 0x10, "\0\0\0\1\x23\x45\x67\x89\0\0\0\x10" },
		{ { 1, 2 }, 0x10, 0x123456789, "\0\0\0\x10\0\0\0\1\x23\x45\x67\x89" },
		{ { 2, 2 }, 1ULL << 63, (1ULL << 63) - 1,
		  "\x80\0\0\0\0\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff" },
	};
	struct unit *unit = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		size_t size = crs_cells_bytes(cases[i].cells);
		uint8_t out[CRS_CELLS_MAX + 1];
		struct crashres_range range;

		memset(out, 0x5a, sizeof(out));
		assert_ok(unit, crs_cells_put(unit->ctx, cases[i].cells, "it",
					      unit_range(cases[i].base, cases[i].size), out));
		assert_memory_equal(out, cases[i].bytes, size);
		assert_int_equal(out[size], 0x5a);
		assert_true(crs_cells_get(cases[i].cells, out, &range));
		assert_range(range, cases[i].base, cases[i].size);
	}
}

static void test_range_too_large_for_its_cells_is_refused(void **state)
{
	struct unit *unit = *state;
	uint8_t out[CRS_CELLS_MAX];

	mark_untouched(out);
	assert_fails(unit, crs_cells_put(unit->ctx, cells(1, 2), "it", unit_range(1ULL << 32, 1), out),
		     CRASHRES_ERR_LIMIT, "it: 0x100000000 + 0x1 does not fit the root node's "
		     "1 address and 2 size cells");
	assert_fails(unit, crs_cells_put(unit->ctx, cells(2, 1), "it", unit_range(1, 1ULL << 32), out),
		     CRASHRES_ERR_LIMIT, "it: 0x1 + 0x100000000 does not fit the root node's "
		     "2 address and 1 size cells");
	assert_untouched(out);
}

static void test_range_that_wraps_is_refused(void **state)
{
	struct crashres_range range;

	mark_untouched(range);
	assert_false(crs_cells_get(cells(2, 2), "\xff\xff\xff\xff\xff\xff\xff\xff" "\0\0\0\0\0\0\0\1",
				   &range));
	assert_untouched(range);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT_TEST(test_cells_are_read_from_the_root_node),
		UNIT_TEST(test_only_one_or_two_cells_are_possible),
		UNIT_TEST(test_range_is_written_and_read_back),
		UNIT_TEST(test_range_too_large_for_its_cells_is_refused),
		UNIT_TEST(test_range_that_wraps_is_refused),
	};

	return cmocka_run_group_tests_name("cells", tests, NULL, NULL);
}
