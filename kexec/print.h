/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KEXEC_PRINT_H
#define KEXEC_PRINT_H

#include <stdio.h>

#include <crashres/crashres.h>

/*
 * The first possible attempt as a table: regions and what is left of them, segments,
 * entry, command line; then all attempts, where there is more than this one.
 */
enum crashres_status print_plan(FILE *out, struct crashres_ctx *ctx,
				const struct crashres_machine *machine,
				const struct crashres_plan *plan);

#endif
