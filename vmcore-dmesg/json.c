/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Not by json-c: it builds a document in memory, and the log may be larger than that; and the
 * capture kernel's initramfs copies this program alone.
 */
#include <stdio.h>
#include <stdbool.h>
#include <string.h>

#include "json.h"

static size_t append(char *out, const void *bytes, size_t size)
{
	memcpy(out, bytes, size);
	return size;
}

static size_t append_replacement(char *out)
{
	return append(out, "\xef\xbf\xbd", 3);
}

static size_t append_ascii(unsigned char byte, char *out)
{
	char escape[8];

	switch (byte) {
	case '"':
		return append(out, "\\\"", 2);
	case '\\':
		return append(out, "\\\\", 2);
	case '\n':
		return append(out, "\\n", 2);
	case '\t':
		return append(out, "\\t", 2);
	}
	if (byte >= 0x20)
		return append(out, &byte, 1);
	snprintf(escape, sizeof(escape), "\\u%04x", byte);
	return append(out, escape, 6);
}

/* The Unicode Standard, table 3-7: well-formed UTF-8. */
static bool is_continuation(const struct json_text *text, unsigned char byte)
{
	unsigned char first = text->bytes[0], low = 0x80, high = 0xbf;

	if (text->size == 1) {
		low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : low;
		high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : high;
	}
	return byte >= low && byte <= high;
}

static size_t begin_character(struct json_text *text, unsigned char byte, char *out)
{
	if (byte < 0x80)
		return append_ascii(byte, out);
	text->wanted = byte < 0xc2 || byte > 0xf4 ? 0 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
	if (!text->wanted)
		return append_replacement(out);
	text->bytes[0] = byte;
	text->size = 1;
	return 0;
}

size_t json_byte(struct json_text *text, unsigned char byte, char out[JSON_BYTE_MAX])
{
	size_t size;

	if (!text->size)
		return begin_character(text, byte, out);
	if (!is_continuation(text, byte)) {
		size = json_end(text, out);
		return size + begin_character(text, byte, out + size);
	}
	text->bytes[text->size++] = byte;
	if (text->size < text->wanted)
		return 0;
	size = append(out, text->bytes, text->size);
	text->size = 0;
	return size;
}

size_t json_end(struct json_text *text, char out[JSON_BYTE_MAX])
{
	if (!text->size)
		return 0;
	text->size = 0;
	return append_replacement(out);
}
