/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * console.c: builds one line of text and prints it to the UART.
 *
 * The console must never stop purgatory. The old kernel can have switched off the clock
 * or the power of the UART. So a line has a fixed size, a time limit ends the wait for
 * a UART that does not answer, and an abort ends the line.
 */
#include <stdbool.h>

#include "arm64/exception.h"
#include "arm64/uart.h"
#include "shared/params.h"
#include "access.h"
#include "console.h"
#include "image.h"

/*
 * The limit for all waits of one line together. 115200 baud send 230 characters in
 * this time, more than the line of a check has.
 */
#define LINE_MILLISECONDS	20

static void put_char(struct pg_line *line, char c)
{
	if (line->size < sizeof(line->text))
		line->text[line->size++] = c;
}

void pg_line_text(struct pg_line *line, const char *text)
{
	while (*text)
		put_char(line, *text++);
}

void pg_line_name(struct pg_line *line, const char *name, size_t size_max)
{
	for (size_t i = 0; i < size_max && name[i]; i++)
		put_char(line, name[i]);
}

void pg_line_decimal(struct pg_line *line, uint64_t value)
{
	uint64_t unit = 1;

	while (value / unit >= 10)
		unit *= 10;
	for (; unit; unit /= 10)
		put_char(line, (char)('0' + value / unit % 10));
}

static char hex_digit(unsigned int value)
{
	return (char)(value < 10 ? '0' + value : 'a' + value - 10);
}

void pg_line_hex(struct pg_line *line, uint64_t value)
{
	int shift = 60;

	while (shift && !(value >> shift))
		shift -= 4;
	pg_line_text(line, "0x");
	for (; shift >= 0; shift -= 4)
		put_char(line, hex_digit(value >> shift & 15));
}

void pg_line_bytes(struct pg_line *line, const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		put_char(line, hex_digit(bytes[i] >> 4));
		put_char(line, hex_digit(bytes[i] & 15));
	}
}

static void send_line(void *arg)
{
	const struct pg_line *line = arg;
	struct pg_uart uart = {
		.base = pg_params.uart_base, .type = pg_params.uart_type,
		.stride = pg_params.uart_stride, .width = pg_params.uart_width,
		.polls = PG_UART_POLLS,
	};

	/* The params can be damaged: "purgatory itself is damaged" is printed this way too. */
	if (pg_params_uart_sum(&pg_params) != pg_params.uart_sum)
		return;
	pg_clock_start_short(&uart.clock, LINE_MILLISECONDS);
	for (unsigned int i = 0; i < line->size; i++)
		if (!pg_uart_put(&uart, line->text[i]))
			return;
	/* A reset would destroy the characters that the UART has not sent yet. */
	pg_uart_drain(&uart);
}

void pg_line_print(struct pg_line *line)
{
	/* Not pg_access(): its second call would print the line again. */
	pg_drain_serrors();
	pg_try(send_line, line);
}
