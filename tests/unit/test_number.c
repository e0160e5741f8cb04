/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tests kernel/number.c. A wrong program reads bytes outside the file, and can crash while it
 * loads a hostile kernel.
 */
#include "../../libcrashres/kernel/number.h"
#include "support.h"

static void test_reads_outside_the_file_fail(void **state)
{
	static const uint8_t data[] = { 1, 2, 3, 4, 0xff };
	uint64_t value = 77;

	assert_false(crs_read_le(data, 5, 2, 4, &value));
	assert_false(crs_read_le(data, 5, 6, 0, &value));
	assert_false(crs_read_le(data, 5, UINT64_MAX, 4, &value));
	assert_false(crs_read_le(data, 5, UINT64_MAX - 3, 4, &value));
	assert_int_equal(value, 77);
	assert_true(crs_read_le(data, 5, 1, 4, &value));
	assert_int_equal(value, 0xff040302);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT_TEST(test_reads_outside_the_file_fail),
	};

	return cmocka_run_group_tests_name("number", tests, NULL, NULL);
}
