/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cache.h: what must not leave a register while caches and MMU change. */
#ifndef PURGATORY_CACHE_H
#define PURGATORY_CACHE_H

#pragma GCC visibility push(hidden)

/* Clean and invalidate to memory; the range is not empty. */
void pg_cache_clean(const void *start, const void *end);
void pg_mmu_enable(void);

#pragma GCC visibility pop

#endif
