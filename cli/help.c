/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The end of a command that printed help, or that found a bad command line. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "help.h"

int help_end(enum parsed parsed, const char *command, const char *usage, int failure)
{
	if (parsed == PARSED_HELP) {
		fputs(usage, stdout);
		return 0;
	}
	/* getopt_long() has printed the reason; PARSED_REFUSED has printed a complete line. */
	if (parsed == PARSED_BAD)
		fprintf(stderr, "Try '%s --help'.\n", command);
	return failure;
}

int help_flush(const char *command, int status, int failure)
{
	if (!fflush(stdout))
		return status;
	fprintf(stderr, "%s: standard output: cannot write: %s\n", command, strerror(errno));
	return failure;
}
