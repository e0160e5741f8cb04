/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * access.h: the access to memory that can abort: damaged RAM, a device without power,
 * an address from a hostile device tree. All such accesses use these functions.
 */
#ifndef PURGATORY_ACCESS_H
#define PURGATORY_ACCESS_H

#include <stdbool.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

/*
 * Takes pending SErrors and ignores them, so that the next pg_try() does not end
 * because of an earlier access. Call it before pg_try().
 */
void pg_drain_serrors(void);

/*
 * Calls function(arg). If an exception ends the call, takes the pending SErrors and
 * calls function(arg) a second time, because an SError can belong to an earlier access.
 * @function: reads, writes or cleans memory that can abort. It must give the right
 *            result when a second call follows a first call that ended halfway.
 * Returns true if one of the two calls returned, false if both ended in an exception.
 */
bool pg_access(void (*function)(void *arg), void *arg);

/*
 * Cleans and invalidates the data cache for @size bytes at @start, to the point of
 * coherency. After an exception it repeats the range block by block, so that one
 * bad block does not keep the others from being cleaned.
 * Returns false if a block could not be cleaned.
 */
bool pg_clean(const void *start, uint64_t size);

#pragma GCC visibility pop

#endif
