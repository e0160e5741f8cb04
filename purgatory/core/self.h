/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* self.h: is this purgatory, with its params and page tables, what was loaded? */
#ifndef PURGATORY_SELF_H
#define PURGATORY_SELF_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/sha256.h"

#pragma GCC visibility push(hidden)

bool pg_check_self(enum pg_sha256_method method);
/* [offset, offset + size) is part of the segment, and the self digest does not cover it. */
bool pg_is_outside_self_digest(uint64_t offset, uint64_t size);

#pragma GCC visibility pop

#endif
