/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * console.h: builds one line of text and prints it to the UART.
 *
 * Every pg_line_ function appends to @line. Characters beyond the end of the buffer
 * are dropped. The caller sets size to 0 to begin a line.
 */
#ifndef PURGATORY_CONSOLE_H
#define PURGATORY_CONSOLE_H

#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

struct pg_line {
	unsigned int size;	/* characters in text */
	char text[256];		/* not NUL-terminated */
};

void pg_line_text(struct pg_line *line, const char *text);
/* Appends the name in a field of @size_max bytes; the NUL at its end can be missing. */
void pg_line_name(struct pg_line *line, const char *name, size_t size_max);
void pg_line_decimal(struct pg_line *line, uint64_t value);
/* Appends "0x" and the digits without leading zeros. */
void pg_line_hex(struct pg_line *line, uint64_t value);
/* Appends two hexadecimal digits for each byte. */
void pg_line_bytes(struct pg_line *line, const uint8_t *bytes, size_t size);
/* Prints the line. A missing, hanging or aborting UART does not stop purgatory. */
void pg_line_print(struct pg_line *line);

#pragma GCC visibility pop

#endif
