/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <linux/reboot.h>
#include <stdio.h>
#include <string.h>
#include <sys/reboot.h>
#include <unistd.h>

#include "exec.h"
#include "exit.h"
#include "ifdown.h"

/*
 * kexec -e runs as one of the last processes of a shutdown, perhaps without /sys. If the state
 * cannot be read there, the kernel decides. reboot() of a kernel without kexec fails, and so does
 * one with nothing loaded, but only after the network is down.
 */
static bool is_slot_empty(struct crashres_ctx *ctx)
{
	bool loaded;

	switch (crashres_loaded(ctx, CRASHRES_SLOT_NORMAL, &loaded)) {
	case CRASHRES_OK:
		if (!loaded)
			fprintf(stderr, "kexec: Nothing has been loaded!\n");
		return !loaded;
	case CRASHRES_ERR_UNSUPPORTED:
		fprintf(stderr, "kexec: Nothing has been loaded! (%s)\n", crashres_error(ctx));
		return true;
	default:
		return false;
	}
}

int exec_loaded(struct crashres_ctx *ctx, const struct options *options)
{
	/* A load in a dry run leaves the slot as it is. */
	if (!(options->dry_run && options->load) && is_slot_empty(ctx))
		return EXIT_ENVIRONMENT;
	if (options->dry_run) {
		printf("Dry run: the next kernel would be started\n");
		return EXIT_DONE;
	}
	if (!options->no_sync)
		sync();
	if (!options->no_ifdown)
		ifdown_all();
	reboot((int)LINUX_REBOOT_CMD_KEXEC);
	fprintf(stderr, "kexec failed: %s\n", strerror(errno));
	return EXIT_FAILED;
}
