/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Makes an Image from vmlinux, the ELF file that the kernel build makes the Image from. */
#ifndef CRS_ELF_H
#define CRS_ELF_H

#include "../base/input.h"

/* Does @data start with the magic of an ELF file? */
bool crs_elf_probe(const void *data, size_t size);

/*
 * Copies the loadable segments of @file to their places in an Image, as
 * "objcopy -O binary" does.
 *
 * @inner: out; the Image, named "FILE (vmlinux)"; the caller closes it.
 *
 * Return:
 *   CRASHRES_ERR_FORMAT       the file is truncated or damaged, or holds no Image
 *   CRASHRES_ERR_UNSUPPORTED  an ELF file of another kind or machine
 *   CRASHRES_ERR_LIMIT        the segments span more than 4 GiB
 */
enum crashres_status crs_elf_open(struct crashres_ctx *ctx, const struct crashres_input *file,
				  struct crashres_input **inner);

#endif
