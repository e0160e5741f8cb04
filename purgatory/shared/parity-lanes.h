/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * parity-lanes.h: the work of parity.h over words that hold many bytes side by
 * side. Included where lanes (the word) and twice() (2 times each of its bytes)
 * are defined: by parity.c and by parity-vectors.c.
 */
#include <stddef.h>
#include <stdint.h>

#include "abi.h"

#define LANES_PER_BLOCK	(PURGATORY_BLOCK_SIZE / sizeof(lanes))

static void fold(lanes *p, lanes *q, const lanes *block)
{
	for (size_t i = 0; i < LANES_PER_BLOCK; i++) {
		lanes word = block[i];

		p[i] ^= word;
		q[i] = twice(q[i]) ^ word;
	}
}

/* Zeros: nothing for P. */
static void fold_zeros(lanes *q)
{
	for (size_t i = 0; i < LANES_PER_BLOCK; i++)
		q[i] = twice(q[i]);
}

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
 * x + y = p and power_x x + power_y y = q, solved for x:
 * x = (q + power_y p) / (power_x + power_y).
 */
static void solve(lanes *p, lanes *q, unsigned int power_y, unsigned int inverse)
{
	for (size_t i = 0; i < LANES_PER_BLOCK; i++) {
		lanes x = times(q[i] ^ times(p[i], power_y), inverse);

		q[i] = p[i] ^ x;
		p[i] = x;
	}
}
