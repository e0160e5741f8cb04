/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The EFI zboot file (Linux, drivers/firmware/efi/libstub/zboot-header.S): an EFI
 * program that holds a compressed Image.
 */
#ifndef CRS_ZBOOT_H
#define CRS_ZBOOT_H

#include "../base/input.h"

bool crs_zboot_probe(const void *data, size_t size);

/*
 * @inner: out; the Image, "<file> (vmlinuz)".
 *
 * Return:
 *   CRASHRES_ERR_FORMAT       truncated or damaged
 *   CRASHRES_ERR_UNSUPPORTED  not for arm64, or a compression that is not known or not built in
 *   CRASHRES_ERR_LIMIT        as crs_decompress()
 */
enum crashres_status crs_zboot_open(struct crashres_ctx *ctx, const struct crashres_input *file,
				    struct crashres_input **inner);

#endif
