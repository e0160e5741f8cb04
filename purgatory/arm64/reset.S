/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * reset.S: resets the machine with a call to its firmware (PSCI, Arm DEN0022), or stops.
 *
 * Every run of purgatory that cannot go on ends here, even if the stack is not set up yet
 * or if purgatory is damaged. So this code uses no stack, no memory and no other code.
 *
 * Attempts, in this order:
 *   1  SYSTEM_RESET with the declared conduit
 *   2  SYSTEM_RESET with the other conduit
 *   3  SYSTEM_OFF with the declared conduit
 *   4  SYSTEM_OFF with the other conduit
 *
 * A call that works does not return. A call that fails returns an error or causes an
 * exception: SMC is undefined without EL3, HVC is undefined without EL2, and at EL2 an
 * HVC is taken to EL2 itself. Both lead to the next attempt.
 *
 *   w27   enum purgatory_conduit, the declared conduit; at EL2 the first one is SMC
 *   x28   number of attempts so far
 *
 * Firmware preserves both registers (SMCCC, Arm DEN0028: x18 to x30 are preserved).
 */
#include "level.h"

#define CONDUIT_HVC	2		/* PURGATORY_CONDUIT_HVC */
/* PSCI function numbers without 0x84000000 */
#define SYSTEM_OFF	0x8
#define SYSTEM_RESET	0x9

	.section .text.vectors, "ax"
	.balign	2048			/* VBAR_ELx bits 10:0 are RES0 */
	.globl	pg_reset_vectors
	.hidden	pg_reset_vectors
pg_reset_vectors:
	.rept	16
	.balign	128			/* Arm ARM, "Exception vectors" */
	b	next_attempt
	.endr
	.balign	128

	.text
/* _Noreturn void pg_reset(uint32_t conduit) */
	.globl	pg_reset
	.hidden	pg_reset
	.type	pg_reset, %function
pg_reset:
	mov	w27, w0
	mov	x28, xzr
	msr	DAIFSet, #0xf
	adrp	x9, pg_reset_vectors
	add	x9, x9, :lo12:pg_reset_vectors
	write_el_register VBAR, x9, x10
	test_el2 x10
	csel	w27, wzr, w27, eq		/* at EL2: 0, SMC first */
	isb

next_attempt:
	add	x28, x28, #1
	cmp	x28, #4
	b.hi	pg_halt
	cmp	x28, #2
	mov	w0, #SYSTEM_RESET
	mov	w1, #SYSTEM_OFF
	csel	w0, w0, w1, ls
	movk	w0, #0x8400, lsl #16
	cmp	w27, #CONDUIT_HVC
	cset	w4, eq
	eor	w4, w4, w28		/* bit 0: 1 = SMC. It alternates with the attempts. */
	mov	x1, xzr			/* unused arguments must not hold old values */
	mov	x2, xzr
	mov	x3, xzr
	tbz	w4, #0, 1f
	smc	#0
	b	next_attempt
1:	hvc	#0
	b	next_attempt

/* _Noreturn void pg_halt(void): all interrupts are masked, so the CPU stays in the loop. */
	.globl	pg_halt
	.hidden	pg_halt
	.type	pg_halt, %function
pg_halt:
	msr	DAIFSet, #0xf
1:	wfi
	b	1b
	.size	pg_reset, . - pg_reset

	.section .note.GNU-stack, "", %progbits
