/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The place from which crashres reads the passphrase of a private key or the PIN of a token. */
#ifndef CRASHRES_PASSPHRASE_H
#define CRASHRES_PASSPHRASE_H

#include <crashres/ima.h>

#include "../cli/values.h"

#define PASSPHRASE_NO_FD (-1)

/* The first place that is set is used; without one, the terminal. */
struct passphrase {
	const char *file;		/* borrowed path; its first line; NULL: none */
	const char *variable;		/* borrowed name of an environment variable; NULL: none */
	int fd;				/* borrowed descriptor; one line; or PASSPHRASE_NO_FD */
};

#define PASSPHRASE_TERMINAL { .fd = PASSPHRASE_NO_FD }

/*
 * Stores the value of --passphrase-fd, --passphrase-file or --passphrase-env; @value has the name
 * of the option. Returns false after one line on stderr, also if another one was given before.
 */
bool passphrase_parse(const struct value *value, struct passphrase *passphrase);

/*
 * Finds out whether the file can be read and the variable is set, before a token is opened.
 * Warns on stderr if every user can read the file.
 *
 * Returns NULL, or a sentence that the caller frees.
 */
char *passphrase_find_problem(const struct passphrase *passphrase);

/* A crashres_passphrase_fn (crashres/ima.h); @data is a struct passphrase. */
bool passphrase_get(void *data, const char *location, char *buffer, size_t capacity, size_t *size);

#endif
