/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sha256-blocks.h: the functions that sha256.c calls to hash blocks with vector registers.
 * Other files include sha256.h.
 */
#ifndef PURGATORY_SHA256_BLOCKS_H
#define PURGATORY_SHA256_BLOCKS_H

#include <stddef.h>
#include <stdint.h>

#define PG_SHA256_BLOCK_SIZE	64	/* bytes: a block of SHA-256, not of abi.h */
#define PG_SHA256_LANES		4	/* messages that vectors hash at once */

#define PG_SHA256_HIDDEN	__attribute__((visibility("hidden")))

/*
 * Hashes @blocks blocks of two messages into their states; at least one block. The states
 * must be aligned to 16 bytes, the data to 4. In sha256-instructions.S, arm64 only.
 */
PG_SHA256_HIDDEN
void pg_sha256_blocks_two(uint32_t state_a[8], const void *a, uint32_t state_b[8], const void *b,
			  size_t blocks);

/*
 * Hashes @blocks blocks of four messages. state[i] holds word i of all four states; it must
 * be aligned to 16 bytes. In sha256-vectors.c.
 */
PG_SHA256_HIDDEN
void pg_sha256_blocks_four(uint32_t state[8][PG_SHA256_LANES],
			   const void *const data[PG_SHA256_LANES], size_t blocks);

#endif
