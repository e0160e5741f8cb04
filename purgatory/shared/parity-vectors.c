/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * parity-vectors.c: parity in vectors of 16 bytes. Compiled with vector registers, like all
 * files named *-vectors.c: no function here may run before pg_cpu_enable_simd().
 */
#include <stdint.h>

#include "parity-vectors.h"

typedef int8_t lanes __attribute__((vector_size(16), may_alias));

/*
 * Multiplies each byte by 2. The bytes are signed, so word >> 7 is -1 for each byte whose
 * highest bit was 1: add 0x1d, the polynomial without bit 8, to these bytes.
 */
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
