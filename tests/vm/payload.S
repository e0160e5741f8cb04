/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * payload.S: what stands before and behind purgatory in a bare-metal test.
 * Assembled once for each part, at any address:
 *
 *   PART_BEFORE   stands for the old kernel: blocks the CPU in the state of
 *                 cpu_soft_restart, or in a worse one, and enters purgatory at
 *                 PURGATORY. With SET_E2H=1 it first makes EL2 what VHE does,
 *                 with BIG_ENDIAN=1 the data accesses what such a kernel has.
 *                 With SERROR=1 it goes from EL2 to EL1 and has a virtual SError
 *                 pending there (Arm ARM, HCR_EL2.VSE), masked as yet.
 *                 With PCI_SERIAL it gives the PCI function whose configuration
 *                 space is there its I/O ports, at PCI_PORTS.
 *                 With FREQUENCY, at EL2 only, it sets CNTFRQ_EL0.
 *                 With DTB it blocks the address of a device tree in x0.
 *   PART_KERNEL   stands for the kernel: prints what it was given and powers off,
 *                 with SERROR=1 by SMC.
 */
#define EL2		(2 << 2)
#define HCR_E2H		(1 << 34)
#define HCR_TGE		(1 << 27)
#define HCR_RW		(1 << 31)
#define HCR_VSE		(1 << 8)
#define HCR_AMO		(1 << 5)
#define SCTLR_A		(1 << 1)
#define SCTLR_SA	(1 << 3)
#define SCTLR_EE	(1 << 25)
#define SCTLR_EL1_RES1	0x30d00800
#define SPSR_EL1H_DAIF	0x3c5

/* T0SZ 25, top byte ignored, hardware updates of flags: nothing a check would want. */
#define TCR_JUNK	0x1a000000019	/* TCR_EL1, TCR_EL2 with E2H=1 */
#define TCR_JUNK_NO_E2H	0x00f00019	/* TCR_EL2 with E2H=0 */

#ifdef PART_BEFORE
	.globl	before
before:
#if SERROR
	ldr	x0, =(HCR_RW | HCR_AMO | HCR_VSE)
	msr	HCR_EL2, x0
	ldr	x0, =SCTLR_EL1_RES1
	msr	SCTLR_EL1, x0
	mov	x0, #SPSR_EL1H_DAIF
	msr	SPSR_EL2, x0
	adr	x0, 1f
	msr	ELR_EL2, x0
	eret
1:
#endif
#ifdef FREQUENCY
	ldr	x0, =FREQUENCY
	msr	CNTFRQ_EL0, x0
#endif
#ifdef PCI_SERIAL
	ldr	x0, =PCI_SERIAL
	mov	w1, #PCI_PORTS
	str	w1, [x0, #0x10]		/* BAR 0 (PCI 3.0, 6.2.5.1) */
	mov	w1, #1			/* I/O Space (6.2.2) */
	strh	w1, [x0, #4]
#endif
	ldr	x1, =0xffff800008010800	/* a virtual address, as under Linux */
	mrs	x0, CurrentEL
	cmp	x0, #EL2
	b.eq	1f
	msr	VBAR_EL1, x1
	ldr	x2, =TCR_JUNK
	msr	TCR_EL1, x2
	mrs	x2, SCTLR_EL1
	orr	x2, x2, #SCTLR_A
	orr	x2, x2, #SCTLR_SA
#if BIG_ENDIAN
	orr	x2, x2, #SCTLR_EE
#endif
	ldr	x30, =PURGATORY
	msr	SCTLR_EL1, x2
	b	2f
1:
#if SET_E2H
	mrs	x2, HCR_EL2
	orr	x2, x2, #HCR_E2H
	orr	x2, x2, #HCR_TGE
	msr	HCR_EL2, x2
	isb
	ldr	x2, =TCR_JUNK
#else
	ldr	x2, =TCR_JUNK_NO_E2H
#endif
	msr	TCR_EL2, x2
	msr	VBAR_EL2, x1
	mrs	x2, SCTLR_EL2
	orr	x2, x2, #SCTLR_A
	orr	x2, x2, #SCTLR_SA
#if BIG_ENDIAN
	orr	x2, x2, #SCTLR_EE
#endif
	ldr	x30, =PURGATORY
	msr	SCTLR_EL2, x2
2:	isb
	mov	x29, #0x5a5a
	movk	x29, #0xa5a5, lsl #48
	add	x0, x29, #3
	mov	sp, x0			/* not even aligned */
#if !SERROR
	msr	DAIFClr, #0xf
#endif
	.irp	n, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19
	mov	x\n, x29
	.endr
	.irp	n, 20, 21, 22, 23, 24, 25, 26, 27, 28
	mov	x\n, x29
	.endr
#ifdef DTB
	ldr	x0, =DTB
#else
	mov	x0, xzr			/* kexec_load leaves 0 there */
#endif
	br	x30
	.ltorg
#endif

#ifdef PART_KERNEL
#define UART		0x09000000	/* QEMU's virt machine: a PL011, always ready */
#define PSCI_SYSTEM_OFF	0x84000008

	/* Prints "NAME=16 digits ", the value in \register. */
	.macro	report name, register
	mov	x20, \register
	adr	x21, 9f
	bl	print_text
	bl	print_hex
	b	8f
9:	.asciz	"\name="
	.balign	4
8:
	.endm

	.globl	kernel
kernel:
	mrs	x18, CNTVCT_EL0
	mov	x10, x0
	mov	x11, x1
	mov	x12, x2
	mov	x13, x3
	mrs	x14, DAIF
	mrs	x15, CurrentEL
	mov	x16, xzr
	cmp	x15, #EL2
	b.eq	1f
	mrs	x17, SCTLR_EL1
	mrs	x9, TCR_EL1
	b	2f
1:	mrs	x17, SCTLR_EL2
	mrs	x9, TCR_EL2
	mrs	x16, HCR_EL2
2:	mrs	x8, ISR_EL1
	adr	x19, kernel
	ldr	x22, =UART
	report	x0, x10
	report	x1, x11
	report	x2, x12
	report	x3, x13
	report	pc, x19
	report	CurrentEL, x15
	report	DAIF, x14
	report	SCTLR, x17
	report	TCR, x9
	report	HCR, x16
	report	ISR, x8
	report	CNTVCT, x18
	mov	w23, #'\n'
	str	w23, [x22]

	ldr	w0, =PSCI_SYSTEM_OFF
	mov	x1, xzr
	mov	x2, xzr
	mov	x3, xzr
#if !SERROR
	cmp	x15, #EL2
	b.eq	1f
	hvc	#0
#endif
1:	smc	#0
	b	.

print_text:
	ldrb	w23, [x21], #1
	cbz	w23, 1f
	str	w23, [x22]
	b	print_text
1:	ret

print_hex:
	mov	x24, #60
1:	lsr	x23, x20, x24
	and	x23, x23, #15
	cmp	x23, #10
	add	x25, x23, #'0'
	add	x23, x23, #('a' - 10)
	csel	x23, x25, x23, lo
	str	w23, [x22]
	subs	x24, x24, #4
	b.pl	1b
	mov	w23, #' '
	str	w23, [x22]
	ret
	.ltorg
#endif
