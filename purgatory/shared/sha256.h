/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sha256.h: SHA-256 (FIPS 180-4) for purgatory and for the loader, so that
 * what is written at load and what is checked at the crash is the same code.
 *
 * Freestanding: no libc, no allocation, no unaligned access where data and
 * struct are aligned to 4 bytes and the length of each update but the last is
 * a multiple of 64 (purgatory runs with the MMU off, where unaligned accesses
 * fault). Other data is correct too, on machines that allow it.
 */
#ifndef PURGATORY_SHA256_H
#define PURGATORY_SHA256_H

#include <stddef.h>
#include <stdint.h>

#include "sha256-blocks.h"

#define PG_SHA256_DIGEST_SIZE	32

/* Who computes. The caller finds out what the CPU has, on the CPU that is to do it. */
enum pg_sha256_method {
	PG_SHA256_PORTABLE,
	PG_SHA256_VECTORS,		/* any vector registers; a message alone: portable */
	PG_SHA256_INSTRUCTIONS,		/* the SHA-2 instructions of arm64, on vector registers */
};

struct pg_sha256 {
	uint32_t state[8] __attribute__((aligned(16)));
	enum pg_sha256_method method;
	uint64_t length;			/* bytes so far */
	uint8_t block[PG_SHA256_BLOCK_SIZE];	/* the started block */
};

void pg_sha256_init(struct pg_sha256 *sha, enum pg_sha256_method method);
void pg_sha256_update(struct pg_sha256 *sha, const void *data, size_t size);
void pg_sha256_final(struct pg_sha256 *sha, uint8_t digest[PG_SHA256_DIGEST_SIZE]);

/*
 * Two messages of the same size, whole blocks, at once: with the instructions
 * this takes hardly longer than one. Data and digests are aligned to 4 bytes.
 */
void pg_sha256_two(enum pg_sha256_method method, const void *a, const void *b, size_t size,
		   uint8_t digest_a[PG_SHA256_DIGEST_SIZE],
		   uint8_t digest_b[PG_SHA256_DIGEST_SIZE]);

/* The same of four, the digests one behind the other: with vectors no longer than two. */
void pg_sha256_four(enum pg_sha256_method method, const void *const data[PG_SHA256_LANES],
		    size_t size, uint8_t digests[PG_SHA256_LANES][PG_SHA256_DIGEST_SIZE]);

#endif
