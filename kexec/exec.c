/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Starts the loaded kernel: "kexec -e" and "kexec -f". */
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
 * Returns true, and prints an error, if no kernel is loaded or the running kernel has no kexec.
 * reboot() would fail too, but only after the network is down.
 *
 * "kexec -e" runs as one of the last processes of a shutdown, possibly after /sys was unmounted.
 * If the state cannot be read, this returns false and reboot() decides.
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
	/* In a dry run of -f the slot is empty, because the load did not take place. */
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
