/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * header.c: version and magic of struct purgatory_header. entry.S provides the branch
 * in front of them, purgatory.ld the two sizes after them.
 */
#include <stddef.h>

#include "abi.h"

#define HEADER_WORDS	3

extern const uint32_t pg_header_words[HEADER_WORDS];

__attribute__((section(".header.words"), used, aligned(4), visibility("hidden")))
const uint32_t pg_header_words[HEADER_WORDS] = {
	PURGATORY_VERSION,
	(uint32_t)PURGATORY_MAGIC,
	(uint32_t)(PURGATORY_MAGIC >> 32),
};

_Static_assert(offsetof(struct purgatory_header, branch) == 0, "entry.S puts it there");
_Static_assert(offsetof(struct purgatory_header, version) == 4, "first word here");
_Static_assert(offsetof(struct purgatory_header, magic) == 8, "second and third word here");
_Static_assert(offsetof(struct purgatory_header, scratch_offset) == 16, "see purgatory.ld");
_Static_assert(offsetof(struct purgatory_header, image_size) == 24, "see purgatory.ld");
_Static_assert(sizeof(struct purgatory_header) == 32, "see purgatory.ld");
