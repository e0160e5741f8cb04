/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "support.h"

static void test_no_sentence_before_the_first_failure(void **state)
{
	struct unit *unit = *state;

	assert_string_equal(crashres_error(unit->ctx), "");
}

static void test_sentences_grow_outwards(void **state)
{
	struct unit *unit = *state;
	struct crashres_ctx *ctx = unit->ctx;

	assert_fails(unit, crs_fail(ctx, CRASHRES_ERR_LIMIT, "line %d", 7), CRASHRES_ERR_LIMIT,
		     "line 7");
	assert_fails(unit, crs_within(ctx, CRASHRES_ERR_LIMIT, "file %s", "x"), CRASHRES_ERR_LIMIT,
		     "file x: line 7");
	assert_fails(unit, crs_within(ctx, CRASHRES_OK, "not said"), CRASHRES_OK, "file x: line 7");
	assert_fails(unit, crs_fail_errno(ctx, CRASHRES_ERR_OS, ENOENT, "a%s", "b"), CRASHRES_ERR_OS,
		     "ab: No such file or directory");
	assert_fails(unit, crs_fail_memory(ctx), CRASHRES_ERR_MEMORY, "out of memory");
}

/* However long the names in it: cut, and never beyond its end. */
static void test_a_sentence_that_is_too_long_is_cut(void **state)
{
	struct unit *unit = *state;
	char name[3000];

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(crs_fail(unit->ctx, CRASHRES_ERR_OS, "%s", name), CRASHRES_ERR_OS);
	assert_int_equal(strlen(crashres_error(unit->ctx)), sizeof(unit->ctx->error) - 1);
	assert_int_equal(crs_fail_errno(unit->ctx, CRASHRES_ERR_OS, ENOENT, "%s", name),
			 CRASHRES_ERR_OS);
	assert_int_equal(strlen(crashres_error(unit->ctx)), sizeof(unit->ctx->error) - 1);
	assert_int_equal(crs_within(unit->ctx, CRASHRES_ERR_OS, "outer"), CRASHRES_ERR_OS);
	assert_int_equal(strlen(crashres_error(unit->ctx)), sizeof(unit->ctx->error) - 1);
	assert_memory_equal(crashres_error(unit->ctx), "outer: nnn", 10);
	crs_log(unit->ctx, CRASHRES_LOG_INFO, "%s", name);
	assert_int_equal(strlen(unit->log), strlen("info: ") + 1023 + 1);
}

static void test_a_root_that_is_no_directory(void **state)
{
	struct unit *unit = *state;
	CRS_CLEANUP(crs_freep) char *file = unit_path(unit, "file");
	CRS_CLEANUP(crs_freep) char *none = unit_path(unit, "none");
	int fd = unit->ctx->root_fd;
	char sentence[256];

	unit_write_text(unit, "file", "x");
	snprintf(sentence, sizeof(sentence), "root %s: Not a directory", file);
	assert_fails(unit, crashres_ctx_set_root(unit->ctx, file), CRASHRES_ERR_OS, sentence);
	snprintf(sentence, sizeof(sentence), "root %s: No such file or directory", none);
	assert_fails(unit, crashres_ctx_set_root(unit->ctx, none), CRASHRES_ERR_OS, sentence);
	/* The context still reads where it did. */
	assert_int_equal(unit->ctx->root_fd, fd);
	assert_true(unit->ctx->own_root);
	assert_ok(unit, crashres_ctx_set_root(unit->ctx, unit->dir));
	assert_false(unit->ctx->own_root);
}

static void test_silence_and_nothing_to_free(void **state)
{
	struct unit *unit = *state;

	crashres_ctx_set_log(unit->ctx, NULL, NULL);
	crs_log(unit->ctx, CRASHRES_LOG_WARNING, "unheard");
	assert_string_equal(unit->log, "");
	crashres_ctx_free(NULL);
}

/* The default is the kernel's: two seeds are not the same 16 bytes. */
static void test_entropy_of_the_kernel(void **state)
{
	struct crashres_ctx *ctx;
	uint8_t a[16], b[16];

	assert_int_equal(crashres_ctx_new(&ctx), CRASHRES_OK);
	assert_true(ctx->entropy(ctx->entropy_data, a, sizeof(a)));
	assert_true(ctx->entropy(ctx->entropy_data, b, sizeof(b)));
	assert_memory_not_equal(a, b, sizeof(a));
	crashres_ctx_free(ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT_TEST(test_no_sentence_before_the_first_failure),
		UNIT_TEST(test_sentences_grow_outwards),
		UNIT_TEST(test_a_sentence_that_is_too_long_is_cut),
		UNIT_TEST(test_a_root_that_is_no_directory),
		UNIT_TEST(test_silence_and_nothing_to_free),
		UNIT_TEST(test_entropy_of_the_kernel),
	};

	return cmocka_run_group_tests_name("ctx", tests, NULL, NULL);
}
