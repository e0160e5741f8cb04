/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CRS_PLAN_H
#define CRS_PLAN_H

#include "../base/ctx.h"

/* KEXEC_SEGMENT_MAX of the kernel (include/linux/kexec.h). */
#define CRS_SEGMENTS_MAX 16

struct crashres_plan {
	enum crashres_slot slot;
	enum crashres_call call;
	char *command_line;
	/* For kexec_load. */
	uint64_t entry;
	bool hotplug;
	struct crashres_segment segments[CRS_SEGMENTS_MAX];	/* lowest address first */
	size_t segment_count;
	struct crashres_repair repair;
	/* For kexec_file_load; borrowed, initrd may be NULL. */
	const struct crashres_input *kernel;
	const struct crashres_input *initrd;
	enum crashres_sealed sealed;
	struct crashres_input *sealed_kernel;	/* instead of kernel; NULL: none */
	bool or_unsealed;			/* rather kernel than nothing */
	bool no_cma;
	bool force_dtb;
	/* What the segments' data points into, beside the kernel and the files. */
	uint8_t *elfcorehdr;
	uint8_t *dtb;
	uint8_t *purgatory;
	uint8_t *parity;
};

#endif
