/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The result of parsing a command line. A parser of the three commands returns this value and
 * prints its own errors, so that the caller only chooses the exit status.
 */
#ifndef CLI_PARSED_H
#define CLI_PARSED_H

#include <stdbool.h>

enum parsed {
	PARSED_OK,
	PARSED_HELP,		/* -h: print the usage on stdout and exit with 0 */
	PARSED_VERSION,		/* -v: print the version on stdout and exit with 0 */
	PARSED_BAD,		/* unknown option: one line was printed on stderr */
	PARSED_REFUSED,		/* wrong value or contradiction: the parser printed one line */
};

/* The result for one option whose value is @good, or whose error has been printed. */
static inline enum parsed parsed_value(bool good)
{
	return good ? PARSED_OK : PARSED_REFUSED;
}

#endif
