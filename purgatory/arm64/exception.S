/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * exception.S: the exception vectors, and the return from an expected exception.
 *
 * All sixteen vectors do the same. An exception ends the interrupted code: the innermost
 * pg_try returns false. Without a pg_try, pg_exception reports the exception and resets.
 * No eret is needed, because an exception that is taken to the same level keeps the level
 * and sets SPSel=1 and DAIF=1111, the state that purgatory runs in.
 */

#include "level.h"

	.macro	vector
	.balign	128			/* Arm ARM, "Exception vectors" */
	b	exception
	.endm

	.section .text.vectors, "ax"
	.balign	2048			/* VBAR_ELx bits 10:0 are RES0 */
	.globl	pg_vectors
	.hidden	pg_vectors
pg_vectors:
	.rept	16
	vector
	.endr
	.balign	128

/*
 * pg_try saves a struct try on its stack:
 *     0  x19 to x30
 *    96  address of the outer struct try, 0 if there is none
 *   104  DAIF
 */
#define TRY_SIZE	112
#define TRY_OUTER	96

#define DAIF_A		4		/* the SError mask, as an operand of DAIFSet and DAIFClr */

	.text
/*
 * All registers hold values of the interrupted code, which are lost. sp can have any value:
 * the kernel runs with these vectors until it sets its own.
 */
exception:
	adrp	x9, innermost_try
	add	x9, x9, :lo12:innermost_try
	ldr	x10, [x9]
	cbz	x10, unexpected
	mov	sp, x10
	mov	x0, xzr			/* false */
	b	leave_try

unexpected:
	adrp	x10, pg_stack_top
	mov	sp, x10
	mov	x29, xzr
	read_el_register x0, ESR
	read_el_register x1, ELR
	read_el_register x2, FAR
	bl	pg_exception
	b	.			/* pg_exception does not return */

/* bool pg_try(void (*function)(void *arg), void *arg): see exception.h */
	.globl	pg_try
	.hidden	pg_try
	.type	pg_try, %function
pg_try:
	sub	sp, sp, #TRY_SIZE
	stp	x19, x20, [sp]
	stp	x21, x22, [sp, #16]
	stp	x23, x24, [sp, #32]
	stp	x25, x26, [sp, #48]
	stp	x27, x28, [sp, #64]
	stp	x29, x30, [sp, #80]
	adrp	x9, innermost_try
	add	x9, x9, :lo12:innermost_try
	ldr	x10, [x9]
	mrs	x11, DAIF
	stp	x10, x11, [sp, #TRY_OUTER]
	mov	x10, sp
	str	x10, [x9]
	/* Unmask SErrors. A masked SError would stay pending and crash the kernel later. */
	msr	DAIFClr, #DAIF_A
	mov	x10, x0
	mov	x0, x1
	blr	x10
	mov	x0, #1			/* true */

/* Ends a pg_try. sp = its struct try, x0 = its result. */
leave_try:
	/*
	 * A store to a device or a read of bad memory can cause an SError late. The barriers
	 * make it arrive here, where this pg_try still takes it.
	 */
	dsb	sy
	isb
	msr	DAIFSet, #DAIF_A
	adrp	x9, innermost_try
	add	x9, x9, :lo12:innermost_try
	ldp	x10, x11, [sp, #TRY_OUTER]
	str	x10, [x9]
	msr	DAIF, x11
	ldp	x19, x20, [sp]
	ldp	x21, x22, [sp, #16]
	ldp	x23, x24, [sp, #32]
	ldp	x25, x26, [sp, #48]
	ldp	x27, x28, [sp, #64]
	ldp	x29, x30, [sp, #80]
	add	sp, sp, #TRY_SIZE
	ret
	.size	pg_try, . - pg_try

	.bss
	.balign	8
innermost_try:				/* address of a struct try; 0: no exception is expected */
	.skip	8

	.section .note.GNU-stack, "", %progbits
