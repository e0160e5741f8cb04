/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sha256.h: SHA-256 (FIPS 180-4). The library computes the digests at load, and purgatory
 * checks them with the same code.
 *
 * Freestanding: no libc and no allocation. Purgatory runs with the MMU off, where an
 * unaligned access faults. No access is unaligned if the data is aligned to 4 bytes and each
 * update but the last has a multiple of 64 bytes. The library can hash any data.
 */
#ifndef PURGATORY_SHA256_H
#define PURGATORY_SHA256_H

#include <stddef.h>
#include <stdint.h>

#include "sha256-blocks.h"

#define PG_SHA256_DIGEST_SIZE	32

/* The method. The caller finds out what the CPU supports, on the CPU that runs the code. */
enum pg_sha256_method {
	PG_SHA256_PORTABLE,
	PG_SHA256_VECTORS,		/* vectors, four messages; one message: portable */
	PG_SHA256_INSTRUCTIONS,		/* the SHA-2 instructions of arm64, two messages */
};

struct pg_sha256 {
	uint32_t state[8] __attribute__((aligned(16)));
	enum pg_sha256_method method;
	uint64_t length;			/* bytes of the message so far */
	uint8_t block[PG_SHA256_BLOCK_SIZE];	/* the part of the last block that has arrived */
};

/* One message: init, then update for each part of the data, then final. */
void pg_sha256_init(struct pg_sha256 *sha, enum pg_sha256_method method);
void pg_sha256_update(struct pg_sha256 *sha, const void *data, size_t size);
void pg_sha256_final(struct pg_sha256 *sha, uint8_t digest[PG_SHA256_DIGEST_SIZE]);

/*
 * Hashes two messages of @size bytes, a multiple of 64. With the SHA-2 instructions two
 * messages take hardly longer than one. Data and digests must be aligned to 4 bytes.
 */
void pg_sha256_two(enum pg_sha256_method method, const void *a, const void *b, size_t size,
		   uint8_t digest_a[PG_SHA256_DIGEST_SIZE],
		   uint8_t digest_b[PG_SHA256_DIGEST_SIZE]);

/* The same for four messages. With vectors, four messages take as long as two. */
void pg_sha256_four(enum pg_sha256_method method, const void *const data[PG_SHA256_LANES],
		    size_t size, uint8_t digests[PG_SHA256_LANES][PG_SHA256_DIGEST_SIZE]);

#endif
