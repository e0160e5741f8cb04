/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What libfdt may be given: device trees come from files that nobody has looked at. */
#ifndef CRS_FDT_H
#define CRS_FDT_H

#include <stddef.h>

/*
 * As fdt_check_full(): 0, or the negative error of a tree that is damaged. After
 * 0 libfdt reads nothing outside of @size, whatever it is asked.
 */
int crs_fdt_check(const void *dtb, size_t size);

#endif
