/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * report-program.c: the program crashres-report. It is the subcommand report alone, for the
 * initramfs of a capture kernel, which must stay small: it links neither libcrypto nor the
 * libraries that unpack kernels.
 */
#include "commands.h"
#include "run.h"

int main(int argc, char **argv)
{
	/* getopt and crashres(1) name the command "report", also if it is a program of its own. */
	static char name[] = "report";

	if (argc > 0)
		argv[0] = name;
	return run_command(report_main, argc, argv);
}
