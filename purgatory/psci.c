/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * psci.c: reset the machine through its firmware (Arm DEN0022).
 */
#include "purgatory.h"

#define PSCI_SYSTEM_OFF		0x84000008
#define PSCI_SYSTEM_RESET	0x84000009

/*
 * x0-x17 may change in a call (SMCCC 1.0); x1-x3 go in as zero so that nothing
 * of ours reaches firmware that reads them.
 */
#define FIRMWARE_CALL(instruction, function)						\
	do {										\
		register uint64_t x0 __asm__("x0") = (function);			\
		register uint64_t x1 __asm__("x1") = 0;					\
		register uint64_t x2 __asm__("x2") = 0;					\
		register uint64_t x3 __asm__("x3") = 0;					\
											\
		__asm__ volatile(instruction " #0"					\
			: "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)			\
			: : "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11",		\
			    "x12", "x13", "x14", "x15", "x16", "x17", "memory");	\
	} while (0)

static void call_by_smc(void *function)
{
	FIRMWARE_CALL("smc", *(const uint32_t *)function);
}

static void call_by_hvc(void *function)
{
	FIRMWARE_CALL("hvc", *(const uint32_t *)function);
}

/*
 * Both functions come back only where they failed: with an error, or with an
 * exception (SMC is undefined without EL3, HVC without EL2). At EL2 an HVC
 * would be taken by ourselves, so it is not tried.
 */
static void call_firmware(uint32_t conduit, uint32_t function)
{
	if (pg_exception_level() == 2) {
		pg_try(call_by_smc, &function);
	} else if (conduit == PURGATORY_CONDUIT_HVC) {
		pg_try(call_by_hvc, &function);
		pg_try(call_by_smc, &function);
	} else {
		pg_try(call_by_smc, &function);
		pg_try(call_by_hvc, &function);
	}
}

_Noreturn void pg_reset(uint32_t conduit)
{
	call_firmware(conduit, PSCI_SYSTEM_RESET);
	call_firmware(conduit, PSCI_SYSTEM_OFF);
	for (;;)
		__asm__ volatile("wfi");
}
