/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line of vmcore-dmesg as a value. */
#ifndef VMCORE_DMESG_ARGUMENTS_H
#define VMCORE_DMESG_ARGUMENTS_H

#include <stdbool.h>

#include "../cli/parsed.h"

struct arguments {
	const char *core;	/* NULL: no operand */
	const char *output;	/* NULL: standard output */
	bool json;
	bool info;
};

/* Strings point into @argv. */
enum parsed arguments_parse(int argc, char **argv, struct arguments *arguments);

#endif
