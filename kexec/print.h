/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Prints a plan as text, for --dry-run and -d. */
#ifndef KEXEC_PRINT_H
#define KEXEC_PRINT_H

#include <stdio.h>

#include <crashres/crashres.h>

/*
 * Prints @plan to @out: first the first possible attempt in full, with its crash regions, segments
 * or files and the command line; then a list of all attempts, if there is more than this one. A
 * plan without a possible attempt prints the list only. All attempts must be prepared.
 *
 * Return: an error of crashres_plan_attempt(); part of the plan can be printed then.
 */
enum crashres_status print_plan(FILE *out, struct crashres_ctx *ctx,
				const struct crashres_machine *machine,
				const struct crashres_plan *plan);

#endif
