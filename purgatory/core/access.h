/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* access.h: memory that may abort. */
#ifndef PURGATORY_ACCESS_H
#define PURGATORY_ACCESS_H

#include <stdbool.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

/* Takes the SErrors that are pending, so that they do not end what comes next. */
void pg_drain_serrors(void);

/*
 * Calls function(arg), which reads, writes or cleans memory that may abort, and
 * which may be called again after it was ended halfway. After an exception the
 * pending SErrors are taken, and function is called once more: an SError may
 * belong to an earlier access.
 * Return: whether one of the two calls came back.
 */
bool pg_access(void (*function)(void *arg), void *arg);

/*
 * Cleans the caches and invalidates them. After an exception it goes on block by
 * block. False: some of the range could not be cleaned.
 */
bool pg_clean(const void *start, uint64_t size);

#pragma GCC visibility pop

#endif
