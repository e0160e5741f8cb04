/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * params.h: values that are computed from struct purgatory_params. Purgatory and the
 * library share this code, so that both get the same result. All params here are in host
 * byte order.
 */
#ifndef PURGATORY_PARAMS_H
#define PURGATORY_PARAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi.h"
#include "pagetables.h"
#include "range.h"

#pragma GCC visibility push(hidden)

/* The Image and our page tables support no higher addresses. */
#define PG_ADDRESS_LIMIT	(1ULL << 48)

/*
 * The base of a segment that was not found. All its blocks count as damaged, and none is
 * accessed.
 */
#define PG_NOWHERE		UINT64_MAX

/* Returns the value of uart_sum (abi.h). */
uint64_t pg_params_uart_sum(const struct purgatory_params *params);

/* Computes code_sum (abi.h) over @size bytes at @code. @size is a multiple of 8. */
void pg_params_code_sum(const uint8_t *code, uint64_t size, uint64_t sum[2]);

/*
 * Returns the two ranges that self_digest covers (abi.h), as offsets from P.
 * @scratch_offset, @params_offset: offsets of scratch and params from P, bytes
 */
void pg_params_self_ranges(const struct purgatory_params *params, uint64_t scratch_offset,
			   uint64_t params_offset, struct pg_range ranges[2]);

/* Returns the bytes of one bitmap. The second bitmap follows the first one. */
uint64_t pg_params_bitmap_size(uint64_t block_count);

/* Fills in magic, version and size of an empty record, and nothing else. */
void pg_record_init(struct purgatory_record *record);

/* Segments, three parts of purgatory, parity, device tree and UART. */
#define PG_USED_MAX	(PURGATORY_SEGMENTS_MAX + 6)

/* The list of used ranges: all memory that purgatory accesses after the self-check. */
struct pg_used {
	struct pg_map maps[PG_USED_MAX];
	size_t count;
};

/* The addresses that the params do not contain. */
struct pg_place {
	uint64_t base;			/* P of abi.h, physical address */
	uint64_t scratch_offset;	/* from P, bytes */
	struct pg_range tree;		/* the device tree; size 0: it is part of a segment */
};

/*
 * Fills @used with all used ranges, in whole pages. This one list decides which ranges
 * are mapped, which are cleaned (those with clean set), and which must not overlap.
 * A segment at PG_NOWHERE and a UART above PG_ADDRESS_LIMIT are left out.
 */
void pg_params_list_used(const struct purgatory_params *params, const struct pg_place *place,
			 struct pg_used *used);

/* Returns true if no two ranges of the list share a byte. */
bool pg_used_is_disjoint(const struct pg_used *used);

/* Returns true if each range of the list ends at or below PG_ADDRESS_LIMIT. */
bool pg_used_is_mappable(const struct pg_used *used);

/* Returns true if @range shares a byte with a used range other than the UART. */
bool pg_used_overlaps(const struct pg_used *used, struct pg_range range);

/*
 * Returns the most page tables that one regime can need, at any addresses of the segments,
 * of purgatory, parity and UART. pg_pagetables_count() gives the exact number for known
 * addresses.
 * @segments: number of segments
 * @checked:  bytes of all segments together
 * @window:   bytes of a range that contains everything but the UART; 0: no such range
 */
size_t pg_params_tables_max(size_t segments, uint64_t checked, uint64_t window);

#pragma GCC visibility pop

#endif
