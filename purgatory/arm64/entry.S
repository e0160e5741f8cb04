/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * entry.S: the first and the last instructions of purgatory.
 *
 * In:   EL1, EL2 with E2H=1 or EL2 with E2H=0 (Linux: VHE and nVHE hosts);
 *       MMU, D-cache and I-cache off; DAIF masked; one CPU. SP, VBAR and all
 *       general registers are the old kernel's junk (cpu_soft_restart), but
 *       for x0: 0, or the device tree if kexec_file_load loaded us.
 *       Runs where it was loaded, at any 4 KiB page.
 * Uses: its scratch. Nothing else is written here.
 * Out:  pg_start_kernel, at the exception level of the entry; or a reset.
 */

#include "level.h"

/* SCTLR_EL1 and SCTLR_EL2 agree on these bits (Arm ARM, system registers). */
#define SCTLR_M		(1 << 0)	/* MMU */
#define SCTLR_A		(1 << 1)	/* alignment check */
#define SCTLR_C		(1 << 2)	/* D-cache */
#define SCTLR_SA	(1 << 3)	/* SP alignment check */
#define SCTLR_I		(1 << 12)	/* I-cache */
#define SCTLR_WXN	(1 << 19)
#define SCTLR_EE	(1 << 25)	/* big-endian data */

/* abi.h */
#define PARAMS_CODE_SUM	0
#define PARAMS_CONDUIT	92

	/* Since Linux 5.16 nobody else does it between load and here. */
	.macro	invalidate_icache
	ic	iallu
	dsb	nsh
	isb
	.endm

	.section .header, "ax"
	.globl	pg_header
	.hidden	pg_header
pg_header:
	b	entry			/* the rest is in header.c and purgatory.ld */

	.text
entry:
	msr	DAIFSet, #0xf
	msr	SPSel, #1

	mov	x26, x0			/* a device tree, where the kernel's own loader was at work */

	/* What goes wrong from here on ends in a reset, without memory or stack. */
	mov	w27, wzr
	mov	x28, xzr
	adrp	x9, pg_reset_vectors
	add	x9, x9, :lo12:pg_reset_vectors
	write_el_register VBAR, x9, x10
	isb

	/*
	 * No data access before EE is known to be 0. The write is a change of
	 * context for everything below, and an isb before it keeps Falkor
	 * (erratum 1041) from running ahead should the MMU have been on.
	 */
	read_el_register x9, SCTLR
	sctlr_clear = SCTLR_M | SCTLR_C | SCTLR_SA | SCTLR_WXN | SCTLR_EE
	mov	w10, #(sctlr_clear & 0xffff)
	movk	w10, #(sctlr_clear >> 16), lsl #16
	bic	x9, x9, x10
	invalidate_icache
	orr	x9, x9, #SCTLR_I
	/*
	 * With the MMU off, data is Device memory and unaligned accesses fault
	 * with A or without (Arm ARM, "Alignment of data accesses"). QEMU 7.2
	 * does not know: with A it shows what hardware would.
	 */
	orr	x9, x9, #SCTLR_A
	write_el_register SCTLR, x9, x10
	isb

	/*
	 * A line that the old kernel left dirty would be written over stack, code
	 * or params at a time of the cache's choosing.
	 */
	bl	pg_cache_clean_image
	invalidate_icache

	/* Damaged code might do anything, never end for instance: none of it runs. */
	adrp	x9, pg_header
	adrp	x10, pg_scratch
	mov	x2, xzr
	mov	x3, xzr
1:	ldp	x4, x5, [x9], #16
	.irp	word, x4, x5
	adds	x2, x2, \word
	adc	x2, x2, xzr
	adds	x3, x3, x2
	adc	x3, x3, xzr
	.endr
	cmp	x9, x10
	b.lo	1b
	adrp	x9, pg_params
	ldp	x4, x5, [x9, #PARAMS_CODE_SUM]
	ldr	w0, [x9, #PARAMS_CONDUIT]	/* unchecked, and no more than a hint */
	cmp	x2, x4
	ccmp	x3, x5, #0, eq
	b.ne	pg_reset

	/* Loaded as zero, but nothing has checked that it still is. */
	adrp	x9, pg_scratch
	adrp	x10, pg_image_end
1:	stp	xzr, xzr, [x9], #16
	cmp	x9, x10
	b.lo	1b

	/* They look into scratch for an exception that is expected. */
	adrp	x9, pg_vectors
	add	x9, x9, :lo12:pg_vectors
	write_el_register VBAR, x9, x10
	isb

	adrp	x9, pg_stack_top
	mov	sp, x9
	mov	x0, x26
	mov	x29, xzr
	bl	pg_main
	b	.			/* pg_main does not return */

/*
 * _Noreturn void pg_start_kernel(uint64_t dtb, uint64_t entry)
 *
 * booting.rst: x0 = device tree, x1-x3 = 0, DAIF masked, MMU and D-cache off,
 * no stale instructions of the kernel in the I-cache.
 */
	.globl	pg_start_kernel
	.hidden	pg_start_kernel
	.type	pg_start_kernel, %function
pg_start_kernel:
	mov	x16, x1
	read_el_register x9, SCTLR
	bic	x9, x9, #SCTLR_I
	bic	x9, x9, #SCTLR_A
	isb
	write_el_register SCTLR, x9, x10
	isb
	invalidate_icache
	mov	x1, xzr
	mov	x2, xzr
	mov	x3, xzr
	br	x16
	.size	pg_start_kernel, . - pg_start_kernel

	/* With only .bss in it the section would be missing from the image. */
	.section .scratch, "aw", %progbits
	.balign	16
	.quad	0

	.section .note.GNU-stack, "", %progbits
