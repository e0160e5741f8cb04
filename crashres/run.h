/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs a subcommand: the part that the programs crashres and crashres-report share. */
#ifndef CRASHRES_RUN_H
#define CRASHRES_RUN_H

#include <crashres/crashres.h>

/* A subcommand of commands.h. */
typedef int command_fn(struct crashres_ctx *ctx, int argc, char **argv);

/*
 * Runs @command with a new context, whose warnings go to stderr, and flushes stdout. Returns the
 * exit status of the process. @argv[0] is the name of the command in the messages of getopt.
 */
int run_command(command_fn *command, int argc, char **argv);

#endif
