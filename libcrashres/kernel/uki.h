/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The Unified Kernel Image (UAPI group, "UKI"): an EFI program with the kernel
 * and what belongs to it in sections.
 */
#ifndef CRS_UKI_H
#define CRS_UKI_H

#include "formats.h"

/* True also where the table of sections is cut short, so that crs_uki_open() tells it. */
bool crs_uki_probe(const void *data, size_t size);

/*
 * @uki: out; release with crs_uki_free(). Every file in it is a sealed memfd.
 *
 * Return:
 *   CRASHRES_ERR_FORMAT       truncated or damaged
 *   CRASHRES_ERR_UNSUPPORTED  not for arm64
 */
enum crashres_status crs_uki_open(struct crashres_ctx *ctx, const struct crashres_input *file,
				  struct crs_contents *uki);
void crs_uki_free(struct crs_contents *uki);

#endif
