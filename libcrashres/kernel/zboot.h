/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Opens the EFI zboot file, vmlinuz.efi: an EFI program (PE file) with a compressed Image
 * inside (Linux, drivers/firmware/efi/libstub/zboot-header.S).
 *
 *   offset  size  field
 *        0     4  "MZ\0\0"
 *        4     4  "zimg"
 *        8     4  offset of the payload, little-endian
 *       12     4  size of the payload, little-endian
 *       24    32  name of the compression, NUL-terminated
 */
#ifndef CRS_ZBOOT_H
#define CRS_ZBOOT_H

#include "../base/input.h"

/* Does @data start with the magic of a zboot file? */
bool crs_zboot_probe(const void *data, size_t size);

/*
 * Unpacks the payload of @file.
 *
 * @inner: out; the Image, named "FILE (vmlinuz)"; the caller closes it.
 *
 * Return:
 *   CRASHRES_ERR_FORMAT       the file is truncated or damaged
 *   CRASHRES_ERR_UNSUPPORTED  not for arm64, or a compression that is unknown or not in
 *                             this build
 *   CRASHRES_ERR_LIMIT        as crs_decompress()
 */
enum crashres_status crs_zboot_open(struct crashres_ctx *ctx, const struct crashres_input *file,
				    struct crashres_input **inner);

#endif
