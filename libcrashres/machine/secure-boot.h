/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads whether the firmware verifies what it boots (UEFI Secure Boot).
 *
 *   /sys/firmware/efi/efivars/SecureBoot-8be4df61-...    1: signatures are verified
 *   /sys/firmware/efi/efivars/SetupMode-8be4df61-...     1: no platform key is enrolled, so
 *                                                        no signature is verified
 *
 * Such a file has 4 bytes of attributes, then the value of the variable: here one byte (UEFI
 * specification, 3.3; efivarfs in the documentation of Linux).
 */
#ifndef CRS_SECURE_BOOT_H
#define CRS_SECURE_BOOT_H

#include "../base/ctx.h"

/*
 * Returns YES or NO as efi_get_secureboot_mode() of the kernel decides, or UNKNOWN if efivarfs
 * is not mounted. A machine without EFI has no Secure Boot.
 */
enum crashres_answer crs_secure_boot_read(struct crashres_ctx *ctx);

/* Parses the @size bytes of a variable with one byte. UNKNOWN: another size or value. */
enum crashres_answer crs_efivar_parse(const uint8_t *data, size_t size);

#endif
