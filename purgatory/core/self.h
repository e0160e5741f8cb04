/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* self.h: the self-check of purgatory. */
#ifndef PURGATORY_SELF_H
#define PURGATORY_SELF_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/sha256.h"

#pragma GCC visibility push(hidden)

/*
 * Cleans code, params and page tables, compares them with params.self_digest, and checks
 * that the values of the params make sense. pg_params can be trusted only if this
 * returns true.
 */
bool pg_check_self(enum pg_sha256_method method);

/*
 * Returns true if [offset, offset + size) lies inside the purgatory segment, from the
 * digest tables on: the part that self_digest does not cover. @offset and @size are
 * bytes; @offset must be a multiple of PURGATORY_BLOCK_SIZE.
 */
bool pg_is_outside_self_digest(uint64_t offset, uint64_t size);

#pragma GCC visibility pop

#endif
