/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cache.S: cache maintenance, and the switch of the MMU and the caches. In assembly,
 * because a compiler could use the stack while the caches change.
 *
 * Why DC CIVAC (clean and invalidate): DC CVAC has errata on several cores, and Linux
 * replaces it by DC CIVAC there. DC IVAC discards lines that are newer than memory,
 * which is right in pg_mmu_enable only.
 *
 * Why twice: erratum 4311569 (Arm SI L1 interconnect) can lose the first run over a
 * range. Linux repeats the loop before its DSB: dcache_by_myline_op_nosync in
 * arch/arm64/include/asm/assembler.h.
 */

#include "level.h"

#define SCTLR_M		(1 << 0)
#define SCTLR_C		(1 << 2)

	/*
	 * x2 = bytes of the smallest D-cache line; CTR_EL0.DminLine is log2 of its 4-byte
	 * words. At most 64: with big and little cores, another CPU that did not stop can
	 * have smaller lines.
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

	/* Applies DC @operation twice to [first, end), two page-aligned symbols. Changes x0-x5. */
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
	 * Cleans and invalidates [x0, x1) to the point of coherency. Changes x0 and x2-x6.
	 *
	 * The DMB comes first because with the MMU off only a barrier orders earlier stores
	 * with a DC (Arm ARM, "Ordering and completion of data and instruction cache
	 * instructions").
	 *
	 * The inner loop is unrolled to 16 lines, because every segment passes through it four
	 * times. x6 = end - 16 lines is the last address where the unrolled loop can start.
	 * x6 can be negative, so b.le compares signed values; addresses have at most 56 bits.
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

	/* Removes old translations from the TLB of this CPU. Changes x9. */
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
 * void pg_cache_clean_image(void)
 *
 * Cleans and invalidates image, scratch and the first page of the params. Kept short,
 * because it runs before entry.S has compared the sum over the code.
 */
	.globl	pg_cache_clean_image
	.hidden	pg_cache_clean_image
	.type	pg_cache_clean_image, %function
pg_cache_clean_image:
	maintain civac, pg_header, pg_params_end
	ret
	.size	pg_cache_clean_image, . - pg_cache_clean_image

/* void pg_cache_clean(const void *start, const void *end): see cache.h */
	.globl	pg_cache_clean
	.hidden	pg_cache_clean
	.type	pg_cache_clean, %function
pg_cache_clean:
	clean_range
	ret
	.size	pg_cache_clean, . - pg_cache_clean

/*
 * void pg_mmu_enable(void): see cache.h
 *
 * With the MMU off, the stack and the variables were written to memory, past the caches.
 * A cache can still hold old lines of scratch: an instruction fetch or a CPU that did
 * not stop can have read them. Memory is newer, so DC IVAC discards these lines, even
 * dirty ones. (Linux does the same at boot, arch/arm64/kernel/head.S.) Nothing may be
 * stored between DC IVAC and the write of SCTLR.
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
 * The first cleaning writes scratch to memory, with the stack of the caller. Nothing is
 * stored from there to the return, so memory stays up to date when the data cache is
 * off. The second cleaning removes lines that speculation has read again meanwhile.
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
	isb				/* Falkor erratum 1041: isb before a write that clears M */
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
