/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * commands.h: the subcommands of crashres.
 *
 * Each subcommand has its own file with usage[], parse(), run() and NAME_main(). A large one has
 * more files:
 *
 *   seal    seal-*.c, private-folder.c, sign-command.c (the program of --sign-with);
 *           for --renew also renew.c, releases.c, published.c
 *   sign    sign-options.c
 *   verify  verify-*.c
 *
 * A subcommand uses the public libraries only, so it also is an example of their use. HACKING.md
 * explains how to add a subcommand.
 */
#ifndef CRASHRES_COMMANDS_H
#define CRASHRES_COMMANDS_H

#include <crashres/crashres.h>

/*
 * The exit status after an error, for every subcommand. The error has been reported
 * as one line on stderr. Each subcommand chooses the meaning of the statuses 0 to 3. Its
 * usage[] and crashres(1) explain all statuses, with this one.
 */
#define EXIT_ERROR	4

/*
 * Run one subcommand.
 *
 * @ctx:  a new context, borrowed. Its warnings go to stderr.
 * @argc: the number of arguments, with the name of the subcommand.
 * @argv: the arguments; argv[0] is the name of the subcommand.
 *
 * Each function returns the exit status of the process. It can leave output in the buffer of
 * stdout: main() flushes it and reports errors.
 */
int report_main(struct crashres_ctx *ctx, int argc, char **argv);
int seal_main(struct crashres_ctx *ctx, int argc, char **argv);
int sign_main(struct crashres_ctx *ctx, int argc, char **argv);
int verify_main(struct crashres_ctx *ctx, int argc, char **argv);

#endif
