/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check.h: is every block what was loaded? */
#ifndef PURGATORY_CHECK_H
#define PURGATORY_CHECK_H

#include "abi.h"
#include "arm64/clock.h"
#include "shared/parity.h"
#include "shared/sha256.h"

#pragma GCC visibility push(hidden)

/* What the parts of the check hand on to each other. */
struct pg_check {
	enum pg_sha256_method sha256;
	enum pg_parity_method parity;
	struct pg_clock clock;
	struct purgatory_record record;
};

/* Hashes every block until the time is over. Only after pg_check_self: trusts the params. */
void pg_check_segments(struct pg_check *check);

#pragma GCC visibility pop

#endif
