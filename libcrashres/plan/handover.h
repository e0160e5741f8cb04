/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The purgatory segment: its image, what it is told, and the digests it checks against. */
#ifndef CRS_HANDOVER_H
#define CRS_HANDOVER_H

#include "../../purgatory/handover.h"
#include "../ctx.h"
#include "../machine/firmware.h"

/* The built image, embedded; purgatory_header at its start. */
extern const uint8_t crs_purgatory_image[];
extern const uint8_t crs_purgatory_image_end[];

/* Bytes of the purgatory segment for @checked bytes of checked segments. */
uint64_t crs_handover_size(uint64_t checked);

/*
 * The segment, position-independent, for free(). Each of @segments, which are
 * multiples of a leaf, is checked over its whole range.
 */
enum crashres_status crs_handover_make(struct crashres_ctx *ctx,
				       const struct crashres_segment *segments, size_t count,
				       uint64_t kernel_entry, uint64_t dtb,
				       const struct crs_firmware *firmware, uint8_t **data,
				       uint64_t *size);

#endif
