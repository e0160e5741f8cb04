/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* params.c: values that purgatory and the library compute from the params. */
#include "params.h"

/* LSR, the highest register of a 16550 that uart.c accesses. */
#define UART_LAST_REGISTER	5

uint64_t pg_params_uart_sum(const struct purgatory_params *params)
{
	uint64_t sum = PURGATORY_MAGIC + params->uart_base;

	sum += (uint64_t)params->conduit << 32 | params->uart_type;
	return sum + ((uint64_t)params->uart_width << 32 | params->uart_stride);
}

/* Adds the carry to bit 0. Without the carry, two flipped bits 63 would cancel out. */
static uint64_t add_with_carry(uint64_t a, uint64_t b)
{
	uint64_t sum = a + b;

	return sum + (sum < a);
}

/* Reads a little-endian word on any host. */
static uint64_t read_word(const uint8_t *bytes)
{
	uint64_t word = 0;

	for (unsigned int i = 0; i < sizeof(word); i++)
		word |= (uint64_t)bytes[i] << 8 * i;
	return word;
}

void pg_params_code_sum(const uint8_t *code, uint64_t size, uint64_t sum[2])
{
	sum[0] = 0;
	sum[1] = 0;
	for (uint64_t at = 0; at < size; at += sizeof(uint64_t)) {
		sum[0] = add_with_carry(sum[0], read_word(code + at));
		sum[1] = add_with_carry(sum[1], sum[0]);
	}
}

void pg_params_self_ranges(const struct purgatory_params *params, uint64_t scratch_offset,
			   uint64_t params_offset, struct pg_range ranges[2])
{
	uint64_t after_digest = params_offset + offsetof(struct purgatory_params, self_digest) +
				PURGATORY_DIGEST_SIZE;

	ranges[0] = (struct pg_range){ 0, scratch_offset };
	ranges[1] = (struct pg_range){ after_digest, params->table_offset[0] - after_digest };
}

uint64_t pg_params_bitmap_size(uint64_t block_count)
{
	return (block_count + 63) / 64 * sizeof(uint64_t);
}

void pg_record_init(struct purgatory_record *record)
{
	record->magic = PURGATORY_RECORD_MAGIC;
	record->version = PURGATORY_RECORD_VERSION;
	record->size = sizeof(*record);
}

static uint64_t round_down_to_page(uint64_t address)
{
	return address / PURGATORY_BLOCK_SIZE * PURGATORY_BLOCK_SIZE;
}

/*
 * Adds the pages of the range to the list, unless @size is 0. Returns the new entry, whose
 * clean is false; the caller can set it.
 */
static struct pg_map *add_range(struct pg_used *used, uint64_t base, uint64_t size,
				enum pg_mapping mapping)
{
	struct pg_map *map = &used->maps[used->count];

	if (!size)
		return map;
	map->base = round_down_to_page(base);
	map->size = round_down_to_page(base + size - 1) + PURGATORY_BLOCK_SIZE - map->base;
	map->mapping = mapping;
	map->clean = false;
	used->count++;
	return map;
}

/* Adds one page, or two if the registers of a 16550 cross the end of a page. */
static void add_uart(const struct purgatory_params *params, struct pg_used *used)
{
	/* A PL011 has no stride: its registers are in the page of its base. */
	uint64_t size = UART_LAST_REGISTER * (uint64_t)params->uart_stride + 1;

	if (params->uart_type != PURGATORY_UART_NONE && params->uart_base < PG_ADDRESS_LIMIT &&
	    size <= PG_ADDRESS_LIMIT - params->uart_base)
		add_range(used, params->uart_base, size, PG_MAP_DEVICE);
}

/*
 * The digest tables and everything after them are cleaned with the list. Image, scratch,
 * params and page tables are not: entry.S and self.c clean them, and pg_mmu_enable and
 * pg_mmu_disable maintain scratch. Another cleaning could write old lines over scratch.
 */
static void add_purgatory(const struct purgatory_params *params, const struct pg_place *place,
			  struct pg_used *used)
{
	uint64_t tables = params->table_offset[0];

	add_range(used, place->base, place->scratch_offset, PG_MAP_CODE);
	add_range(used, place->base + place->scratch_offset, tables - place->scratch_offset,
		  PG_MAP_DATA);
	add_range(used, place->base + tables, params->segment_size - tables, PG_MAP_DATA)->clean =
		true;
}

void pg_params_list_used(const struct purgatory_params *params, const struct pg_place *place,
			 struct pg_used *used)
{
	used->count = 0;
	add_purgatory(params, place, used);
	/* pg_repair() cleans the parity, so that a run without damage need not. */
	add_range(used, params->parity_base, 2 * params->group_count * PURGATORY_BLOCK_SIZE,
		  PG_MAP_DATA);
	add_range(used, place->tree.base, place->tree.size, PG_MAP_DATA)->clean = true;
	add_uart(params, used);
	for (uint32_t i = 0; i < params->segment_count; i++)
		if (params->segments[i].base != PG_NOWHERE)
			add_range(used, params->segments[i].base, params->segments[i].size,
			    PG_MAP_DATA)->clean = true;
}

static struct pg_range range_of(const struct pg_map *map)
{
	return (struct pg_range){ map->base, map->size };
}

bool pg_used_overlaps(const struct pg_used *used, struct pg_range range)
{
	for (size_t i = 0; i < used->count; i++)
		if (used->maps[i].mapping != PG_MAP_DEVICE &&
		    pg_do_overlap(range_of(&used->maps[i]), range))
			return true;
	return false;
}

bool pg_used_is_disjoint(const struct pg_used *used)
{
	for (size_t i = 0; i < used->count; i++)
		for (size_t j = 0; j < i; j++)
			if (pg_do_overlap(range_of(&used->maps[i]), range_of(&used->maps[j])))
				return false;
	return true;
}

bool pg_used_is_mappable(const struct pg_used *used)
{
	for (size_t i = 0; i < used->count; i++)
		if (used->maps[i].base >= PG_ADDRESS_LIMIT ||
		    used->maps[i].size > PG_ADDRESS_LIMIT - used->maps[i].base)
			return false;
	return true;
}

/*
 * Returns the most tables of the level whose tables cover 2^@shift bytes each. A run of
 * memory touches one table for each full 2^@shift bytes and up to two more at its ends.
 * If all runs lie in a window, they cannot touch more tables than the window and the UART.
 */
static uint64_t tables_of_level_max(unsigned int shift, size_t runs, uint64_t bytes,
				    uint64_t window)
{
	uint64_t apart = 2 * runs + (bytes >> shift), together = (window >> shift) + 2 + 2;

	return window && together < apart ? together : apart;
}

/*
 * A run of memory needs one table of level 2 for each GiB and one of level 1 for each
 * 512 GiB that it touches, and one table of level 3 at each of its two ends.
 *
 * The runs are the segments, purgatory, parity and UART, and without a window also the
 * device tree. Purgatory has two more ends inside, between code, data and tables. Parity
 * is at most as large as the checked bytes. Purgatory and device tree are at most 258 MiB
 * together. The UART lies outside of the window, on at most two pages.
 */
size_t pg_params_tables_max(size_t segments, uint64_t checked, uint64_t window)
{
	const uint64_t bytes = 2 * checked + PURGATORY_SEGMENT_SIZE_MAX + (8U << 20);
	const size_t runs = segments + (window ? 3 : 4);

	return 1 + 2 * runs + 2 + (size_t)tables_of_level_max(30, runs, bytes, window) +
	       (size_t)tables_of_level_max(39, runs, bytes, window);
}
