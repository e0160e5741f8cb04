/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* location.c: copy a location without the PIN that it can contain. */
#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "location.h"

/* Stands for the value of a secret attribute. */
static const char mask[] = "***";

/* The attributes whose values are masked (RFC 7512, 2.4). */
static const char *const secrets[] = { "pin-value", "pin-source" };

/* Returns the value of a hexadecimal digit, or -1. */
static int hex_digit(char digit)
{
	static const char digits[] = "0123456789abcdef";
	const char *found = digit ? strchr(digits, tolower((unsigned char)digit)) : NULL;

	return found ? (int)(found - digits) : -1;
}

/* Decodes one character at @text, plain or "%70", in lower case. @size: out; bytes read. */
static int decode(const char *text, size_t *size)
{
	int high = *text == '%' ? hex_digit(text[1]) : -1;
	int low = high < 0 ? -1 : hex_digit(text[2]);

	*size = low < 0 ? 1 : 3;
	return tolower(low < 0 ? (unsigned char)*text : high << 4 | low);
}

/* Returns the size of "@name=" at @text in any spelling, or 0 for other text. */
static size_t match(const char *text, const char *name)
{
	size_t used = 0, size;

	for (; *name; name++, used += size)
		if (decode(text + used, &size) != *name)
			return 0;
	return decode(text + used, &size) == '=' ? used + size : 0;
}

/* Returns the size of the name of a secret attribute at @text with its "=", or 0. */
static size_t match_secret(const char *text)
{
	for (size_t i = 0; i < sizeof(secrets) / sizeof(*secrets); i++) {
		size_t size = match(text, secrets[i]);

		if (size)
			return size;
	}
	return 0;
}

/*
 * Appends @size bytes at @from to @to and moves both. The copy is never longer than
 * crs_location_name() has allocated.
 */
static void copy(char **to, const char **from, size_t size)
{
	memcpy(*to, *from, size);
	*to += size;
	*from += size;
}

char *crs_location_name(const char *location)
{
	/* Each byte can grow to at most one mask: a value can be empty. */
	char *name = malloc(strlen(location) * sizeof(mask) + 1), *to = name;
	bool in_query = false, at_start = false;

	if (!name)
		return NULL;
	while (*location) {
		size_t size = at_start ? match_secret(location) : 0;

		if (size) {
			copy(&to, &location, size);
			/* A ";" ends a value of the path. In the query it is part of the value. */
			location += strcspn(location, in_query ? "&" : ";?");
			memcpy(to, mask, sizeof(mask) - 1);
			to += sizeof(mask) - 1;
			at_start = false;
			continue;
		}
		in_query |= *location == '?';
		at_start = strchr(":;?&", *location);
		copy(&to, &location, 1);
	}
	*to = '\0';
	return name;
}
