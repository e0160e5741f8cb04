/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * level.h: for assembly files, what depends on the exception level. At EL2 with
 * E2H=1 the _EL1 names reach the EL2 registers too, but with E2H=0 they do not:
 * one test of CurrentEL serves EL1 and both kinds of EL2.
 */

	/* Flags: eq at EL2. */
	.macro	test_el2 tmp
	mrs	\tmp, CurrentEL
	cmp	\tmp, #(2 << 2)
	.endm

	.macro	read_el_register value, name
	test_el2 \value
	b.eq	1f
	mrs	\value, \name\()_EL1
	b	2f
1:	mrs	\value, \name\()_EL2
2:
	.endm

	.macro	write_el_register name, value, tmp
	test_el2 \tmp
	b.eq	1f
	msr	\name\()_EL1, \value
	b	2f
1:	msr	\name\()_EL2, \value
2:
	.endm
