/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../kexec/options.h"
#include "support.h"

#define MAX_ARGUMENTS 12

/* A command line parsed, and what went to stderr meanwhile. */
struct parsed {
	enum options_result result;
	struct options options;
	char *said;
};

/* @words: the arguments, blanks between them. */
static struct parsed parse(const char *words)
{
	static char storage[256];
	char program[] = "kexec", *argv[MAX_ARGUMENTS] = { program }, *rest = storage, *word;
	struct parsed parsed = { 0 };
	FILE *terminal = stderr;
	size_t size;
	int argc = 1;

	assert_true(snprintf(storage, sizeof(storage), "%s", words) < (int)sizeof(storage));
	while ((word = strsep(&rest, " ")))
		if (*word) {
			assert_true(argc < MAX_ARGUMENTS - 1);
			argv[argc++] = word;
		}
	stderr = open_memstream(&parsed.said, &size);
	assert_non_null(stderr);
	parsed.result = options_parse(argc, argv, &parsed.options);
	fclose(stderr);
	stderr = terminal;
	return parsed;
}

static struct options parse_ok(const char *words)
{
	struct parsed parsed = parse(words);

	assert_string_equal(parsed.said, "");
	free(parsed.said);
	assert_int_equal(parsed.result, OPTIONS_OK);
	return parsed.options;
}

static void assert_result(const char *words, enum options_result result, const char *said)
{
	struct parsed parsed = parse(words);

	assert_string_equal(parsed.said, said);
	free(parsed.said);
	assert_int_equal(parsed.result, result);
}

static void test_nothing_is_asked_for_without_arguments(void **state)
{
	struct options options = parse_ok("");

	(void)state;
	assert_false(options.load || options.unload || options.exec || options.status ||
		     options.print_ckr_size || options.dry_run || options.debug ||
		     options.reuse_cmdline);
	assert_null(options.kernel);
	assert_null(options.initrd);
	assert_null(options.dtb);
	assert_null(options.append);
	assert_null(options.root);
	assert_range(options.window, 0, UINT64_MAX);
}

static void test_no_checks(void **state)
{
	assert_false(parse_ok("-p K").no_checks);
	assert_true(parse_ok("-i -p K").no_checks);
	assert_true(parse_ok("-p --no-checks K").no_checks);
}

static void test_on_damage(void **state)
{
	assert_int_equal(parse_ok("-p K").on_damage, CRASHRES_ON_DAMAGE_RESET);
	assert_int_equal(parse_ok("--on-damage=halt -p K").on_damage, CRASHRES_ON_DAMAGE_HALT);
	assert_int_equal(parse_ok("--on-damage=boot -p K").on_damage, CRASHRES_ON_DAMAGE_BOOT);
	assert_int_equal(parse_ok("--on-damage=boot --on-damage=reset -p K").on_damage,
			 CRASHRES_ON_DAMAGE_RESET);
	assert_result("--on-damage=reboot -p K", OPTIONS_BAD,
		      "Bad option value in --on-damage=reboot\n");
	assert_result("--on-damage= -p K", OPTIONS_BAD,
		      "Bad option value in --on-damage=\n");
}

static void test_repair(void **state)
{
	assert_int_equal(parse_ok("-p K").repair, CRASHRES_REPAIR_AUTO);
	assert_int_equal(parse_ok("--repair=auto -p K").repair, CRASHRES_REPAIR_AUTO);
	assert_int_equal(parse_ok("--repair=off -p K").repair, 0);
	assert_int_equal(parse_ok("--repair=100 -p K").repair, 10000);
	assert_int_equal(parse_ok("--repair=12 -p K").repair, 1200);
	assert_int_equal(parse_ok("--repair=6.25 -p K").repair, 625);
	assert_int_equal(parse_ok("--repair=0.5 -p K").repair, 50);
	assert_int_equal(parse_ok("--repair=0.01 -p K").repair, 1);
}

static void test_bad_repair(void **state)
{
	static const char *const values[] = {
		"", "0", "0.00", "6.", ".5", "6.255", "6.2x", "6%", "-1", "+1", "100.01", "101",
		"on", "Auto", "99999999999999999999", "0x10",
	};
	char options[64], sentence[64];

	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
		snprintf(options, sizeof(options), "--repair=%s -p K", values[i]);
		snprintf(sentence, sizeof(sentence), "Bad option value in --repair=%s\n", values[i]);
		assert_result(options, OPTIONS_BAD, sentence);
	}
}

static void test_check_time(void **state)
{
	assert_int_equal(parse_ok("-p K").check_seconds, 30);
	assert_int_equal(parse_ok("--check-time=0 -p K").check_seconds, 0);
	assert_int_equal(parse_ok("--check-time=86400 -p K").check_seconds, 86400);
	assert_result("--check-time=86401 -p K", OPTIONS_BAD,
		      "Bad option value in --check-time=86401\n");
	assert_result("--check-time=1s -p K", OPTIONS_BAD,
		      "Bad option value in --check-time=1s\n");
	assert_result("--check-time=-1 -p K", OPTIONS_BAD,
		      "Bad option value in --check-time=-1\n");
	assert_result("--check-time= -p K", OPTIONS_BAD,
		      "Bad option value in --check-time=\n");
}

static void test_purgatory_mmu(void **state)
{
	(void)state;
	assert_false(parse_ok("-p K").purgatory_mmu_off);
	assert_true(parse_ok("--purgatory-mmu=off -p K").purgatory_mmu_off);
	assert_false(parse_ok("--purgatory-mmu=off --purgatory-mmu=on -p K").purgatory_mmu_off);
	assert_result("--purgatory-mmu=no -p K", OPTIONS_BAD,
		      "Bad option value in --purgatory-mmu=no\n");
}

static void test_serial(void **state)
{
	(void)state;
	assert_null(parse_ok("-p K").serial);
	assert_string_equal(parse_ok("-p K --serial=ttyAMA0").serial, "ttyAMA0");
	assert_string_equal(parse_ok("--serial /dev/ttyS0 --serial ttyS1 -p K").serial, "ttyS1");
	assert_result("-p --serial", OPTIONS_BAD,
		      "kexec: option '--serial' requires an argument\n");
}

/* What the order of -l, -p, -u and -e comes to. */
static void test_actions_add_up(void **state)
{
	static const struct {
		const char *words;
		bool load, unload, exec;
		enum crashres_slot slot;
	} cases[] = {
		{ "-l", true, false, false, CRASHRES_SLOT_NORMAL },
		{ "-p", true, false, false, CRASHRES_SLOT_CRASH },
		{ "-l -p", true, false, false, CRASHRES_SLOT_CRASH },
		{ "-p -l", true, false, false, CRASHRES_SLOT_NORMAL },
		{ "-u", false, true, false, CRASHRES_SLOT_NORMAL },
		{ "-l -u", false, true, false, CRASHRES_SLOT_NORMAL },
		{ "-u -l", true, true, false, CRASHRES_SLOT_NORMAL },
		{ "-p -u", false, true, false, CRASHRES_SLOT_CRASH },
		{ "-u -p", false, true, false, CRASHRES_SLOT_CRASH },
		{ "-pu", false, true, false, CRASHRES_SLOT_CRASH },
		{ "-p -u K", false, true, false, CRASHRES_SLOT_CRASH },
		{ "-u -p K", true, true, false, CRASHRES_SLOT_CRASH },
		{ "-e", false, false, true, CRASHRES_SLOT_NORMAL },
		{ "-l -e", false, false, true, CRASHRES_SLOT_NORMAL },
		{ "-e -l", true, false, false, CRASHRES_SLOT_NORMAL },
		{ "-u -e", false, true, true, CRASHRES_SLOT_NORMAL },
		{ "--load --unload", false, true, false, CRASHRES_SLOT_NORMAL },
		{ "--load-panic --unl", false, true, false, CRASHRES_SLOT_CRASH },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct options options = parse_ok(cases[i].words);

		if (options.load != cases[i].load || options.unload != cases[i].unload ||
		    options.exec != cases[i].exec || options.slot != cases[i].slot)
			fail_msg("%s: load %d, unload %d, exec %d, slot %d", cases[i].words,
				 options.load, options.unload, options.exec, options.slot);
	}
}

static void test_status_asks_for_the_crash_slot_unless_told(void **state)
{
	(void)state;
	assert_int_equal(parse_ok("-S").status_slot, CRASHRES_SLOT_CRASH);
	assert_int_equal(parse_ok("-S -u").status_slot, CRASHRES_SLOT_CRASH);
	assert_int_equal(parse_ok("-S -p").status_slot, CRASHRES_SLOT_CRASH);
	assert_int_equal(parse_ok("-S -l").status_slot, CRASHRES_SLOT_NORMAL);
	assert_int_equal(parse_ok("-l -S").status_slot, CRASHRES_SLOT_NORMAL);
	assert_int_equal(parse_ok("-l -p -S").status_slot, CRASHRES_SLOT_CRASH);
	assert_int_equal(parse_ok("-p -l --status").status_slot, CRASHRES_SLOT_NORMAL);
}

static void test_strings_come_through_and_the_last_counts(void **state)
{
	struct options options = parse_ok("-p --initrd a --ramdisk=b --dtb=c --append=d "
					  "--command-line=e --root=f K more");

	(void)state;
	assert_string_equal(options.initrd, "b");
	assert_string_equal(options.dtb, "c");
	assert_string_equal(options.append, "e");
	assert_string_equal(options.root, "f");
	assert_string_equal(options.kernel, "K");
}

static void test_root_implies_a_dry_run(void **state)
{
	(void)state;
	assert_true(parse_ok("--root x -p K").dry_run);
	assert_true(parse_ok("--dry-run -p K").dry_run);
	assert_false(parse_ok("-p K").dry_run);
}

static void test_flags_are_taken(void **state)
{
	(void)state;
	assert_true(parse_ok("-d").debug);
	assert_true(parse_ok("--reuse-cmdline").reuse_cmdline);
	assert_true(parse_ok("--print-ckr-size").print_ckr_size);
	assert_true(parse_ok("-c -p K").load);
}

static void test_options_may_follow_the_kernel(void **state)
{
	struct options options = parse_ok("K -p --append=x");

	(void)state;
	assert_true(options.load);
	assert_string_equal(options.kernel, "K");
	assert_string_equal(options.append, "x");
}

static void test_two_dashes_end_the_options(void **state)
{
	struct options options = parse_ok("-p -- --append=x");

	(void)state;
	assert_string_equal(options.kernel, "--append=x");
	assert_null(options.append);
}

static void test_windows_have_inclusive_ends(void **state)
{
	(void)state;
	assert_range(parse_ok("--mem-min=0x1000").window, 0x1000, UINT64_MAX - 0x1000);
	assert_range(parse_ok("--mem-max=0xfff").window, 0, 0x1000);
	assert_range(parse_ok("--mem-min 4096 --mem-max 017777").window, 4096, 4096);
	assert_range(parse_ok("--mem-min=7 --mem-max=7").window, 7, 1);
	assert_range(parse_ok("--mem-max=0xffffffffffffffff").window, 0, UINT64_MAX);
	assert_range(parse_ok("--mem-max=0xfffffffffffffffe").window, 0, UINT64_MAX);
	assert_range(parse_ok("--mem-max=1 --mem-max=2").window, 0, 3);
}

static void test_bad_addresses_are_refused(void **state)
{
	static const char *const values[] = {
		"", "zz", "1k", "-1", "+1", "0x", "08", "0x10000000000000000",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(values); i++) {
		char *words, *said;

		assert_true(asprintf(&words, "--mem-min=%s", values[i]) > 0);
		assert_true(asprintf(&said, "Bad option value in --mem-min=%s\n", values[i]) > 0);
		assert_result(words, OPTIONS_BAD, said);
		free(words);
		free(said);
	}
	assert_result("--mem-max=1x", OPTIONS_BAD, "Bad option value in --mem-max=1x\n");
}

static void test_a_window_upside_down_is_refused(void **state)
{
	(void)state;
	assert_result("--mem-min=2 --mem-max=1", OPTIONS_BAD, "--mem-max is below --mem-min\n");
}

static void test_help_and_version_end_the_parsing(void **state)
{
	(void)state;
	assert_result("-h --bad", OPTIONS_HELP, "");
	assert_result("-p --version --bad", OPTIONS_VERSION, "");
}

static void test_bad_options_are_named(void **state)
{
	(void)state;
	assert_result("--bad", OPTIONS_BAD, "kexec: unrecognized option '--bad'\n");
	assert_result("-Z", OPTIONS_BAD, "kexec: invalid option -- 'Z'\n");
	assert_result("-p --append", OPTIONS_BAD,
		      "kexec: option '--append' requires an argument\n");
	assert_result("--bad -h", OPTIONS_BAD, "kexec: unrecognized option '--bad'\n");
}

/* getopt keeps its place in globals. */
static void test_a_second_command_line_starts_afresh(void **state)
{
	(void)state;
	assert_result("-ph", OPTIONS_HELP, "");
	assert_true(parse_ok("-l K").load);
	assert_string_equal(parse_ok("A B -p").kernel, "A");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_is_asked_for_without_arguments),
		cmocka_unit_test(test_no_checks),
		cmocka_unit_test(test_on_damage),
		cmocka_unit_test(test_repair),
		cmocka_unit_test(test_bad_repair),
		cmocka_unit_test(test_check_time),
		cmocka_unit_test(test_purgatory_mmu),
		cmocka_unit_test(test_serial),
		cmocka_unit_test(test_actions_add_up),
		cmocka_unit_test(test_status_asks_for_the_crash_slot_unless_told),
		cmocka_unit_test(test_strings_come_through_and_the_last_counts),
		cmocka_unit_test(test_root_implies_a_dry_run),
		cmocka_unit_test(test_flags_are_taken),
		cmocka_unit_test(test_options_may_follow_the_kernel),
		cmocka_unit_test(test_two_dashes_end_the_options),
		cmocka_unit_test(test_windows_have_inclusive_ends),
		cmocka_unit_test(test_bad_addresses_are_refused),
		cmocka_unit_test(test_a_window_upside_down_is_refused),
		cmocka_unit_test(test_help_and_version_end_the_parsing),
		cmocka_unit_test(test_bad_options_are_named),
		cmocka_unit_test(test_a_second_command_line_starts_afresh),
	};

	return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
