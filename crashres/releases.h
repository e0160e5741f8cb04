/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel releases for which a kernel exists, found by the key "kernel" of seal.conf. */
#ifndef CRASHRES_RELEASES_H
#define CRASHRES_RELEASES_H

#include <stdbool.h>
#include <stddef.h>

struct releases {
	char **names;			/* owned, such as "6.12.5"; sorted */
	size_t count;
};

/* Has @pattern, a value of "kernel" or "initrd", a %v? */
bool releases_has_place(const char *pattern);

/*
 * Finds all paths that @pattern gives for a release. A release contains no "/". The paths can be
 * folders. @releases: out; release with releases_free(), after a failure too. Returns false if
 * there is no memory.
 */
bool releases_find(const char *pattern, struct releases *releases);
void releases_free(struct releases *releases);

#endif
