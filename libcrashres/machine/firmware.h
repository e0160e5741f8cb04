/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Finds the two devices that purgatory uses, in the tables of the firmware:
 *  - a UART for purgatory's console line
 *  - the PSCI conduit (SMC or HVC instruction) for the reset
 *
 * Sources: the boot DTB, otherwise the ACPI tables SPCR (UART) and FADT (conduit). The
 * bytes of all these tables are hostile.
 */
#ifndef CRS_FIRMWARE_H
#define CRS_FIRMWARE_H

#include "../../purgatory/abi.h"
#include "../base/ctx.h"

/* A struct of zeros means: no UART, unknown conduit. */
struct crs_firmware {
	enum purgatory_uart uart;
	uint64_t uart_base;		/* physical address of the first register */
	enum purgatory_conduit conduit;
	uint32_t uart_stride;		/* bytes from a register to the next; 0 unless a 16550 */
	uint32_t uart_width;		/* bytes of an access, 1 or 4; 0 unless a 16550 */
};

/* Sets the UART to a PL011 with its registers at the physical address @base. */
void crs_firmware_set_pl011(struct crs_firmware *firmware, uint64_t base);

/*
 * Sets the UART to a 16550. @base, @stride and @width are as in struct crs_firmware.
 *
 * Return: false, with @firmware unchanged, if purgatory cannot access such registers.
 */
bool crs_firmware_set_16550(struct crs_firmware *firmware, uint64_t base, uint64_t stride,
			    uint64_t width);

/*
 * Each of these three parses a table of @size bytes. They set the members that they find
 * and leave the others unchanged. A damaged table is the same as an empty one.
 */
void crs_firmware_from_dtb(const void *dtb, size_t size, struct crs_firmware *firmware);
void crs_firmware_from_spcr(const void *spcr, size_t size, struct crs_firmware *firmware);
void crs_firmware_from_fadt(const void *fadt, size_t size, struct crs_firmware *firmware);

/*
 * Does the running kernel use a UART of this kind as a console? A UART that the kernel
 * does not use can be without clock or power, and an access to it can hang the machine.
 *
 * @consoles: text of /proc/consoles.
 */
bool crs_firmware_uart_is_console(const struct crs_firmware *firmware, const char *consoles);

#endif
