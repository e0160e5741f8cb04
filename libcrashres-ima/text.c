/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* text.c: cut and escape UTF-8 (RFC 3629). */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

#define ESCAPE_SIZE	3	/* bytes: a backslash and two digits */
#define LONGEST		4	/* bytes of a character */

/* Returns the bytes of the character that starts with @first; 0: no character does. */
static size_t character_size(uint8_t first)
{
	if (first < 0x80)
		return 1;
	if (first < 0xc2 || first > 0xf4)
		return 0;
	return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

/* Returns the bytes of the character at @text; 0: it is not UTF-8. @code: out; its number. */
static size_t read_character(const uint8_t *text, size_t left, uint32_t *code)
{
	static const uint32_t least[LONGEST + 1] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t size = character_size(text[0]);

	if (!size || size > left)
		return 0;
	*code = size == 1 ? text[0] : text[0] & (0x7fU >> size);
	for (size_t i = 1; i < size; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		*code = *code << 6 | (text[i] & 0x3f);
	}
	if (*code < least[size] || *code > 0x10ffff || (*code >= 0xd800 && *code <= 0xdfff))
		return 0;
	return size;
}

/* Returns true for a character that a terminal obeys instead of printing it. */
static bool is_command(uint32_t code)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = {
		{ 0, 0x1f }, { 0x7f, 0x9f }, { 0x61c, 0x61c }, { 0x200e, 0x200f },
		{ 0x2028, 0x202e }, { 0x2066, 0x2069 },
	};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(*ranges); i++)
		if (code >= ranges[i].first && code <= ranges[i].last)
			return true;
	return false;
}

void crs_text_escape(char *to, size_t capacity, const char *from, size_t size)
{
	const uint8_t *at = (const uint8_t *)from, *end = at + size;
	size_t used = 0;

	while (at < end) {
		uint32_t code = 0;
		size_t length = read_character(at, (size_t)(end - at), &code);
		bool plain = length && !is_command(code);

		length = length ? length : 1;
		if (used + (plain ? length : length * ESCAPE_SIZE) >= capacity)
			break;
		for (size_t i = 0; i < length; i++)
			used += (size_t)snprintf(to + used, capacity - used,
						 plain ? "%c" : "\\%02X", at[i]);
		at += length;
	}
	to[used] = '\0';
}

void crs_text_trim(char *text)
{
	size_t size = strlen(text), start = size;

	/* The first byte of the last character is the last one that does not continue another. */
	while (start && ((uint8_t)text[start - 1] & 0xc0) == 0x80)
		start--;
	if (start && size - start + 1 < character_size((uint8_t)text[start - 1]))
		text[start - 1] = '\0';
}

void crs_text_copy(char *to, size_t capacity, const char *from)
{
	snprintf(to, capacity, "%s", from);
	crs_text_trim(to);
}
