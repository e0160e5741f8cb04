/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line of vmcore-dmesg as a value. */
#ifndef VMCORE_DMESG_OPTIONS_H
#define VMCORE_DMESG_OPTIONS_H

#include <stdbool.h>

enum options_result {
	OPTIONS_OK,
	OPTIONS_HELP,
	OPTIONS_VERSION,
	OPTIONS_BAD,		/* said on stderr, where there is something to say */
};

struct options {
	const char *core;
	const char *output;	/* NULL: standard output */
	bool json;
	bool info;
};

/* Strings point into @argv. */
enum options_result options_parse(int argc, char **argv, struct options *options);

#endif
