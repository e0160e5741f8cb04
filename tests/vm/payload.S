/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * payload.S: the programs that run before and after purgatory in a bare-metal test.
 * baremetal.py assembles one part at a time. Each part runs at any address:
 *
 *   PART_OLD_KERNEL  acts as the old kernel: enters purgatory at the address PURGATORY,
 *                 with the CPU in the state that cpu_soft_restart() of Linux leaves, or
 *                 in a worse state that one of these macros selects:
 *                 SET_E2H=1     sets HCR_EL2.E2H, as a kernel with VHE does.
 *                 NO_TGE=1      sets E2H, but leaves HCR_EL2.TGE at 0.
 *                 BIG_ENDIAN=1  sets SCTLR.EE, as a big-endian kernel does.
 *                 SERROR=1      goes from EL2 to EL1 with a pending, masked virtual
 *                               SError (Arm ARM, HCR_EL2.VSE).
 *                 SHIM=1        goes from EL2 to EL1 and installs the shim at EL2: the
 *                               shim writes each DC CIVAC, each DC IVAC and each write
 *                               of SCTLR into the log at SHIM_LOG. The log also has the
 *                               order of the test: make a virtual SError pending at the
 *                               nth execution of an instruction, or at the nth DC.
 *                 STREAMING=1   switches streaming mode and ZA on (Arm ARM, SVCR).
 *                 FP_TRAPS=1    makes vector registers trap to this exception level.
 *                 PCI_SERIAL=X  assigns the I/O ports PCI_PORTS to the PCI function
 *                               whose configuration space is at address X.
 *                 FREQUENCY=X   sets CNTFRQ_EL0 (only at EL2).
 *                 DTB=X         passes the address X of a device tree in x0.
 *   PART_FIRMWARE  acts as firmware at EL3: enters START (PART_OLD_KERNEL) at exception
 *                 level LEVEL. It handles SMC as a PSCI call. For any other trap it
 *                 injects an undefined instruction exception, as TF-A does
 *                 (inject_undef64).
 *                 KEEP_VECTORS=1  traps vector registers (CPTR_EL3.TFP).
 *                 KEEP_SME=1      traps SVCR (CPTR_EL3.ESM).
 *                 STOP_AT_SME=1   stops for ever when SVCR traps.
 *                 SME_IN_USE=1    lets LEVEL use SME, as Linux does.
 *                 STREAMING=1     enters START in streaming mode.
 *   PART_KERNEL   acts as the new kernel: prints its registers and powers off by HVC,
 *                 or by SMC with SERROR=1 or SHIM=1. STREAMING=1 prints SVCR, too.
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

/* T0SZ 25, top byte ignore, hardware flag updates: values that purgatory must replace. */
#define TCR_JUNK	0x1a000000019	/* TCR_EL1, TCR_EL2 with E2H=1 */
#define TCR_JUNK_NO_E2H	0x00f00019	/* TCR_EL2 with E2H=0 */

#define SVCR_EL0	S3_3_C4_C2_2	/* encodings, because old assemblers lack SME */
#define SMCR_EL1	S3_0_C1_C2_6
#define SMCR_EL2	S3_4_C1_C2_6
#define CPACR_ALL	(3 << 16 | 3 << 20 | 3 << 24)	/* ZEN, FPEN, SMEN */
#define CPTR_TRAP_ALL	0x37ff		/* E2H=0: TZ, TFP, TSM and RES1 */
#define CPTR_TRAP_NONE	0x22ff

#define HCR_TPCP	(1 << 23)	/* traps DC CIVAC and DC IVAC at EL1 to EL2 */
#define HCR_TVM		(1 << 26)	/* traps writes of SCTLR_EL1 to EL2 */
/* Offsets in the log, in bytes. All fields have 64 bits. */
#define LOG_ENTRIES	0	/* number of entries */
#define LOG_CLEANED	8	/* number of DC instructions */
#define LOG_HITS	16	/* how often the CPU reached the breakpoint */
#define LOG_UNKNOWN	24	/* ESR_EL2 of an exception that the shim does not handle */
#define LOG_REGISTERS	32	/* x0 to x30 at the last exception */
#define LOG_BREAK	280	/* order: address of the breakpoint; 0: none */
#define LOG_HIT		288	/* order: the execution that raises the SError; 0: none */
#define LOG_CLEAN	296	/* order: the DC that raises the SError; 0: none */
#define SHIM_ENTRIES	512	/* entries of two words: ESR_EL2, value of Xt */
#define SHIM_HCR	(HCR_RW | HCR_AMO | HCR_TPCP | HCR_TVM)

#define EC_REGISTER	0x18
#define EC_BREAKPOINT	0x30
#define EC_STEP		0x32

#define MDCR_TDE	(1 << 8)	/* traps debug exceptions to EL2 */
#define MDSCR_SS	(1 << 0)
#define MDSCR_MDE	(1 << 15)
#define BREAK_EL1	0x1e3		/* DBGBCR: enabled, at EL1, match all four bytes */
#define SPSR_SS		(1 << 21)

#ifdef PART_OLD_KERNEL
	.globl	old_kernel
old_kernel:
#if SHIM
	adr	x0, shim_vectors
	msr	VBAR_EL2, x0
	ldr	x0, =SHIM_HCR
	msr	HCR_EL2, x0
	msr	OSLAR_EL1, xzr
	mov	x0, #MDCR_TDE
	msr	MDCR_EL2, x0
	ldr	x0, =SHIM_LOG
	ldr	x0, [x0, #LOG_BREAK]
	cbz	x0, 1f
	msr	DBGBVR0_EL1, x0
	mov	x0, #MDSCR_MDE
	msr	MDSCR_EL1, x0
	mov	x0, #BREAK_EL1
	msr	DBGBCR0_EL1, x0
1:
#endif
#if SERROR || SHIM
#if SERROR
	ldr	x0, =(HCR_RW | HCR_AMO | HCR_VSE)
	msr	HCR_EL2, x0
#endif
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
	ldr	x1, =0xffff800008010800	/* a virtual address, as VBAR of Linux */
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
#if !NO_TGE
	orr	x2, x2, #HCR_TGE
#endif
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
#if STREAMING
	mrs	x0, CurrentEL
	cmp	x0, #EL2
	b.eq	1f
	mov	x2, #CPACR_ALL
	msr	CPACR_EL1, x2
	isb
	msr	SMCR_EL1, xzr		/* FA64=0: most vector instructions are illegal */
	b	2f
1:
#if SET_E2H
	mov	x2, #CPACR_ALL
#else
	mov	x2, #CPTR_TRAP_NONE
#endif
	msr	CPTR_EL2, x2
	isb
	msr	SMCR_EL2, xzr
2:	isb
	mov	x2, #3			/* ZA, SM */
	msr	SVCR_EL0, x2
#endif
#if FP_TRAPS
	mrs	x0, CurrentEL
	cmp	x0, #EL2
	b.eq	1f
	msr	CPACR_EL1, xzr
	b	2f
1:
#if SET_E2H
	mov	x2, xzr
#else
	mov	x2, #CPTR_TRAP_ALL
#endif
	msr	CPTR_EL2, x2
2:	isb
#endif
	mov	x29, #0x5a5a
	movk	x29, #0xa5a5, lsl #48
	add	x0, x29, #3
	mov	sp, x0			/* an unaligned stack pointer */
#if !SERROR && !SHIM
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
	mov	x0, xzr			/* kexec_load passes 0 in x0 */
#endif
	br	x30
	.ltorg

#if SHIM
	.balign	2048
shim_vectors:
	.skip	0x400			/* the vector for a lower level in AArch64 state */
	msr	TPIDR_EL2, x0
	ldr	x0, =SHIM_LOG
	.irp	n, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27
	str	x\n, [x0, #LOG_REGISTERS + 8 * \n]
	.endr
	b	shim
	.balign	2048
shim:
	.irp	n, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 29, 30
	str	x\n, [x0, #LOG_REGISTERS + 8 * \n]
	.endr
	mrs	x1, TPIDR_EL2
	str	x1, [x0, #LOG_REGISTERS]
	mrs	x1, ESR_EL2
	lsr	x2, x1, #26
	cmp	x2, #EC_REGISTER
	b.eq	shim_register
	cmp	x2, #EC_BREAKPOINT
	b.eq	shim_break
	cmp	x2, #EC_STEP
	b.eq	shim_step
	str	x1, [x0, #LOG_UNKNOWN]
	b	.

shim_register:
	ldr	x2, [x0, #LOG_ENTRIES]
	add	x3, x0, x2, lsl #4
	add	x2, x2, #1
	str	x2, [x0, #LOG_ENTRIES]
	ubfx	x4, x1, #5, #5		/* ISS.Rt */
	add	x5, x0, x4, lsl #3
	ldr	x5, [x5, #LOG_REGISTERS]
	cmp	x4, #31
	csel	x5, xzr, x5, eq
	str	x1, [x3, #SHIM_ENTRIES]
	str	x5, [x3, #SHIM_ENTRIES + 8]
	ubfx	x4, x1, #10, #4		/* ISS.CRn: 7 is a DC */
	cmp	x4, #7
	b.eq	1f
	/* EL1 repeats the write without a trap. The next DC enables the trap again. */
	ldr	x5, =(SHIM_HCR & ~HCR_TVM)
	mrs	x4, HCR_EL2
	and	x4, x4, #HCR_VSE
	orr	x5, x5, x4
	msr	HCR_EL2, x5
	b	shim_return
1:	mrs	x4, ELR_EL2		/* QEMU has no caches, so skip the DC */
	add	x4, x4, #4
	msr	ELR_EL2, x4
	mrs	x5, HCR_EL2
	orr	x5, x5, #HCR_TVM
	ldr	x4, [x0, #LOG_CLEANED]
	add	x4, x4, #1
	str	x4, [x0, #LOG_CLEANED]
	ldr	x3, [x0, #LOG_CLEAN]
	cmp	x3, x4
	b.ne	2f
	orr	x5, x5, #HCR_VSE
2:
	msr	HCR_EL2, x5
	b	shim_return

shim_break:
	msr	DBGBCR0_EL1, xzr
	ldr	x4, [x0, #LOG_HITS]
	add	x4, x4, #1
	str	x4, [x0, #LOG_HITS]
	ldr	x3, [x0, #LOG_HIT]
	cmp	x3, x4
	b.ne	1f
	mrs	x5, HCR_EL2
	orr	x5, x5, #HCR_VSE
	msr	HCR_EL2, x5
1:	mov	x4, #(MDSCR_MDE | MDSCR_SS)	/* step over this instruction */
	msr	MDSCR_EL1, x4
	mrs	x4, SPSR_EL2
	orr	x4, x4, #SPSR_SS
	msr	SPSR_EL2, x4
	b	shim_return

shim_step:
	mov	x4, #MDSCR_MDE
	msr	MDSCR_EL1, x4
	mov	x4, #BREAK_EL1
	msr	DBGBCR0_EL1, x4
	mrs	x4, SPSR_EL2
	bic	x4, x4, #SPSR_SS
	msr	SPSR_EL2, x4

shim_return:
	isb
	.irp	n, 1, 2, 3, 4, 5
	ldr	x\n, [x0, #LOG_REGISTERS + 8 * \n]
	.endr
	ldr	x0, [x0, #LOG_REGISTERS]
	eret
	.ltorg
#endif
#endif

#ifdef PART_FIRMWARE
#define SCR_NS		(1 << 0)
#define SCR_RES1	(3 << 4)
#define SCR_HCE		(1 << 8)
#define SCR_RW		(1 << 10)
#define CPTR_EL3_TFP	(1 << 10)
#define CPTR_EL3_ESM	(1 << 12)
#define CPTR_EL2_TSM	(1 << 12)	/* with E2H=0 */
#define CPACR_SMEN	(3 << 24)	/* the same bits in CPTR_EL2 with E2H=1 */
#define SVCR		S3_3_C4_C2_2
#define EC_SMC		0x17
#define SECURE_STACK	0x0e001000	/* secure RAM, which the tests do not compare */
#define SECURE_GPIO	0x090b0000	/* QEMU's virt machine with secure=on: a PL061 */
#define PL061_DATA	0x3fc		/* all pins */
#define PL061_DIR	0x400
#define EC_SME		0x1d		/* of ESR_ELx: SME, SVE in streaming mode */
#define ESR_UNDEFINED	(1 << 25)	/* EC 0, IL */
#define SPSR_EL2H_DAIF	0x3c9

	.globl	firmware
firmware:
	ldr	x0, =(SCR_NS | SCR_RES1 | SCR_HCE | SCR_RW)
	msr	SCR_EL3, x0
	adr	x0, vectors
	msr	VBAR_EL3, x0
	ldr	x0, =SECURE_STACK
	mov	sp, x0
	ldr	x0, =SCTLR_EL1_RES1
	msr	SCTLR_EL1, x0
#if LEVEL == 2
	ldr	x0, =0x30c50830		/* SCTLR_EL2, its RES1 */
	msr	SCTLR_EL2, x0
	ldr	x0, =HCR_RW
	msr	HCR_EL2, x0
#if SME_IN_USE
	ldr	x0, =CPACR_SMEN
#else
	ldr	x0, =CPTR_EL2_TSM
#endif
	msr	CPTR_EL2, x0
#endif
#if SME_IN_USE
	ldr	x0, =CPACR_SMEN
	msr	CPACR_EL1, x0
#endif
#if STREAMING
	ldr	x0, =CPTR_EL3_ESM
	msr	CPTR_EL3, x0
	isb
	mov	x0, #1
	msr	SVCR, x0
#endif
	mov	x0, xzr
#if KEEP_VECTORS
	orr	x0, x0, #CPTR_EL3_TFP
#endif
#if !KEEP_SME
	orr	x0, x0, #CPTR_EL3_ESM
#endif
	msr	CPTR_EL3, x0
#if LEVEL == 2
	mov	x0, #SPSR_EL2H_DAIF
#else
	mov	x0, #SPSR_EL1H_DAIF
#endif
	msr	SPSR_EL3, x0
	ldr	x0, =START
	msr	ELR_EL3, x0
	eret

	/*
	 * Injects an undefined instruction exception into a lower exception level.
	 * level: its number in the names of registers. spsr: the PSTATE of its handler.
	 */
	.macro	inject level, spsr
	mrs	x0, ELR_EL3
	msr	ELR_EL\level, x0
	mrs	x0, SPSR_EL3
	msr	SPSR_EL\level, x0
	ldr	x0, =ESR_UNDEFINED
	msr	ESR_EL\level, x0
	mrs	x0, VBAR_EL\level
	add	x0, x0, #0x200		/* vector: synchronous, current level with SP_ELx */
	msr	ELR_EL3, x0
	mov	x0, #\spsr
	msr	SPSR_EL3, x0
	.endm

trapped:
	stp	x0, x1, [sp, #-16]!
	mrs	x1, ESR_EL3
	lsr	x1, x1, #26
	cmp	x1, #EC_SMC
	b.eq	smc
#if STOP_AT_SME
	cmp	x1, #EC_SME
	b.eq	.
#endif
#if LEVEL == 2
	inject	2, SPSR_EL2H_DAIF
#else
	inject	1, SPSR_EL1H_DAIF
#endif
	ldp	x0, x1, [sp], #16
	eret

	/* PSCI: SYSTEM_OFF is 0x84000008, SYSTEM_RESET 0x84000009. */
smc:
	ldr	x1, =SECURE_GPIO
	and	w0, w0, #1
	add	w0, w0, #1		/* pin 0 powers off, pin 1 resets */
	str	w0, [x1, #PL061_DIR]
	str	w0, [x1, #PL061_DATA]
	b	.
	.ltorg

	.balign	2048
vectors:
	.rept	8
	.balign	128
	b	.
	.endr
	.balign	128			/* vector: synchronous, from a lower level */
	b	trapped
	.balign	128
	b	.
#endif

#ifdef PART_KERNEL
#define UART		0x09000000	/* QEMU's virt machine: a PL011, always ready */
#define PSCI_SYSTEM_OFF	0x84000008

	/* Prints "NAME=" and the 16 hex digits of \register. */
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
#if STREAMING
	mrs	x8, SVCR_EL0
	report	SVCR, x8
#endif
	report	CNTVCT, x18
	mov	w23, #'\n'
	str	w23, [x22]

	ldr	w0, =PSCI_SYSTEM_OFF
	mov	x1, xzr
	mov	x2, xzr
	mov	x3, xzr
#if !SERROR && !SHIM
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
