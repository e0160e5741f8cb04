/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keyrings of a kernel for tests: replaces keyctl(2) by a table. */
#ifndef UNIT_KEYS_H
#define UNIT_KEYS_H

#include "../../libcrashres/machine/keyrings.h"
#include "support.h"

/* A key of the table. The table ends with serial 0. */
struct keys_entry {
	int32_t serial;
	const char *description;	/* as KEYCTL_DESCRIBE returns it; NULL: EACCES */
	int32_t members[8];		/* of a keyring; ends with 0; first member -1: EACCES */
};

/*
 * Makes @table the keys of the running kernel: writes /proc/keys into the test's folder, which
 * becomes the live root, and replaces keyctl(2). @table must live as long as @unit.
 */
void keys_install(struct unit *unit, const struct keys_entry *table);

/* As keys_install(). @type: of all keys of certificates; keys_install() makes RSA keys. */
void keys_install_type(struct unit *unit, const struct keys_entry *table, const char *type);

#endif
