/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cpu.c: finds the features of this CPU and enables them. Runs after the panic and not at
 * load, because big and little cores can differ, and any CPU can panic.
 *
 * Bit positions and register encodings: Arm ARM, "System register descriptions".
 */
#include <stddef.h>

#include "cpu.h"
#include "exception.h"
#include "registers.h"

#define HCR_E2H		(1ULL << 34)
#define HCR_AMO		(1ULL << 5)
#define CPACR_FPEN	(3ULL << 20)
#define CPACR_SMEN	(3ULL << 24)
#define CPACR_SMEN_EL1	(1ULL << 24)
#define CPTR_TFP	(1ULL << 10)	/* in CPTR_EL2 with E2H=0 */
#define CPTR_TSM	(1ULL << 12)

bool pg_at_el2(void)
{
	return (pg_read_register("CurrentEL") >> 2 & 3) == 2;
}

bool pg_has_e2h(void)
{
	return pg_at_el2() && pg_read_register("HCR_EL2") & HCR_E2H;
}

/* ID_AA64PFR0_EL1.AdvSIMD: 0xf means no vector registers. */
static bool has_simd(void)
{
	return pg_field(pg_read_register("ID_AA64PFR0_EL1"), 20) != 0xf;
}

/* ID_AA64PFR1_EL1.SME */
static bool has_sme(void)
{
	return pg_field(pg_read_register("ID_AA64PFR1_EL1"), 24) != 0;
}

/* ID_AA64MMFR3_EL1.TCRX. By encoding, because old assemblers do not know the name. */
bool pg_cpu_has_tcr2(void)
{
	return pg_field(pg_read_register("S3_0_C0_C7_3"), 0) != 0;
}

enum pg_sha256_method pg_cpu_sha256_method(bool simd)
{
	if (!simd)
		return PG_SHA256_PORTABLE;
	/* ID_AA64ISAR0_EL1.SHA2 */
	if (pg_field(pg_read_register("ID_AA64ISAR0_EL1"), 12) == 0)
		return PG_SHA256_VECTORS;
	return PG_SHA256_INSTRUCTIONS;
}

enum pg_parity_method pg_cpu_parity_method(bool simd)
{
	return simd ? PG_PARITY_VECTORS : PG_PARITY_PORTABLE;
}

/* Returns true if the old kernel used SME. Then firmware allows writes of SVCR. */
static bool sme_is_in_use(void)
{
	if (!has_sme())
		return false;
	if (pg_at_el2() && !pg_has_e2h())
		return !(pg_read_register("CPTR_EL2") & CPTR_TSM);
	return pg_read_register("CPACR_EL1") & CPACR_SMEN_EL1;
}

/* Stops the traps of vector instructions. With E2H=1 the name CPACR_EL1 reaches CPTR_EL2. */
static void lift_traps(void *unused)
{
	bool sme = has_sme();

	(void)unused;
	if (pg_at_el2() && !pg_has_e2h()) {
		uint64_t traps = CPTR_TFP | (sme ? CPTR_TSM : 0);

		pg_write_register("CPTR_EL2", pg_read_register("CPTR_EL2") & ~traps);
	} else {
		uint64_t allowed = CPACR_FPEN | (sme ? CPACR_SMEN : 0);

		pg_write_register("CPACR_EL1", pg_read_register("CPACR_EL1") | allowed);
	}
	__asm__ volatile("isb");
}

static void leave_streaming_mode(void *unused)
{
	(void)unused;
	pg_write_register("S3_3_C4_C2_2", 0);	/* SVCR, by encoding for old assemblers */
	__asm__ volatile("isb");
}

static void probe(void *unused)
{
	(void)unused;
	pg_probe_vectors();
}

/*
 * A vector instruction traps in three cases: the old kernel left the trap on, the old
 * kernel left the CPU in streaming mode (SME), or firmware traps it (CPTR_EL3.TFP).
 *
 * A write of SVCR ends streaming mode, but it can trap to firmware too (CPTR_EL3.ESM),
 * and firmware can stop the machine. Linux has the option arm64.nosme for such firmware.
 * So write SVCR first only if the old kernel used SME. Otherwise write it only if the
 * probe fails.
 */
bool pg_cpu_enable_simd(void)
{
	bool sme_in_use = sme_is_in_use();

	if (!has_simd())
		return false;
	pg_try(lift_traps, NULL);
	if (sme_in_use)
		pg_try(leave_streaming_mode, NULL);
	if (pg_try(probe, NULL))
		return true;
	return has_sme() && pg_try(leave_streaming_mode, NULL) && pg_try(probe, NULL);
}

/*
 * EL2 takes an SError only if HCR_EL2.AMO or HCR_EL2.TGE is set (Arm ARM, "Asynchronous
 * exception routing"). An nVHE host sets neither.
 */
uint64_t pg_cpu_route_serrors(void)
{
	uint64_t hcr;

	if (!pg_at_el2())
		return 0;
	hcr = pg_read_register("HCR_EL2");
	pg_cpu_restore_serrors(hcr | HCR_AMO);
	return hcr;
}

void pg_cpu_restore_serrors(uint64_t hcr)
{
	if (!pg_at_el2())
		return;
	pg_write_register("HCR_EL2", hcr);
	__asm__ volatile("isb");
}
