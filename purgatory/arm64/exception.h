/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* exception.h: the way back from an exception that was expected. */
#ifndef PURGATORY_EXCEPTION_H
#define PURGATORY_EXCEPTION_H

#include <stdbool.h>

#pragma GCC visibility push(hidden)

/*
 * Calls function(arg). An exception in there ends the call, not purgatory: what
 * the callee did not finish stays as it is. Calls may be nested. Pending SErrors
 * are taken inside. Most callers want pg_access() (access.h), which tries again.
 * Return: true when function came back, false after an exception.
 */
bool pg_try(void (*function)(void *arg), void *arg);

#pragma GCC visibility pop

#endif
