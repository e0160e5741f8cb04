/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* exception.h: calls a function that can end in an exception. */
#ifndef PURGATORY_EXCEPTION_H
#define PURGATORY_EXCEPTION_H

#include <stdbool.h>

#pragma GCC visibility push(hidden)

/*
 * Calls function(arg) with SErrors unmasked. An abort, an SError or any other exception
 * ends the call: memory keeps the stores that @function has made so far. Calls can be
 * nested. An SError of an earlier access can end the call too, so most callers use
 * pg_access() (access.h), which makes a second attempt.
 * Returns true if @function returned, false after an exception.
 */
bool pg_try(void (*function)(void *arg), void *arg);

#pragma GCC visibility pop

#endif
