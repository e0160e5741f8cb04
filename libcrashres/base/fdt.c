/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <libfdt.h>

#include "fdt.h"

/*
 * Before this version a node had its whole path for a name. libfdt 1.6.1 says
 * that it reads those too, but follows a null pointer where such a name has no
 * slash; dtc has written 17 since 2005.
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
