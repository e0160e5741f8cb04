/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Rebuilds a DTB from the files of the running kernel's device tree.
 *
 * /proc/device-tree has a folder for each node and a file for each property
 * (Documentation/ABI/testing/sysfs-firmware-ofw). It also exists if /sys/firmware/fdt
 * does not: the kernel hides the boot DTB if something wrote to it after boot
 * (of_fdt_raw_init(), "CRC check failed").
 *
 * The rebuilt DTB differs from the boot DTB:
 *  - The order of the nodes is lost. The library sorts nodes by name and unit address.
 *  - The /memreserve/ block is missing, because the kernel does not export it.
 *  - Overlays and other changes at run time are included.
 */
#ifndef CRS_DEVICETREE_H
#define CRS_DEVICETREE_H

#include "../base/ctx.h"

/*
 * Reads the tree below the context's root and makes a DTB from it.
 *
 * @dtb: out; the caller frees it with free(3).
 *
 * Return:
 *   CRASHRES_ERR_OS           there is no tree, or a file cannot be read
 *   CRASHRES_ERR_FORMAT       an entry is neither a folder nor a file (a symbolic link,
 *                             for example), or one file is larger than 2 MiB
 *   CRASHRES_ERR_LIMIT        the tree is larger or deeper than the kernel accepts
 *   CRASHRES_ERR_UNSUPPORTED  the tree describes no memory: Linux runs by ACPI and did
 *                             not boot with this tree
 */
enum crashres_status crs_devicetree_read(struct crashres_ctx *ctx, uint8_t **dtb, size_t *size);

#endif
