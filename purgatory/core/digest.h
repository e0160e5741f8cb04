/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* digest.h: hashes blocks and compares them with their digests. */
#ifndef PURGATORY_DIGEST_H
#define PURGATORY_DIGEST_H

#include <stdbool.h>
#include <stdint.h>

#include "abi.h"
#include "shared/sha256.h"

#pragma GCC visibility push(hidden)

/* A SHA-256 digest: its bytes in order, read as little-endian words. */
struct pg_digest {
	uint64_t words[PURGATORY_DIGEST_SIZE / sizeof(uint64_t)];
};

bool pg_same_digest(const struct pg_digest *a, const struct pg_digest *b);

/* Returns the bytes of one digest table: whole blocks. */
uint64_t pg_table_size(void);

/*
 * Compares both digest tables with table_digest. Returns the flags for the record:
 * PURGATORY_FLAG_TABLE_0 and _1 mark a damaged table. The check uses both tables anyway.
 */
uint32_t pg_check_tables(enum pg_sha256_method method);

/*
 * Hashes PG_SHA256_LANES blocks at @data into @digests. The same block can appear more
 * than once. Returns false if one of the blocks cannot be read.
 */
bool pg_hash_blocks(enum pg_sha256_method method, const void *const data[PG_SHA256_LANES],
		    struct pg_digest digests[PG_SHA256_LANES]);

/*
 * Returns true if the PG_SHA256_LANES blocks from number @block on, at @data, are all
 * zeros and must be zeros. False proves nothing: the blocks can still be intact.
 * A kernel has many blocks of zeros, and this test costs less than a digest.
 */
bool pg_are_expected_zeros(uint64_t block, const void *const data[PG_SHA256_LANES]);

/*
 * Returns true if the bytes at @data have the digest of @block. @data is where the
 * block lies or a candidate from parity. Returns false if @data cannot be read.
 */
bool pg_has_right_digest(enum pg_sha256_method method, uint64_t block, const void *data);

/* Returns true if @digest is the digest of @block in either table. */
bool pg_is_expected_digest(uint64_t block, const struct pg_digest *digest);

#pragma GCC visibility pop

#endif
