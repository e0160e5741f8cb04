/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cache.S: what must not leave a register while caches and MMU change.
 *
 * Maintenance is by DC CIVAC: CVAC has errata on several cores, and IVAC would
 * throw away what is newer than memory, which is wanted in one place only. Each
 * run over a range is made twice before its DSB (erratum 4311569: an
 * interconnect can lose the first).
 */

#include "level.h"

#define SCTLR_M		(1 << 0)
#define SCTLR_C		(1 << 2)

	/*
	 * x2 = bytes of the smallest D-cache line: CTR_EL0.DminLine is log2 of words.
	 * 64 at most, for a CPU of another kind that did not stop.
	 */
	.macro	line_size
	mrs	x2, CTR_EL0
	ubfx	x2, x2, #16, #4
	mov	x3, #4
	lsl	x2, x3, x2
	mov	x3, #64
	cmp	x2, x3
	csel	x2, x2, x3, lo
	.endm

	/* From page @first to page @end, both symbols; x0-x5 used. */
	.macro	maintain operation, first, end
	line_size
	adrp	x4, \first
	adrp	x1, \end
	mov	x5, #2
1:	mov	x0, x4
2:	dc	\operation, x0
	add	x0, x0, x2
	cmp	x0, x1
	b.lo	2b
	subs	x5, x5, #1
	b.ne	1b
	dsb	sy
	.endm

	/*
	 * Clean and invalidate [x0, x1) to the point of coherency; x0 is lost, x2-x6 used.
	 * Sixteen lines a turn as long as there are so many: every segment goes through here
	 * four times. Compared with signs, as x6 can be below 0; addresses have 56 bits.
	 * With the MMU off, only a barrier orders earlier stores with a DC (Arm ARM,
	 * "Ordering and completion of data and instruction cache instructions").
	 */
	.macro	clean_range
	dmb	sy
	line_size
	sub	x3, x2, #1
	bic	x4, x0, x3
	sub	x6, x1, x2, lsl #4
	mov	x5, #2
1:	mov	x0, x4
	b	3f
2:	.rept	16
	dc	civac, x0
	add	x0, x0, x2
	.endr
3:	cmp	x0, x6
	b.le	2b
	b	5f
4:	dc	civac, x0
	add	x0, x0, x2
5:	cmp	x0, x1
	b.lo	4b
	subs	x5, x5, #1
	b.ne	1b
	dsb	sy
	.endm

	/* Old translations must not survive a change of the tables or of the MMU. */
	.macro	invalidate_tlb
	test_el2 x9
	b.eq	1f
	tlbi	vmalle1
	b	2f
1:	tlbi	alle2
2:	dsb	nsh
	isb
	.endm

	.text

/*
 * void pg_cache_clean_image(void): with scratch and params. Short, because it
 * runs before anybody has looked whether it is damaged.
 */
	.globl	pg_cache_clean_image
	.hidden	pg_cache_clean_image
	.type	pg_cache_clean_image, %function
pg_cache_clean_image:
	maintain civac, pg_header, pg_params_end
	ret
	.size	pg_cache_clean_image, . - pg_cache_clean_image

/* void pg_cache_clean(const void *start, const void *end): not for an empty range */
	.globl	pg_cache_clean
	.hidden	pg_cache_clean
	.type	pg_cache_clean, %function
pg_cache_clean:
	clean_range
	ret
	.size	pg_cache_clean, . - pg_cache_clean

/*
 * void pg_mmu_enable(void)
 *
 * Tables and control registers are set up; every address in use is mapped to
 * itself. Stack and variables were written past the caches. What a cache holds
 * of them is older than memory, whether clean or dirty: an instruction fetch
 * may have run into them, or a CPU that did not stop (booting of Linux does the
 * same, arch/arm64/kernel/head.S). So it is thrown away, and nothing is written
 * between that and the change.
 */
	.globl	pg_mmu_enable
	.hidden	pg_mmu_enable
	.type	pg_mmu_enable, %function
pg_mmu_enable:
	dmb	sy
	maintain ivac, pg_scratch, pg_image_end
	invalidate_tlb
	mov	x10, #(SCTLR_M | SCTLR_C)
	read_el_register x9, SCTLR
	orr	x9, x9, x10
	write_el_register SCTLR, x9, x11
	isb
	ic	iallu
	dsb	nsh
	isb
	ret
	.size	pg_mmu_enable, . - pg_mmu_enable

/*
 * void pg_mmu_disable(void)
 *
 * Between the first cleaning of scratch and the return nothing is written, so
 * memory holds the stack of the caller when the caches no longer answer. The
 * second cleaning drops lines that speculation brought back.
 */
	.globl	pg_mmu_disable
	.hidden	pg_mmu_disable
	.type	pg_mmu_disable, %function
pg_mmu_disable:
	maintain civac, pg_scratch, pg_image_end
	mov	x10, #(SCTLR_M | SCTLR_C)
	test_el2 x9
	b.eq	1f
	mrs	x9, SCTLR_EL1
	bic	x9, x9, x10
	isb				/* Falkor erratum 1041 */
	msr	SCTLR_EL1, x9
	b	2f
1:	mrs	x9, SCTLR_EL2
	bic	x9, x9, x10
	isb
	msr	SCTLR_EL2, x9
2:	isb
	maintain civac, pg_scratch, pg_image_end
	invalidate_tlb
	ret
	.size	pg_mmu_disable, . - pg_mmu_disable

	.section .note.GNU-stack, "", %progbits
