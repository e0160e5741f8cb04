/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tests option values that are one word of a list (cli/values.c). A wrong program accepts a
 * misspelt policy and then resets or starts a damaged kernel.
 */
#include "../../cli/values.h"
#include "support.h"

/* Calls values_word(). *@printed is its text on stderr; the caller frees it. */
static bool choose(const char *text, const char *const words[], unsigned int *index, char **printed)
{
	const struct value value = { "program", "option", text };
	FILE *terminal = stderr;
	size_t size;
	bool good;

	stderr = open_memstream(printed, &size);
	assert_non_null(stderr);
	good = values_word(&value, words, index);
	fclose(stderr);
	stderr = terminal;
	return good;
}

static void test_each_word_gives_its_index(void **state)
{
	static const char *const words[] = { "one", "two", "three", NULL };
	unsigned int index;
	char *printed;

	for (unsigned int i = 0; words[i]; i++) {
		assert_true(choose(words[i], words, &index, &printed));
		assert_int_equal(index, i);
		assert_string_equal(printed, "");
		free(printed);
	}
}

static void test_unknown_word_is_refused_and_leaves_the_index(void **state)
{
	static const char *const texts[] = { "", "on", "ones", "One", "one,two" };
	static const char *const words[] = { "one", "two", "three", NULL };
	unsigned int index = 77;
	char *printed, *expected;

	for (size_t i = 0; i < COUNT(texts); i++) {
		assert_false(choose(texts[i], words, &index, &printed));
		assert_true(asprintf(&expected, "program: --option takes one, two or three, not "
				     "\"%s\"\n", texts[i]) > 0);
		assert_string_equal(printed, expected);
		free(expected);
		free(printed);
	}
	assert_int_equal(index, 77);
}

static void test_short_word_lists_are_printed(void **state)
{
	static const char *const one[] = { "one", NULL }, *const two[] = { "one", "two", NULL };
	unsigned int index;
	char *printed;

	assert_false(choose("x", one, &index, &printed));
	assert_string_equal(printed, "program: --option takes one, not \"x\"\n");
	free(printed);
	assert_false(choose("x", two, &index, &printed));
	assert_string_equal(printed, "program: --option takes one or two, not \"x\"\n");
	free(printed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_word_gives_its_index),
		cmocka_unit_test(test_unknown_word_is_refused_and_leaves_the_index),
		cmocka_unit_test(test_short_word_lists_are_printed),
	};

	return cmocka_run_group_tests_name("values", tests, NULL, NULL);
}
