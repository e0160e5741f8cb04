/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * uart.c: the serial ports purgatory can write to. The old kernel has set the
 * port up; only its data register is ever written.
 */
#include "abi.h"
#include "uart.h"

/* PL011 TRM (DDI 0183) 3.2; the SBSA subset has these two and no line control. */
#define PL011_DR	0x00
#define PL011_FR	0x18
#define FR_BUSY		(1U << 3)
#define FR_TXFF		(1U << 5)

/*
 * PC16550D data sheet (TI SNLS378) 8.0. Not bytes: numbers of registers. DLAB is
 * 0, but while somebody sets the speed: then a character is lost, no more.
 */
#define NS16550_THR	0
#define NS16550_LSR	5
#define LSR_THRE	(1U << 5)
#define LSR_TEMT	(1U << 6)

/* SBSA ports may take nothing but 32-bit accesses (SPCR type 0xd). */
static uint32_t read32(uint64_t address)
{
	return *(const volatile uint32_t *)address;
}

static void write32(uint64_t address, uint32_t value)
{
	*(volatile uint32_t *)address = value;
}

static bool pl011_wait(struct pg_uart *uart, uint32_t flag)
{
	for (; uart->polls; uart->polls--) {
		if (!(read32(uart->base + PL011_FR) & flag))
			return true;
		if (pg_clock_is_over(&uart->clock))
			return false;
	}
	return false;
}

static bool pl011_put(struct pg_uart *uart, char c)
{
	if (!pl011_wait(uart, FR_TXFF))
		return false;
	write32(uart->base + PL011_DR, (uint8_t)c);
	return true;
}

static uint64_t ns16550_register(const struct pg_uart *uart, uint64_t number)
{
	return uart->base + number * uart->stride;
}

static uint32_t ns16550_read(const struct pg_uart *uart, uint64_t number)
{
	uint64_t address = ns16550_register(uart, number);

	return uart->width == 4 ? read32(address) : *(const volatile uint8_t *)address;
}

static void ns16550_write(const struct pg_uart *uart, uint64_t number, uint8_t value)
{
	uint64_t address = ns16550_register(uart, number);

	if (uart->width == 4)
		write32(address, value);
	else
		*(volatile uint8_t *)address = value;
}

static bool ns16550_wait(struct pg_uart *uart, uint32_t flag)
{
	if (uart->width != 1 && uart->width != 4)
		return false;
	for (; uart->polls; uart->polls--) {
		if (ns16550_read(uart, NS16550_LSR) & flag)
			return true;
		if (pg_clock_is_over(&uart->clock))
			return false;
	}
	return false;
}

static bool ns16550_put(struct pg_uart *uart, char c)
{
	if (!ns16550_wait(uart, LSR_THRE))
		return false;
	ns16550_write(uart, NS16550_THR, (uint8_t)c);
	return true;
}

bool pg_uart_put(struct pg_uart *uart, char c)
{
	switch (uart->type) {
	case PURGATORY_UART_PL011:
		return pl011_put(uart, c);
	case PURGATORY_UART_16550:
		return ns16550_put(uart, c);
	default:
		return false;
	}
}

bool pg_uart_drain(struct pg_uart *uart)
{
	switch (uart->type) {
	case PURGATORY_UART_PL011:
		return pl011_wait(uart, FR_BUSY);
	case PURGATORY_UART_16550:
		return ns16550_wait(uart, LSR_TEMT);
	default:
		return false;
	}
}
