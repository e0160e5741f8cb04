/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The running kernel's device tree as files: a folder a node, a file a property
 * (Documentation/ABI/testing/sysfs-firmware-ofw). It is there also where
 * /sys/firmware/fdt is not, because something wrote to the tree after boot
 * (of_fdt_raw_init, "CRC check failed").
 *
 * Flattened it is not quite what was booted: the order of the nodes is lost, and
 * is made by name and unit address, numbers as numbers; /memreserve/ is not
 * shown; what was applied to it at run time is in it.
 */
#ifndef CRS_DEVICETREE_H
#define CRS_DEVICETREE_H

#include "../base/ctx.h"

/*
 * The tree below the context's root, flattened; @dtb is for free(). The tree
 * itself holds no symbolic link; one in it is an error.
 *
 * Return:
 *   CRASHRES_ERR_OS           there is none, or it cannot be read
 *   CRASHRES_ERR_FORMAT       there is something else than folders and files, or a
 *                             file that alone is larger than the kernel takes
 *   CRASHRES_ERR_LIMIT        it is larger or deeper than the kernel takes
 *   CRASHRES_ERR_UNSUPPORTED  it says nothing of memory, so was not booted with
 */
enum crashres_status crs_devicetree_read(struct crashres_ctx *ctx, uint8_t **dtb, size_t *size);

#endif
