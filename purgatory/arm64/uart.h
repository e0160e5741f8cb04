/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* uart.h: the serial ports purgatory can write to. */
#ifndef PURGATORY_UART_H
#define PURGATORY_UART_H

#include <stdbool.h>
#include <stdint.h>

#include "clock.h"

#pragma GCC visibility push(hidden)

struct pg_uart {
	struct pg_clock clock;
	uint64_t base;
	uint32_t type;					/* enum purgatory_uart */
	uint32_t stride, width;				/* of a 16550, see abi.h */
	uint32_t polls;					/* that are left for this line */
};

/*
 * The bound for a line if firmware did not set CNTFRQ, or if the counter stands
 * still: about a second, because a read of FR or LSR takes between 50 ns and 1 us.
 */
#define PG_UART_POLLS	1000000

/* False if the UART does not take it before the time is over. */
bool pg_uart_put(struct pg_uart *uart, char c);
bool pg_uart_drain(struct pg_uart *uart);

#pragma GCC visibility pop

#endif
