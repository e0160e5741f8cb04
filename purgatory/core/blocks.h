/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * blocks.h: the address and the state of each block.
 *
 * The blocks of all segments have consecutive numbers: block i has digest i. Two
 * bitmaps in the purgatory segment (abi.h) hold the state of each block:
 *
 *   damaged  repaired  state
 *      0        0      intact, or not checked
 *      1        0      lost: damaged and not repaired
 *      1        1      repaired
 *
 * @block is below block_count in all functions.
 */
#ifndef PURGATORY_BLOCKS_H
#define PURGATORY_BLOCKS_H

#include <stdbool.h>
#include <stdint.h>

#include "abi.h"

#pragma GCC visibility push(hidden)

/* Clears both bitmaps: no block is damaged. */
void pg_clear_bitmaps(void);
void pg_set_damaged(uint64_t block);
/* True for lost and for repaired blocks. */
bool pg_was_damaged(uint64_t block);
void pg_set_repaired(uint64_t block, bool repaired);
bool pg_is_repaired(uint64_t block);
bool pg_is_lost(uint64_t block);
/* True if the block at the physical @address is lost. False if no segment has this address. */
bool pg_is_lost_at(uint64_t address);
/* Returns the segment that contains @block; NULL if no segment does. */
const struct purgatory_segment *pg_segment_of(uint64_t block);
/* Returns the address of @block's bytes; NULL if its segment was not found. */
uint8_t *pg_block_data(uint64_t block);

#pragma GCC visibility pop

#endif
