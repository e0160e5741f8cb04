/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "values.h"

bool values_bad(const char *name, const char *text)
{
	fprintf(stderr, "Bad option value in --%s=%s\n", name, text);
	return false;
}

/* Digits alone: strtoull() would take blanks and a sign too. */
static bool parse_number(const char *text, int base, uint64_t *value, char **end)
{
	errno = 0;
	*value = strtoull(text, end, base);
	return !errno && *text >= '0' && *text <= '9';
}

bool values_address(const char *name, const char *text, uint64_t *value)
{
	char *end;

	return (parse_number(text, 0, value, &end) && *end == '\0') || values_bad(name, text);
}

/* A day is far more than anybody waits for a machine. */
bool values_seconds(const char *name, const char *text, uint32_t *seconds)
{
	uint64_t value;
	char *end;

	if (!parse_number(text, 10, &value, &end) || *end != '\0' || value > 86400)
		return values_bad(name, text);
	*seconds = (uint32_t)value;
	return true;
}

bool values_on_damage(const char *name, const char *text, enum crashres_on_damage *on_damage)
{
	static const struct {
		const char *name;
		enum crashres_on_damage value;
	} policies[] = {
		{ "reset", CRASHRES_ON_DAMAGE_RESET },
		{ "halt", CRASHRES_ON_DAMAGE_HALT },
		{ "boot", CRASHRES_ON_DAMAGE_BOOT },
	};

	for (size_t i = 0; i < sizeof(policies) / sizeof(*policies); i++) {
		if (!strcmp(text, policies[i].name)) {
			*on_damage = policies[i].value;
			return true;
		}
	}
	return values_bad(name, text);
}

bool values_repair(const char *name, const char *text, uint32_t *repair)
{
	uint64_t percent, value;
	char *end;

	*repair = !strcmp(text, "auto") ? CRASHRES_REPAIR_AUTO : 0;
	if (*repair || !strcmp(text, "off"))
		return true;
	if (!parse_number(text, 10, &percent, &end) || percent > 100)
		return values_bad(name, text);
	value = percent * 100;
	if (*end == '.') {
		size_t digits = strspn(++end, "0123456789");

		if (digits < 1 || digits > 2)
			return values_bad(name, text);
		value += (uint64_t)(end[0] - '0') * 10 + (digits == 2 ? (uint64_t)(end[1] - '0') : 0);
		end += digits;
	}
	if (*end != '\0' || !value || value > 10000)
		return values_bad(name, text);
	*repair = (uint32_t)value;
	return true;
}
