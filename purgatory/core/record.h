/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* record.h: what was found, for the next kernel to read. */
#ifndef PURGATORY_RECORD_H
#define PURGATORY_RECORD_H

#include "abi.h"

#pragma GCC visibility push(hidden)

void pg_record_runs(struct purgatory_record *record);
void pg_record_first_difference(struct purgatory_record *record, uint64_t block, const void *right);
void pg_record_repaired(struct purgatory_record *record, uint64_t block);
void pg_record_lost_again(struct purgatory_record *record, uint64_t block);
void pg_record_write(struct purgatory_record *record);

#pragma GCC visibility pop

#endif
