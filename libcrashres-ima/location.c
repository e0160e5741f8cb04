/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* location.c: copy a location without the PIN that it can contain. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "location.h"

/* Stands for the value of a secret attribute and everything behind it. */
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
	while (decode(text + used, &size) == ' ')
		used += size;
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

char *crs_location_name(const char *location)
{
	char *name;

	for (const char *text = location; *text; text++) {
		size_t size = match_secret(text);

		if (size)
			return asprintf(&name, "%.*s%s", (int)(text + size - location), location,
					mask) < 0 ? NULL : name;
	}
	return strdup(location);
}
