/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* image.h: the purgatory image in memory, and the params that follow it. */
#ifndef PURGATORY_IMAGE_H
#define PURGATORY_IMAGE_H

#include "abi.h"

#pragma GCC visibility push(hidden)

/* Defined by purgatory.ld. pg_header is the address P of abi.h. */
extern const struct purgatory_header pg_header;

/* Trusted after pg_check_self(). Afterwards only pg_complete_params() writes to them. */
extern struct purgatory_params pg_params;

/* Returns the address of the byte at @offset of the purgatory segment. */
static inline uint8_t *pg_at(uint64_t offset)
{
	return (uint8_t *)&pg_header + offset;
}

#pragma GCC visibility pop

#endif
