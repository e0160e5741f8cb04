/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Parses the values of options that several commands share, such as --on-damage. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "values.h"

bool values_refuse(const struct value *value, const char *expected)
{
	bool is_key = strchr(value->command, ':');

	fprintf(stderr, "%s: %s%s takes %s, not \"%s\"\n", value->command, is_key ? "" : "--",
		value->option, expected, value->text);
	return false;
}

/* Writes @words as a phrase, such as "reset, halt or boot". @size is that of @list in bytes. */
static void list_words(char *list, size_t size, const char *const words[])
{
	size_t used = 0;

	for (size_t i = 0; words[i] && used < size; i++) {
		const char *separator = !i ? "" : words[i + 1] ? ", " : " or ";

		used += (size_t)snprintf(list + used, size - used, "%s%s", separator, words[i]);
	}
}

bool values_word(const struct value *value, const char *const words[], unsigned int *index)
{
	char list[128] = "";

	for (unsigned int i = 0; words[i]; i++) {
		if (!strcmp(value->text, words[i])) {
			*index = i;
			return true;
		}
	}
	list_words(list, sizeof(list), words);
	return values_refuse(value, list);
}

/*
 * Parses the digits at the start of @text; *@end points behind them. @base is that of strtoull().
 * The first character must be a digit, because strtoull() also accepts blanks and a sign.
 */
static bool parse_number(const char *text, int base, uint64_t *number, char **end)
{
	errno = 0;
	*number = strtoull(text, end, base);
	return !errno && *text >= '0' && *text <= '9';
}

bool values_address(const struct value *value, uint64_t *address)
{
	char *end;

	return (parse_number(value->text, 0, address, &end) && *end == '\0') ||
	       values_refuse(value, "an address such as 0x80000000");
}

/*
 * The limit of one day only catches typing errors. purgatory multiplies the seconds by the
 * frequency of the counter, which then cannot overflow 64 bits.
 */
bool values_seconds(const struct value *value, uint32_t *seconds)
{
	uint64_t number;
	char *end;

	if (!parse_number(value->text, 10, &number, &end) || *end != '\0' || number > 86400)
		return values_refuse(value, "a number of seconds from 0 to 86400");
	*seconds = (uint32_t)number;
	return true;
}

bool values_fd(const struct value *value, int *fd)
{
	uint64_t number;
	char *end;

	if (!parse_number(value->text, 10, &number, &end) || *end != '\0' || number > 1 << 20) {
		fprintf(stderr, "%s: --%s takes the number of a file descriptor\n",
			value->command, value->option);
		return false;
	}
	*fd = (int)number;
	return true;
}

bool values_on_damage(const struct value *value, enum crashres_on_damage *on_damage)
{
	/* The order is that of the enum: the index is the value. */
	static const char *const words[] = { "reset", "halt", "boot", NULL };
	unsigned int index;

	if (!values_word(value, words, &index))
		return false;
	*on_damage = (enum crashres_on_damage)index;
	return true;
}

bool values_on_timeout(const struct value *value, enum crashres_on_timeout *on_timeout)
{
	/* The order is that of the enum: the index is the value. */
	static const char *const words[] = { "boot", "reset", "halt", NULL };
	unsigned int index;

	if (!values_word(value, words, &index))
		return false;
	*on_timeout = (enum crashres_on_timeout)index;
	return true;
}

/* Parses a number from 0 to 100 with up to two decimals: "6.25" becomes 625. */
static bool parse_hundredths(const char *text, uint64_t *hundredths)
{
	uint64_t whole;
	char *end;

	if (!parse_number(text, 10, &whole, &end) || whole > 100)
		return false;
	*hundredths = whole * 100;
	if (*end == '.') {
		size_t digits = strspn(++end, "0123456789");

		if (digits < 1 || digits > 2)
			return false;
		*hundredths += (uint64_t)(end[0] - '0') * 10;
		*hundredths += digits == 2 ? (uint64_t)(end[1] - '0') : 0;
		end += digits;
	}
	return *end == '\0';
}

bool values_repair(const struct value *value, uint32_t *repair)
{
	uint64_t hundredths;

	*repair = !strcmp(value->text, "auto") ? CRASHRES_REPAIR_AUTO : 0;
	if (*repair || !strcmp(value->text, "off"))
		return true;
	if (!parse_hundredths(value->text, &hundredths) || !hundredths || hundredths > 10000)
		return values_refuse(value, "auto, off or a number from 0.01 to 100");
	*repair = (uint32_t)hundredths;
	return true;
}
