/* SPDX-License-Identifier: GPL-2.0-or-later */
/* VMCOREINFO: what the dead kernel tells of itself, lines of "KEY=value" in an ELF note. */
#ifndef VMCORE_DMESG_VMCOREINFO_H
#define VMCORE_DMESG_VMCOREINFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct trouble;

struct vmcoreinfo {
	char *text;			/* ends in 0 behind its size */
	size_t size;
};

void vmcoreinfo_free(struct vmcoreinfo *info);

/*
 * The value of a whole key, such as "OFFSET(list_head.next)". Of a SYMBOL hexadecimal, else
 * decimal, or hexadecimal behind 0x; a negative NUMBER as two's complement.
 */
bool vmcoreinfo_find(const struct vmcoreinfo *info, const char *key, uint64_t *value);

/* Has the line, whatever its value is. */
bool vmcoreinfo_has(const struct vmcoreinfo *info, const char *key);

/* A key and where its value goes, counted from some struct's start. Tables of it end in NULL. */
struct vmcoreinfo_field {
	const char *key;
	size_t offset;			/* of a uint64_t */
};

/*
 * All of a table, and each has to be there and to make sense: of OFFSETs and SIZEs, that no sum
 * of a few can wrap.
 */
bool vmcoreinfo_read_fields(struct trouble *trouble, const struct vmcoreinfo *info,
		       const struct vmcoreinfo_field *fields, void *base);

#endif
