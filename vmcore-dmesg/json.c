/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writes JSON strings byte by byte. json-c is not used, because it builds a whole document in
 * memory and a log can be larger than the memory of a capture kernel. Also, dracut copies only
 * this program into an initramfs, without libraries.
 */
#include <stdio.h>
#include <stdbool.h>
#include <string.h>

#include "json.h"

/* Every append_ function writes to @out and returns the number of bytes written. */
static size_t append(char *out, const void *bytes, size_t size)
{
	memcpy(out, bytes, size);
	return size;
}

/* U+FFFD, the replacement character, in UTF-8. */
static size_t append_replacement(char *out)
{
	return append(out, "\xef\xbf\xbd", 3);
}

/* JSON (RFC 8259, section 7) requires escapes for the quote, the backslash and bytes below 0x20. */
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

/*
 * Can @byte continue the character in @text? Table 3-7 of the Unicode Standard restricts the
 * second byte, to exclude overlong forms, surrogates and values above U+10FFFF:
 *
 *     first byte    second byte        others
 *     e0            a0 - bf            80 - bf
 *     ed            80 - 9f            80 - bf
 *     f0            90 - bf            80 - bf
 *     f4            80 - 8f            80 - bf
 *     other         80 - bf            80 - bf
 */
static bool is_continuation(const struct json_text *text, unsigned char byte)
{
	unsigned char first = text->bytes[0], low = 0x80, high = 0xbf;

	if (text->size == 1) {
		low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : low;
		high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : high;
	}
	return byte >= low && byte <= high;
}

/*
 * Handles the first byte of a character. ASCII is written at once. The bytes 80 - c1 and f5 - ff
 * cannot begin a character.
 */
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
