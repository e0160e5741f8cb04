/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Checks a device tree before any other function of libfdt reads it. */
#include <libfdt.h>

#include "fdt.h"

/*
 * The oldest accepted version of the format. Up to version 15 the name of a node was its
 * whole path. libfdt 1.6.1 accepts such trees but dereferences a null pointer if a name
 * has no slash. dtc writes version 17 since 2005.
 */
#define VERSION_MIN 16

int crs_fdt_check(const void *dtb, size_t size)
{
	if (size < sizeof(struct fdt_header))
		return -FDT_ERR_TRUNCATED;
	if (fdt_magic(dtb) == FDT_MAGIC && fdt_version(dtb) < VERSION_MIN)
		return -FDT_ERR_BADVERSION;
	return fdt_check_full(dtb, size);
}
