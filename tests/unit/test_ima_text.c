/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_ima_text.c: text from hostile certificates, cut and escaped (text.c). */
#include "../../libcrashres-ima/text.h"
#include "support.h"

/* Expects that @from becomes @wanted in a buffer of @capacity bytes, which ends there. */
static void check_escape(const char *from, size_t capacity, const char *wanted)
{
	char *to = unit_alloc(capacity);

	crs_text_escape(to, capacity, from, strlen(from));
	assert_string_equal(to, wanted);
	free(to);
}

static void test_text_stays(void **state)
{
	(void)state;
	check_escape("", 1, "");
	check_escape("CN = kdump \\ \"x\"", 100, "CN = kdump \\ \"x\"");
	check_escape("\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80", 100,
		     "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80");
	/* The neighbours of the ranges that are escaped. */
	check_escape(" ~\xc2\xa0\xd8\x9b\xd8\x9d\xe2\x80\x8d\xe2\x80\x90\xe2\x80\xa7\xe2\x80\xaf"
		     "\xe2\x81\xa5\xe2\x81\xaa", 100,
		     " ~\xc2\xa0\xd8\x9b\xd8\x9d\xe2\x80\x8d\xe2\x80\x90\xe2\x80\xa7\xe2\x80\xaf"
		     "\xe2\x81\xa5\xe2\x81\xaa");
}

static void test_commands_of_terminals(void **state)
{
	(void)state;
	check_escape("a\x1b[31m\n", 100, "a\\1B[31m\\0A");
	check_escape("\x7f", 100, "\\7F");
	check_escape("a\xc2\x9b" "31mRED", 100, "a\\C2\\9B31mRED");
	check_escape("\xc2\x80\xc2\x9f", 100, "\\C2\\80\\C2\\9F");
	check_escape("\xd8\x9c\xe2\x80\x8e\xe2\x80\x8f", 100,
		     "\\D8\\9C\\E2\\80\\8E\\E2\\80\\8F");
	check_escape("\xe2\x80\xa8\xe2\x80\xae", 100, "\\E2\\80\\A8\\E2\\80\\AE");
	check_escape("\xe2\x81\xa6\xe2\x81\xa9", 100, "\\E2\\81\\A6\\E2\\81\\A9");
}

static void test_bytes_that_are_not_utf_8(void **state)
{
	(void)state;
	check_escape("\x80x\xff", 100, "\\80x\\FF");
	check_escape("\xc3", 100, "\\C3");
	check_escape("\xe2\x82", 100, "\\E2\\82");
	check_escape("\xc1\x81", 100, "\\C1\\81");		/* too long for U+0041 */
	check_escape("\xe0\x80\x80", 100, "\\E0\\80\\80");
	check_escape("\xed\xa0\x80", 100, "\\ED\\A0\\80");	/* a surrogate */
	check_escape("\xf4\x90\x80\x80", 100, "\\F4\\90\\80\\80");	/* U+110000 */
}

static void test_the_end_is_a_whole_character(void **state)
{
	(void)state;
	check_escape("ab\xc3\xa4", 4, "ab");
	check_escape("ab\xc3\xa4", 5, "ab\xc3\xa4");
	check_escape("ab\n", 5, "ab");
	check_escape("ab\n", 6, "ab\\0A");
	check_escape("abc", 1, "");
}

static void test_copies_are_cut_between_characters(void **state)
{
	static const char euro[] = "a\xe2\x82\xac";
	char to[8];

	(void)state;
	for (size_t capacity = 2; capacity < 5; capacity++) {
		crs_text_copy(to, capacity, euro);
		assert_string_equal(to, "a");
	}
	crs_text_copy(to, 5, euro);
	assert_string_equal(to, euro);
	crs_text_copy(to, 5, "\xf0\x9f\x98\x80x");
	assert_string_equal(to, "\xf0\x9f\x98\x80");
	crs_text_copy(to, 4, "\xf0\x9f\x98\x80x");
	assert_string_equal(to, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT_TEST(test_text_stays),
		UNIT_TEST(test_commands_of_terminals),
		UNIT_TEST(test_bytes_that_are_not_utf_8),
		UNIT_TEST(test_the_end_is_a_whole_character),
		UNIT_TEST(test_copies_are_cut_between_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
