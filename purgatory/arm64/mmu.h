/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mmu.h: MMU and caches on for the check, and off again for the kernel. */
#ifndef PURGATORY_MMU_H
#define PURGATORY_MMU_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/pagetables.h"

#pragma GCC visibility push(hidden)

/* Which page tables this exception level wants. */
enum pg_regime pg_mmu_regime(void);
/* @root: address of these tables, 0: there are none. False: the MMU stays off. */
bool pg_mmu_set_up(uint64_t root);
void pg_mmu_disable(void);	/* cache.S */

#pragma GCC visibility pop

#endif
