/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* find.h: where everything is. loaded.c or sealed.c. */
#ifndef PURGATORY_FIND_H
#define PURGATORY_FIND_H

#include <stdbool.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

/*
 * Fills in the params that the library cannot know when it seals an Image, from
 * where purgatory lies and from the device tree at @dtb, and notes what is in use
 * (used.h). False: the params were wrong to begin with.
 */
bool pg_complete_params(uint64_t dtb);

/*
 * After the check: whether a repair may store to @block. False where only a device
 * tree that nothing has checked says what lies there.
 */
bool pg_may_store(uint64_t block);

#pragma GCC visibility pop

#endif
