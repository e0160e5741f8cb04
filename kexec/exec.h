/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KEXEC_EXEC_H
#define KEXEC_EXEC_H

#include "options.h"

/*
 * Starts the loaded kernel: sync, network interfaces down, reboot. Returns an exit status if the
 * kernel is not started. If nothing can be loaded, it returns before the first of these steps.
 */
int exec_loaded(struct crashres_ctx *ctx, const struct options *options);

#endif
