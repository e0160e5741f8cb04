/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Not by json-c: it builds a document in memory, and the log may be larger than that; and the
 * capture kernel's initramfs copies this program alone.
 */
#include <stdio.h>
#include <stdbool.h>
#include <string.h>

#include "json.h"

static size_t put(char *out, const void *bytes, size_t size)
{
	memcpy(out, bytes, size);
	return size;
}

static size_t replacement(char *out)
{
	return put(out, "\xef\xbf\xbd", 3);
}

static size_t ascii(unsigned char byte, char *out)
{
	char escape[8];

	switch (byte) {
	case '"':
		return put(out, "\\\"", 2);
	case '\\':
		return put(out, "\\\\", 2);
	case '\n':
		return put(out, "\\n", 2);
	case '\t':
		return put(out, "\\t", 2);
	}
	if (byte >= 0x20)
		return put(out, &byte, 1);
	snprintf(escape, sizeof(escape), "\\u%04x", byte);
	return put(out, escape, 6);
}

/* The Unicode Standard, table 3-7: well-formed UTF-8. */
static bool continues(const struct json_text *text, unsigned char byte)
{
	unsigned char first = text->bytes[0], low = 0x80, high = 0xbf;

	if (text->size == 1) {
		low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : low;
		high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : high;
	}
	return byte >= low && byte <= high;
}

static size_t begin(struct json_text *text, unsigned char byte, char *out)
{
	if (byte < 0x80)
		return ascii(byte, out);
	text->wanted = byte < 0xc2 || byte > 0xf4 ? 0 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
	if (!text->wanted)
		return replacement(out);
	text->bytes[0] = byte;
	text->size = 1;
	return 0;
}

size_t json_byte(struct json_text *text, unsigned char byte, char out[JSON_MOST])
{
	size_t size;

	if (!text->size)
		return begin(text, byte, out);
	if (!continues(text, byte)) {
		size = json_end(text, out);
		return size + begin(text, byte, out + size);
	}
	text->bytes[text->size++] = byte;
	if (text->size < text->wanted)
		return 0;
	size = put(out, text->bytes, text->size);
	text->size = 0;
	return size;
}

size_t json_end(struct json_text *text, char out[JSON_MOST])
{
	if (!text->size)
		return 0;
	text->size = 0;
	return replacement(out);
}
