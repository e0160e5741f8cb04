/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests machine/secure-boot.c. A wrong program gives advice for another machine than this one. */
#include "../../libcrashres/machine/secure-boot.h"
#include "support.h"

#define VARIABLES	"sys/firmware/efi/efivars/"
#define GUID		"-8be4df61-93ca-11d2-aa0d-00e098032b8c"
#define YES	CRASHRES_ANSWER_YES
#define NO	CRASHRES_ANSWER_NO
#define UNKNOWN	CRASHRES_ANSWER_UNKNOWN

static void test_variable_has_five_bytes(void **state)
{
	static const uint8_t on[] = { 6, 0, 0, 0, 1, 0 }, off[] = { 6, 0, 0, 0, 0 },
			     other[] = { 6, 0, 0, 0, 2 };

	assert_int_equal(crs_efivar_parse(on, 5), YES);
	assert_int_equal(crs_efivar_parse(off, 5), NO);
	assert_int_equal(crs_efivar_parse(other, 5), UNKNOWN);
	assert_int_equal(crs_efivar_parse(on, 4), UNKNOWN);
	assert_int_equal(crs_efivar_parse(on, 6), UNKNOWN);
	assert_int_equal(crs_efivar_parse(NULL, 0), UNKNOWN);
}

static enum crashres_answer read_state(struct unit *unit, bool live)
{
	char *root = unit_path(unit, "");

	assert_ok(unit, crashres_ctx_set_root(unit->ctx, root));
	unit->ctx->root_is_live = live;
	free(root);
	return crs_secure_boot_read(unit->ctx);
}

static void test_setup_mode_means_that_nothing_is_verified(void **state)
{
	static const uint8_t on[] = { 6, 0, 0, 0, 1 }, off[] = { 6, 0, 0, 0, 0 };
	struct unit *unit = *state;

	assert_int_equal(read_state(unit, true), UNKNOWN);
	unit_write_text(unit, "sys/firmware/fdt", "");
	/* A running machine without EFI. A copy does not show that. */
	assert_int_equal(read_state(unit, true), NO);
	assert_int_equal(read_state(unit, false), UNKNOWN);
	unit_write(unit, VARIABLES "SecureBoot" GUID, on, 5);
	assert_int_equal(read_state(unit, true), YES);
	unit_write(unit, VARIABLES "SetupMode" GUID, off, 5);
	assert_int_equal(read_state(unit, false), YES);
	unit_write(unit, VARIABLES "SetupMode" GUID, on, 5);
	assert_int_equal(read_state(unit, true), NO);
	unit_write(unit, VARIABLES "SecureBoot" GUID, off, 5);
	assert_int_equal(read_state(unit, true), NO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT_TEST(test_variable_has_five_bytes),
		UNIT_TEST(test_setup_mode_means_that_nothing_is_verified),
	};

	return cmocka_run_group_tests_name("secure_boot", tests, NULL, NULL);
}
