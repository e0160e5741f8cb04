/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* console.h: one line of text. What does not fit is cut off. */
#ifndef PURGATORY_CONSOLE_H
#define PURGATORY_CONSOLE_H

#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

struct pg_line {
	unsigned int size;
	char text[256];
};

void pg_line_text(struct pg_line *line, const char *text);
void pg_line_name(struct pg_line *line, const char *name, size_t size_max);
void pg_line_decimal(struct pg_line *line, uint64_t value);
void pg_line_hex(struct pg_line *line, uint64_t value);
void pg_line_bytes(struct pg_line *line, const uint8_t *bytes, size_t size);
void pg_line_print(struct pg_line *line);

#pragma GCC visibility pop

#endif
