/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line of vmcore-dmesg as a value. */
#ifndef VMCORE_DMESG_OPTIONS_H
#define VMCORE_DMESG_OPTIONS_H

#include <stdbool.h>

#include "../cli/parsed.h"

struct options {
	const char *core;	/* NULL: no operand */
	const char *output;	/* NULL: standard output */
	bool json;
	bool info;
};

/* Strings point into @argv. */
enum parsed options_parse(int argc, char **argv, struct options *options);

#endif
