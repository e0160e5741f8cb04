/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* reset.h: ends purgatory without starting the kernel. Needs neither stack nor memory. */
#ifndef PURGATORY_RESET_H
#define PURGATORY_RESET_H

#include <stdint.h>

#pragma GCC visibility push(hidden)

/*
 * Resets the machine with PSCI. If that fails, switches it off; if that fails, halts.
 * @conduit: enum purgatory_conduit, tried first at EL1.
 */
_Noreturn void pg_reset(uint32_t conduit);

/* Stops this CPU forever. */
_Noreturn void pg_halt(void);

#pragma GCC visibility pop

#endif
