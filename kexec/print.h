/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KEXEC_PRINT_H
#define KEXEC_PRINT_H

#include <stdio.h>

#include <crashres/crashres.h>

/* The plan as a table: regions and what is left of them, segments, entry, command line. */
void print_plan(FILE *out, const struct crashres_machine *machine,
		const struct crashres_plan *plan);

#endif
