/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * parity-lanes.h: the arithmetic of parity.h on words that hold several bytes.
 *
 * parity.c and parity-vectors.c include this file. Before that, they define the type
 * lanes (a word of 8 or 16 bytes) and twice(), which multiplies each byte of it by 2.
 */
#include <stddef.h>
#include <stdint.h>

#include "abi.h"

#define LANES_PER_BLOCK	(PURGATORY_BLOCK_SIZE / sizeof(lanes))

/* Adds a member: P = P + block, Q = 2 Q + block. */
static void fold(lanes *p, lanes *q, const lanes *block)
{
	for (size_t i = 0; i < LANES_PER_BLOCK; i++) {
		lanes word = block[i];

		p[i] ^= word;
		q[i] = twice(q[i]) ^ word;
	}
}

/* Adds a member of zeros: P stays, Q = 2 Q. */
static void fold_zeros(lanes *q)
{
	for (size_t i = 0; i < LANES_PER_BLOCK; i++)
		q[i] = twice(q[i]);
}

/* Returns @factor times each byte of @word. @factor is an element of GF(2^8). */
static lanes times(lanes word, unsigned int factor)
{
	lanes product = word ^ word;

	for (; factor; factor >>= 1) {
		if (factor & 1)
			product ^= word;
		word = twice(word);
	}
	return product;
}

static void multiply(lanes *block, unsigned int factor)
{
	for (size_t i = 0; i < LANES_PER_BLOCK; i++)
		block[i] = times(block[i], factor);
}

/*
 * Solves x + y = p and power_x * x + power_y * y = q for x and y:
 *   x = (q + power_y * p) * inverse,  inverse = 1 / (power_x + power_y)
 *   y = p + x
 * x replaces p, and y replaces q.
 */
static void solve(lanes *p, lanes *q, unsigned int power_y, unsigned int inverse)
{
	for (size_t i = 0; i < LANES_PER_BLOCK; i++) {
		lanes x = times(q[i] ^ times(p[i], power_y), inverse);

		q[i] = p[i] ^ x;
		p[i] = x;
	}
}
