/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * params.h: what follows from struct purgatory_params, for purgatory and for the
 * library that fills it in: the same code. The params are in host byte order.
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

/* The base of a segment that was not found: all its blocks are damaged, none is accessed. */
#define PG_NOWHERE		UINT64_MAX

/* See uart_sum in abi.h. */
uint64_t pg_params_uart_sum(const struct purgatory_params *params);

/* See code_sum in abi.h; @code is @size bytes, little-endian, a multiple of 8. */
void pg_params_code_sum(const uint8_t *code, uint64_t size, uint64_t sum[2]);

/* See self_digest in abi.h: two ranges that count from the segment's start. */
void pg_params_self_ranges(const struct purgatory_params *params, uint64_t scratch_offset,
			   uint64_t params_offset, struct pg_range ranges[2]);

/* Bytes of one of the two bitmaps; the second one follows the first. */
uint64_t pg_params_bitmap_size(uint64_t block_count);

/* An empty record: what the library puts into a device tree, and purgatory starts from. */
void pg_record_init(struct purgatory_record *record);

/* Everything that is accessed from the check to the start of the kernel. */
#define PG_USED_MAX	(PURGATORY_SEGMENTS_MAX + 6)

struct pg_used {
	struct pg_map maps[PG_USED_MAX];
	size_t count;
};

/* Where purgatory and its device tree are; size 0: a tree that is part of a segment. */
struct pg_place {
	uint64_t base;
	uint64_t scratch_offset;
	struct pg_range tree;
};

/*
 * The one list of used ranges: it says what is mapped, what is cleaned (clean is
 * set) and what must not overlap. Whole pages. A segment that is PG_NOWHERE is
 * not in it, a UART beyond PG_ADDRESS_LIMIT neither.
 */
void pg_params_list_used(const struct purgatory_params *params, const struct pg_place *place,
			 struct pg_used *used);

/* Do no two ranges of the list share a byte, and does each end below PG_ADDRESS_LIMIT? */
bool pg_used_is_disjoint(const struct pg_used *used);
bool pg_used_is_mappable(const struct pg_used *used);

/* Does @range share a byte with a used range of RAM? */
bool pg_used_overlaps(const struct pg_used *used, struct pg_range range);

/*
 * How many page tables one regime needs at most, wherever @segments segments of
 * @checked bytes together, their parity and a UART lie. @window: bytes of a range around all but
 * the UART, 0 if there is none. The exact number is pg_pagetables_count()'s.
 */
size_t pg_params_tables_max(size_t segments, uint64_t checked, uint64_t window);

#pragma GCC visibility pop

#endif
