/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A command that signs a file, such as "sbsign --key K --cert C --output %o %i". It is the value
 * of --sign-with and of the key sign-with in seal.conf.
 *
 * No shell runs the command. Blanks and newlines separate words; a newline can follow a backslash.
 * Between single quotes every character stands for itself. Outside of them, a backslash makes the
 * next character stand for itself; between double quotes it does so only before " and \. No other
 * character is special, so $, ` and * are not expanded. In each word, %i becomes the file to sign,
 * %o the file to write, and %% a %.
 */
#ifndef CRASHRES_SIGN_COMMAND_H
#define CRASHRES_SIGN_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

struct sign_command {
	char **words;			/* owned, ends with NULL; %i, %o and %% not yet replaced */
	size_t count;			/* words before the NULL */
};

/*
 * Splits @text. @command: out; release with sign_command_free(), after a failure too. Returns
 * NULL, or what is wrong, such as "a quote is not closed".
 */
const char *sign_command_split(const char *text, struct sign_command *command);
void sign_command_free(struct sign_command *command);

/*
 * Runs the command and waits for its end. Its standard output goes to stderr, so that only
 * crashres itself writes to stdout. It has the default handling of all signals. The command can
 * ask for a PIN on the terminal.
 *
 * @input, @output: paths for %i and %o.
 *
 * Returns false after one line on stderr if the command cannot be started or fails.
 */
bool sign_command_run(const struct sign_command *command, const char *input, const char *output);

#endif
