/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../libcrashres/base/root.h"
#include "support.h"

static void test_reading_stops_at_its_limit(void **state)
{
	struct unit *unit = *state;
	CRS_CLEANUP(crs_freep) char *at_limit = NULL;
	uint8_t *data = UNTOUCHED;
	size_t size = 77;

	unit_write_text(unit, "file", "0123456789");
	assert_ok(unit, crashres_ctx_set_root(unit->ctx, unit->dir));
	assert_fails(unit, crs_read_below_root(unit->ctx, "file", 9, &data, &size),
		     CRASHRES_ERR_FORMAT, "/file: more than 9 bytes");
	assert_fails(unit, crs_read_below_root(unit->ctx, "none", 9, &data, &size),
		     CRASHRES_ERR_OS, "/none: No such file or directory");
	assert_fails(unit, crs_read_below_root(unit->ctx, ".", 9, &data, &size),
		     CRASHRES_ERR_OS, "/.: cannot read: Is a directory");
	assert_ptr_equal(data, UNTOUCHED);
	assert_int_equal(size, 77);
	assert_ok(unit, crs_read_below_root(unit->ctx, "file", 10, (uint8_t **)&at_limit, &size));
	assert_int_equal(size, 10);
	assert_string_equal(at_limit, "0123456789");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT_TEST(test_reading_stops_at_its_limit),
	};

	return cmocka_run_group_tests_name("root", tests, NULL, NULL);
}
