/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * entry.S: the first and the last instructions of purgatory.
 *
 * State at the entry (Linux: machine_kexec, cpu_soft_restart in
 * arch/arm64/kernel/cpu-reset.S):
 *   level        EL1, EL2 with E2H=1 (VHE host) or EL2 with E2H=0 (nVHE host)
 *   MMU, caches  MMU, D-cache and I-cache off; the caches can hold dirty lines
 *   x0           0 with kexec_load; the address of the device tree with kexec_file_load
 *   registers    SP, VBAR and all others hold old values of the old kernel
 *   PSTATE       DAIF masked
 *   CPUs         one; another CPU that did not stop can still write to memory
 *   address      any 4 KiB page: all addresses in the code are relative to the PC
 *
 * Writes to scratch only. Ends in pg_start_kernel, at the exception level of the entry,
 * or in a reset.
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

/* Offsets in struct purgatory_params, bytes; self.c compares them with abi.h. */
#define PARAMS_CODE_SUM	0
#define PARAMS_CONDUIT	92

	/* Since Linux 5.16 the kernel does not invalidate the I-cache between load and entry. */
	.macro	invalidate_icache
	ic	iallu
	dsb	nsh
	isb
	.endm

	.section .header, "ax"
	.globl	pg_header
	.hidden	pg_header
pg_header:
	b	entry			/* header.c and purgatory.ld hold the rest of the header */

	.text
entry:
	msr	DAIFSet, #0xf
	msr	SPSel, #1

	mov	x26, x0			/* pg_main gets it: a device tree or 0 */

	/* Until pg_vectors is set, an exception resets the machine, without memory or stack. */
	mov	w27, wzr
	mov	x28, xzr
	adrp	x9, pg_reset_vectors
	add	x9, x9, :lo12:pg_reset_vectors
	write_el_register VBAR, x9, x10
	isb

	/*
	 * No data access is allowed before SCTLR.EE is 0, because the old kernel can be
	 * big-endian. If the MMU was on, Falkor erratum 1041 demands an isb before the write
	 * that clears M: invalidate_icache ends with one. The isb after the write makes the
	 * new value valid for the code below.
	 */
	read_el_register x9, SCTLR
	sctlr_clear = SCTLR_M | SCTLR_C | SCTLR_SA | SCTLR_WXN | SCTLR_EE
	mov	w10, #(sctlr_clear & 0xffff)
	movk	w10, #(sctlr_clear >> 16), lsl #16
	bic	x9, x9, x10
	invalidate_icache
	orr	x9, x9, #SCTLR_I
	/*
	 * With the MMU off, data is Device memory, and an unaligned access faults with any A
	 * (Arm ARM, "Alignment of data accesses"). QEMU 7.2 ignores this rule. With A=1 QEMU
	 * faults as hardware does, so that tests find unaligned accesses.
	 */
	orr	x9, x9, #SCTLR_A
	write_el_register SCTLR, x9, x10
	isb

	/*
	 * The cache can write a dirty line of the old kernel over stack, code or params at any
	 * time. So clean them before they are used.
	 */
	bl	pg_cache_clean_image
	invalidate_icache

	/*
	 * Compare the sum over code and constants with code_sum (abi.h). Damaged code could
	 * hang, so no other code runs before this. x2 and x3 are the two sums; a carry is
	 * added to bit 0.
	 */
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
	ldr	w0, [x9, #PARAMS_CONDUIT]	/* unchecked; reset.S tries the other conduit too */
	cmp	x2, x4
	ccmp	x3, x5, #0, eq
	b.ne	pg_reset

	/* Clear scratch: it was zero when it was loaded, but no digest covers it. */
	adrp	x9, pg_scratch
	adrp	x10, pg_image_end
1:	stp	xzr, xzr, [x9], #16
	cmp	x9, x10
	b.lo	1b

	/* These vectors look for a pg_try in scratch, so scratch must be cleared before. */
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
 * Linux, Documentation/arch/arm64/booting.rst, demands: x0 = device tree, x1-x3 = 0,
 * DAIF masked, MMU and D-cache off, no old instructions of the kernel's range in the
 * I-cache.
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

	/* If .scratch held .bss only, objcopy would leave it out of the image. */
	.section .scratch, "aw", %progbits
	.balign	16
	.quad	0

	.section .note.GNU-stack, "", %progbits
