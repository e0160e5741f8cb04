/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* repair.h: damaged blocks back from parity. */
#ifndef PURGATORY_REPAIR_H
#define PURGATORY_REPAIR_H

#include "check.h"

#pragma GCC visibility push(hidden)

/* Stores to blocks that were found damaged, and to no others. */
void pg_repair(struct pg_check *check);

/* Hashes again every block that was stored to. What is wrong now counts as not repaired. */
void pg_verify_repaired(struct pg_check *check);

#pragma GCC visibility pop

#endif
