/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* repair.h: repairs damaged blocks from parity. */
#ifndef PURGATORY_REPAIR_H
#define PURGATORY_REPAIR_H

#include "check.h"

#pragma GCC visibility push(hidden)

/*
 * Repairs damaged blocks from parity, group by group, and counts them in @check->record.
 * Stores only to blocks that the check found damaged. A group with more than two damaged
 * blocks stays as it is. Sets PURGATORY_FLAG_TIME_OUT if the time is over before the end.
 */
void pg_repair(struct pg_check *check);

/*
 * Hashes every repaired block again. A block with a wrong digest then counts as not
 * repaired. Call it with the MMU off: it reads the blocks as the kernel will read them.
 */
void pg_verify_repaired(struct pg_check *check);

#pragma GCC visibility pop

#endif
