/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * parity.h: two parity blocks, P and Q, for each group of blocks, for purgatory
 * that repairs with them and for the loader that makes them: the same code.
 *
 *   P = the sum of the members
 *   Q = the sum of 2^j times member j, j from 0
 *
 * Sums and products are those of GF(2^8) with the polynomial 0x11d, each byte
 * for itself. 2 has order 255 there, hence PURGATORY_MEMBERS_MAX. Any two lost
 * blocks of a group come back (as RAID-6 does it; H. P. Anvin, "The mathematics
 * of RAID-6").
 *
 * Freestanding. Every block is PURGATORY_BLOCK_SIZE bytes, aligned to 16.
 */
#ifndef PURGATORY_PARITY_H
#define PURGATORY_PARITY_H

/* Who computes; the vectors of purgatory are arm64's, which have to be enabled. */
enum pg_parity_method {
	PG_PARITY_PORTABLE,
	PG_PARITY_VECTORS,
};

/*
 * Adds a member to @p and @q, which start as zero; the members come from the
 * highest number down to 0. @block is NULL for a member of zeros, or a lost one.
 */
void pg_parity_fold(enum pg_parity_method method, void *p, void *q, const void *block);

/*
 * @p and @q hold P and Q of the lost members alone: parity plus the P and Q of
 * the others. One lost member is in @p already, or comes from @q; of two, @x
 * below @y, the first goes to @p and the second to @q.
 */
void pg_parity_solve_q(enum pg_parity_method method, void *q, unsigned int x);
void pg_parity_solve_two(enum pg_parity_method method, void *p, void *q, unsigned int x,
			 unsigned int y);

#endif
