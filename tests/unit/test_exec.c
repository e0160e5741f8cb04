/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tests kexec -e (kexec/exec.c): sync, take the network down, reboot. A wrong program takes the
 * network down although no kernel is loaded. The real steps must never run here, so this
 * program is linked without ifdown.c, and its own sync() and reboot() replace those of libc.
 */
#include <errno.h>
#include <sys/reboot.h>
#include <unistd.h>

#include "../../kexec/exec.h"
#include "../../kexec/exit.h"
#include "../../kexec/ifdown.h"
#include "support.h"

/* Names of the steps in their order, each followed by a blank. */
static char steps[64];

static void record_step(const char *name)
{
	size_t used = strlen(steps);

	assert_true(used + strlen(name) < sizeof(steps));
	snprintf(steps + used, sizeof(steps) - used, "%s", name);
}

void sync(void)
{
	record_step("sync ");
}

void ifdown_all(void)
{
	record_step("ifdown ");
}

/* Fails, because a successful reboot(2) does not return. 0x45584543 is LINUX_REBOOT_CMD_KEXEC. */
int reboot(int command)
{
	assert_int_equal(command, 0x45584543);
	record_step("reboot ");
	errno = EPERM;
	return -1;
}

/*
 * Runs kexec -e with the test's folder as root. Asserts the exit status @code, the steps @done
 * and the text @expected on stderr.
 */
static void check(struct unit *unit, const struct options *options, int code, const char *done,
		  const char *expected)
{
	FILE *terminal = stderr;
	char *printed, *root = unit_path(unit, ".");
	size_t size;

	assert_ok(unit, crashres_ctx_set_root(unit->ctx, root));
	free(root);
	steps[0] = '\0';
	stderr = open_memstream(&printed, &size);
	assert_non_null(stderr);
	assert_int_equal(exec_loaded(unit->ctx, options), code);
	fclose(stderr);
	stderr = terminal;
	assert_string_equal(printed, expected);
	free(printed);
	assert_string_equal(steps, done);
}

static const struct options plain = { .exec = true };

/*
 * An earlier version synced and took the network down before it saw that the running kernel has
 * no kexec.
 */
static void test_kernel_without_kexec_is_refused_before_any_step(void **state)
{
	unit_write_text(*state, "sys/kernel/vmcoreinfo", "");
	check(*state, &plain, EXIT_ENVIRONMENT, "",
	      "kexec: Nothing has been loaded! (the running kernel has no kexec support: neither "
	      "/sys/kernel/kexec/loaded nor /sys/kernel/kexec_loaded exists)\n");
}

static void test_empty_slot_is_refused_before_any_step(void **state)
{
	static const char sentence[] = "kexec: Nothing has been loaded!\n";

	unit_write_text(*state, "sys/kernel/kexec_loaded", "0\n");
	check(*state, &plain, EXIT_ENVIRONMENT, "", sentence);
	/* The newer name in /sys takes precedence. */
	unit_write_text(*state, "sys/kernel/kexec_loaded", "1\n");
	unit_write_text(*state, "sys/kernel/kexec/loaded", "0\n");
	check(*state, &plain, EXIT_ENVIRONMENT, "", sentence);
}

#define FAILED "kexec failed: Operation not permitted\n"

static void test_a_loaded_kernel_is_started(void **state)
{
	const struct options no_sync = { .exec = true, .no_sync = true };
	const struct options no_ifdown = { .exec = true, .no_ifdown = true };

	unit_write_text(*state, "sys/kernel/kexec_loaded", "1\n");
	check(*state, &plain, EXIT_FAILED, "sync ifdown reboot ", FAILED);
	check(*state, &no_sync, EXIT_FAILED, "ifdown reboot ", FAILED);
	check(*state, &no_ifdown, EXIT_FAILED, "sync reboot ", FAILED);
	unit_write_text(*state, "sys/kernel/kexec/loaded", "1\n");
	unit_write_text(*state, "sys/kernel/kexec_loaded", "0\n");
	check(*state, &plain, EXIT_FAILED, "sync ifdown reboot ", FAILED);
}

/* At the end of a shutdown /sys can be unmounted already. */
static void test_without_sysfs_the_kernel_decides(void **state)
{
	unit_write_text(*state, "proc/cmdline", "");
	check(*state, &plain, EXIT_FAILED, "sync ifdown reboot ", FAILED);
}

static void test_a_dry_run_takes_no_step(void **state)
{
	const struct options dry = { .exec = true, .dry_run = true };

	unit_write_text(*state, "sys/kernel/kexec_loaded", "1\n");
	check(*state, &dry, EXIT_DONE, "", "");
	unit_write_text(*state, "sys/kernel/kexec_loaded", "0\n");
	check(*state, &dry, EXIT_ENVIRONMENT, "", "kexec: Nothing has been loaded!\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT_TEST(test_kernel_without_kexec_is_refused_before_any_step),
		UNIT_TEST(test_empty_slot_is_refused_before_any_step),
		UNIT_TEST(test_a_loaded_kernel_is_started),
		UNIT_TEST(test_without_sysfs_the_kernel_decides),
		UNIT_TEST(test_a_dry_run_takes_no_step),
	};

	return cmocka_run_group_tests_name("exec", tests, NULL, NULL);
}
