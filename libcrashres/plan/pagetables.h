/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Page tables for purgatory: an identity map of the crash region and of the
 * UART, and of nothing else, for speculation reaches whatever is mapped. Stage
 * 1, 4 KiB granule, 48-bit addresses (Arm ARM, "The AArch64 Virtual Memory
 * System Architecture"). Built at load, so that the self-check covers them.
 */
#ifndef CRS_PAGETABLES_H
#define CRS_PAGETABLES_H

#include "../range.h"

/* What a range is mapped as; both are for the privileged level alone. */
enum crs_mapping {
	CRS_MAP_DATA,		/* Normal write-back, inner shareable, read and write */
	CRS_MAP_CODE,		/* the same memory, read and execute */
	CRS_MAP_DEVICE,		/* Device-nGnRnE */
};

/* Descriptor bits differ by the exception level's regime. */
enum crs_regime {
	CRS_REGIME_EL1,		/* EL1, and EL2 with HCR_EL2.E2H = 1 */
	CRS_REGIME_EL2,		/* EL2 with E2H = 0 */
};

/* A later entry of a list wins over an earlier one. Ranges are whole 4 KiB pages below 2^48. */
struct crs_map {
	struct crashres_range range;
	enum crs_mapping mapping;
};

#define CRS_TABLE_SIZE 4096

/* How many tables of CRS_TABLE_SIZE bytes the maps need; the root is the first of them. */
size_t crs_pagetables_count(const struct crs_map *maps, size_t count);

/*
 * Fills @tables, crs_pagetables_count() of them, zeroed, that will lie at
 * @base in memory.
 */
void crs_pagetables_make(const struct crs_map *maps, size_t count, enum crs_regime regime,
			 uint64_t base, uint8_t *tables);

#endif
