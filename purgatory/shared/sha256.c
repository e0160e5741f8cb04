/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sha256.c: SHA-256 in plain C, as FIPS 180-4 defines it, and the parts that all three
 * methods share.
 */
#include <stdbool.h>

#include "sha256.h"

#define WORDS		16
#define ROUNDS		64

/* FIPS 180-4, 4.2.2 */
static const uint32_t round_constants[ROUNDS] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t load_be32(const uint8_t *aligned)
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

static uint32_t rotate(uint32_t x, unsigned int n)
{
	return x >> n | x << (32 - n);
}

/* FIPS 180-4, 6.2.2, step 1: computes the message schedule. */
static void make_schedule(uint32_t w[ROUNDS], const uint8_t *aligned)
{
	for (unsigned int t = 0; t < WORDS; t++)
		w[t] = load_be32(aligned + 4 * t);
	for (unsigned int t = WORDS; t < ROUNDS; t++) {
		uint32_t x = w[t - 15], y = w[t - 2];
		uint32_t sigma0 = rotate(x, 7) ^ rotate(x, 18) ^ x >> 3;
		uint32_t sigma1 = rotate(y, 17) ^ rotate(y, 19) ^ y >> 10;

		w[t] = sigma1 + w[t - 7] + sigma0 + w[t - 16];
	}
}

/* Steps 2 to 4: computes the rounds on a to h, and adds the result to the state. */
static void add_rounds(uint32_t state[8], const uint32_t w[ROUNDS])
{
	uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
	uint32_t e = state[4], f = state[5], g = state[6], h = state[7];

	for (unsigned int t = 0; t < ROUNDS; t++) {
		uint32_t sum1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
		uint32_t sum0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
		uint32_t ch = (e & f) ^ (~e & g);
		uint32_t maj = (a & b) ^ (a & c) ^ (b & c);
		uint32_t t1 = h + sum1 + ch + round_constants[t] + w[t];
		uint32_t t2 = sum0 + maj;

		h = g;
		g = f;
		f = e;
		e = d + t1;
		d = c;
		c = b;
		b = a;
		a = t1 + t2;
	}
	state[0] += a;
	state[1] += b;
	state[2] += c;
	state[3] += d;
	state[4] += e;
	state[5] += f;
	state[6] += g;
	state[7] += h;
}

static void compress(uint32_t state[8], const uint8_t *aligned, size_t blocks)
{
	for (; blocks; blocks--, aligned += PG_SHA256_BLOCK_SIZE) {
		uint32_t w[ROUNDS];

		make_schedule(w, aligned);
		add_rounds(state, w);
	}
}

/* Hashes @a into @sha_a and @b into @sha_b. Both use the method of @sha_a. */
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

/* Hashes one message. The SHA-2 code always hashes two, so it hashes @aligned twice. */
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

/* FIPS 180-4, 5.3.3: the initial hash value. */
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
		/* Part of a block can change the alignment of next. */
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

/*
 * Makes the last block of a message of @size bytes, a multiple of 64: only padding and the
 * length, so it is the same for all messages of this size.
 */
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

/* Hashes four messages with vectors. Two of @digests can be the same address. */
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

/* Hashes two messages with PG_SHA256_PORTABLE or PG_SHA256_INSTRUCTIONS. */
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
