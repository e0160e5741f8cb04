/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* parity-vectors.h: the functions that parity.c calls for PG_PARITY_VECTORS (parity-lanes.h). */
#ifndef PURGATORY_PARITY_VECTORS_H
#define PURGATORY_PARITY_VECTORS_H

#pragma GCC visibility push(hidden)

void pg_parity_fold_vectors(void *p, void *q, const void *block);
void pg_parity_multiply_vectors(void *block, unsigned int factor);
void pg_parity_solve_vectors(void *p, void *q, unsigned int power_y, unsigned int inverse);

#pragma GCC visibility pop

#endif
