/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tests the command that signs a sealed Image (crashres/sign-command.c). It runs as root. A wrong
 * program expands characters of a file name, or signs another file than the sealed Image.
 */
#include <fcntl.h>
#include <unistd.h>

#include "../../crashres/sign-command.h"
#include "support.h"

/* Splits "text %i %o" and asserts the words before %i. @words ends with NULL. */
static void assert_words(const char *text, const char *const words[])
{
	struct sign_command command;
	char *whole;
	size_t i;

	assert_true(asprintf(&whole, "%s %%i %%o", text) > 0);
	assert_null(sign_command_split(whole, &command));
	for (i = 0; words[i]; i++)
		assert_string_equal(command.words[i], words[i]);
	assert_int_equal(command.count, i + 2);
	assert_string_equal(command.words[i], "%i");
	assert_string_equal(command.words[i + 1], "%o");
	assert_null(command.words[i + 2]);
	sign_command_free(&command);
	free(whole);
}

static void test_quotes_group_and_nothing_is_expanded(void **state)
{
	static const struct {
		const char *text;
		const char *words[4];
	} cases[] = {
		{ "sbsign", { "sbsign" } },
		{ " \tsbsign  --key\tk ", { "sbsign", "--key", "k" } },
		{ "a 'b c' d", { "a", "b c", "d" } },
		{ "a \"b c\" d", { "a", "b c", "d" } },
		{ "a b\\ c d", { "a", "b c", "d" } },
		{ "a'b'\"c\"d", { "abcd" } },
		{ "a '' \"\"", { "a", "", "" } },
		{ "'a\\b\"c'", { "a\\b\"c" } },
		{ "\"a\\b\\\"c\\\\d'\"", { "a\\b\"c\\d'" } },
		{ "\\'\\\"\\\\", { "'\"\\" } },
		{ "$HOME `x` $(x) *", { "$HOME", "`x`", "$(x)", "*" } },
		{ "1\n2 \\\n 3\\\n4", { "1", "2", "3", "4" } },
		{ "'1\\\n2' \"3\n4\"", { "1\\\n2", "3\n4" } },
		{ "a;b|c&d>e #~", { "a;b|c&d>e", "#~" } },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *words[5] = { NULL };

		memcpy(words, cases[i].words, sizeof(cases[i].words));
		assert_words(cases[i].text, words);
	}
}

static void test_wrong_commands_are_named(void **state)
{
	static const struct {
		const char *text, *problem;
	} cases[] = {
		{ "", "no command" },
		{ " \t", "no command" },
		{ "a 'b", "a quote is not closed" },
		{ "a \"b", "a quote is not closed" },
		{ "a \"b\\", "a quote is not closed" },
		{ "a b\\", "a backslash ends the command" },
		{ "a %o", "no %i, the file to sign" },
		{ "a %i", "no %o, the file to write" },
		{ "a %%i %o", "no %i, the file to sign" },
		{ "a %i %o %x", "it takes %i, %o and %%, and no other %" },
		{ "a %i %o %", "it takes %i, %o and %%, and no other %" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct sign_command command;

		assert_string_equal(sign_command_split(cases[i].text, &command), cases[i].problem);
		sign_command_free(&command);
	}
}

/* Runs @text. *@printed: stderr of this process, the caller frees it. */
static bool run(const char *text, const char *input, const char *output, char **printed)
{
	FILE *terminal = stderr;
	struct sign_command command;
	size_t size;
	bool done;

	assert_null(sign_command_split(text, &command));
	stderr = open_memstream(printed, &size);
	done = sign_command_run(&command, input, output);
	fclose(stderr);
	stderr = terminal;
	sign_command_free(&command);
	return done;
}

/* The paths have characters that a shell would expand, and the command has them too. */
static void test_paths_reach_the_command_unchanged(void **state)
{
	struct unit *unit = *state;
	char *input = unit_path(unit, "a $HOME 'b'"), *output = unit_path(unit, "out"), *printed;
	char bytes[200] = "";
	char *expected;
	int fd;

	assert_true(run("sh -c 'printf \"%%s|\" \"$@\" >\"$3\"' name -%i-%% %i %o", input, output,
			&printed));
	assert_string_equal(printed, "");
	fd = open(output, O_RDONLY);
	assert_true(fd >= 0 && read(fd, bytes, sizeof(bytes) - 1) > 0);
	close(fd);
	assert_true(asprintf(&expected, "-%s-%%|%s|%s|", input, input, output) > 0);
	assert_string_equal(bytes, expected);
	free(expected);
	free(printed);
	free(input);
	free(output);
}

static void test_failed_commands_are_named(void **state)
{
	static const struct {
		const char *text, *line;
	} cases[] = {
		{ "false %i %o", "crashres: false: failed with exit status 1\n" },
		{ "sh -c 'exit 7' %i %o", "crashres: sh: failed with exit status 7\n" },
		{ "sh -c 'kill -9 $$' %i %o", "crashres: sh: ended by signal 9\n" },
		{ "/nowhere/x %i %o",
		  "crashres: /nowhere/x: cannot start: No such file or directory\n" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		char *printed;

		assert_false(run(cases[i].text, "in", "out", &printed));
		assert_string_equal(printed, cases[i].line);
		free(printed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT_TEST(test_quotes_group_and_nothing_is_expanded),
		UNIT_TEST(test_wrong_commands_are_named),
		UNIT_TEST(test_paths_reach_the_command_unchanged),
		UNIT_TEST(test_failed_commands_are_named),
	};

	return cmocka_run_group_tests_name("sign_command", tests, NULL, NULL);
}
