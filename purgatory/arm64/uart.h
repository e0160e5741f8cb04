/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* uart.h: writes to the serial ports that purgatory supports. */
#ifndef PURGATORY_UART_H
#define PURGATORY_UART_H

#include <stdbool.h>
#include <stdint.h>

#include "clock.h"

#pragma GCC visibility push(hidden)

/* The UART and the time that is left for the current line. */
struct pg_uart {
	struct pg_clock clock;		/* its limit covers all waits of the line */
	uint64_t base;			/* physical address of the first register */
	uint32_t type;			/* enum purgatory_uart */
	uint32_t stride, width;		/* of a 16550, bytes: see abi.h */
	uint32_t polls;			/* status reads that are left for the line */
};

/*
 * The limit of polls for a line. It is needed if firmware did not set CNTFRQ or if the
 * counter stands still. A read of FR or LSR takes between 50 ns and 1 us, so all reads
 * together take at most about a second.
 */
#define PG_UART_POLLS	1000000

/*
 * Sends one character. Waits for room in the transmit FIFO. Returns false if the time or
 * the polls run out before that, or if there is no supported UART. Accesses can abort.
 */
bool pg_uart_put(struct pg_uart *uart, char c);

/* Waits until all characters are sent. Returns false like pg_uart_put(). */
bool pg_uart_drain(struct pg_uart *uart);

#pragma GCC visibility pop

#endif
