/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * uart.c: the serial ports purgatory can write to. The old kernel has set the
 * port up; only its data register is ever written.
 */
#include "purgatory.h"

/* PL011 TRM (DDI 0183) 3.2; the SBSA subset has these two and no line control. */
#define PL011_DR	0x00
#define PL011_FR	0x18
#define FR_BUSY		(1U << 3)
#define FR_TXFF		(1U << 5)

/*
 * One character takes 8 ms at 1200 baud; a read of FR hardly less than 50 ns
 * and hardly more than 1 us. So this waits for the slowest port there is, and
 * about a second, once, for a port whose clock the old kernel has stopped.
 */
#define POLLS_MAX	1000000

/* SBSA ports may take nothing but 32-bit accesses (SPCR type 0xd). */
static uint32_t read32(uint64_t address)
{
	return *(const volatile uint32_t *)address;
}

static void write32(uint64_t address, uint32_t value)
{
	*(volatile uint32_t *)address = value;
}

static bool pl011_wait(uint64_t base, uint32_t flag)
{
	for (unsigned int polls = 0; polls < POLLS_MAX; polls++)
		if (!(read32(base + PL011_FR) & flag))
			return true;
	return false;
}

static bool pl011_put(uint64_t base, char c)
{
	if (!pl011_wait(base, FR_TXFF))
		return false;
	write32(base + PL011_DR, (uint8_t)c);
	return true;
}

bool pg_uart_put(const struct pg_uart *uart, char c)
{
	switch (uart->type) {
	case PURGATORY_UART_PL011:
		return pl011_put(uart->base, c);
	default:
		return false;
	}
}

bool pg_uart_drain(const struct pg_uart *uart)
{
	switch (uart->type) {
	case PURGATORY_UART_PL011:
		return pl011_wait(uart->base, FR_BUSY);
	default:
		return false;
	}
}
