/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * parity.c: parity in words of 8 bytes, and the parts that both methods share.
 */
#include <stdint.h>

#include "parity.h"
#include "parity-vectors.h"

typedef uint64_t lanes __attribute__((may_alias));

/*
 * Multiplies each byte by 2: shifts it, and adds 0x1d (the polynomial without bit 8) to each
 * byte whose highest bit was 1.
 */
static inline lanes twice(lanes word)
{
	lanes high = word & 0x8080808080808080ULL;

	return (word ^ high) << 1 ^ ((high - (high >> 7)) & 0x1d1d1d1d1d1d1d1dULL);
}

#include "parity-lanes.h"

static unsigned int product(unsigned int a, unsigned int b)
{
	return (unsigned int)(times(a, b) & 0xff);
}

/* Returns 2^n in GF(2^8). */
static unsigned int power(unsigned int n)
{
	unsigned int value = 1;

	while (n--)
		value = product(value, 2);
	return value;
}

/* Returns 1 / value = value^254, because value^255 = 1 for every value but 0. */
static unsigned int inverse(unsigned int value)
{
	unsigned int result = 1;

	for (unsigned int i = 0; i < 7; i++) {
		value = product(value, value);
		result = product(result, value);
	}
	return result;
}

void pg_parity_fold(enum pg_parity_method method, void *p, void *q, const void *block)
{
	if (method == PG_PARITY_VECTORS)
		pg_parity_fold_vectors(p, q, block);
	else if (block)
		fold(p, q, block);
	else
		fold_zeros(q);
}

void pg_parity_solve_q(enum pg_parity_method method, void *q, unsigned int x)
{
	if (method == PG_PARITY_VECTORS)
		pg_parity_multiply_vectors(q, inverse(power(x)));
	else
		multiply(q, inverse(power(x)));
}

void pg_parity_solve_two(enum pg_parity_method method, void *p, void *q, unsigned int x,
			 unsigned int y)
{
	unsigned int sum = power(x) ^ power(y);

	if (method == PG_PARITY_VECTORS)
		pg_parity_solve_vectors(p, q, power(y), inverse(sum));
	else
		solve(p, q, power(y), inverse(sum));
}
