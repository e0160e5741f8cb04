/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What firmware says about the two things purgatory needs outside memory: a
 * UART to report to and the way to reset. Sources: the boot DTB, else ACPI's
 * SPCR and FADT. Both tables are hostile input.
 */
#ifndef CRS_FIRMWARE_H
#define CRS_FIRMWARE_H

#include "../../purgatory/handover.h"
#include "../ctx.h"

struct crs_firmware {
	enum purgatory_uart uart;
	uint64_t uart_base;
	enum purgatory_conduit conduit;
};

/* Fills in what it finds and leaves the rest as it is. */
void crs_firmware_from_dtb(const void *dtb, size_t size, struct crs_firmware *firmware);
void crs_firmware_from_spcr(const void *spcr, size_t size, struct crs_firmware *firmware);
void crs_firmware_from_fadt(const void *fadt, size_t size, struct crs_firmware *firmware);

#endif
