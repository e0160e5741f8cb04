/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mmu.c: switches the MMU and the caches on for the check.
 *
 * With the MMU off, every data access is an uncached access to Device memory, and a check
 * takes seconds to minutes. Such a check also reads memory past the caches and misses dirty
 * lines: the cache can write a stray store of the old kernel over a block after its check.
 */
#include <stddef.h>

#include "cache.h"
#include "cpu.h"
#include "exception.h"
#include "mmu.h"
#include "registers.h"

/* Arm ARM, MAIR_ELx: attribute 0 Device-nGnRnE, attribute 1 Normal write-back. */
#define MAIR		0xff00ULL

/* TCR_ELx; the low fields are the same in every regime. */
#define TCR_T0SZ_48	16ULL
#define TCR_WRITE_BACK	(1ULL << 8 | 1ULL << 10)	/* of table walks, inner and outer */
#define TCR_INNER_SHARE	(3ULL << 12)
#define TCR_EPD1	(1ULL << 23)	/* no walks through TTBR1 */
#define TCR_IPS_SHIFT	32
#define TCR_EL2_RES1	(1ULL << 31 | 1ULL << 23)
#define TCR_EL2_PS_SHIFT 16

/*
 * Returns the IPS or PS field of TCR: the physical addresses of this CPU, at most 48 bits.
 * Larger addresses need another format of the descriptors.
 */
static uint64_t address_size(uint64_t mmfr0)
{
	uint64_t range = pg_field(mmfr0, 0);

	return range < 5 ? range : 5;
}

/* ID_AA64MMFR0_EL1.TGran4: 0xf means no 4 KiB granule. */
static bool has_granule(uint64_t mmfr0)
{
	return pg_field(mmfr0, 28) != 0xf;
}

/* By encoding, because old assemblers do not know the names. */
static void write_tcr2(void *unused)
{
	(void)unused;
	if (pg_at_el2())
		pg_write_register("S3_4_C2_C0_3", 0);		/* TCR2_EL2 */
	else
		pg_write_register("S3_0_C2_C0_3", 0);		/* TCR2_EL1 */
	__asm__ volatile("isb");
}

/*
 * The old kernel can have set TCR2.PIE (Linux 6.12, __cpu_setup in arch/arm64/mm/proc.S).
 * TCR2.PIE gives the permission bits of descriptors another meaning. Returns false if the
 * write traps: firmware that does not know TCR2 leaves SCR_EL3.TCR2En at 0.
 */
static bool clear_tcr2(void)
{
	return !pg_cpu_has_tcr2() || pg_try(write_tcr2, NULL);
}

enum pg_regime pg_mmu_regime(void)
{
	return pg_at_el2() && !pg_has_e2h() ? PG_REGIME_EL2 : PG_REGIME_EL1;
}

/*
 * Returns the whole value of TCR. The bits HA, HD, DS and TBI of the old kernel must not
 * survive, so the register is never read and changed.
 */
static uint64_t make_tcr(uint64_t mmfr0)
{
	uint64_t tcr = TCR_T0SZ_48 | TCR_WRITE_BACK | TCR_INNER_SHARE;

	if (pg_mmu_regime() == PG_REGIME_EL2)
		return tcr | TCR_EL2_RES1 | address_size(mmfr0) << TCR_EL2_PS_SHIFT;
	return tcr | TCR_EPD1 | address_size(mmfr0) << TCR_IPS_SHIFT;
}

static void write_registers(uint64_t root, uint64_t mmfr0)
{
	/* Call these first: no function call lies between the writes and the isb. */
	uint64_t tcr = make_tcr(mmfr0);
	bool el2 = pg_at_el2();

	if (el2) {
		pg_write_register("MAIR_EL2", MAIR);
		pg_write_register("TCR_EL2", tcr);
		pg_write_register("TTBR0_EL2", root);
	} else {
		pg_write_register("MAIR_EL1", MAIR);
		pg_write_register("TCR_EL1", tcr);
		pg_write_register("TTBR0_EL1", root);
	}
	__asm__ volatile("dsb sy\n\tisb" : : : "memory");
}

bool pg_mmu_set_up(uint64_t root)
{
	uint64_t mmfr0 = pg_read_register("ID_AA64MMFR0_EL1");

	if (!root || !has_granule(mmfr0) || !clear_tcr2())
		return false;
	write_registers(root, mmfr0);
	pg_mmu_enable();
	return true;
}
