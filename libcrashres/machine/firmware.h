/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What firmware says about the two things purgatory needs outside memory: a
 * UART to report to and the way to reset. Sources: the boot DTB, else ACPI's
 * SPCR and FADT. All of these tables are hostile input.
 */
#ifndef CRS_FIRMWARE_H
#define CRS_FIRMWARE_H

#include "../../purgatory/abi.h"
#include "../base/ctx.h"

struct crs_firmware {
	enum purgatory_uart uart;
	uint64_t uart_base;
	enum purgatory_conduit conduit;
	uint32_t uart_stride, uart_width;	/* as in purgatory/abi.h; 0 but for a 16550 */
};

void crs_firmware_set_pl011(struct crs_firmware *firmware, uint64_t base);

/* Return: false, and nothing set, for registers that purgatory cannot reach. */
bool crs_firmware_set_16550(struct crs_firmware *firmware, uint64_t base, uint64_t stride,
			    uint64_t width);

/* Fills in what it finds and leaves the rest as it is. */
void crs_firmware_from_dtb(const void *dtb, size_t size, struct crs_firmware *firmware);
void crs_firmware_from_spcr(const void *spcr, size_t size, struct crs_firmware *firmware);
void crs_firmware_from_fadt(const void *fadt, size_t size, struct crs_firmware *firmware);

/*
 * Does the running kernel use a UART of this kind as a console, by its
 * /proc/consoles? One that it does not use may have no clock or no power.
 */
bool crs_firmware_uart_is_console(const struct crs_firmware *firmware, const char *consoles);

#endif
