/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Carries out a parsed command line of kexec. */
#ifndef KEXEC_ACTIONS_H
#define KEXEC_ACTIONS_H

#include "options.h"

/*
 * Carries out the actions in @options. Prints errors and warnings on stderr, and plans and other
 * results on stdout. Returns the exit status (exit.h). The caller has checked that a kernel is
 * named if options->load is set.
 */
int actions_run(const struct options *options);

#endif
