/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sha256-vectors.c: SHA-256 (FIPS 180-4) of four messages at once, for CPUs that have
 * vector registers but no SHA-2 instructions. It takes 10.7 instructions a byte with
 * gcc 12, so even two messages cost less than with sha256.c.
 *
 * Each lane of a vector belongs to one message, and each instruction does the same step
 * for all four messages. The sixteen words and the state fit into the registers of arm64.
 * The state at the start of a block stays in memory.
 *
 * Purgatory must not use vector registers before pg_cpu_enable_simd(). All functions here
 * are inlined into pg_sha256_blocks_four, and check-image refuses vector registers
 * elsewhere.
 */
#ifdef __aarch64__
#include <arm_neon.h>
#endif

#include "sha256.h"

#define LANES		PG_SHA256_LANES
#define WORDS		16
#define ROUNDS		64

#define INLINE		static inline __attribute__((always_inline))

/* One word of each of the four messages. may_alias: it can lie in an array of uint32_t. */
typedef uint32_t lanes __attribute__((vector_size(4 * LANES), may_alias));

#define FOUR(k)		{ k, k, k, k }

/* Each constant four times, once for each lane: LDP loads two such vectors, LD1R only one. */
static const lanes round_constants[ROUNDS] = {
	FOUR(0x428a2f98), FOUR(0x71374491), FOUR(0xb5c0fbcf), FOUR(0xe9b5dba5),
	FOUR(0x3956c25b), FOUR(0x59f111f1), FOUR(0x923f82a4), FOUR(0xab1c5ed5),
	FOUR(0xd807aa98), FOUR(0x12835b01), FOUR(0x243185be), FOUR(0x550c7dc3),
	FOUR(0x72be5d74), FOUR(0x80deb1fe), FOUR(0x9bdc06a7), FOUR(0xc19bf174),
	FOUR(0xe49b69c1), FOUR(0xefbe4786), FOUR(0x0fc19dc6), FOUR(0x240ca1cc),
	FOUR(0x2de92c6f), FOUR(0x4a7484aa), FOUR(0x5cb0a9dc), FOUR(0x76f988da),
	FOUR(0x983e5152), FOUR(0xa831c66d), FOUR(0xb00327c8), FOUR(0xbf597fc7),
	FOUR(0xc6e00bf3), FOUR(0xd5a79147), FOUR(0x06ca6351), FOUR(0x14292967),
	FOUR(0x27b70a85), FOUR(0x2e1b2138), FOUR(0x4d2c6dfc), FOUR(0x53380d13),
	FOUR(0x650a7354), FOUR(0x766a0abb), FOUR(0x81c2c92e), FOUR(0x92722c85),
	FOUR(0xa2bfe8a1), FOUR(0xa81a664b), FOUR(0xc24b8b70), FOUR(0xc76c51a3),
	FOUR(0xd192e819), FOUR(0xd6990624), FOUR(0xf40e3585), FOUR(0x106aa070),
	FOUR(0x19a4c116), FOUR(0x1e376c08), FOUR(0x2748774c), FOUR(0x34b0bcb5),
	FOUR(0x391c0cb3), FOUR(0x4ed8aa4a), FOUR(0x5b9cca4f), FOUR(0x682e6ff3),
	FOUR(0x748f82ee), FOUR(0x78a5636f), FOUR(0x84c87814), FOUR(0x8cc70208),
	FOUR(0x90befffa), FOUR(0xa4506ceb), FOUR(0xbef9a3f7), FOUR(0xc67178f2),
};

/*
 * Returns @x, but hides it from the compiler. Otherwise the compiler recognises a rotation,
 * which vectors of arm64 do not have, and makes three instructions. With the first shift
 * hidden, the second shift and the addition become one instruction (USRA).
 */
INLINE lanes opaque(lanes x)
{
#ifdef __aarch64__
	__asm__("" : "+w"(x));
#endif
	return x;
}

INLINE lanes rotate(lanes x, unsigned int n)
{
	return opaque(x << (32 - n)) + (x >> n);
}

/* FIPS 180-4, 4.1.2. The last rotation is applied to the sum of all terms, to save rotations. */
INLINE lanes sum0(lanes a)
{
	return rotate(a ^ rotate(a, 11) ^ rotate(a, 20), 2);
}

INLINE lanes sum1(lanes e)
{
	return rotate(e ^ rotate(e, 5) ^ rotate(e, 19), 6);
}

INLINE lanes sigma0(lanes w)
{
	return rotate(w ^ rotate(w, 11), 7) ^ w >> 3;
}

INLINE lanes sigma1(lanes w)
{
	return rotate(w ^ rotate(w, 2), 17) ^ w >> 10;
}

INLINE lanes choose(lanes mask, lanes ones, lanes zeros)
{
	return zeros ^ (mask & (ones ^ zeros));
}

INLINE void one_round(lanes s[8], lanes k, lanes w)
{
	lanes t = s[7] + k + w + sum1(s[4]) + choose(s[4], s[5], s[6]);

	s[7] = s[6];
	s[6] = s[5];
	s[5] = s[4];
	s[4] = s[3] + t;
	t += sum0(s[0]) + choose(s[0] ^ s[1], s[2], s[1]);
	s[3] = s[2];
	s[2] = s[1];
	s[1] = s[0];
	s[0] = t;
}

INLINE void next_words(lanes w[WORDS])
{
#pragma GCC unroll 16
	for (unsigned int i = 0; i < WORDS; i++)
		w[i] += sigma0(w[(i + 1) % WORDS]) + w[(i + 9) % WORDS] +
			sigma1(w[(i + 14) % WORDS]);
}

#ifdef __aarch64__
/*
 * Loads 64 bytes of each message. LD1 needs the alignment of one element only, even in
 * Device memory.
 */
INLINE void load_words(lanes w[WORDS], const void *const data[LANES], size_t offset)
{
	uint8x16x4_t m[LANES];

#pragma GCC unroll 4
	for (unsigned int i = 0; i < LANES; i++)
		m[i] = vld1q_u8_x4((const uint8_t *)data[i] + offset);
#pragma GCC unroll 4
	for (unsigned int i = 0; i < WORDS / 4; i++) {
		uint32x4_t a = vreinterpretq_u32_u8(vrev32q_u8(m[0].val[i]));
		uint32x4_t b = vreinterpretq_u32_u8(vrev32q_u8(m[1].val[i]));
		uint32x4_t c = vreinterpretq_u32_u8(vrev32q_u8(m[2].val[i]));
		uint32x4_t d = vreinterpretq_u32_u8(vrev32q_u8(m[3].val[i]));
		uint32x4_t ac0 = vzip1q_u32(a, c), bd0 = vzip1q_u32(b, d);
		uint32x4_t ac2 = vzip2q_u32(a, c), bd2 = vzip2q_u32(b, d);

		w[4 * i] = vzip1q_u32(ac0, bd0);
		w[4 * i + 1] = vzip2q_u32(ac0, bd0);
		w[4 * i + 2] = vzip1q_u32(ac2, bd2);
		w[4 * i + 3] = vzip2q_u32(ac2, bd2);
	}
}
#else
INLINE void load_words(lanes w[WORDS], const void *const data[LANES], size_t offset)
{
	for (unsigned int i = 0; i < WORDS; i++)
		for (unsigned int lane = 0; lane < LANES; lane++) {
			const uint8_t *word = (const uint8_t *)data[lane] + offset + 4 * i;

			w[i][lane] = (uint32_t)word[0] << 24 | (uint32_t)word[1] << 16 |
				     (uint32_t)word[2] << 8 | word[3];
		}
}
#endif

void pg_sha256_blocks_four(uint32_t state[8][LANES], const void *const data[LANES], size_t blocks)
{
	lanes *memory = (lanes *)__builtin_assume_aligned(state, sizeof(lanes));

	for (size_t block = 0; block < blocks; block++) {
		const lanes *k = round_constants;
		lanes w[WORDS], s[8];

		load_words(w, data, block * PG_SHA256_BLOCK_SIZE);
#pragma GCC unroll 8
		for (unsigned int i = 0; i < 8; i++)
			s[i] = memory[i];
		for (;;) {
#pragma GCC unroll 16
			for (unsigned int i = 0; i < WORDS; i++)
				one_round(s, k[i], w[i]);
			k += WORDS;
			if (k == round_constants + ROUNDS)
				break;
			next_words(w);
		}
#pragma GCC unroll 8
		for (unsigned int i = 0; i < 8; i++)
			memory[i] += s[i];
	}
}
