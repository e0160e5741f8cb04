/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * level.h: assembly macros that access the system registers of the current exception
 * level. At EL2 they use the _EL2 names, which reach the EL2 registers with both values
 * of E2H. So CurrentEL alone decides.
 */

	/* Sets the flags: eq at EL2. Changes @tmp. */
	.macro	test_el2 tmp
	mrs	\tmp, CurrentEL
	cmp	\tmp, #(2 << 2)
	.endm

	/* @value = register @name of this level: SCTLR stands for SCTLR_EL1 or SCTLR_EL2. */
	.macro	read_el_register value, name
	test_el2 \value
	b.eq	1f
	mrs	\value, \name\()_EL1
	b	2f
1:	mrs	\value, \name\()_EL2
2:
	.endm

	/* Writes @value to register @name of this level. Changes @tmp. */
	.macro	write_el_register name, value, tmp
	test_el2 \tmp
	b.eq	1f
	msr	\name\()_EL1, \value
	b	2f
1:	msr	\name\()_EL2, \value
2:
	.endm
