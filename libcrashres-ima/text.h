/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * text.h: text from certificates in fixed buffers. The text is UTF-8 for a terminal and for
 * JSON, so it is cut only between characters and gives no commands to a terminal.
 */
#ifndef CRS_IMA_TEXT_H
#define CRS_IMA_TEXT_H

#include <stddef.h>

/*
 * Copies @size hostile bytes to @to, cut to @capacity bytes with the NUL. A backslash and two
 * hexadecimal digits replace each byte
 *
 *   that is not UTF-8
 *   of a control character, U+0000 to U+001F and U+007F to U+009F
 *   of a character that changes the direction of the text or ends the line: U+061C, U+200E,
 *   U+200F, U+2028 to U+202E, U+2066 to U+2069
 */
void crs_text_escape(char *to, size_t capacity, const char *from, size_t size);

/* Copies the UTF-8 text @from to @to, cut to @capacity bytes with the NUL. */
void crs_text_copy(char *to, size_t capacity, const char *from);

/* Removes an incomplete UTF-8 character at the end of @text. */
void crs_text_trim(char *text);

#endif
