/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mmu.h: switches the MMU and the caches on for the check and off for the kernel. */
#ifndef PURGATORY_MMU_H
#define PURGATORY_MMU_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/pagetables.h"

#pragma GCC visibility push(hidden)

/* Returns which set of page tables this exception level needs. */
enum pg_regime pg_mmu_regime(void);

/*
 * Sets the control registers and switches the MMU and the caches on.
 * @root: physical address of the page tables for pg_mmu_regime(); 0: no tables.
 * Returns false and leaves the MMU off if there are no tables, if the CPU has no 4 KiB
 * granule, or if TCR2 cannot be cleared.
 */
bool pg_mmu_set_up(uint64_t root);

/* Cleans scratch, and switches the MMU and the data cache off (cache.S). */
void pg_mmu_disable(void);

#pragma GCC visibility pop

#endif
