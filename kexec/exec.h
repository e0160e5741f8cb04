/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Starts the loaded kernel: "kexec -e" and "kexec -f". */
#ifndef KEXEC_EXEC_H
#define KEXEC_EXEC_H

#include "options.h"

/*
 * Starts the kernel in the normal slot. Does not return on success.
 *
 * The steps are: check that a kernel is loaded; sync (not with -y); take the network interfaces
 * down (not with -x); reboot(LINUX_REBOOT_CMD_KEXEC). On failure this prints an error and returns
 * the exit status; if no kernel is loaded, before the sync. A dry run prints one line instead.
 */
int exec_loaded(struct crashres_ctx *ctx, const struct options *options);

#endif
