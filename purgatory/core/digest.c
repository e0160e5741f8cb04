/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * digest.c: hashes blocks and compares them with their digests.
 *
 * The segment holds two equal tables with one SHA-256 digest for each block. A block
 * is intact if its digest is in either table, because damage to a table does not
 * produce the digest of a damaged block by accident. So damage to one table is
 * harmless. Damage to both tables is harmless if it hits the digests of different
 * blocks.
 */
#include <stddef.h>

#include "access.h"
#include "digest.h"
#include "image.h"

_Static_assert(PURGATORY_DIGEST_SIZE % sizeof(uint64_t) == 0, "digests are compared as words");
_Static_assert(PURGATORY_BLOCK_SIZE % PG_SHA256_BLOCK_SIZE == 0, "keeps reads aligned");

bool pg_same_digest(const struct pg_digest *a, const struct pg_digest *b)
{
	uint64_t different = 0;

	for (unsigned int i = 0; i < sizeof(a->words) / sizeof(a->words[0]); i++)
		different |= a->words[i] ^ b->words[i];
	return !different;
}

uint64_t pg_table_size(void)
{
	uint64_t size = pg_params.block_count * PURGATORY_DIGEST_SIZE;

	return (size + PURGATORY_BLOCK_SIZE - 1) / PURGATORY_BLOCK_SIZE * PURGATORY_BLOCK_SIZE;
}

struct lanes {
	enum pg_sha256_method method;
	const void *const *data;	/* PG_SHA256_LANES blocks */
	struct pg_digest *digests;	/* out: PG_SHA256_LANES digests */
};

static void hash_lanes(void *arg)
{
	struct lanes *lanes = arg;

	pg_sha256_four(lanes->method, lanes->data, PURGATORY_BLOCK_SIZE,
		       (uint8_t (*)[PURGATORY_DIGEST_SIZE])lanes->digests);
}

bool pg_hash_blocks(enum pg_sha256_method method, const void *const data[PG_SHA256_LANES],
		    struct pg_digest digests[PG_SHA256_LANES])
{
	struct lanes lanes = { method, data, digests };

	return pg_access(hash_lanes, &lanes);
}

struct tables {
	enum pg_sha256_method method;
	struct pg_digest digests[2];	/* out */
};

static void hash_tables(void *arg)
{
	struct tables *tables = arg;

	pg_sha256_two(tables->method, pg_at(pg_params.table_offset[0]),
		      pg_at(pg_params.table_offset[1]), pg_table_size(),
		      (uint8_t *)tables->digests[0].words, (uint8_t *)tables->digests[1].words);
}

uint32_t pg_check_tables(enum pg_sha256_method method)
{
	const struct pg_digest *expected = (const struct pg_digest *)pg_params.table_digest;
	struct tables tables = { .method = method };
	uint32_t flags = 0;

	/* If memory aborts, the digests stay zero, and both flags are set. */
	pg_access(hash_tables, &tables);
	if (!pg_same_digest(&tables.digests[0], expected))
		flags |= PURGATORY_FLAG_TABLE_0;
	if (!pg_same_digest(&tables.digests[1], expected))
		flags |= PURGATORY_FLAG_TABLE_1;
	return flags;
}

struct comparison {
	const struct pg_digest *expected;
	const struct pg_digest *digest;
	bool same;			/* out */
};

static void compare(void *arg)
{
	struct comparison *comparison = arg;

	comparison->same = pg_same_digest(comparison->expected, comparison->digest);
}

bool pg_is_expected_digest(uint64_t block, const struct pg_digest *digest)
{
	for (unsigned int i = 0; i < 2; i++) {
		const void *table = pg_at(pg_params.table_offset[i]);
		struct comparison comparison = {
			.expected = (const struct pg_digest *)table + block, .digest = digest,
		};

		if (pg_access(compare, &comparison) && comparison.same)
			return true;
	}
	return false;
}

/* SHA-256 of a block of zeros, as little-endian words. */
static const struct pg_digest zero_digest = {
	{ 0xe9c66f58b2ac7fadULL, 0x026bd1d1d704c066ULL, 0x7a7cb47cff05584fULL, 0xa72c89488bbdda85ULL },
};

struct zeros {
	const void *const *data;	/* PG_SHA256_LANES blocks */
	const struct pg_digest *expected;	/* their digests in the table */
	bool found;			/* out: all blocks are zeros and must be zeros */
};

/* Returns 0 if and only if the block is all zeros. */
static uint64_t or_words(const uint64_t *block)
{
	uint64_t bits = 0;

#pragma GCC unroll 16
	for (unsigned int i = 0; i < PURGATORY_BLOCK_SIZE / sizeof(uint64_t); i++)
		bits |= block[i];
	return bits;
}

static void find_zeros(void *arg)
{
	struct zeros *zeros = arg;
	uint64_t bits = 0;

	for (unsigned int i = 0; i < PG_SHA256_LANES; i++)
		if (!pg_same_digest(&zeros->expected[i], &zero_digest))
			return;
	for (unsigned int i = 0; i < PG_SHA256_LANES; i++)
		bits |= or_words(zeros->data[i]);
	zeros->found = !bits;
}

bool pg_are_expected_zeros(uint64_t block, const void *const data[PG_SHA256_LANES])
{
	const void *table = pg_at(pg_params.table_offset[0]);
	struct zeros zeros = { .data = data, .expected = (const struct pg_digest *)table + block };

	return pg_access(find_zeros, &zeros) && zeros.found;
}

/* Hashes one block. Vectors hash four blocks in the time of one, so use all their lanes. */
static void hash_one(void *arg)
{
	struct lanes *lanes = arg;
	struct pg_sha256 sha;

	if (lanes->method == PG_SHA256_VECTORS) {
		hash_lanes(lanes);
		return;
	}
	pg_sha256_init(&sha, lanes->method);
	pg_sha256_update(&sha, lanes->data[0], PURGATORY_BLOCK_SIZE);
	pg_sha256_final(&sha, (uint8_t *)lanes->digests[0].words);
}

bool pg_has_right_digest(enum pg_sha256_method method, uint64_t block, const void *data)
{
	const void *const same[PG_SHA256_LANES] = { data, data, data, data };
	struct pg_digest digests[PG_SHA256_LANES];
	struct lanes lanes = { method, same, digests };

	return pg_access(hash_one, &lanes) && pg_is_expected_digest(block, &digests[0]);
}
