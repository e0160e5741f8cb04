/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* blocks.h: the blocks of all segments, numbered through: where each is, and whether it is damaged. */
#ifndef PURGATORY_BLOCKS_H
#define PURGATORY_BLOCKS_H

#include <stdbool.h>
#include <stdint.h>

#include "abi.h"

#pragma GCC visibility push(hidden)

void pg_clear_bitmaps(void);
void pg_set_damaged(uint64_t block);
bool pg_was_damaged(uint64_t block);		/* found damaged, repaired or not */
void pg_set_repaired(uint64_t block, bool repaired);
bool pg_is_repaired(uint64_t block);
bool pg_is_lost(uint64_t block);		/* damaged and not repaired */
bool pg_is_lost_at(uint64_t address);		/* the block there, if there is one */
const struct purgatory_segment *pg_segment_of(uint64_t block);
uint8_t *pg_block_data(uint64_t block);		/* NULL: nowhere */

#pragma GCC visibility pop

#endif
