/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The end of a command that printed help, or that found a bad command line. */
#ifndef CLI_HELP_H
#define CLI_HELP_H

#include "parsed.h"

/*
 * Ends a command whose command line was not PARSED_OK. Returns its exit status.
 *
 * PARSED_HELP: prints @usage on stdout; returns 0.
 * PARSED_BAD: prints "Try 'COMMAND --help'." on stderr; returns @failure.
 * PARSED_REFUSED: prints nothing, because the parser printed the error; returns @failure.
 */
int help_end(enum parsed parsed, const char *command, const char *usage, int failure);

/*
 * Flushes stdout. Every command calls this last: on a full disk or a closed pipe, printf()
 * succeeds and only the flush fails. Returns @status, or prints the error and returns @failure.
 */
int help_flush(const char *command, int status, int failure);

#endif
