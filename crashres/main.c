/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * main.c: the crashres command. It finds the subcommand and runs it. kexec(8) loads kernels;
 * crashres does the rest.
 */
#include <stdio.h>
#include <string.h>

#include "../cli/help.h"
#include "commands.h"
#include "run.h"

/* The subcommands, in the order of the help text. */
static const struct command {
	const char *name;
	command_fn *run;
	const char *purpose;		/* one line for --help */
} commands[] = {
	{ "report", report_main, "Print the damage that purgatory found and repaired" },
	{ "seal", seal_main, "Make an Image that checks and repairs itself before it starts" },
#ifdef HAVE_IMA
	{ "sign", sign_main, "Sign files for the kernel's IMA" },
	{ "verify", verify_main, "Verify the signatures of a file" },
#endif
};

/* Prints the help text of crashres itself. The text of a subcommand is in its own file. */
static void print_usage(FILE *out)
{
	fputs("Usage: crashres COMMAND [OPTION]...\n"
	      "       crashres --help | --version\n"
	      "\n"
	      "Commands (crashres COMMAND --help prints the options of a command):\n", out);
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].purpose);
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";

	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		if (!strcmp(name, commands[i].name))
			return run_command(commands[i].run, argc - 1, argv + 1);
	if (!strcmp(name, "--help") || !strcmp(name, "-h")) {
		print_usage(stdout);
		return 0;
	}
	if (!strcmp(name, "--version") || !strcmp(name, "-v")) {
		printf("crashres %s\n", PACKAGE_VERSION);
		return 0;
	}
	/* Without a command, the help text is an error message: stderr, and a failure. */
	if (!*name) {
		print_usage(stderr);
		return EXIT_ERROR;
	}
	fprintf(stderr, "crashres: unknown command \"%s\"\n", name);
	return help_end(PARSED_BAD, "crashres", "", EXIT_ERROR);
}
