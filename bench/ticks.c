/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ticks [COMMAND...]: prints the virtual counter: "ticks: NOW", or with a COMMAND
 * "ticks: BEFORE AFTER". The exit status is that of COMMAND, or 126 if COMMAND was killed.
 *
 * bench/purgatory also starts it as init (process 1). It then prints the counter at the
 * start of user space and powers the machine off. It is linked statically, so that no
 * dynamic linker runs before it.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <unistd.h>

/* Returns CNTVCT. Without the isb the CPU can read the counter early (Arm ARM, D12.1.2). */
static uint64_t now(void)
{
	uint64_t count;

	__asm__ volatile("isb\n\tmrs %0, cntvct_el0" : "=r"(count) : : "memory");
	return count;
}

/*
 * Runs @command, an argv, and returns its exit status. Returns 127 if it cannot be started and
 * 126 if it was killed.
 */
static int run(char **command)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		execvp(command[0], command);
		perror(command[0]);
		_exit(127);
	}
	if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status))
		return 126;
	return WEXITSTATUS(status);
}

int main(int argc, char **argv)
{
	uint64_t before = now();
	int status = 0;

	if (argc > 1) {
		status = run(argv + 1);
		printf("ticks: %" PRIu64 " %" PRIu64 "\n", before, now());
	} else {
		printf("ticks: %" PRIu64 "\n", before);
	}
	fflush(stdout);
	if (getpid() == 1)
		reboot(RB_POWER_OFF);
	return status;
}
