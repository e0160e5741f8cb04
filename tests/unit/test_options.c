/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests the parser of the kexec command line: kexec/options.c and kexec/long-options.c. */
#include "../../kexec/options.h"
#include "support.h"

#define MAX_ARGUMENTS 16

/* The result of parsing a command line, and what the parser printed on stderr. */
struct outcome {
	enum parsed result;
	struct options options;
	char *said;			/* allocated */
};

/* Parses a command line. @words: the arguments, separated by blanks. */
static struct outcome parse(const char *words)
{
	static char storage[256];
	char program[] = "kexec", *argv[MAX_ARGUMENTS] = { program }, *rest = storage, *word;
	struct outcome parsed = { 0 };
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
	struct outcome parsed = parse(words);

	assert_string_equal(parsed.said, "");
	free(parsed.said);
	assert_int_equal(parsed.result, PARSED_OK);
	return parsed.options;
}

static void assert_result(const char *words, enum parsed result, const char *said)
{
	struct outcome parsed = parse(words);

	assert_string_equal(parsed.said, said);
	free(parsed.said);
	assert_int_equal(parsed.result, result);
}

static void test_defaults(void **state)
{
	struct options options = parse_ok("");

	(void)state;
	/* "kexec IMAGE" loads and calls shutdown; main() reports that IMAGE is missing. */
	assert_true(options.load && options.shutdown);
	assert_int_equal(options.call, CRASHRES_CALL_AUTO);
	assert_false(options.unload || options.exec || options.status ||
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
	assert_result("--on-damage=reboot -p K", PARSED_REFUSED,
		      "kexec: --on-damage takes reset, halt or boot, not \"reboot\"\n");
	assert_result("--on-damage= -p K", PARSED_REFUSED,
		      "kexec: --on-damage takes reset, halt or boot, not \"\"\n");
}

static void test_on_timeout(void **state)
{
	assert_int_equal(parse_ok("-p K").on_timeout, CRASHRES_ON_TIMEOUT_BOOT);
	assert_int_equal(parse_ok("--on-timeout=boot -p K").on_timeout, CRASHRES_ON_TIMEOUT_BOOT);
	assert_int_equal(parse_ok("--on-timeout=reset -p K").on_timeout, CRASHRES_ON_TIMEOUT_RESET);
	assert_int_equal(parse_ok("--on-timeout halt -p K").on_timeout, CRASHRES_ON_TIMEOUT_HALT);
	assert_result("--on-timeout=never -p K", PARSED_REFUSED,
		      "kexec: --on-timeout takes boot, reset or halt, not \"never\"\n");
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
	char options[64], sentence[128];

	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
		snprintf(options, sizeof(options), "--repair=%s -p K", values[i]);
		snprintf(sentence, sizeof(sentence), "kexec: --repair takes auto, off or a number "
			 "from 0.01 to 100, not \"%s\"\n", values[i]);
		assert_result(options, PARSED_REFUSED, sentence);
	}
}

static void test_check_time(void **state)
{
	assert_int_equal(parse_ok("-p K").check_seconds, 30);
	assert_int_equal(parse_ok("--check-time=0 -p K").check_seconds, 0);
	assert_int_equal(parse_ok("--check-time=86400 -p K").check_seconds, 86400);
	assert_result("--check-time=86401 -p K", PARSED_REFUSED,
		      "kexec: --check-time takes a number of seconds from 0 to 86400, not \"86401\"\n");
	assert_result("--check-time=1s -p K", PARSED_REFUSED,
		      "kexec: --check-time takes a number of seconds from 0 to 86400, not \"1s\"\n");
	assert_result("--check-time=-1 -p K", PARSED_REFUSED,
		      "kexec: --check-time takes a number of seconds from 0 to 86400, not \"-1\"\n");
	assert_result("--check-time= -p K", PARSED_REFUSED,
		      "kexec: --check-time takes a number of seconds from 0 to 86400, not \"\"\n");
}

static void test_purgatory_mmu(void **state)
{
	(void)state;
	assert_false(parse_ok("-p K").purgatory_mmu_off);
	assert_true(parse_ok("--purgatory-mmu=off -p K").purgatory_mmu_off);
	assert_false(parse_ok("--purgatory-mmu=off --purgatory-mmu=on -p K").purgatory_mmu_off);
	assert_result("--purgatory-mmu=no -p K", PARSED_REFUSED,
		      "kexec: --purgatory-mmu takes on or off, not \"no\"\n");
}

static void test_serial(void **state)
{
	(void)state;
	assert_null(parse_ok("-p K").serial);
	assert_string_equal(parse_ok("-p K --serial=ttyAMA0").serial, "ttyAMA0");
	assert_string_equal(parse_ok("--serial /dev/ttyS0 --serial ttyS1 -p K").serial, "ttyS1");
	assert_result("-p --serial", PARSED_BAD,
		      "kexec: option '--serial' requires an argument\n");
}

/* The order of -l, -p, -u and -e decides which actions follow. */
static void test_order_of_actions(void **state)
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
		{ "-f K", true, false, true, CRASHRES_SLOT_NORMAL },
		{ "-l -f K", true, false, true, CRASHRES_SLOT_NORMAL },
		{ "-f -l K", true, false, false, CRASHRES_SLOT_NORMAL },
		{ "-e -f", false, false, true, CRASHRES_SLOT_NORMAL },
		{ "-e -f K", true, false, true, CRASHRES_SLOT_NORMAL },
		{ "--load --unload", false, true, false, CRASHRES_SLOT_NORMAL },
		{ "--load-pan --unl", false, true, false, CRASHRES_SLOT_CRASH },
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

static void test_last_value_counts(void **state)
{
	struct options options = parse_ok("-p --initrd a --ramdisk=b --dtb=c --append=d "
					  "--command-line=e --root=f K");

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

static void test_flags(void **state)
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
		assert_true(asprintf(&said, "kexec: --mem-min takes an address such as "
				     "0x80000000, not \"%s\"\n", values[i]) > 0);
		assert_result(words, PARSED_REFUSED, said);
		free(words);
		free(said);
	}
	assert_result("--mem-max=1x", PARSED_REFUSED,
		      "kexec: --mem-max takes an address such as 0x80000000, not \"1x\"\n");
}

static void test_mem_max_below_mem_min_is_refused(void **state)
{
	(void)state;
	assert_result("--mem-min=2 --mem-max=1", PARSED_REFUSED,
		      "kexec: --mem-max is below --mem-min\n");
}

/* Describes the settings that differ from the defaults. */
static void print_numbers(FILE *out, const struct options *options)
{
	const struct {
		const char *name;
		uint64_t value, usual;
	} numbers[] = {
		{ "mem-min", options->window.base, 0 },
		{ "mem-size", options->window.size, UINT64_MAX },
		{ "entry", options->entry, 0 }, { "seal", options->sealing, 0 },
		{ "on-damage", options->on_damage, 0 }, { "on-timeout", options->on_timeout, 0 },
		{ "repair", options->repair, CRASHRES_REPAIR_AUTO },
		{ "check-time", options->check_seconds, 30 },
	};

	for (size_t i = 0; i < COUNT(numbers); i++)
		if (numbers[i].value != numbers[i].usual)
			fprintf(out, " %s=%" PRIu64, numbers[i].name, numbers[i].value);
}

/* Describes the actions and settings of a parsed command line, such as "crash: load kernel=K". */
static char *describe(const struct options *options)
{
	static const char *const calls[] = { "", " by kexec_load", " by kexec_file_load" };
	const struct {
		const char *name;
		const char *value;
	} names[] = {
		{ "type", options->type }, { "kernel", options->kernel },
		{ "initrd", options->initrd }, { "dtb", options->dtb },
		{ "append", options->append }, { "serial", options->serial },
		{ "root", options->root },
	};
	const struct {
		const char *word;
		bool set;
	} words[] = {
		{ "print-ckr-size", options->print_ckr_size }, { "status", options->status },
		{ "unload", options->unload }, { "load", options->load },
		{ "shutdown", options->shutdown }, { "exec", options->exec },
		{ "debug", options->debug }, { "no-checks", options->no_checks },
		{ "no-sync", options->no_sync }, { "no-ifdown", options->no_ifdown },
		{ "reuse-cmdline", options->reuse_cmdline }, { "reuse-initrd", options->reuse_initrd },
		{ "hotplug", options->hotplug }, { "no-cma", options->no_cma },
		{ "force-dtb", options->force_dtb }, { "dry-run", options->dry_run },
		{ "mmu-off", options->purgatory_mmu_off },
	};
	enum crashres_slot slot = options->status ? options->status_slot : options->slot;
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	fprintf(out, slot == CRASHRES_SLOT_CRASH ? "crash:" : "next:");
	for (size_t i = 0; i < COUNT(words); i++)
		if (words[i].set)
			fprintf(out, " %s", words[i].word);
	fprintf(out, "%s", calls[options->call]);
	for (size_t i = 0; i < COUNT(names); i++)
		if (names[i].value)
			fprintf(out, " %s=%s", names[i].name, names[i].value);
	print_numbers(out, options);
	fclose(out);
	return text;
}

/*
 * Command lines of programs, scripts and documents that call kexec. They must keep their meaning.
 * Each entry has the arguments, the description of the result, and the output on stderr.
 */
static const struct {
	const char *words;
	const char *request;
	const char *said;
} corpus[] = {
	/* RHEL on arm64 with Secure Boot; RHEL 9 */
	{ "-s -s -p --command-line=A --initrd=I K",
	  "crash: load by kexec_file_load kernel=K initrd=I append=A", "" },
	{ "-s -d -p --command-line=A --initrd=I K",
	  "crash: load debug by kexec_file_load kernel=K initrd=I append=A", "" },
	/* Debian, openEuler */
	{ "-p --command-line=A --initrd=I K", "crash: load kernel=K initrd=I append=A", "" },
	{ "-p -s --args-linux --elf64-core-headers --command-line=A K",
	  "crash: load by kexec_file_load kernel=K append=A",
	  "kexec: warning: --args-linux is ignored: the option is for another architecture\n"
	  "kexec: warning: --elf64-core-headers is ignored: the option is for another architecture\n" },
	/* SUSE */
	{ "-p K --append=A --initrd=I -a", "crash: load kernel=K initrd=I append=A", "" },
	/* Bottlerocket */
	{ "-ps --reuse-cmdline --append A K",
	  "crash: load reuse-cmdline by kexec_file_load kernel=K append=A", "" },
	/* EVE */
	{ "-p --reuse-cmdline --command-line=A K", "crash: load reuse-cmdline kernel=K append=A", "" },
	/* Void, Chimera */
	{ "--load-panic K --initrd=I --reuse-cmdline --append=A",
	  "crash: load reuse-cmdline kernel=K initrd=I append=A", "" },
	/* OpenWrt, Yocto */
	{ "-p K --reuse-cmdline --append=A", "crash: load reuse-cmdline kernel=K append=A", "" },
	{ "-p K --append=A", "crash: load kernel=K append=A", "" },
	/* SteamOS */
	{ "-s -p K --initrd I --append=A",
	  "crash: load by kexec_file_load kernel=K initrd=I append=A", "" },
	/* NixOS */
	{ "-p K --initrd=I --reset-vga --console-vga --command-line=A",
	  "crash: load kernel=K initrd=I append=A",
	  "kexec: warning: --reset-vga is ignored: the option is for another architecture\n"
	  "kexec: warning: --console-vga is ignored: the option is for another architecture\n" },
	/* drgn */
	{ "--load-panic --kexec-syscall-auto --command-line=A K", "crash: load kernel=K append=A", "" },
	/* Debian's init scripts */
	{ "-l K --initrd=I --append=A", "next: load kernel=K initrd=I append=A", "" },
	{ "-l K --append=A", "next: load kernel=K append=A", "" },
	/* SONiC */
	{ "-l K --initrd=I --append=A -a", "next: load kernel=K initrd=I append=A", "" },
	{ "-l K --initrd=I --append=A -s",
	  "next: load by kexec_file_load kernel=K initrd=I append=A", "" },
	/* systemd */
	{ "--load K --append A --initrd I", "next: load kernel=K initrd=I append=A", "" },
	/* SUSE's kexec-bootloader, linuxrc */
	{ "--kexec-syscall-auto --load K --initrd=I --append=A",
	  "next: load kernel=K initrd=I append=A", "" },
	{ "-a -l K --initrd=I --append=A", "next: load kernel=K initrd=I append=A", "" },
	/* Gentoo, with options in front; NixOS' tests */
	{ "-d --reuse-cmdline -l K --append=A --initrd=I",
	  "next: load debug reuse-cmdline kernel=K initrd=I append=A", "" },
	{ "--load K --initrd I --command-line A", "next: load kernel=K initrd=I append=A", "" },
	/* nixos-images */
	{ "--load K --kexec-syscall-auto --initrd=I --no-checks --command-line A",
	  "next: load no-checks kernel=K initrd=I append=A", "" },
	/* petitboot */
	{ "-l --debug --initrd=I --dtb=D --append= K",
	  "next: load debug kernel=K initrd=I dtb=D append=", "" },
	{ "-s --initrd=I --dtb=D --append=A K",
	  "next: load shutdown by kexec_file_load kernel=K initrd=I append=A",
	  "kexec: warning: --dtb=D is ignored: with -s the new kernel gets the running kernel's device "
	  "tree\n" },
	/* kdump.rst */
	{ "--type zImage -p K --initrd=I --dtb=D --append=A",
	  "crash: load type=zImage kernel=K initrd=I dtb=D append=A", "" },
	/* the kernel's own tests */
	{ "--load --kexec-file-syscall K", "next: load by kexec_file_load kernel=K", "" },
	{ "--load K", "next: load kernel=K", "" },
	/* unload: several distributions */
	{ "-p -u", "crash: unload", "" },
	{ "-s -p -u", "crash: unload by kexec_file_load", "" },
	{ "-a -p -u", "crash: unload", "" },
	{ "-u", "next: unload", "" },
	{ "-u -a", "next: unload", "" },
	{ "--unload", "next: unload", "" },
	{ "--unload --kexec-file-syscall", "next: unload by kexec_file_load", "" },
	{ "-p -u K", "crash: unload kernel=K", "" },
	/* start: several distributions */
	{ "-e", "next: exec", "" },
	{ "-e -x", "next: exec no-ifdown", "" },
	{ "-e -f", "next: exec", "" },
	{ "-e --kexec-syscall", "next: exec by kexec_load", "" },
	/* queries: several distributions */
	{ "-S", "crash: status load shutdown", "" },
	{ "-S -l", "next: status load", "" },
	{ "-S -p", "crash: status load", "" },
	{ "--status", "crash: status load shutdown", "" },
	{ "--print-ckr-size", "next: print-ckr-size load shutdown", "" },
	/* no known client passes these, but kexec-tools accepts them */
	{ "K", "next: load shutdown kernel=K", "" },
	{ "-f -x -y K", "next: load exec no-sync no-ifdown kernel=K", "" },
	{ "-c -s -l K", "next: load by kexec_file_load kernel=K", "" },
	{ "-s -c -l K", "next: load by kexec_load kernel=K", "" },
	{ "-s -a -l K", "next: load kernel=K", "" },
	{ "-l --reuseinitrd K", "next: load reuse-initrd kernel=K", "" },
	{ "-p --hotplug --no-cma --force-dtb K", "crash: load hotplug no-cma force-dtb kernel=K", "" },
	{ "-t Image -l K", "next: load type=Image kernel=K", "" },
	{ "-l --serial=ttyS0 --no-sync --no-ifdown K",
	  "next: load no-sync no-ifdown kernel=K serial=ttyS0", "" },
	{ "-p --module=M --image-size 5 K", "crash: load kernel=K",
	  "kexec: warning: --module is ignored: the option is for another architecture\n"
	  "kexec: warning: --image-size is ignored: the option is for another architecture\n" },
};

static void test_the_command_lines_of_known_clients(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(corpus); i++) {
		struct outcome parsed = parse(corpus[i].words);
		char *request = describe(&parsed.options);

		assert_int_equal(parsed.result, PARSED_OK);
		assert_string_equal(request, corpus[i].request);
		assert_string_equal(parsed.said, corpus[i].said);
		free(request);
		free(parsed.said);
	}
}

struct name {
	const char *name;
	bool takes_value;
	const char *same_as;		/* the option of which this is another name */
};

/* The long options for arm64: those of kexec-tools and those of crashres. */
static const struct name native[] = {
	{ "append", true, NULL }, { "check-time", true, NULL }, { "command-line", true, "append" },
	{ "debug", false, NULL }, { "dry-run", false, NULL }, { "dtb", true, NULL },
	{ "entry", true, NULL }, { "exec", false, NULL }, { "exec-live-update", false, NULL },
	{ "force", false, NULL }, { "force-dtb", false, NULL }, { "help", false, NULL },
	{ "hotplug", false, NULL }, { "initrd", true, NULL },
	{ "kexec-file-syscall", false, NULL }, { "kexec-syscall", false, NULL },
	{ "kexec-syscall-auto", false, NULL }, { "load", false, NULL },
	{ "load-jump-back-helper", false, NULL }, { "load-live-update", false, NULL },
	{ "load-panic", false, NULL }, { "load-preserve-context", false, NULL },
	{ "mem-max", true, NULL }, { "mem-min", true, NULL }, { "no-checks", false, NULL },
	{ "no-cma", false, NULL }, { "no-ifdown", false, NULL }, { "no-sync", false, NULL },
	{ "on-damage", true, NULL }, { "on-timeout", true, NULL }, { "print-ckr-size", false, NULL },
	{ "purgatory-mmu", true, NULL }, { "ramdisk", true, "initrd" }, { "repair", true, NULL },
	{ "reuse-cmdline", false, NULL }, { "reuseinitrd", false, NULL }, { "root", true, NULL },
	{ "seal", true, NULL }, { "serial", true, NULL }, { "status", false, NULL },
	{ "type", true, NULL }, { "unload", false, NULL }, { "version", false, NULL },
	{ NULL, false, NULL },
};

/*
 * The options of other architectures. To getopt_long() all of them without a value are the same
 * option, and so are all of them with a value: an abbreviation of several is not ambiguous.
 */
static const struct name foreign[] = {
	{ "args-elf", false, "" }, { "args-linux", false, "" }, { "args-none", false, "" },
	{ "atags", false, "" }, { "console-serial", false, "" }, { "console-vga", false, "" },
	{ "devicetreeblob", true, "" }, { "dt-no-old-root", false, "" },
	{ "elf32-core-headers", false, "" }, { "elf64-core-headers", false, "" },
	{ "entry-32bit", false, "" }, { "image-size", true, "" }, { "module", true, "" },
	{ "no-dtb", false, "" }, { "noefi", false, "" }, { "noio", false, "" },
	{ "page-offset", true, "" }, { "pass-memmap-cmdline", false, "" },
	{ "real-mode", false, "" }, { "reset-vga", false, "" }, { "reuse-video-type", false, "" },
	{ "serial-baud", true, "" }, { NULL, false, NULL },
};

static bool is_same(const struct name *a, const struct name *b)
{
	return a->takes_value == b->takes_value &&
	       !strcmp(a->same_as ? a->same_as : a->name, b->same_as ? b->same_as : b->name);
}

/* Predicts getopt_long(3): an exact name wins, else all names with this prefix must agree. */
static const struct name *look_up(const struct name *table, const char *word, bool *ambiguous)
{
	const struct name *found = NULL;

	*ambiguous = false;
	for (const struct name *name = table; name->name; name++) {
		if (!strcmp(name->name, word)) {
			*ambiguous = false;
			return name;
		}
		if (strncmp(name->name, word, strlen(word)))
			continue;
		*ambiguous = *ambiguous || (found && !is_same(found, name));
		found = found ? found : name;
	}
	return found;
}

static struct outcome parse_name(const char *word, bool takes_value)
{
	char words[96];

	snprintf(words, sizeof(words), "--%s %s -p K", word, takes_value ? "1" : "");
	return parse(words);
}

static void check_word(const char *word)
{
	bool ambiguous;
	const struct name *name = look_up(native, word, &ambiguous);
	struct outcome full, parsed;
	char *a, *b, said[128];

	if (!name)
		name = look_up(foreign, word, &ambiguous);
	parsed = parse_name(word, name->takes_value);
	if (ambiguous) {
		snprintf(said, sizeof(said), "kexec: option '--%s' is ambiguous; possibilities:", word);
		assert_int_equal(parsed.result, PARSED_BAD);
		assert_memory_equal(parsed.said, said, strlen(said));
		free(parsed.said);
		return;
	}
	a = describe(&parsed.options);
	full = parse_name(name->name, name->takes_value);
	b = describe(&full.options);
	if (parsed.result != full.result || strcmp(parsed.said, full.said) || strcmp(a, b))
		fail_msg("--%s: \"%s\" \"%s\"; --%s: \"%s\" \"%s\"", word, a, parsed.said,
			 name->name, b, full.said);
	free(a);
	free(b);
	free(parsed.said);
	free(full.said);
}

/* Tries every prefix of every name. Options for arm64 win over those of other architectures. */
static void test_every_abbreviation(void **state)
{
	const struct name *const tables[] = { native, foreign };

	for (size_t i = 0; i < COUNT(tables); i++) {
		for (const struct name *name = tables[i]; name->name; name++) {
			char word[64];

			for (size_t size = 1; size <= strlen(name->name); size++) {
				snprintf(word, size + 1, "%s", name->name);
				check_word(word);
			}
		}
	}
}

/* In one table these prefixes would be ambiguous with an option of another architecture. */
static void test_abbreviations_that_were_ambiguous(void **state)
{
	static const char *const words[] = {
		"--ent=1", "--ser=1", "--dt=1", "--de", "--reuse-", "--dtb=1", "--mem-mi=1",
	};

	for (size_t i = 0; i < COUNT(words); i++)
		parse_ok(words[i]);
	assert_int_equal(parse_ok("--ent=5 -p K").entry, 5);
	assert_string_equal(parse_ok("--ser ttyS1 -p K").serial, "ttyS1");
	assert_true(parse_ok("--de -p K").debug);
	assert_true(parse_ok("-p --reuse- K").reuse_cmdline);
	/* A value is not parsed as an option. */
	assert_string_equal(parse_ok("-p --append --noe K").append, "--noe");
	assert_string_equal(parse_ok("-p -t --noe K").type, "--noe");
	assert_result("K -p -- --noe", PARSED_OK,
		      "kexec: warning: the operand \"--noe\" is ignored: the kernel is \"K\"\n");
	assert_result("K -dp --noe x --ser=ttyS0", PARSED_OK,
		      "kexec: warning: --noefi is ignored: the option is for another architecture\n"
		      "kexec: warning: the operand \"x\" is ignored: the kernel is \"K\"\n");
}

static void test_question_mark_is_a_bad_option(void **state)
{
	(void)state;
	assert_result("-?", PARSED_BAD, "");
}

static void test_what_arm64_cannot_do_is_refused(void **state)
{
	(void)state;
	assert_result("--load-preserve-context -l K", PARSED_REFUSED,
		      "kexec: --load-preserve-context: an arm64 kernel cannot return to the previous "
		      "kernel (no KEXEC_JUMP)\n");
	assert_result("--load-jump-back-helper", PARSED_REFUSED,
		      "kexec: --load-jump-back-helper: an arm64 kernel cannot return to the previous "
		      "kernel (no KEXEC_JUMP)\n");
	assert_result("--load-live-update K", PARSED_REFUSED,
		      "kexec: --load-live-update can only be used with xen\n");
	assert_result("--exec-live-update", PARSED_REFUSED,
		      "kexec: --exec-live-update only works under xen.\n");
}

static void test_contradictions_are_refused(void **state)
{
	(void)state;
	assert_result("-p -f K", PARSED_REFUSED,
		      "kexec: -f and -p exclude each other: -f starts the kernel now, -p keeps it "
		      "for a panic\n");
	assert_result("-l --initrd=I --reuseinitrd K", PARSED_REFUSED,
		      "kexec: --initrd and --reuseinitrd exclude each other\n");
}

/* If the load has no purgatory, these options must be errors; kexec must not ignore them. */
static void test_options_that_need_purgatory(void **state)
{
	/* The option, and the start of the error message that names it. */
	static const char *const needing[][2] = {
		{ "--serial=ttyS0", "--serial: " },
		{ "--on-damage=reset", "--on-damage: " },
		{ "--repair=auto", "--repair: " },
		{ "--check-time=30", "--check-time: " },
		{ "--on-timeout=boot", "--on-timeout: " },
		{ "--purgatory-mmu=on", "--purgatory-mmu: " },
		{ "--repair=auto --serial=ttyS0", "--serial: " },
	};
	char words[64];

	(void)state;
	for (size_t i = 0; i < COUNT(needing); i++) {
		snprintf(words, sizeof(words), "-p K %s", needing[i][0]);
		assert_string_equal(parse_ok(words).purgatory_option, needing[i][1]);
	}
	assert_string_equal(
		parse_ok("-p -i --dtb=D --mem-min=1 --entry=1 --hotplug K").purgatory_option, "");
}

static void test_entry(void **state)
{
	(void)state;
	assert_int_equal(parse_ok("-l K").entry, 0);
	assert_int_equal(parse_ok("-l --entry=0x40200000 K").entry, 0x40200000);
	assert_result("--entry=x -l K", PARSED_REFUSED, "kexec: --entry takes an address such as 0x80000000, not \"x\"\n");
}

static void test_help_and_version_end_the_parsing(void **state)
{
	(void)state;
	assert_result("-h --bad", PARSED_HELP, "");
	assert_result("-p --version --bad", PARSED_VERSION, "");
}

static void test_bad_options_are_named(void **state)
{
	(void)state;
	assert_result("--bad", PARSED_BAD, "kexec: unrecognized option '--bad'\n");
	assert_result("-Z", PARSED_BAD, "kexec: invalid option -- 'Z'\n");
	assert_result("-p --append", PARSED_BAD,
		      "kexec: option '--append' requires an argument\n");
	assert_result("--bad -h", PARSED_BAD, "kexec: unrecognized option '--bad'\n");
}

/* getopt_long() keeps its position in global variables. */
static void test_a_second_command_line_starts_afresh(void **state)
{
	(void)state;
	assert_result("-ph", PARSED_HELP, "");
	assert_true(parse_ok("-l K").load);
	assert_result("A B -p", PARSED_OK,
		      "kexec: warning: the operand \"B\" is ignored: the kernel is \"A\"\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_no_checks),
		cmocka_unit_test(test_on_damage),
		cmocka_unit_test(test_on_timeout),
		cmocka_unit_test(test_repair),
		cmocka_unit_test(test_bad_repair),
		cmocka_unit_test(test_check_time),
		cmocka_unit_test(test_purgatory_mmu),
		cmocka_unit_test(test_serial),
		cmocka_unit_test(test_order_of_actions),
		cmocka_unit_test(test_status_asks_for_the_crash_slot_unless_told),
		cmocka_unit_test(test_last_value_counts),
		cmocka_unit_test(test_root_implies_a_dry_run),
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_options_may_follow_the_kernel),
		cmocka_unit_test(test_two_dashes_end_the_options),
		cmocka_unit_test(test_windows_have_inclusive_ends),
		cmocka_unit_test(test_bad_addresses_are_refused),
		cmocka_unit_test(test_mem_max_below_mem_min_is_refused),
		cmocka_unit_test(test_the_command_lines_of_known_clients),
		cmocka_unit_test(test_every_abbreviation),
		cmocka_unit_test(test_abbreviations_that_were_ambiguous),
		cmocka_unit_test(test_question_mark_is_a_bad_option),
		cmocka_unit_test(test_what_arm64_cannot_do_is_refused),
		cmocka_unit_test(test_contradictions_are_refused),
		cmocka_unit_test(test_options_that_need_purgatory),
		cmocka_unit_test(test_entry),
		cmocka_unit_test(test_help_and_version_end_the_parsing),
		cmocka_unit_test(test_bad_options_are_named),
		cmocka_unit_test(test_a_second_command_line_starts_afresh),
	};

	return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
