/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The segments that kexec_load(2) takes: layout and bytes. */
#ifndef CRS_SEGMENTS_H
#define CRS_SEGMENTS_H

#include "../kernel/kernel.h"
#include "../machine/machine.h"

/* KEXEC_SEGMENT_MAX of the kernel (include/linux/kexec.h). */
#define CRS_SEGMENTS_MAX 16

struct crs_segments {
	struct crashres_segment items[CRS_SEGMENTS_MAX];	/* lowest address first */
	size_t count;
	uint64_t entry;
	bool hotplug;			/* the kernel keeps elfcorehdr up to date */
	struct crashres_repair repair;
	/* What the items' data points into, beside the kernel and the files. */
	uint8_t *elfcorehdr;
	uint8_t *dtb;
	uint8_t *purgatory;
	uint8_t *parity;
};

/*
 * @segments: out; all zero before. crs_segments_free() releases it, after a
 * failure too. Borrows @kernel, the files of @request and @command_line.
 */
enum crashres_status crs_segments_make(struct crashres_ctx *ctx,
				       const struct crashres_machine *machine,
				       const struct crashres_kernel *kernel,
				       const struct crashres_request *request,
				       const char *command_line, struct crs_segments *segments);
void crs_segments_free(struct crs_segments *segments);

#endif
