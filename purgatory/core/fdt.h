/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fdt.h: reads the device tree that kexec_file_load made for a sealed Image, and adds
 * the record to it. Format: Devicetree Specification, "Flattened Devicetree (DTB)
 * Format", version 17; all numbers are big-endian words of 32 bits.
 *
 *   header               10 words: magic, sizes and offsets of the blocks below
 *   reservations         memory reservation block, not used here
 *   structure            tokens: BEGIN_NODE name, PROPERTY size name-offset value, ...
 *   strings              the names of all properties, each with a NUL
 *
 * No digest covers the tree, so it is hostile: each offset and each size is checked
 * before its use, and no byte outside of the tree is read.
 */
#ifndef PURGATORY_FDT_H
#define PURGATORY_FDT_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/range.h"

#pragma GCC visibility push(hidden)

/* Bytes. Linux accepts no larger tree: MAX_FDT_SIZE in arch/arm64/include/asm/boot.h. */
#define PG_FDT_SIZE_MAX	(2U << 20)

/* An opened tree. Sizes are bytes, offsets are bytes from data; host byte order. */
struct pg_fdt {
	uint8_t *data;				/* aligned to 8 bytes */
	uint32_t size;				/* of the whole tree */
	uint32_t structure, structure_size;	/* offset and size of the structure block */
	uint32_t strings, strings_size;		/* offset and size of the strings block */
};

/*
 * Reads the header of the tree at @data, which is aligned to 8 bytes, into @tree.
 * Returns false if the magic, the version or an offset is wrong, or if the tree is larger
 * than PG_FDT_SIZE_MAX. Reads the header only; the caller checks that the size is memory.
 */
bool pg_fdt_open(void *data, struct pg_fdt *tree);

/*
 * Reads linux,initrd-start and linux,initrd-end of /chosen. Returns false if one is
 * missing, has a size other than 4 or 8 bytes, or if the range is empty.
 */
bool pg_fdt_initrd(const struct pg_fdt *tree, struct pg_range *initrd);

/*
 * Reads the first range of @property in /chosen; #address-cells and #size-cells of the
 * root node give the format. Returns false if the property is missing or too short, or
 * if the range is empty or wraps around.
 */
bool pg_fdt_chosen_range(const struct pg_fdt *tree, const char *property, struct pg_range *range);

/*
 * Gives /chosen the property PURGATORY_RECORD_PROPERTY with an empty record.
 * @room: bytes from the start of the tree that the larger tree can take.
 * Returns the physical address of the record. Returns 0 and leaves the tree unchanged if
 * @room is too small, if /chosen is missing, or if the blocks have an unusual order.
 */
uint64_t pg_fdt_add_record(struct pg_fdt *tree, uint64_t room);

#pragma GCC visibility pop

#endif
