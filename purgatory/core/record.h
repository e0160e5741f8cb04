/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * record.h: fills in the record and writes it to the device tree for the next kernel.
 *
 * Adjacent damaged blocks form a run. The record describes the first
 * PURGATORY_DAMAGE_MAX runs (struct purgatory_damage) and counts all of them.
 */
#ifndef PURGATORY_RECORD_H
#define PURGATORY_RECORD_H

#include "abi.h"

#pragma GCC visibility push(hidden)

/*
 * Describes the damaged blocks as runs, with the first PURGATORY_FOUND_MAX bytes of each
 * run. Call it after the check and before the repair.
 */
void pg_record_runs(struct purgatory_record *record);

/*
 * Compares the damaged @block with its bytes from parity, @right, and stores the first
 * wrong offset and the bytes there in the run. Only the first block of a run is compared.
 * Call it before @right is stored to the block.
 */
void pg_record_first_difference(struct purgatory_record *record, uint64_t block, const void *right);

/* Counts @block as repaired. Call it after the block was stored and hashed again. */
void pg_record_repaired(struct purgatory_record *record, uint64_t block);

/* Counts @block as not repaired. Call it if the last check without caches fails. */
void pg_record_lost_again(struct purgatory_record *record, uint64_t block);

/*
 * Writes the record to params.record, the property in the device tree. Writes nothing if
 * params.record is 0, if the library's template is not there, or if the memory aborts.
 */
void pg_record_write(struct purgatory_record *record);

#pragma GCC visibility pop

#endif
