/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sha256-instructions.S: SHA-256 of two messages at once with the SHA-2 instructions of
 * Armv8 (Arm ARM: SHA256H, SHA256H2, SHA256SU0, SHA256SU1). Each instruction takes
 * several cycles, and the second message fills the gaps.
 *
 * v16 to v31 hold all round constants. The two messages use these registers:
 *
 *          a        b
 *        v0-v3    v4-v7    words of the block, later of the schedule
 *        v8, v9  v10, v11  state: a to d, e to h
 *         v12      v14     words plus constants of the current four rounds
 *         v13      v15     a to d before the current four rounds
 *
 * No register is left, so the state at the start of a block stays in memory.
 */
	.arch	armv8-a+crypto

	/*
	 * Four rounds of one message. The arguments are numbers of vector registers; m0 to m3
	 * rotate by one from step to step. @extend: 1 computes four more words of the
	 * schedule; the last sixteen rounds need none.
	 */
	.macro	step m0, m1, m2, m3, abcd, efgh, sum, before, constant, extend
	add	v\sum\().4s, v\m0\().4s, v\constant\().4s
	.if	\extend
	sha256su0 v\m0\().4s, v\m1\().4s
	.endif
	mov	v\before\().16b, v\abcd\().16b
	sha256h	q\abcd, q\efgh, v\sum\().4s
	sha256h2 q\efgh, q\before, v\sum\().4s
	.if	\extend
	sha256su1 v\m0\().4s, v\m2\().4s, v\m3\().4s
	.endif
	.endm

	/* Four rounds of both messages. */
	.macro	both a0, a1, a2, a3, b0, b1, b2, b3, constant, extend
	step	\a0, \a1, \a2, \a3, 8, 9, 12, 13, \constant, \extend
	step	\b0, \b1, \b2, \b3, 10, 11, 14, 15, \constant, \extend
	.endm

	/* Sixteen rounds of both messages. */
	.macro	sixteen k0, k1, k2, k3, extend
	both	0, 1, 2, 3, 4, 5, 6, 7, \k0, \extend
	both	1, 2, 3, 0, 5, 6, 7, 4, \k1, \extend
	both	2, 3, 0, 1, 6, 7, 4, 5, \k2, \extend
	both	3, 0, 1, 2, 7, 4, 5, 6, \k3, \extend
	.endm

	/* FIPS 180-4, 4.2.2 */
	.section .rodata
	.balign	16
constants:
	.word	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5
	.word	0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5
	.word	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3
	.word	0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174
	.word	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc
	.word	0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da
	.word	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7
	.word	0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967
	.word	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13
	.word	0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85
	.word	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3
	.word	0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070
	.word	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5
	.word	0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3
	.word	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208
	.word	0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2

	.text

/*
 * void pg_sha256_blocks_two(uint32_t state_a[8], const void *a,
 *                           uint32_t state_b[8], const void *b, size_t blocks)
 * See sha256-blocks.h.
 */
	.globl	pg_sha256_blocks_two
	.hidden	pg_sha256_blocks_two
	.type	pg_sha256_blocks_two, %function
pg_sha256_blocks_two:
	/* AAPCS64: a callee keeps the lower halves of v8 to v15. */
	stp	d8, d9, [sp, #-64]!
	stp	d10, d11, [sp, #16]
	stp	d12, d13, [sp, #32]
	stp	d14, d15, [sp, #48]
	adrp	x5, constants
	add	x5, x5, :lo12:constants
	ld1	{v16.4s-v19.4s}, [x5], #64
	ld1	{v20.4s-v23.4s}, [x5], #64
	ld1	{v24.4s-v27.4s}, [x5], #64
	ld1	{v28.4s-v31.4s}, [x5]
	ldp	q8, q9, [x0]
	ldp	q10, q11, [x2]
1:	ld1	{v0.4s-v3.4s}, [x1], #64
	ld1	{v4.4s-v7.4s}, [x3], #64
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7
	rev32	v\n\().16b, v\n\().16b
	.endr
	sixteen	16, 17, 18, 19, 1
	sixteen	20, 21, 22, 23, 1
	sixteen	24, 25, 26, 27, 1
	sixteen	28, 29, 30, 31, 0
	ldp	q0, q1, [x0]
	ldp	q4, q5, [x2]
	add	v8.4s, v8.4s, v0.4s
	add	v9.4s, v9.4s, v1.4s
	add	v10.4s, v10.4s, v4.4s
	add	v11.4s, v11.4s, v5.4s
	stp	q8, q9, [x0]
	stp	q10, q11, [x2]
	subs	x4, x4, #1
	b.ne	1b
	ldp	d10, d11, [sp, #16]
	ldp	d12, d13, [sp, #32]
	ldp	d14, d15, [sp, #48]
	ldp	d8, d9, [sp], #64
	ret
	.size	pg_sha256_blocks_two, . - pg_sha256_blocks_two

	.section .note.GNU-stack, "", %progbits
