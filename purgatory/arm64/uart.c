/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * uart.c: writes to the serial ports that purgatory supports. The old kernel has set up
 * the port, so purgatory writes the data register only.
 */
#include "abi.h"
#include "uart.h"

/*
 * PL011, offsets in bytes (Arm DDI 0183, section 3.2). The SBSA subset has these two
 * registers too, but no registers for speed and line control.
 */
#define PL011_DR	0x00
#define PL011_FR	0x18
#define FR_BUSY		(1U << 3)
#define FR_TXFF		(1U << 5)

/*
 * 16550, numbers of registers (PC16550D data sheet, TI SNLS378, section 8.0). THR is at
 * number 0 only if LCR.DLAB is 0. DLAB is 1 only while the old kernel sets the speed. If
 * the panic hits that moment, the speed can be wrong and the line is lost.
 */
#define NS16550_THR	0
#define NS16550_LSR	5
#define LSR_THRE	(1U << 5)
#define LSR_TEMT	(1U << 6)

/* Some SBSA ports accept 32-bit accesses only (SPCR interface type 0xd). */
static uint32_t read32(uint64_t address)
{
	return *(const volatile uint32_t *)address;
}

static void write32(uint64_t address, uint32_t value)
{
	*(volatile uint32_t *)address = value;
}

/* Waits until @flag in FR is 0. */
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

/* Returns the physical address of register @number. */
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

/* Waits until @flag in LSR is 1. */
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
