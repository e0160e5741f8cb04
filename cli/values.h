/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Parses the values of options that several commands share, such as --on-damage.
 *
 * Each function returns true and stores the value, or prints one line on stderr that names the
 * option and what it takes, and returns false. After a failure the stored value is undefined.
 */
#ifndef CLI_VALUES_H
#define CLI_VALUES_H

#include <crashres/crashres.h>

/*
 * One option on a command line, or one key of a configuration file, for parsing and for the error
 * message. All strings are borrowed.
 */
struct value {
	const char *command;		/* name of the program: "kexec". For a key also the place:
					   "kexec: FILE:LINE". The colon shows that it is a key,
					   which messages name without dashes */
	const char *option;		/* long name without dashes: "on-damage" */
	const char *text;		/* the value as the user typed it */
};

/*
 * Prints "COMMAND: --OPTION takes EXPECTED, not "TEXT"" on stderr; without "--" for a key. Always
 * returns false.
 */
bool values_refuse(const struct value *value, const char *expected);

/* Accepts one of @words, a list that ends with NULL. @index: out; position in the list. */
bool values_word(const struct value *value, const char *const words[], unsigned int *index);

/* Accepts a physical address: decimal, octal after 0, or hexadecimal after 0x. */
bool values_address(const struct value *value, uint64_t *address);

/* Accepts whole seconds from 0 to 86400 (one day). */
bool values_seconds(const struct value *value, uint32_t *seconds);

/*
 * Accepts the number of a file descriptor. The limit of 2^20 keeps it in an int. The message leaves
 * out a wrong text, which can be the passphrase itself.
 */
bool values_fd(const struct value *value, int *fd);

bool values_on_damage(const struct value *value, enum crashres_on_damage *on_damage);
bool values_on_timeout(const struct value *value, enum crashres_on_timeout *on_timeout);

/*
 * Accepts "auto" (CRASHRES_REPAIR_AUTO), "off" (0), or a percentage from 0.01 to 100 with up to
 * two decimals. @repair: out; parity in 1/100 % of the checked bytes.
 */
bool values_repair(const struct value *value, uint32_t *repair);

#endif
