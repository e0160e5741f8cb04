/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The three forms that the kernel's log has had, oldest last. */
#ifndef VMCORE_DMESG_LOG_H
#define VMCORE_DMESG_LOG_H

#include "output.h"

/*
 * Each prints the log, as much as there is. What is wrong is said, and how bad it was shows in
 * core->trouble alone.
 */
typedef void log_print_fn(struct core *core, const struct vmcoreinfo *info,
			  struct output *output);

/* Since Linux 5.10: SYMBOL(prb), the lockless ring buffer. */
log_print_fn lockless_print;

/* Linux 3.5 to 5.9: SYMBOL(log_first_idx), records in a buffer. */
log_print_fn structured_print;

/* Before: SYMBOL(log_end), a buffer of characters. */
log_print_fn legacy_print;

/* The one that this kernel has, by its VMCOREINFO. */
void log_print(struct core *core, const struct vmcoreinfo *info, struct output *output);

#endif
