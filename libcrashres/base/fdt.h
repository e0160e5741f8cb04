/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Checks a device tree before libfdt reads it. Device trees come from users' files,
 * from firmware and from the inside of kernel images: every byte is hostile.
 */
#ifndef CRS_FDT_H
#define CRS_FDT_H

#include <stddef.h>

/*
 * Checks the @size bytes at @dtb. After success, no read-only function of libfdt reads
 * outside of them. @dtb need not be aligned.
 *
 * Return: 0, or a negative FDT_ERR_ value for fdt_strerror().
 */
int crs_fdt_check(const void *dtb, size_t size);

#endif
