/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fdt.h: a device tree as a kernel's loader hands it over (Devicetree
 * Specification, "Flattened Devicetree (DTB) Format"), for the little that a
 * sealed Image wants of it. Nothing has checked the tree: no offset and no
 * length in it is trusted, and nothing outside of it is read.
 */
#ifndef PURGATORY_FDT_H
#define PURGATORY_FDT_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/range.h"

#pragma GCC visibility push(hidden)

/* Bytes. Linux refuses larger trees: MAX_FDT_SIZE in arch/arm64/include/asm/boot.h. */
#define PG_FDT_SIZE_MAX	(2U << 20)

struct pg_fdt {
	uint8_t *data;		/* a multiple of 8 */
	uint32_t size;
	uint32_t structure, structure_size;	/* offset of the block and its bytes */
	uint32_t strings, strings_size;
};

/* False where that is no device tree of version 17, or one over 2 MiB. */
bool pg_fdt_open(void *data, struct pg_fdt *tree);

/* These are false where /chosen has no such property, or it makes no sense. */
bool pg_fdt_initrd(const struct pg_fdt *tree, struct pg_range *initrd);
/* The first range of @property, in the root's cells. */
bool pg_fdt_chosen_range(const struct pg_fdt *tree, const char *property, struct pg_range *range);

/*
 * Gives /chosen an empty record (PURGATORY_RECORD_PROPERTY) and its address, or 0
 * where the tree would grow over @room bytes or is of a kind that cannot grow:
 * then it is as it was.
 */
uint64_t pg_fdt_add_record(struct pg_fdt *tree, uint64_t room);

#pragma GCC visibility pop

#endif
