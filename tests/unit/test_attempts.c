/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../libcrashres/plan/attempts.h"
#include "support.h"

static const struct crashres_input a_file = { .name = "file" };

/* Wishes as bits, so that all of them can be tried together. */
enum {
	WISH_DTB = 1, WISH_WINDOW = 2, WISH_ENTRY = 4, WISH_MMU_OFF = 8,
	WISHES_FOR_LOAD = 15,
	WISH_NO_CMA = 16, WISH_FORCE_DTB = 32, WISH_SEAL = 64,
	WISHES = 128,
};

static struct crashres_request request_with(int wishes, enum crashres_slot slot,
					    enum crashres_call call)
{
	struct crashres_request request = CRASHRES_REQUEST_INIT;

	request.slot = slot;
	request.call = call;
	if (wishes & WISH_DTB)
		request.dtb = &a_file;
	if (wishes & WISH_WINDOW)
		request.window.base = 1;
	if (wishes & WISH_ENTRY)
		request.entry = 0x1000;
	request.purgatory_mmu_off = wishes & WISH_MMU_OFF;
	request.no_cma = wishes & WISH_NO_CMA;
	request.force_dtb = wishes & WISH_FORCE_DTB;
	if (wishes & WISH_SEAL)
		request.sealing = CRASHRES_SEALING_ALWAYS;
	return request;
}

static void assert_calls(const struct crashres_machine *machine, struct crashres_request request,
			 size_t count, enum crashres_call first, enum crashres_call second)
{
	enum crashres_call calls[2] = { CRASHRES_CALL_AUTO, CRASHRES_CALL_AUTO };

	assert_int_equal(crashres_calls(machine, &request, calls), count);
	assert_int_equal(calls[0], first);
	assert_int_equal(calls[1], second);
}

/* Only kexec_load carries purgatory; only kexec_file_load hands measurements on. */
static void test_the_order_of_the_calls(void **state)
{
	struct crashres_machine machine = { 0 };

	assert_calls(&machine, request_with(0, CRASHRES_SLOT_CRASH, CRASHRES_CALL_AUTO), 2,
		     CRASHRES_CALL_LOAD, CRASHRES_CALL_FILE_LOAD);
	assert_calls(&machine, request_with(0, CRASHRES_SLOT_NORMAL, CRASHRES_CALL_AUTO), 2,
		     CRASHRES_CALL_FILE_LOAD, CRASHRES_CALL_LOAD);
	machine.locked_down = true;
	assert_calls(&machine, request_with(0, CRASHRES_SLOT_CRASH, CRASHRES_CALL_AUTO), 2,
		     CRASHRES_CALL_FILE_LOAD, CRASHRES_CALL_LOAD);
	assert_calls(&machine, request_with(0, CRASHRES_SLOT_NORMAL, CRASHRES_CALL_AUTO), 2,
		     CRASHRES_CALL_FILE_LOAD, CRASHRES_CALL_LOAD);
}

static void test_an_order_is_an_order(void **state)
{
	const struct crashres_machine machine = { .locked_down = true };

	for (int slot = 0; slot < 2; slot++) {
		assert_calls(&machine, request_with(0, slot, CRASHRES_CALL_LOAD), 1,
			     CRASHRES_CALL_LOAD, CRASHRES_CALL_AUTO);
		assert_calls(&machine, request_with(0, slot, CRASHRES_CALL_FILE_LOAD), 1,
			     CRASHRES_CALL_FILE_LOAD, CRASHRES_CALL_AUTO);
	}
}

static void test_a_wish_chooses_the_call_that_can_grant_it(void **state)
{
	const struct crashres_machine machine = { .locked_down = true };

	for (int wishes = 1; wishes < WISHES; wishes++)
		assert_calls(&machine,
			     request_with(wishes, CRASHRES_SLOT_CRASH, CRASHRES_CALL_AUTO), 1,
			     wishes & WISHES_FOR_LOAD ? CRASHRES_CALL_LOAD : CRASHRES_CALL_FILE_LOAD,
			     CRASHRES_CALL_AUTO);
}

static void test_a_wish_that_the_call_cannot_grant(void **state)
{
	const struct crashres_kernel kernel = { 0 };
	struct unit *unit = *state;

	for (int wishes = 0; wishes < WISHES; wishes++) {
		struct crashres_request request = request_with(wishes, CRASHRES_SLOT_CRASH, 0);

		assert_int_equal(crs_call_check(unit->ctx, &kernel, &request, CRASHRES_CALL_LOAD),
				 wishes & ~WISHES_FOR_LOAD ? CRASHRES_ERR_REQUEST : CRASHRES_OK);
		assert_int_equal(crs_call_check(unit->ctx, &kernel, &request,
						CRASHRES_CALL_FILE_LOAD),
				 wishes & WISHES_FOR_LOAD ? CRASHRES_ERR_REQUEST : CRASHRES_OK);
	}
}

static void assert_check_fails(struct unit *unit, int wishes, enum crashres_call call,
			       const char *sentence)
{
	const struct crashres_kernel kernel = { 0 };
	struct crashres_request request = request_with(wishes, CRASHRES_SLOT_CRASH, call);

	assert_fails(unit, crs_call_check(unit->ctx, &kernel, &request, call), CRASHRES_ERR_REQUEST,
		     sentence);
}

static void test_what_is_said_about_it(void **state)
{
	struct unit *unit = *state;

	assert_check_fails(unit, WISH_DTB, CRASHRES_CALL_FILE_LOAD,
			   "--dtb: only kexec_load (-c) can do that, not kexec_file_load (-s)");
	assert_check_fails(unit, WISH_WINDOW, CRASHRES_CALL_FILE_LOAD,
			   "--mem-min and --mem-max: only kexec_load (-c) can do that, not "
			   "kexec_file_load (-s)");
	assert_check_fails(unit, WISH_ENTRY, CRASHRES_CALL_FILE_LOAD,
			   "--entry: only kexec_load (-c) can do that, not kexec_file_load (-s)");
	assert_check_fails(unit, WISH_MMU_OFF, CRASHRES_CALL_FILE_LOAD,
			   "--purgatory-mmu=off: only kexec_load (-c) can do that, not "
			   "kexec_file_load (-s)");
	assert_check_fails(unit, WISH_SEAL, CRASHRES_CALL_LOAD,
			   "--seal=always: only kexec_file_load (-s) can do that, not kexec_load (-c)");
	assert_check_fails(unit, WISH_FORCE_DTB, CRASHRES_CALL_LOAD,
			   "--force-dtb: only kexec_file_load (-s) can do that, not kexec_load (-c)");
	/* Chosen by one wish, and the other is in the way. */
	assert_check_fails(unit, WISH_DTB | WISH_NO_CMA, CRASHRES_CALL_LOAD,
			   "--no-cma: only kexec_file_load (-s) can do that, not kexec_load (-c)");
	assert_check_fails(unit, WISH_DTB | WISH_NO_CMA, CRASHRES_CALL_FILE_LOAD,
			   "--dtb: only kexec_load (-c) can do that, not kexec_file_load (-s, "
			   "--no-cma)");
}

/* A crash kernel may bring purgatory along, sealed, by either call. */
static void test_where_purgatory_is_required(void **state)
{
	const struct crashres_machine machine = { 0 };
	const struct crashres_kernel kernel = { 0 };
	struct crashres_request request = request_with(0, CRASHRES_SLOT_CRASH, CRASHRES_CALL_AUTO);
	struct unit *unit = *state;

	request.purgatory_required = true;
	assert_calls(&machine, request, 2, CRASHRES_CALL_LOAD, CRASHRES_CALL_FILE_LOAD);
	assert_ok(unit, crs_call_check(unit->ctx, &kernel, &request, CRASHRES_CALL_FILE_LOAD));
	request.sealing = CRASHRES_SEALING_NEVER;
	assert_calls(&machine, request, 1, CRASHRES_CALL_LOAD, CRASHRES_CALL_AUTO);
	assert_fails(unit, crs_call_check(unit->ctx, &kernel, &request, CRASHRES_CALL_FILE_LOAD),
		     CRASHRES_ERR_REQUEST,
		     "what is to be checked: only kexec_load (-c) can do that, not kexec_file_load "
		     "(-s)");
	request.sealing = CRASHRES_SEALING_AUTO;
	request.slot = CRASHRES_SLOT_NORMAL;
	assert_calls(&machine, request, 1, CRASHRES_CALL_LOAD, CRASHRES_CALL_AUTO);
}

static void test_the_device_tree_of_a_kernel_file_is_left_out_with_a_warning(void **state)
{
	struct crashres_input dtb = { .name = "linux.efi (.dtb)" };
	const struct crashres_kernel kernel = { .dtb = &dtb };
	const struct crashres_request request = CRASHRES_REQUEST_INIT;
	struct unit *unit = *state;

	assert_ok(unit, crs_call_check(unit->ctx, &kernel, &request, CRASHRES_CALL_LOAD));
	assert_string_equal(unit->log, "");
	assert_ok(unit, crs_call_check(unit->ctx, &kernel, &request, CRASHRES_CALL_FILE_LOAD));
	assert_true(unit_logged(unit, "warning: linux.efi (.dtb) is not used: kexec_file_load takes "
				      "no device tree"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT_TEST(test_the_order_of_the_calls),
		UNIT_TEST(test_an_order_is_an_order),
		UNIT_TEST(test_a_wish_chooses_the_call_that_can_grant_it),
		UNIT_TEST(test_a_wish_that_the_call_cannot_grant),
		UNIT_TEST(test_what_is_said_about_it),
		UNIT_TEST(test_where_purgatory_is_required),
		UNIT_TEST(test_the_device_tree_of_a_kernel_file_is_left_out_with_a_warning),
	};

	return cmocka_run_group_tests_name("call", tests, NULL, NULL);
}
