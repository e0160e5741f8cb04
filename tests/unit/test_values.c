/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../cli/values.h"
#include "support.h"

/* values_word(), and what it said. */
static bool choose(const char *text, const char *const words[], unsigned int *index, char **said)
{
	const struct value value = { "program", "option", text };
	FILE *terminal = stderr;
	size_t size;
	bool good;

	stderr = open_memstream(said, &size);
	assert_non_null(stderr);
	good = values_word(&value, words, index);
	fclose(stderr);
	stderr = terminal;
	return good;
}

static void test_words(void **state)
{
	static const char *const words[] = { "one", "two", "three", NULL };
	unsigned int index;
	char *said;

	for (unsigned int i = 0; words[i]; i++) {
		assert_true(choose(words[i], words, &index, &said));
		assert_int_equal(index, i);
		assert_string_equal(said, "");
		free(said);
	}
}

static void test_bad_words_leave_the_result_alone(void **state)
{
	static const char *const texts[] = { "", "on", "ones", "One", "one,two" };
	static const char *const words[] = { "one", "two", "three", NULL };
	unsigned int index = 77;
	char *said, *expected;

	for (size_t i = 0; i < COUNT(texts); i++) {
		assert_false(choose(texts[i], words, &index, &said));
		assert_true(asprintf(&expected, "program: --option takes one, two or three, not "
				     "\"%s\"\n", texts[i]) > 0);
		assert_string_equal(said, expected);
		free(expected);
		free(said);
	}
	assert_int_equal(index, 77);
}

static void test_lists_of_one_and_two(void **state)
{
	static const char *const one[] = { "one", NULL }, *const two[] = { "one", "two", NULL };
	unsigned int index;
	char *said;

	assert_false(choose("x", one, &index, &said));
	assert_string_equal(said, "program: --option takes one, not \"x\"\n");
	free(said);
	assert_false(choose("x", two, &index, &said));
	assert_string_equal(said, "program: --option takes one or two, not \"x\"\n");
	free(said);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_bad_words_leave_the_result_alone),
		cmocka_unit_test(test_lists_of_one_and_two),
	};

	return cmocka_run_group_tests_name("values", tests, NULL, NULL);
}
