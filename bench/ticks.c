/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ticks [COMMAND...]: prints the virtual counter before and, where there is a
 * command, after it has run: "ticks: BEFORE [AFTER]".
 *
 * Also an init: the counter at the start of user space, and then power off.
 * Linked statically, because nothing should run in front of it.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <unistd.h>

/* The isb keeps the read from being done early (Arm ARM, D12.1.2). */
static uint64_t now(void)
{
	uint64_t count;

	__asm__ volatile("isb\n\tmrs %0, cntvct_el0" : "=r"(count) : : "memory");
	return count;
}

/* Its exit status; a command that was killed or could not be run has failed too. */
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
