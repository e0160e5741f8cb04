/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes the inside of a JSON string byte by byte, from text in any encoding. */
#ifndef VMCORE_DMESG_JSON_H
#define VMCORE_DMESG_JSON_H

#include <stddef.h>

/*
 * Most bytes that one byte of text becomes: U+FFFD (3 bytes) for an unfinished character before
 * it, and an escape of the form \u00xx (6 bytes).
 */
#define JSON_BYTE_MAX 9

/* The bytes of a UTF-8 character that is not complete yet. Initialise with zeros. */
struct json_text {
	unsigned char bytes[4];
	size_t size;			/* bytes so far; 0: no character was begun */
	size_t wanted;			/* bytes of the whole character: 2 to 4 */
};

/*
 * Adds one byte of text. Writes the characters that are complete now to @out; returns the number
 * of bytes written. Bytes that are not UTF-8 become U+FFFD: one for each maximal part that could
 * begin a character (Unicode Standard, section 3.9).
 */
size_t json_byte(struct json_text *text, unsigned char byte, char out[JSON_BYTE_MAX]);

/* Ends the text: writes U+FFFD to @out if the last character is not complete. */
size_t json_end(struct json_text *text, char out[JSON_BYTE_MAX]);

#endif
