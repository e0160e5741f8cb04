/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Opens the Unified Kernel Image (UAPI group, "UKI"): an EFI program (PE file) with a
 * kernel and its companions in sections.
 *
 *   .linux     kernel; required
 *   .initrd    initrd
 *   .dtb       DTB
 *   .cmdline   command line, text
 */
#ifndef CRS_UKI_H
#define CRS_UKI_H

#include "formats.h"

/*
 * Is @data a PE file with a .linux section? True also for a PE file with a truncated
 * section table, so that crs_uki_open() can report the truncation.
 */
bool crs_uki_probe(const void *data, size_t size);

/*
 * Copies each section into a sealed memfd.
 *
 * @uki: out; release with crs_uki_free().
 *
 * Return:
 *   CRASHRES_ERR_FORMAT       the file is truncated or damaged
 *   CRASHRES_ERR_UNSUPPORTED  the file is not for arm64
 */
enum crashres_status crs_uki_open(struct crashres_ctx *ctx, const struct crashres_input *file,
				  struct crs_contents *uki);

/* Releases all members of @uki. */
void crs_uki_free(struct crs_contents *uki);

#endif
