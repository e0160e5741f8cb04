/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* range.h: a range of physical memory. base + size never wraps around. */
#ifndef PURGATORY_RANGE_H
#define PURGATORY_RANGE_H

#include <stdbool.h>
#include <stdint.h>

struct pg_range {
	uint64_t base;		/* physical address */
	uint64_t size;		/* bytes; 0: the empty range */
};

/* Returns true if every byte of @inner is in @outer. */
static inline bool pg_is_inside(struct pg_range inner, struct pg_range outer)
{
	return inner.base >= outer.base && inner.base - outer.base <= outer.size &&
	       inner.size <= outer.size - (inner.base - outer.base);
}

/* Returns true if the ranges share a byte. */
static inline bool pg_do_overlap(struct pg_range a, struct pg_range b)
{
	return a.base < b.base ? b.base - a.base < a.size && b.size : a.base - b.base < b.size && a.size;
}

#endif
