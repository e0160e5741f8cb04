/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * parity.h: computes parity and repairs blocks with it. The library computes the parity at
 * load, and purgatory repairs with the same code.
 *
 * Each group of blocks has two parity blocks:
 *
 *   P = the sum of the members
 *   Q = the sum of 2^j times member j, j = 0, 1, 2, ...
 *
 * The sum and the product are those of GF(2^8) with the polynomial 0x11d, for each byte
 * alone: the sum is XOR. P and Q repair any two lost blocks of a group, as RAID-6 does
 * (H. P. Anvin, "The mathematics of RAID-6"). The powers of 2 repeat after 255 members,
 * hence PURGATORY_MEMBERS_MAX.
 *
 * Freestanding. Every block has PURGATORY_BLOCK_SIZE bytes and is aligned to 16.
 */
#ifndef PURGATORY_PARITY_H
#define PURGATORY_PARITY_H

/* In purgatory, PG_PARITY_VECTORS is allowed only after pg_cpu_enable_simd(). */
enum pg_parity_method {
	PG_PARITY_PORTABLE,
	PG_PARITY_VECTORS,
};

/*
 * Adds a member to @p and @q. The caller sets @p and @q to zero first, and then adds all
 * members from the highest number down to member 0, because each call multiplies Q by 2.
 * @block: the member; NULL stands for a block of zeros, and for a lost member
 */
void pg_parity_fold(enum pg_parity_method method, void *p, void *q, const void *block);

/*
 * For both functions below, @p and @q hold P and Q of the lost members alone. The caller
 * gets them as the parity blocks plus P and Q of all other members.
 *
 * One lost member, number @x: @p is the member. If P is not available, this function turns
 * @q into the member.
 */
void pg_parity_solve_q(enum pg_parity_method method, void *q, unsigned int x);

/* Two lost members, numbers @x < @y: turns @p into member @x and @q into member @y. */
void pg_parity_solve_two(enum pg_parity_method method, void *p, void *q, unsigned int x,
			 unsigned int y);

#endif
