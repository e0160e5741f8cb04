/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * VMCOREINFO: a text in which the dead kernel describes itself, in an ELF note of the dump. Each
 * line is KEY=VALUE (kernel/vmcore_info.c, kernel/printk/printk.c, arch/arm64/kernel):
 *
 *     SYMBOL(prb)=ffffffc0093e8bf8         address of a variable, hexadecimal
 *     OFFSET(prb_desc.state_var)=0         offset of a member in bytes, decimal
 *     SIZE(prb_desc)=24                    size of a struct in bytes, decimal
 *     NUMBER(VA_BITS)=48                   a number, decimal or with 0x
 *     OSRELEASE=6.1.0-13-arm64             other lines
 */
#ifndef VMCORE_DMESG_VMCOREINFO_H
#define VMCORE_DMESG_VMCOREINFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct trouble;

struct vmcoreinfo {
	char *text;			/* owned; a NUL follows the last byte */
	size_t size;			/* bytes, without that NUL */
};

void vmcoreinfo_free(struct vmcoreinfo *info);

/*
 * Finds @key, such as "OFFSET(list_head.next)", and parses its value: hexadecimal for SYMBOL, else
 * decimal, or hexadecimal after "0x". A negative number becomes its two's complement. Returns
 * false if the line is missing or is not such a number.
 */
bool vmcoreinfo_find(const struct vmcoreinfo *info, const char *key, uint64_t *value);

/* Is there a line with @key? Its value is not checked. */
bool vmcoreinfo_has(const struct vmcoreinfo *info, const char *key);

/* An entry of a table of keys to read into a struct. The last entry has the key NULL. */
struct vmcoreinfo_field {
	const char *key;
	size_t offset;			/* of a uint64_t in the struct, bytes */
};

/*
 * Reads all @fields into the struct at @base. Reports the first key that is missing or invalid,
 * and returns false. SIZE and OFFSET values above 1 MiB are invalid, so that sums cannot overflow.
 */
bool vmcoreinfo_read_fields(struct trouble *trouble, const struct vmcoreinfo *info,
			    const struct vmcoreinfo_field *fields, void *base);

#endif
