/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * registers.h: reads and writes system registers. @name is a string: the name, or the
 * encoding (S3_...) if old assemblers do not know the name.
 */
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

/* Returns the four bits from bit @shift on: one field of an ID register. */
static inline uint64_t pg_field(uint64_t value, unsigned int shift)
{
	return value >> shift & 0xf;
}

#endif
