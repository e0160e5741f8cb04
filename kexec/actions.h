/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KEXEC_ACTIONS_H
#define KEXEC_ACTIONS_H

#include "options.h"

/* Does what @options asks for, says on stderr what failed, gives the exit status. */
int actions_run(const struct options *options);

#endif
