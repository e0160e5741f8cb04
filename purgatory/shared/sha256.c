/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sha256.c: SHA-256 (FIPS 180-4) in portable C, written for few instructions a
 * byte on arm64 without vector registers: 26.4 with gcc 12.
 *
 * Two devices save them; both rely on arm64 folding a shift into most
 * instructions, and both keep two 32-bit words in one 64-bit register.
 *
 * 1. The state is held complemented, as (~e << 32 | ~a). Then one XOR, AND, XOR
 *    works out Ch in the upper and Maj in the lower half at once:
 *
 *        Ch(e, f, g)  = f ^ (~e & (f ^ g))
 *        Maj(a, b, c) = b ^ ((a ^ b) & (b ^ c))
 *
 *    With ~x = -x - 1 the round's sums turn into sums of the complements:
 *    v = -T1 = ~h + ~Sigma1(e) + ~Ch + 3 - K - W, then ~e' = ~d + v and
 *    ~a' = ~Maj - Sigma0(a) + v. The table holds 3 - K. Sigma is XOR of three
 *    rotations, hence Sigma(~x) = ~Sigma(x).
 *
 * 2. A word of the message schedule is held twice, as (w << 32 | w). A 64-bit
 *    rotation of it rotates both halves, a 64-bit right shift brings zeros in
 *    behind the upper half, and the last shift of each sigma, common to its
 *    three terms, goes into the addition. Bits above 32 are left to rot in
 *    sums and cut off when the word is doubled again.
 */
#include <stdbool.h>

#include "sha256-blocks.h"

#define WORDS		16
#define ROUNDS		64

#define PAIR(even, odd)	((uint64_t)(3U - (odd)) << 32 | (3U - (even)))

static const uint64_t round_constants[ROUNDS / 2] = {
	PAIR(0x428a2f98, 0x71374491), PAIR(0xb5c0fbcf, 0xe9b5dba5),
	PAIR(0x3956c25b, 0x59f111f1), PAIR(0x923f82a4, 0xab1c5ed5),
	PAIR(0xd807aa98, 0x12835b01), PAIR(0x243185be, 0x550c7dc3),
	PAIR(0x72be5d74, 0x80deb1fe), PAIR(0x9bdc06a7, 0xc19bf174),
	PAIR(0xe49b69c1, 0xefbe4786), PAIR(0x0fc19dc6, 0x240ca1cc),
	PAIR(0x2de92c6f, 0x4a7484aa), PAIR(0x5cb0a9dc, 0x76f988da),
	PAIR(0x983e5152, 0xa831c66d), PAIR(0xb00327c8, 0xbf597fc7),
	PAIR(0xc6e00bf3, 0xd5a79147), PAIR(0x06ca6351, 0x14292967),
	PAIR(0x27b70a85, 0x2e1b2138), PAIR(0x4d2c6dfc, 0x53380d13),
	PAIR(0x650a7354, 0x766a0abb), PAIR(0x81c2c92e, 0x92722c85),
	PAIR(0xa2bfe8a1, 0xa81a664b), PAIR(0xc24b8b70, 0xc76c51a3),
	PAIR(0xd192e819, 0xd6990624), PAIR(0xf40e3585, 0x106aa070),
	PAIR(0x19a4c116, 0x1e376c08), PAIR(0x2748774c, 0x34b0bcb5),
	PAIR(0x391c0cb3, 0x4ed8aa4a), PAIR(0x5b9cca4f, 0x682e6ff3),
	PAIR(0x748f82ee, 0x78a5636f), PAIR(0x84c87814, 0x8cc70208),
	PAIR(0x90befffa, 0xa4506ceb), PAIR(0xbef9a3f7, 0xc67178f2),
};

static inline uint32_t rotate32(uint32_t x, unsigned int n)
{
	return x >> n | x << (32 - n);
}

static inline uint64_t rotate64(uint64_t x, unsigned int n)
{
	return x >> n | x << (64 - n);
}

/*
 * The same value, but compilers cannot look through it. Left alone, they regroup
 * sums and XORs and work out a value once for each of its two widths; either
 * breaks up the pairs of shift and operation (32 instructions a byte then).
 */
static inline uint64_t opaque(uint64_t x)
{
	__asm__("" : "+r"(x));
	return x;
}

static inline uint64_t doubled(uint64_t x)
{
	x = opaque(x);
	return opaque(x << 32 | (uint32_t)x);
}

/* Below 2^32 these are the sigmas of the standard, see device 2 above. */
static inline uint64_t sigma0(uint64_t w)
{
	return opaque(opaque(w ^ rotate64(w, 11)) ^ w >> 28) >> 7;
}

static inline uint64_t sigma1(uint64_t w)
{
	return opaque(opaque(w ^ rotate64(w, 2)) ^ w >> 25) >> 17;
}

static inline uint32_t load_be32(const uint8_t *aligned)
{
	uint32_t word;

	__builtin_memcpy(&word, __builtin_assume_aligned(aligned, 4), sizeof(word));
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	word = __builtin_bswap32(word);
#endif
	return word;
}

static void store_be32(uint8_t *out, uint32_t word)
{
	for (unsigned int i = 0; i < 4; i++)
		out[i] = (uint8_t)(word >> (24 - 8 * i));
}

static inline void store_aligned_be32(uint8_t *aligned, uint32_t word)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	word = __builtin_bswap32(word);
#endif
	__builtin_memcpy(__builtin_assume_aligned(aligned, 4), &word, sizeof(word));
}

/* The working variables, see device 1 above. */
struct rounds {
	uint64_t q1, q2, q3;	/* (~f : ~b), (~g : ~c), (~h : ~d) */
	uint64_t q12;		/* q1 ^ q2 */
	uint64_t a, b, e;	/* ~a, ~b, ~e, below 2^32 */
};

/* ~Sigma1(e) and Sigma0(a), from ~e and ~a. */
static inline uint32_t sum1(uint32_t e)
{
	return rotate32(e, 6) ^ rotate32(e, 11) ^ rotate32(e, 25);
}

static inline uint32_t sum0(uint32_t a)
{
	return rotate32(a, 13) ^ ~(uint32_t)opaque(rotate32(a, 2) ^ rotate32(a, 22));
}

/* k and w count modulo 2^32; what is above is ignored. */
static inline __attribute__((always_inline))
void one_round(struct rounds *s, uint64_t k, uint64_t w)
{
	uint64_t q0 = s->a | s->e << 32;
	uint64_t ch_maj = opaque(s->q1 ^ ((q0 ^ s->b) & s->q12));
	uint64_t v = opaque(sum1((uint32_t)s->e) + (s->q3 >> 32));

	v = opaque(v + k);
	v = opaque(v - w);
	v = opaque(v + (ch_maj >> 32));
	s->b = s->a;
	s->a = opaque((uint32_t)(opaque(ch_maj - sum0((uint32_t)s->a)) + v));
	s->e = opaque((uint32_t)(s->q3 + v));
	s->q12 = opaque(q0 ^ s->q1);
	s->q3 = s->q2;
	s->q2 = s->q1;
	s->q1 = q0;
}

static inline __attribute__((always_inline))
void sixteen_rounds(struct rounds *s, const uint64_t *k, const uint64_t w[WORDS])
{
#pragma GCC unroll 8
	for (unsigned int i = 0; i < WORDS; i += 2) {
		one_round(s, k[i / 2], w[i]);
		one_round(s, k[i / 2] >> 32, w[i + 1]);
	}
}

static inline __attribute__((always_inline))
void next_words(uint64_t w[WORDS])
{
#pragma GCC unroll 16
	for (unsigned int i = 0; i < WORDS; i++)
		w[i] = doubled(opaque(w[i] + w[(i + 9) % WORDS] +
				      sigma0(w[(i + 1) % WORDS])) +
			       sigma1(w[(i + 14) % WORDS]));
}

static void compress(uint32_t state[8], const uint8_t *aligned, size_t blocks)
{
	for (; blocks; blocks--, aligned += PG_SHA256_BLOCK_SIZE) {
		struct rounds s = {
			.q1 = (uint64_t)~state[5] << 32 | (uint32_t)~state[1],
			.q2 = (uint64_t)~state[6] << 32 | (uint32_t)~state[2],
			.q3 = (uint64_t)~state[7] << 32 | (uint32_t)~state[3],
			.a = (uint32_t)~state[0], .b = (uint32_t)~state[1],
			.e = (uint32_t)~state[4],
		};
		const uint64_t *k = round_constants;
		uint64_t w[WORDS];

		s.q12 = s.q1 ^ s.q2;
#pragma GCC unroll 16
		for (unsigned int i = 0; i < WORDS; i++)
			w[i] = doubled(load_be32(aligned + 4 * i));
		for (;;) {
			sixteen_rounds(&s, k, w);
			k += WORDS / 2;
			if (k == round_constants + ROUNDS / 2)
				break;
			next_words(w);
		}
		state[0] += ~(uint32_t)s.a;
		state[1] += ~(uint32_t)s.b;
		state[2] += ~(uint32_t)s.q2;
		state[3] += ~(uint32_t)s.q3;
		state[4] += ~(uint32_t)s.e;
		state[5] += ~(uint32_t)(s.q1 >> 32);
		state[6] += ~(uint32_t)(s.q2 >> 32);
		state[7] += ~(uint32_t)(s.q3 >> 32);
	}
}

/* @a's message goes into @sha_a, @b's into @sha_b; both by the method of @sha_a. */
static void compress_two(struct pg_sha256 *sha_a, const uint8_t *a, struct pg_sha256 *sha_b,
			 const uint8_t *b, size_t blocks)
{
#ifdef __aarch64__
	if (sha_a->method == PG_SHA256_INSTRUCTIONS) {
		pg_sha256_blocks_two(sha_a->state, a, sha_b->state, b, blocks);
		return;
	}
#endif
	compress(sha_a->state, a, blocks);
	compress(sha_b->state, b, blocks);
}

/* One message: with the instructions a second one is computed along, and forgotten. */
static void compress_one(struct pg_sha256 *sha, const uint8_t *aligned, size_t blocks)
{
#ifdef __aarch64__
	if (sha->method == PG_SHA256_INSTRUCTIONS) {
		uint32_t unused[8] __attribute__((aligned(16))) = { 0 };

		pg_sha256_blocks_two(sha->state, aligned, unused, aligned, blocks);
		return;
	}
#endif
	compress(sha->state, aligned, blocks);
}

static const uint32_t start[8] = {
	0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
	0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
};

void pg_sha256_init(struct pg_sha256 *sha, enum pg_sha256_method method)
{
	for (unsigned int i = 0; i < 8; i++)
		sha->state[i] = start[i];
	sha->method = method;
	sha->length = 0;
}

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

void pg_sha256_update(struct pg_sha256 *sha, const void *data, size_t size)
{
	const uint8_t *next = data;
	bool aligned = (uintptr_t)data % sizeof(uint32_t) == 0;

	while (size) {
		size_t started = (size_t)(sha->length % PG_SHA256_BLOCK_SIZE);
		size_t take;

		if (aligned && !started && size >= PG_SHA256_BLOCK_SIZE) {
			take = size - size % PG_SHA256_BLOCK_SIZE;
			compress_one(sha, next, take / PG_SHA256_BLOCK_SIZE);
		} else {
			take = smaller(size, PG_SHA256_BLOCK_SIZE - started);
			for (size_t i = 0; i < take; i++)
				sha->block[started + i] = next[i];
			if (started + take == PG_SHA256_BLOCK_SIZE)
				compress_one(sha, sha->block, 1);
		}
		/* A part of a block can leave next unaligned, or make it aligned. */
		next += take;
		aligned = (uintptr_t)next % sizeof(uint32_t) == 0;
		sha->length += take;
		size -= take;
	}
}

static void store_digest(const struct pg_sha256 *sha, uint8_t *digest)
{
	for (unsigned int i = 0; i < 8; i++)
		store_be32(digest + 4 * i, sha->state[i]);
}

void pg_sha256_final(struct pg_sha256 *sha, uint8_t digest[PG_SHA256_DIGEST_SIZE])
{
	size_t started = (size_t)(sha->length % PG_SHA256_BLOCK_SIZE);
	uint64_t bits = sha->length * 8;

	sha->block[started++] = 0x80;
	if (started > PG_SHA256_BLOCK_SIZE - sizeof(bits)) {
		while (started < PG_SHA256_BLOCK_SIZE)
			sha->block[started++] = 0;
		compress_one(sha, sha->block, 1);
		started = 0;
	}
	while (started < PG_SHA256_BLOCK_SIZE - sizeof(bits))
		sha->block[started++] = 0;
	store_be32(sha->block + started, (uint32_t)(bits >> 32));
	store_be32(sha->block + started + 4, (uint32_t)bits);
	compress_one(sha, sha->block, 1);
	store_digest(sha, digest);
}

/* Behind whole blocks what is left is a block of padding, the same for all messages. */
static void make_padding(uint8_t padding[PG_SHA256_BLOCK_SIZE], size_t size)
{
	uint64_t bits = (uint64_t)size * 8;

	store_aligned_be32(padding, 0x80000000);
#pragma GCC unroll 16
	for (size_t i = 4; i < PG_SHA256_BLOCK_SIZE - sizeof(bits); i += 4)
		store_aligned_be32(padding + i, 0);
	store_aligned_be32(padding + PG_SHA256_BLOCK_SIZE - 8, (uint32_t)(bits >> 32));
	store_aligned_be32(padding + PG_SHA256_BLOCK_SIZE - 4, (uint32_t)bits);
}

static void hash_lanes(const void *const data[PG_SHA256_LANES], size_t size,
		       uint8_t *const digests[PG_SHA256_LANES])
{
	uint32_t state[8][PG_SHA256_LANES] __attribute__((aligned(16)));
	uint8_t padding[PG_SHA256_BLOCK_SIZE] __attribute__((aligned(4)));
	const void *const end[PG_SHA256_LANES] = { padding, padding, padding, padding };

	for (unsigned int i = 0; i < 8; i++)
		for (unsigned int lane = 0; lane < PG_SHA256_LANES; lane++)
			state[i][lane] = start[i];
	make_padding(padding, size);
	pg_sha256_blocks_four(state, data, size / PG_SHA256_BLOCK_SIZE);
	pg_sha256_blocks_four(state, end, 1);
	for (unsigned int lane = 0; lane < PG_SHA256_LANES; lane++)
		for (unsigned int i = 0; i < 8; i++)
			store_aligned_be32(digests[lane] + 4 * i, state[i][lane]);
}

static void hash_pair(enum pg_sha256_method method, const void *a, const void *b, size_t size,
		      uint8_t *digest_a, uint8_t *digest_b)
{
	uint8_t padding[PG_SHA256_BLOCK_SIZE] __attribute__((aligned(4)));
	struct pg_sha256 sha_a, sha_b;

	pg_sha256_init(&sha_a, method);
	pg_sha256_init(&sha_b, method);
	make_padding(padding, size);
	compress_two(&sha_a, a, &sha_b, b, size / PG_SHA256_BLOCK_SIZE);
	compress_two(&sha_a, padding, &sha_b, padding, 1);
#pragma GCC unroll 8
	for (unsigned int i = 0; i < 8; i++) {
		store_aligned_be32(digest_a + 4 * i, sha_a.state[i]);
		store_aligned_be32(digest_b + 4 * i, sha_b.state[i]);
	}
}

void pg_sha256_two(enum pg_sha256_method method, const void *a, const void *b, size_t size,
		   uint8_t digest_a[PG_SHA256_DIGEST_SIZE],
		   uint8_t digest_b[PG_SHA256_DIGEST_SIZE])
{
	if (method == PG_SHA256_VECTORS) {
		const void *const data[PG_SHA256_LANES] = { a, b, a, b };
		uint8_t *const digests[PG_SHA256_LANES] = { digest_a, digest_b, digest_a, digest_b };

		hash_lanes(data, size, digests);
	} else {
		hash_pair(method, a, b, size, digest_a, digest_b);
	}
}

void pg_sha256_four(enum pg_sha256_method method, const void *const data[PG_SHA256_LANES],
		    size_t size, uint8_t digests[PG_SHA256_LANES][PG_SHA256_DIGEST_SIZE])
{
	if (method == PG_SHA256_VECTORS) {
		uint8_t *const to[PG_SHA256_LANES] = {
			digests[0], digests[1], digests[2], digests[3],
		};

		hash_lanes(data, size, to);
	} else {
		hash_pair(method, data[0], data[1], size, digests[0], digests[1]);
		hash_pair(method, data[2], data[3], size, digests[2], digests[3]);
	}
}
