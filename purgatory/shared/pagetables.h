/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Page tables for the check: an identity map of the crash region and of the
 * UART, and of nothing else, for speculation reaches whatever is mapped. Stage
 * 1, 4 KiB granule, 48-bit addresses (Arm ARM, "The AArch64 Virtual Memory
 * System Architecture"). The loader builds them, so that the self-check covers
 * them; a sealed Image builds them itself, for it learns only then where it is.
 */
#ifndef PURGATORY_PAGETABLES_H
#define PURGATORY_PAGETABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

/* What a range is mapped as; all are for the privileged level alone. */
enum pg_mapping {
	PG_MAP_DATA,		/* Normal write-back, inner shareable, read and write */
	PG_MAP_CODE,		/* the same memory, read and execute */
	PG_MAP_DEVICE,		/* Device-nGnRnE */
};

/* Descriptor bits differ by the exception level's regime. */
enum pg_regime {
	PG_REGIME_EL1,		/* EL1, and EL2 with HCR_EL2.E2H = 1 */
	PG_REGIME_EL2,		/* EL2 with E2H = 0 */
};

/* Whole 4 KiB pages below 2^48. Where two entries of a list overlap, the later one wins. */
struct pg_map {
	uint64_t base;
	uint64_t size;
	enum pg_mapping mapping;
	bool clean;		/* not looked at here: see params.h */
};

#define PG_TABLE_SIZE 4096

/*
 * How many tables of PG_TABLE_SIZE bytes the maps need; the root is the first of
 * them. Depends on what is mapped, not on how far apart it lies: see params.h.
 */
size_t pg_pagetables_count(const struct pg_map *maps, size_t count);

/*
 * Fills @tables, pg_pagetables_count() of them, that will lie at @base in memory.
 * They need not be zero before.
 */
void pg_pagetables_make(const struct pg_map *maps, size_t count, enum pg_regime regime,
			uint64_t base, uint8_t *tables);

#pragma GCC visibility pop

#endif
