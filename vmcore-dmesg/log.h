/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The three forms of the kernel's log:
 *
 *     since Linux 5.10    SYMBOL(prb)              lockless ring buffer    lockless.c
 *     3.5 to 5.9          SYMBOL(log_first_idx)    records in a buffer     structured.c
 *     before 3.5          SYMBOL(log_end)          characters in a ring    legacy.c
 *
 * To add a form: write a log_print_fn and add it to the table in log.c.
 */
#ifndef VMCORE_DMESG_LOG_H
#define VMCORE_DMESG_LOG_H

#include "output.h"

/*
 * Prints all readable records of the log, oldest first, with output_record(). Damage is reported
 * and skipped, as far as the next record can be found. core->trouble holds the result.
 */
typedef void log_print_fn(struct core *core, const struct vmcoreinfo *info,
			  struct output *output);

log_print_fn lockless_print;
log_print_fn structured_print;
log_print_fn legacy_print;

/* Prints the log in the form that VMCOREINFO shows. */
void log_print(struct core *core, const struct vmcoreinfo *info, struct output *output);

#endif
