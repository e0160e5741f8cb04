/* SPDX-License-Identifier: GPL-2.0-or-later */
/* run.c: gives a subcommand its context, and checks that the output was written. */
#include <stdio.h>

#include "../cli/help.h"
#include "commands.h"
#include "run.h"

/*
 * The log function of the context. Warnings concern the user. Information is dropped: no
 * subcommand has an option for it, unlike kexec -d.
 */
static void warn(void *data, enum crashres_log_level level, const char *line)
{
	(void)data;
	if (level == CRASHRES_LOG_WARNING)
		fprintf(stderr, "crashres: warning: %s\n", line);
}

int run_command(command_fn *command, int argc, char **argv)
{
	struct crashres_ctx *ctx;
	int result;

	if (crashres_ctx_new(&ctx) != CRASHRES_OK) {
		perror("crashres");
		return EXIT_ERROR;
	}
	crashres_ctx_set_log(ctx, warn, NULL);
	result = command(ctx, argc, argv);
	crashres_ctx_free(ctx);
	/* A full disk or a closed pipe shows up only when stdout is flushed. */
	return help_flush("crashres", result, EXIT_ERROR);
}
