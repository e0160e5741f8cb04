/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Parses the command line of vmcore-dmesg. */
#include <getopt.h>
#include <stddef.h>
#include <stdio.h>

#include "arguments.h"

static const struct option long_options[] = {
	{ "output", required_argument, NULL, 'o' },
	{ "json", no_argument, NULL, 'j' },
	{ "info", no_argument, NULL, 'i' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'v' },
	{ NULL, 0, NULL, 0 },
};

enum parsed arguments_parse(int argc, char **argv, struct arguments *arguments)
{
	int option;

	*arguments = (struct arguments){ .core = NULL };
	while ((option = getopt_long(argc, argv, "o:hv", long_options, NULL)) != -1) {
		switch (option) {
		case 'o':
			arguments->output = optarg;
			break;
		case 'j':
			arguments->json = true;
			break;
		case 'i':
			arguments->info = true;
			break;
		case 'h':
			return PARSED_HELP;
		case 'v':
			return PARSED_VERSION;
		default:
			return PARSED_BAD;
		}
	}
	if (argc - optind > 1) {
		fprintf(stderr, "vmcore-dmesg: unexpected operand \"%s\"\n", argv[optind + 1]);
		return PARSED_REFUSED;
	}
	arguments->core = argv[optind];
	return PARSED_OK;
}
