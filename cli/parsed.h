/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The result of parsing a command line. */
#ifndef CLI_PARSED_H
#define CLI_PARSED_H

#include <stdbool.h>

enum parsed {
	PARSED_OK,
	PARSED_HELP,
	PARSED_VERSION,
	PARSED_BAD,		/* no such option: getopt_long() has reported it on stderr */
	PARSED_REFUSED,		/* a bad value, or a contradiction: reported on stderr in one line */
};

/* For one option: its value is @good, or the error has been printed. */
static inline enum parsed parsed_value(bool good)
{
	return good ? PARSED_OK : PARSED_REFUSED;
}

#endif
