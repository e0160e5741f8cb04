/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check.h: the check of all blocks, and the state that its parts share. */
#ifndef PURGATORY_CHECK_H
#define PURGATORY_CHECK_H

#include "abi.h"
#include "arm64/clock.h"
#include "shared/parity.h"
#include "shared/sha256.h"

#pragma GCC visibility push(hidden)

/* The state of the check and of the repair. */
struct pg_check {
	enum pg_sha256_method sha256;	/* how this CPU computes digests */
	enum pg_parity_method parity;	/* how this CPU computes parity */
	struct pg_clock clock;		/* runs since the entry; its limit is params.seconds */
	struct purgatory_record record;	/* the results, filled in as they are found */
};

/*
 * Hashes every block of every segment and compares it with its digest. Marks damaged
 * blocks (blocks.h), counts them in @check->record, and sets PURGATORY_FLAG_TIME_OUT
 * if the time is over before the last block. Trusts pg_params: call it after
 * pg_check_self() and pg_complete_params().
 */
void pg_check_segments(struct pg_check *check);

#pragma GCC visibility pop

#endif
