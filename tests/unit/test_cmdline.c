/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tests command lines (plan/cmdline.c). A wrong filter leaves crashkernel= in the command line,
 * and the capture kernel reserves memory again, or the filter damages the user's options.
 */
#include "../../libcrashres/plan/cmdline.h"
#include "support.h"

/* Asserts the result of the filter that removes words of the running kernel. */
static void check_filter(const char *cmdline, enum crashres_slot slot, const char *wanted)
{
	char *got = crs_cmdline_filter(cmdline, slot);

	assert_non_null(got);
	assert_string_equal(got, wanted);
	free(got);
}

static void test_crash_kernel_loses_crashkernel_and_boot_image(void **state)
{
	/* Columns: the command line of the running kernel, the filtered command line. */
	static const char *const cases[][2] = {
		{ "", "" },
		{ " ", " " },
		{ "quiet", "quiet" },
		{ "root=/dev/vda1 ro quiet", "root=/dev/vda1 ro quiet" },
		/* The word is the first, a middle, the last or the only word. */
		{ "BOOT_IMAGE=/vmlinuz root=x ro", "root=x ro" },
		{ "root=x BOOT_IMAGE=/vmlinuz ro", "root=x ro" },
		{ "root=x ro BOOT_IMAGE=/vmlinuz", "root=x ro " },
		{ "BOOT_IMAGE=/vmlinuz", "" },
		{ "BOOT_IMAGE=/vmlinuz ", "" },
		{ "crashkernel=256M", "" },
		{ "a crashkernel=1G,high b crashkernel=64M,low c", "a b c" },
		{ "crashkernel=1G,high crashkernel=64M,low", "" },
		/* The word has a value or has none. */
		{ "a crashkernel b", "a b" },
		{ "a BOOT_IMAGE b", "a b" },
		{ "a crashkernel= b", "a b" },
		{ "crashkernel=a=b c", "c" },
		/* Other words contain the name and stay. */
		{ "rd.crashkernel=1 a", "rd.crashkernel=1 a" },
		{ "crashkernel_opt=1 a", "crashkernel_opt=1 a" },
		{ "xcrashkernel=1 BOOT_IMAGES=1", "xcrashkernel=1 BOOT_IMAGES=1" },
		{ "boot_image=1 Crashkernel=1", "boot_image=1 Crashkernel=1" },
		{ "crashkerne l=1", "crashkerne l=1" },
		{ "a=crashkernel=1", "a=crashkernel=1" },
		/*
		 * The blanks after a removed word are removed. All other blanks stay unchanged.
		 */
		{ "a  b\tc", "a  b\tc" },
		{ "  a  crashkernel=1   b ", "  a  b " },
		{ "a\tcrashkernel=1\tb", "a\tb" },
		{ "a crashkernel=1\t\tBOOT_IMAGE=x\n b", "a b" },
		{ "a b  ", "a b  " },
		{ "a b \n", "a b \n" },
		/* Blanks inside quotes do not end a word. */
		{ "\"BOOT_IMAGE=x y\" a", "a" },
		{ "a \"BOOT_IMAGE=x y\"", "a " },
		{ "BOOT_IMAGE=\"x y\" a", "a" },
		{ "a=\"crashkernel=1 b\" c", "a=\"crashkernel=1 b\" c" },
		{ "a=\"x crashkernel=1 y\" crashkernel=2 b", "a=\"x crashkernel=1 y\" b" },
		{ "\"crashkernel=1 b\" c", "c" },
		{ "\"crashkernel\" c", "c" },
		{ "\"crashkernels\" c", "\"crashkernels\" c" },
		{ "\"\" c", "\"\" c" },
		{ "a\"b crashkernel=1\" c", "a\"b crashkernel=1\" c" },
		/* If the closing quote is missing, the word ends with the line. */
		{ "a \"crashkernel=1 b", "a " },
		{ "a=\"b crashkernel=1", "a=\"b crashkernel=1" },
		{ "\"", "\"" },
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		check_filter(cases[i][0], CRASHRES_SLOT_CRASH, cases[i][1]);
}

static void test_normal_kernel_keeps_crashkernel(void **state)
{
	check_filter("BOOT_IMAGE=x a crashkernel=1G,high b", CRASHRES_SLOT_NORMAL,
		     "a crashkernel=1G,high b");
	check_filter("crashkernel", CRASHRES_SLOT_NORMAL, "crashkernel");
	check_filter("BOOT_IMAGE=x", CRASHRES_SLOT_NORMAL, "");
}

/* Asserts the command line of a crash kernel; NULL: no such part. */
static void check_make(struct unit *unit, const char *reused, const char *append,
		       const char *wanted)
{
	char *line;

	assert_ok(unit, crs_cmdline_make(unit->ctx, reused, append, CRASHRES_SLOT_CRASH, &line));
	assert_string_equal(line, wanted);
	free(line);
}

static void test_appended_text_follows_the_reused_command_line(void **state)
{
	check_make(*state, NULL, NULL, "");
	check_make(*state, NULL, "a", "a");
	check_make(*state, "a", NULL, "a");
	check_make(*state, "a", "", "a");
	check_make(*state, "", "b", "b");
	check_make(*state, "a", "b", "a b");
	check_make(*state, "crashkernel=1 ", "b", "b");
	check_make(*state, "a ", "b", "a  b");
	check_make(*state, "a crashkernel=1", "b", "a  b");
	/* The filter does not apply to the user's own text. */
	check_make(*state, "a", "crashkernel=1 BOOT_IMAGE=y", "a crashkernel=1 BOOT_IMAGE=y");
}

/*
 * Linux searches for "crashkernel=" anywhere in the command line, also inside other words. The
 * filter keeps such words, so the plan must warn of them, in reused and in appended text.
 */
static void test_remaining_crashkernel_text_is_warned_of(void **state)
{
	/* Words that contain "crashkernel=" but are not the option. */
	static const char *const words[] = {
		"rd.crashkernel=1", "a=crashkernel=1", "a=\"crashkernel=1 b\"", "xcrashkernel=",
		"a=\"b crashkernel=1",
	};
	struct unit *unit = *state;
	char *line;

	for (size_t i = 0; i < COUNT(words); i++) {
		char reused[64], filtered[64], warning[256];

		snprintf(reused, sizeof(reused), "q crashkernel=2 %s", words[i]);
		snprintf(warning, sizeof(warning), "warning: command line: the crash kernel can "
						   "reserve memory again, because it finds "
						   "\"crashkernel=\" in %s\n", words[i]);
		free(unit->log);
		unit->log = strdup("");
		snprintf(filtered, sizeof(filtered), "q %s", words[i]);
		check_make(unit, reused, NULL, filtered);
		assert_string_equal(unit->log, warning);
		free(unit->log);
		unit->log = strdup("");
		check_make(unit, NULL, words[i], words[i]);
		assert_string_equal(unit->log, warning);
		/* A normal kernel needs its crashkernel= word, so there is no warning. */
		free(unit->log);
		unit->log = strdup("");
		assert_ok(unit, crs_cmdline_make(unit->ctx, reused, NULL, CRASHRES_SLOT_NORMAL, &line));
		assert_string_equal(line, reused);
		free(line);
		assert_string_equal(unit->log, "");
	}
	check_make(unit, "crashkernel crashkernels=1 crash kernel=", "Crashkernel=1",
		   "crashkernels=1 crash kernel= Crashkernel=1");
	assert_string_equal(unit->log, "");
}

static char *letters(size_t count)
{
	char *text = unit_alloc(count + 1);

	memset(text, 'x', count);
	return text;
}

/* COMMAND_LINE_SIZE of arm64 is 2048 bytes with the NUL. */
static void test_2047_bytes_fit_and_2048_do_not(void **state)
{
	static const char sentence[] =
		"Kernel command line too long for kernel: 2048 bytes, at most 2047";
	struct unit *unit = *state;
	CRS_CLEANUP(crs_freep) char *fits = letters(2047);
	CRS_CLEANUP(crs_freep) char *too_long = letters(2048);
	CRS_CLEANUP(crs_freep) char *part = letters(2045);
	char *line;

	check_make(unit, NULL, fits, fits);
	assert_ok(unit, crs_cmdline_make(unit->ctx, part, "y", CRASHRES_SLOT_CRASH, &line));
	assert_int_equal(strlen(line), 2047);
	free(line);
	line = UNTOUCHED;
	assert_fails(unit, crs_cmdline_make(unit->ctx, NULL, too_long, CRASHRES_SLOT_CRASH, &line),
		     CRASHRES_ERR_LIMIT, sentence);
	assert_fails(unit, crs_cmdline_make(unit->ctx, part, "yz", CRASHRES_SLOT_CRASH, &line),
		     CRASHRES_ERR_LIMIT, sentence);
	assert_ptr_equal(line, UNTOUCHED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT_TEST(test_crash_kernel_loses_crashkernel_and_boot_image),
		UNIT_TEST(test_normal_kernel_keeps_crashkernel),
		UNIT_TEST(test_appended_text_follows_the_reused_command_line),
		UNIT_TEST(test_remaining_crashkernel_text_is_warned_of),
		UNIT_TEST(test_2047_bytes_fit_and_2048_do_not),
	};

	return cmocka_run_group_tests_name("cmdline", tests, NULL, NULL);
}
