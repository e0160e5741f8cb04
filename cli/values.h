/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Values of options. Each function reports a bad value on stderr, in one line that names the option. */
#ifndef CLI_VALUES_H
#define CLI_VALUES_H

#include <crashres/crashres.h>

/* A value as the user typed it. */
struct value {
	const char *command;		/* for messages: "kexec" */
	const char *option;		/* without dashes */
	const char *text;
};

/* Prints "COMMAND: --OPTION takes EXPECTED, not "TEXT""; false. */
bool values_refuse(const struct value *value, const char *expected);

/* One of @words, which end in NULL; @index says which. */
bool values_word(const struct value *value, const char *const words[], unsigned int *index);

bool values_address(const struct value *value, uint64_t *address);
/* Up to a day. */
bool values_seconds(const struct value *value, uint32_t *seconds);
bool values_on_damage(const struct value *value, enum crashres_on_damage *on_damage);
bool values_on_timeout(const struct value *value, enum crashres_on_timeout *on_timeout);
/* "auto", "off", or a percentage with up to two decimals, in 1/100 %. */
bool values_repair(const struct value *value, uint32_t *repair);

#endif
