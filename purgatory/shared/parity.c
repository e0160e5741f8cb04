/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* parity.c: parity without vectors, and what both ways of computing it share. */
#include <stdint.h>

#include "parity.h"
#include "parity-vectors.h"

typedef uint64_t lanes __attribute__((may_alias));

/* The polynomial without its highest bit, wherever that was shifted out. */
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

/* 2^n */
static unsigned int power(unsigned int n)
{
	unsigned int value = 1;

	while (n--)
		value = product(value, 2);
	return value;
}

/* value^254: every value but 0 has value^255 = 1. */
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
