/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pagetables.h: builds the page tables for the check.
 *
 * They map each used range to itself, and nothing else. The CPU can read any mapped memory
 * speculatively, and a read of firmware memory or of device registers can cause an SError.
 * Stage 1, 4 KiB granule, 48-bit addresses (Arm ARM, "The AArch64 Virtual Memory System
 * Architecture").
 *
 * For kexec_load the library builds the tables, so that the self-check covers them. A
 * sealed Image builds them at run time, because its address is not known before.
 */
#ifndef PURGATORY_PAGETABLES_H
#define PURGATORY_PAGETABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

/* The type of a mapping. Only the privileged level can access it. */
enum pg_mapping {
	PG_MAP_DATA,		/* Normal write-back, inner shareable, read and write */
	PG_MAP_CODE,		/* the same memory type, read and execute */
	PG_MAP_DEVICE,		/* Device-nGnRnE */
};

/* The translation regime: it decides about the permission bits of descriptors. */
enum pg_regime {
	PG_REGIME_EL1,		/* EL1, and EL2 with HCR_EL2.E2H = 1 */
	PG_REGIME_EL2,		/* EL2 with E2H = 0 */
};

/* A range to map: whole 4 KiB pages below 2^48. If two maps overlap, the later one counts. */
struct pg_map {
	uint64_t base;		/* physical and virtual address */
	uint64_t size;		/* bytes */
	enum pg_mapping mapping;
	bool clean;		/* pg_clean_used() cleans it (params.h); not used here */
};

#define PG_TABLE_SIZE 4096	/* bytes */

/*
 * Returns the number of tables, each PG_TABLE_SIZE bytes, that @count @maps need. See
 * pg_params_tables_max() in params.h for an upper limit that holds for every address.
 */
size_t pg_pagetables_count(const struct pg_map *maps, size_t count);

/*
 * Writes pg_pagetables_count() tables to @tables; the first one is the root. Overwrites all
 * bytes. The entries are little-endian on every host.
 * @base: physical address where the tables will lie when the MMU uses them
 */
void pg_pagetables_make(const struct pg_map *maps, size_t count, enum pg_regime regime,
			uint64_t base, uint8_t *tables);

#pragma GCC visibility pop

#endif
