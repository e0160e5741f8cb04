/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line of vmcore-dmesg as a value. man/vmcore-dmesg.8 describes the options. */
#ifndef VMCORE_DMESG_ARGUMENTS_H
#define VMCORE_DMESG_ARGUMENTS_H

#include <stdbool.h>

#include "../cli/parsed.h"

struct arguments {
	const char *core;	/* the dump, first operand; NULL: no operand */
	const char *output;	/* -o; NULL: standard output */
	bool json;
	bool info;		/* print VMCOREINFO instead of the log */
};

/*
 * Parses a command line with getopt_long(): options may follow the operand. Strings in @arguments
 * point into @argv. Errors are printed on stderr. A missing operand is no error here: the caller
 * prints the usage then, as kexec-tools does.
 */
enum parsed arguments_parse(int argc, char **argv, struct arguments *arguments);

#endif
