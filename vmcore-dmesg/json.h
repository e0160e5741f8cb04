/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The inside of a JSON string, byte by byte, out of text of any kind. */
#ifndef VMCORE_DMESG_JSON_H
#define VMCORE_DMESG_JSON_H

#include <stddef.h>

/* What a byte can become: U+FFFD for what was begun before it, and itself as \u00xx. */
#define JSON_BYTE_MAX 9

/* Bytes of a character that is not whole yet. Starts as zeros. */
struct json_text {
	unsigned char bytes[4];
	size_t size;
	size_t wanted;
};

/*
 * Takes one byte and puts what is sure now into @out: returns its size. What is no UTF-8 becomes
 * U+FFFD, once for each part that can begin no character, as the Unicode Standard has it (3.9).
 */
size_t json_byte(struct json_text *text, unsigned char byte, char out[JSON_BYTE_MAX]);

/* At the end of a text: U+FFFD for a character that was not finished. */
size_t json_end(struct json_text *text, char out[JSON_BYTE_MAX]);

#endif
