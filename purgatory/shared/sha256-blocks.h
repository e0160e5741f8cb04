/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sha256-blocks.h: what sha256.c calls where it computes by vector registers.
 * Between sha256.c and these files only; for others there is sha256.h.
 */
#ifndef PURGATORY_SHA256_BLOCKS_H
#define PURGATORY_SHA256_BLOCKS_H

#include <stddef.h>
#include <stdint.h>

#define PG_SHA256_BLOCK_SIZE	64
#define PG_SHA256_LANES		4	/* messages that vectors hash side by side */

#define PG_SHA256_HIDDEN	__attribute__((visibility("hidden")))

/*
 * sha256-instructions.S, arm64 only: @blocks, which is not 0, of two messages.
 * The states are aligned to 16 bytes, the data to 4.
 */
PG_SHA256_HIDDEN
void pg_sha256_blocks_two(uint32_t state_a[8], const void *a, uint32_t state_b[8], const void *b,
			  size_t blocks);

/* sha256-vectors.c: of four. The state, aligned to 16, has each word of all four side by side. */
PG_SHA256_HIDDEN
void pg_sha256_blocks_four(uint32_t state[8][PG_SHA256_LANES],
			   const void *const data[PG_SHA256_LANES], size_t blocks);

#endif
