/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* reset.h: the two ways to end without a kernel. */
#ifndef PURGATORY_RESET_H
#define PURGATORY_RESET_H

#include <stdint.h>

#pragma GCC visibility push(hidden)

_Noreturn void pg_reset(uint32_t conduit);	/* enum purgatory_conduit */
_Noreturn void pg_halt(void);

#pragma GCC visibility pop

#endif
