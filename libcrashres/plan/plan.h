/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CRS_PLAN_H
#define CRS_PLAN_H

#include "../ctx.h"

/* KEXEC_SEGMENT_MAX of the kernel (include/linux/kexec.h). */
#define CRS_SEGMENTS_MAX 16

struct crashres_plan {
	enum crashres_slot slot;
	uint64_t entry;
	char *command_line;
	struct crashres_segment segments[CRS_SEGMENTS_MAX];	/* lowest address first */
	size_t segment_count;
	struct crashres_repair repair;
	/* What the segments' data points into, beside the kernel and the files. */
	uint8_t *elfcorehdr;
	uint8_t *dtb;
	uint8_t *purgatory;
	uint8_t *parity;
};

#endif
