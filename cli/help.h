/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a command ends that has nothing to do. */
#ifndef CLI_HELP_H
#define CLI_HELP_H

#include "parsed.h"

/*
 * For -h, prints @usage on stdout and returns 0. After a bad command line, returns @failure; after
 * an unknown option it first prints where help is.
 */
int help_end(enum parsed parsed, const char *command, const char *usage, int failure);

/* Flushes stdout. Returns @status, or @failure if something could not be written (reported). */
int help_flush(const char *command, int status, int failure);

#endif
