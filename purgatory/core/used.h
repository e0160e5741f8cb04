/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* used.h: the list of used ranges (shared/params.h), of this machine. */
#ifndef PURGATORY_USED_H
#define PURGATORY_USED_H

#include <stdbool.h>

#include "shared/params.h"

#pragma GCC visibility push(hidden)

/* @tree: a device tree outside of all segments; size 0: there is none. */
void pg_list_used(struct pg_range tree, struct pg_used *used);

/* Keeps the list for pg_clean_used(). False: two ranges overlap. */
bool pg_set_used(struct pg_range tree);

/*
 * Cleans the segments, the digest tables and the device tree. After the check,
 * blocks that stay damaged need not be clean. False: some other memory could not
 * be cleaned.
 */
bool pg_clean_used(bool after_check);

#pragma GCC visibility pop

#endif
