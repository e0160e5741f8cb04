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
};

/* False if the UART does not take it before the time is over. */
bool pg_uart_put(const struct pg_uart *uart, char c);
bool pg_uart_drain(const struct pg_uart *uart);

#pragma GCC visibility pop

#endif
