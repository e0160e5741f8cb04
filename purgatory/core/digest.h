/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* digest.h: what the blocks are compared with. */
#ifndef PURGATORY_DIGEST_H
#define PURGATORY_DIGEST_H

#include <stdbool.h>
#include <stdint.h>

#include "abi.h"
#include "shared/sha256.h"

#pragma GCC visibility push(hidden)

struct pg_digest {
	uint64_t words[PURGATORY_DIGEST_SIZE / sizeof(uint64_t)];
};

bool pg_same_digest(const struct pg_digest *a, const struct pg_digest *b);
uint64_t pg_table_size(void);			/* bytes of one table */
/* Flags for the record: a damaged table is harmless. */
uint32_t pg_check_tables(enum pg_sha256_method method);
/* As many blocks as suit every CPU; one may stand there more than once. False: cannot be read. */
bool pg_hash_blocks(enum pg_sha256_method method, const void *const data[PG_SHA256_LANES],
		    struct pg_digest digests[PG_SHA256_LANES]);
/*
 * Are these blocks all zeros, and meant to be? False proves nothing: they may
 * still be right. Many blocks of a kernel are, and to see that is cheaper than a
 * digest.
 */
bool pg_are_expected_zeros(uint64_t block, const void *const data[PG_SHA256_LANES]);
/* Does @data hold this block? False also where it cannot be read. */
bool pg_has_right_digest(enum pg_sha256_method method, uint64_t block, const void *data);
bool pg_is_expected_digest(uint64_t block, const struct pg_digest *digest);

#pragma GCC visibility pop

#endif
