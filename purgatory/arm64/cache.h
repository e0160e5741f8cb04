/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cache.h: cache maintenance, and the switch of the MMU and the caches. In assembly,
 * because no value may go to the stack while they change (cache.S).
 */
#ifndef PURGATORY_CACHE_H
#define PURGATORY_CACHE_H

#pragma GCC visibility push(hidden)

/*
 * Cleans and invalidates the data cache for [start, end) to the point of coherency. The
 * range must not be empty. Can abort: call it through pg_clean() (access.h).
 */
void pg_cache_clean(const void *start, const void *end);

/*
 * Switches the MMU and the data cache on. Page tables and control registers must be set
 * up, and every used address must be mapped to itself. pg_mmu_set_up() (mmu.h) calls it.
 */
void pg_mmu_enable(void);

#pragma GCC visibility pop

#endif
