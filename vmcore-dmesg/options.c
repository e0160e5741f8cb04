/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <getopt.h>
#include <stddef.h>
#include <stdio.h>

#include "options.h"

static const struct option long_options[] = {
	{ "output", required_argument, NULL, 'o' },
	{ "json", no_argument, NULL, 'j' },
	{ "info", no_argument, NULL, 'i' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'v' },
	{ NULL, 0, NULL, 0 },
};

enum parsed options_parse(int argc, char **argv, struct options *options)
{
	int option;

	*options = (struct options){ NULL };
	while ((option = getopt_long(argc, argv, "o:hv", long_options, NULL)) != -1) {
		switch (option) {
		case 'o':
			options->output = optarg;
			break;
		case 'j':
			options->json = true;
			break;
		case 'i':
			options->info = true;
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
		fprintf(stderr, "vmcore-dmesg: \"%s\": one file is wanted, and no more\n",
			argv[optind + 1]);
		return PARSED_REFUSED;
	}
	options->core = argv[optind];
	return PARSED_OK;
}
