/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * parity-vectors.c: parity by vectors of 16 bytes. The one C file of purgatory
 * that is compiled for vector registers: nothing in it may run before they are
 * enabled.
 */
#include <stdint.h>

#include "parity-vectors.h"

typedef int8_t lanes __attribute__((vector_size(16), may_alias));

/* The polynomial without its highest bit, wherever that was shifted out. */
static inline lanes twice(lanes word)
{
	return (word << 1) ^ ((word >> 7) & 0x1d);
}

#include "parity-lanes.h"

void pg_parity_fold_vectors(void *p, void *q, const void *block)
{
	if (block)
		fold(p, q, block);
	else
		fold_zeros(q);
}

void pg_parity_multiply_vectors(void *block, unsigned int factor)
{
	multiply(block, factor);
}

void pg_parity_solve_vectors(void *p, void *q, unsigned int power_y, unsigned int inverse)
{
	solve(p, q, power_y, inverse);
}
