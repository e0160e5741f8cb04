/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Says what is wrong on a command line, without texts that can be a PIN. The messages of
 * getopt_long() itself contain the value of an unknown or ambiguous option.
 */
#ifndef CLI_BAD_OPTION_H
#define CLI_BAD_OPTION_H

#include <getopt.h>
#include <stdbool.h>

/*
 * Prints one line on stderr, after getopt_long() returned '?'. The caller has set opterr to 0.
 *
 * @argv, @options: those of getopt_long().
 */
void bad_option(const char *command, char **argv, const struct option *options);

/* Is the operand a pkcs11: URI, which can contain a PIN? No message shows such an operand. */
bool is_key_uri(const char *operand);

/* Prints that a command takes no operand, or no more of them. */
void bad_operand(const char *command, const char *operand);

#endif
