/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vmlinux, the ELF file that the Image is made from. */
#ifndef CRS_ELF_H
#define CRS_ELF_H

#include "../base/input.h"

bool crs_elf_probe(const void *data, size_t size);

/*
 * @inner: out; the Image, "<file> (vmlinux)", as objcopy -O binary makes it.
 *
 * Return:
 *   CRASHRES_ERR_FORMAT       truncated or damaged, or no kernel
 *   CRASHRES_ERR_UNSUPPORTED  an ELF file of another kind or machine
 *   CRASHRES_ERR_LIMIT        its segments are spread over more than 4 GiB
 */
enum crashres_status crs_elf_open(struct crashres_ctx *ctx, const struct crashres_input *file,
				  struct crashres_input **inner);

#endif
