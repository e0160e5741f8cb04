/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* image.h: the image in memory and the params behind it. */
#ifndef PURGATORY_IMAGE_H
#define PURGATORY_IMAGE_H

#include "abi.h"

#pragma GCC visibility push(hidden)

/* purgatory.ld: places in the image. */
extern const struct purgatory_header pg_header;
extern struct purgatory_params pg_params;	/* only pg_complete_params writes to them */

/* The byte at @offset of the purgatory segment. */
static inline uint8_t *pg_at(uint64_t offset)
{
	return (uint8_t *)&pg_header + offset;
}

#pragma GCC visibility pop

#endif
