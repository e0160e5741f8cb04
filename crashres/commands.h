/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the subcommands of crashres share. */
#ifndef CRASHRES_COMMANDS_H
#define CRASHRES_COMMANDS_H

#include <crashres/crashres.h>

/* Exit statuses of every subcommand from here on; below are its own. */
#define EXIT_ERROR	4		/* said on stderr */

/*
 * Subcommands; argv[0] is the name of one. @ctx is new, and says its warnings. Return:
 * exit status.
 */
int report_main(struct crashres_ctx *ctx, int argc, char **argv);
int seal_main(struct crashres_ctx *ctx, int argc, char **argv);
int sign_main(struct crashres_ctx *ctx, int argc, char **argv);
int verify_main(struct crashres_ctx *ctx, int argc, char **argv);

#endif
