/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * segments.h: makes the segments for kexec_load(2), with their addresses and their bytes.
 *
 *   kernel       the Image; the range is image_size, with BSS
 *   initrd       as in the file
 *   dtb          the device tree of the machine or of the user, with a new /chosen
 *   elfcorehdr   crash slot: ELF header of the dump
 *   parity       crash slot: bytes for the repair of damaged blocks
 *   purgatory    code, parameters and digests of all others; the entry
 */
#ifndef CRS_SEGMENTS_H
#define CRS_SEGMENTS_H

#include "../kernel/kernel.h"
#include "../machine/machine.h"

/* KEXEC_SEGMENT_MAX of the kernel (include/linux/kexec.h). */
#define CRS_SEGMENTS_MAX 16

/* The segments for one kexec_load(2). */
struct crs_segments {
	struct crashres_segment items[CRS_SEGMENTS_MAX];	/* lowest address first */
	size_t count;			/* used elements of items */
	uint64_t entry;			/* physical address of the first instruction */
	bool hotplug;			/* the running kernel updates elfcorehdr
					   (KEXEC_FLAG_HOTPLUG) */
	struct crashres_repair repair;
	/* Owned memory that the data of items points to. Kernel and initrd are borrowed. */
	uint8_t *elfcorehdr;
	uint8_t *dtb;
	uint8_t *purgatory;
	uint8_t *parity;
};

/*
 * Makes all segments, with digests and parity.
 *
 * @command_line: complete; copied into the DTB.
 * @segments:     out; must be zero before the call. Release it with crs_segments_free(),
 *                after a failure too. It borrows @kernel and the initrd.
 *
 * Return: as crashres_plan_make().
 */
enum crashres_status crs_segments_make(struct crashres_ctx *ctx,
				       const struct crashres_machine *machine,
				       const struct crashres_kernel *kernel,
				       const struct crashres_request *request,
				       const char *command_line, struct crs_segments *segments);
void crs_segments_free(struct crs_segments *segments);

#endif
