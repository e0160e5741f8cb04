/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* System registers, by name or, where assemblers do not know one yet, by encoding (S3_...). */
#ifndef PURGATORY_REGISTERS_H
#define PURGATORY_REGISTERS_H

#include <stdint.h>

#define pg_read_register(name)							\
	({									\
		uint64_t value_;						\
										\
		__asm__ volatile("mrs %0, " name : "=r"(value_));		\
		value_;								\
	})
#define pg_write_register(name, value) \
	__asm__ volatile("msr " name ", %0" : : "r"((uint64_t)(value)) : "memory")

/* The four bits from @shift on: how ID registers tell what there is. */
static inline uint64_t pg_field(uint64_t value, unsigned int shift)
{
	return value >> shift & 0xf;
}

#endif
