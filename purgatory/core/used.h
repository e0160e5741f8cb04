/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* used.h: the list of used ranges (shared/params.h) for this run, and its cleaning. */
#ifndef PURGATORY_USED_H
#define PURGATORY_USED_H

#include <stdbool.h>

#include "shared/params.h"

#pragma GCC visibility push(hidden)

/*
 * Fills @used with the ranges that purgatory uses.
 * @tree: the device tree if it lies outside of all segments; else size 0.
 */
void pg_list_used(struct pg_range tree, struct pg_used *used);

/* Makes the list and keeps it for pg_clean_used(). Returns false if two ranges overlap. */
bool pg_set_used(struct pg_range tree);

/*
 * Cleans and invalidates the segments, the digest tables, the bitmaps and the device tree.
 * @after_check: the check has marked the damaged blocks. A lost block that cannot be
 *               cleaned is then no failure, because the block is reported anyway.
 * Returns false if the cleaning failed for any other block.
 */
bool pg_clean_used(bool after_check);

#pragma GCC visibility pop

#endif
