/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tests the context (base/ctx.c): error messages, log and entropy source. A wrong program loses
 * the reason of a failure if a path name is long.
 */
#include <errno.h>

#include "support.h"

static void test_error_is_empty_before_the_first_failure(void **state)
{
	struct unit *unit = *state;

	assert_string_equal(crashres_error(unit->ctx), "");
}

static void test_each_caller_prepends_to_the_error(void **state)
{
	struct unit *unit = *state;
	struct crashres_ctx *ctx = unit->ctx;

	assert_fails(unit, crs_fail(ctx, CRASHRES_ERR_LIMIT, "line %d", 7), CRASHRES_ERR_LIMIT,
		     "line 7");
	assert_fails(unit, crs_prefix_error(ctx, CRASHRES_ERR_LIMIT, "file %s", "x"),
		     CRASHRES_ERR_LIMIT, "file x: line 7");
	assert_fails(unit, crs_prefix_error(ctx, CRASHRES_OK, "not said"), CRASHRES_OK,
		     "file x: line 7");
	assert_fails(unit, crs_fail_errno(ctx, CRASHRES_ERR_OS, ENOENT, "a%s", "b"), CRASHRES_ERR_OS,
		     "ab: No such file or directory");
	assert_fails(unit, crs_fail_memory(ctx), CRASHRES_ERR_MEMORY, "out of memory");
}

#define REASON ": No such file or directory"

/*
 * Returns @count letters. The first letter is A and the last is Z, so a test sees if an end is
 * lost.
 */
static char *long_name(size_t count)
{
	char *name = unit_alloc(count + 1);

	memset(name, 'n', count);
	name[0] = 'A';
	name[count - 1] = 'Z';
	return name;
}

/* An error message has at most 1023 bytes. An earlier version cut the end, and so the reason. */
static void test_reason_survives_a_long_path(void **state)
{
	struct unit *unit = *state;
	CRS_CLEANUP(crs_freep) char *name = long_name(1500);
	/* 1023 bytes: 996 for the text, 27 for the reason. Three of the 996 bytes are dots. */
	char wanted[2048], head[512];

	snprintf(head, sizeof(head), "Cannot open `A%.*s", 483, name + 1);
	snprintf(wanted, sizeof(wanted), "%s...%.*sZ'" REASON, head, 494, name + 1);
	assert_int_equal(strlen(wanted), 1023);
	assert_fails(unit, crs_fail_errno(unit->ctx, CRASHRES_ERR_OS, ENOENT, "Cannot open `%s'", name),
		     CRASHRES_ERR_OS, wanted);
	assert_int_equal(crs_prefix_error(unit->ctx, CRASHRES_ERR_OS, "initrd"), CRASHRES_ERR_OS);
	assert_int_equal(strlen(crashres_error(unit->ctx)), 1023);
	assert_memory_equal(crashres_error(unit->ctx), "initrd: Cannot open `Annn", 25);
	assert_string_equal(crashres_error(unit->ctx) + 1023 - 31, "nnZ'" REASON);
}

/* Tries lengths on both sides of the limit, with and without a reason. */
static void test_too_long_error_is_cut_in_the_middle(void **state)
{
	struct unit *unit = *state;

	for (size_t count = 990; count < 1030; count++) {
		CRS_CLEANUP(crs_freep) char *name = long_name(count);
		const char *error = crashres_error(unit->ctx);
		size_t fits = count < 1023 ? count : 1023;

		assert_int_equal(crs_fail(unit->ctx, CRASHRES_ERR_OS, "%s", name), CRASHRES_ERR_OS);
		assert_int_equal(strlen(error), fits);
		assert_int_equal(error[0], 'A');
		assert_int_equal(error[fits - 1], 'Z');
		assert_int_equal(strstr(error, "...") != NULL, count > 1023);
		assert_int_equal(crs_fail_errno(unit->ctx, CRASHRES_ERR_OS, ENOENT, "%s", name),
				 CRASHRES_ERR_OS);
		fits = count < 996 ? count : 996;
		assert_int_equal(strlen(error), fits + strlen(REASON));
		assert_int_equal(error[fits - 1], 'Z');
		assert_string_equal(error + fits, REASON);
		assert_int_equal(strstr(error, "...") != NULL, count > 996);
	}
}

/*
 * If both parts are too long, each part keeps about half of the room, with its beginning and
 * end.
 */
static void test_two_long_names_share_the_error(void **state)
{
	struct unit *unit = *state;
	CRS_CLEANUP(crs_freep) char *name = long_name(9000);
	const char *error = crashres_error(unit->ctx);

	assert_int_equal(crs_fail(unit->ctx, CRASHRES_ERR_OS, "inner %s", name), CRASHRES_ERR_OS);
	assert_int_equal(strlen(error), 1023);
	assert_memory_equal(error, "inner Annn", 10);
	assert_int_equal(crs_prefix_error(unit->ctx, CRASHRES_ERR_OS, "outer %s", name),
			 CRASHRES_ERR_OS);
	assert_int_equal(strlen(error), 1023);
	assert_memory_equal(error, "outer Annn", 10);
	assert_memory_equal(error + 508, "nn: inner Annn", 14);
	crs_log(unit->ctx, CRASHRES_LOG_INFO, "%s end", name);
	assert_int_equal(strlen(unit->log), strlen("info: ") + 1023 + 1);
}

static void test_root_that_is_not_a_directory_is_refused(void **state)
{
	struct unit *unit = *state;
	CRS_CLEANUP(crs_freep) char *file = unit_path(unit, "file");
	CRS_CLEANUP(crs_freep) char *none = unit_path(unit, "none");
	int fd = unit->ctx->root_fd;
	char sentence[256];

	unit_write_text(unit, "file", "x");
	snprintf(sentence, sizeof(sentence), "cannot open root %s: Not a directory", file);
	assert_fails(unit, crashres_ctx_set_root(unit->ctx, file), CRASHRES_ERR_OS, sentence);
	snprintf(sentence, sizeof(sentence), "cannot open root %s: No such file or directory", none);
	assert_fails(unit, crashres_ctx_set_root(unit->ctx, none), CRASHRES_ERR_OS, sentence);
	/* After the failure the context still uses its old root. */
	assert_int_equal(unit->ctx->root_fd, fd);
	assert_true(unit->ctx->root_is_live);
	assert_ok(unit, crashres_ctx_set_root(unit->ctx, unit->dir));
	assert_false(unit->ctx->root_is_live);
}

static void test_null_logger_and_null_context_are_accepted(void **state)
{
	struct unit *unit = *state;

	crashres_ctx_set_log(unit->ctx, NULL, NULL);
	crs_log(unit->ctx, CRASHRES_LOG_WARNING, "unheard");
	assert_string_equal(unit->log, "");
	crashres_ctx_free(NULL);
}

/* The default source is getrandom(2): two calls do not return the same 16 bytes. */
static void test_default_entropy_gives_different_seeds(void **state)
{
	struct crashres_ctx *ctx;
	uint8_t a[16], b[16];

	assert_int_equal(crashres_ctx_new(&ctx), CRASHRES_OK);
	assert_true(ctx->entropy(ctx->entropy_data, a, sizeof(a)));
	assert_true(ctx->entropy(ctx->entropy_data, b, sizeof(b)));
	assert_memory_not_equal(a, b, sizeof(a));
	crashres_ctx_free(ctx);
}

/* An unfilled result must not claim that a kernel is loaded and will be checked. */
static void test_unfilled_result_claims_no_check(void **state)
{
	const struct crashres_result zero = { 0 }, made = CRASHRES_RESULT_INIT;

	assert_int_not_equal(zero.check, CRASHRES_CHECK_PURGATORY);
	assert_int_equal(zero.check, CRASHRES_CHECK_UNKNOWN);
	assert_int_equal(made.check, CRASHRES_CHECK_UNKNOWN);
	assert_int_equal(made.call, CRASHRES_CALL_AUTO);
	assert_int_equal(made.slot, CRASHRES_SLOT_STATE_UNKNOWN);
	assert_int_equal(made.reserved, 0);
	assert_true(made.attempt == CRASHRES_NO_ATTEMPT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT_TEST(test_error_is_empty_before_the_first_failure),
		UNIT_TEST(test_each_caller_prepends_to_the_error),
		UNIT_TEST(test_reason_survives_a_long_path),
		UNIT_TEST(test_too_long_error_is_cut_in_the_middle),
		UNIT_TEST(test_two_long_names_share_the_error),
		UNIT_TEST(test_root_that_is_not_a_directory_is_refused),
		UNIT_TEST(test_null_logger_and_null_context_are_accepted),
		UNIT_TEST(test_default_entropy_gives_different_seeds),
		UNIT_TEST(test_unfilled_result_claims_no_check),
	};

	return cmocka_run_group_tests_name("ctx", tests, NULL, NULL);
}
