/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tests crs_fdt_check() (base/fdt.c), which guards every use of libfdt. A wrong program passes
 * a hostile tree to libfdt 1.6.1, which crashes on some of them.
 */
#include <libfdt.h>

#include "../../libcrashres/base/fdt.h"
#include "support.h"

/*
 * Returns a tree with these two version numbers in the header. Versions before 16 have another
 * structure block, which is not built here. *@size is in bytes; the caller frees the tree.
 */
static uint8_t *build(uint32_t version, uint32_t compatible, size_t *size)
{
	uint8_t *dtb = unit_alloc(256);

	fdt_create(dtb, 256);
	fdt_finish_reservemap(dtb);
	fdt_begin_node(dtb, "");
	fdt_property_u32(dtb, "#size-cells", 1);
	fdt_end_node(dtb);
	assert_int_equal(fdt_finish(dtb), 0);
	fdt_set_version(dtb, version);
	fdt_set_last_comp_version(dtb, compatible);
	*size = fdt_totalsize(dtb);
	return dtb;
}

static void test_only_versions_that_libfdt_reads_are_accepted(void **state)
{
	/* Columns: version, oldest compatible version, expected result of crs_fdt_check(). */
	static const struct {
		uint32_t version, compatible;
		int wanted;
	} cases[] = {
		{ 17, 16, 0 },
		{ 16, 16, 0 },
		{ 18, 17, 0 },
		{ 18, 18, -FDT_ERR_BADVERSION },
		{ 15, 15, -FDT_ERR_BADVERSION },
		{ 4, 4, -FDT_ERR_BADVERSION },		/* libfdt 1.6.1 crashes */
		{ 1, 1, -FDT_ERR_BADVERSION },
		{ 0, 0, -FDT_ERR_BADVERSION },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		size_t size;
		uint8_t *dtb = build(cases[i].version, cases[i].compatible, &size);

		assert_int_equal(crs_fdt_check(dtb, size), cases[i].wanted);
		free(dtb);
	}
}

static void test_tree_cut_at_any_byte_is_truncated(void **state)
{
	size_t whole;
	uint8_t *dtb = build(17, 16, &whole);

	for (size_t size = 0; size <= whole; size++) {
		/*
		 * The allocation has the exact size, so AddressSanitizer sees a read after its
		 * end.
		 */
		uint8_t *cut = unit_alloc(size);

		memcpy(cut, dtb, size);
		assert_int_equal(crs_fdt_check(cut, size), size < whole ? -FDT_ERR_TRUNCATED : 0);
		free(cut);
	}
	free(dtb);
}

static void test_zeros_are_not_a_tree(void **state)
{
	uint8_t zeros[64] = { 0 };

	assert_int_equal(crs_fdt_check(zeros, sizeof(zeros)), -FDT_ERR_BADMAGIC);
}

/*
 * Sets every byte of a small tree to every value. The result equals that of libfdt, except for
 * old versions, which libfdt must not see.
 */
static void test_every_value_of_every_byte_agrees_with_libfdt(void **state)
{
	size_t size, refused = 0;
	uint8_t *dtb = build(17, 16, &size);

	for (size_t i = 0; i < size; i++) {
		uint8_t good = dtb[i];

		for (unsigned int value = 0; value < 256; value++) {
			bool old;

			dtb[i] = (uint8_t)value;
			old = fdt_version(dtb) < 16;
			if (old)
				assert_true(crs_fdt_check(dtb, size) < 0);
			else
				assert_int_equal(crs_fdt_check(dtb, size),
						 fdt_check_full(dtb, size));
			refused += crs_fdt_check(dtb, size) != 0;
		}
		dtb[i] = good;
	}
	assert_true(refused > size * 64);
	free(dtb);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT_TEST(test_only_versions_that_libfdt_reads_are_accepted),
		UNIT_TEST(test_tree_cut_at_any_byte_is_truncated),
		UNIT_TEST(test_zeros_are_not_a_tree),
		UNIT_TEST(test_every_value_of_every_byte_agrees_with_libfdt),
	};

	return cmocka_run_group_tests_name("fdt", tests, NULL, NULL);
}
