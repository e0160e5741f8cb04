/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sizes and places of the segments that kexec_load(2) takes. */
#ifndef CRS_LAYOUT_H
#define CRS_LAYOUT_H

#include "../kernel/kernel.h"
#include "../machine/machine.h"
#include "place.h"
#include "purgatory-segment.h"

/* Of all attempts to place the segments, the one that misses least: size 0 before the first failure. */
struct crs_shortfall {
	const char *name;	/* of a segment */
	uint64_t size;		/* that it needs */
	uint64_t missing;
};

struct crs_layout {
	struct crashres_ctx *ctx;
	const struct crashres_machine *machine;
	const struct crashres_kernel *kernel;
	const struct crashres_request *request;
	struct crs_place place;
	struct crashres_range window;	/* around every segment */
	struct crashres_range region;	/* crash slot: the high region */
	struct crs_shortfall shortfall;
	/* By role; size 0 where there is none. Sizes are known before places are. */
	struct crashres_segment image, initrd, dtb, elfcorehdr, purgatory, parity;
	bool hotplug;			/* the kernel changes elfcorehdr: it is not checked */
	uint64_t group_count;		/* of parity */
	struct crashres_repair repair;
};

static inline bool crs_layout_is_crash(const struct crs_layout *layout)
{
	return layout->request->slot == CRASHRES_SLOT_CRASH;
}

/* CRASHRES_ERR_NO_REGION where a crash kernel is wanted and has no memory. */
enum crashres_status crs_layout_check_reserved(struct crashres_ctx *ctx,
					       const struct crashres_machine *machine,
					       enum crashres_slot slot);

/* Free memory of the slot, below 2^48 and inside what the request allows. */
enum crashres_status crs_layout_find_memory(struct crs_layout *layout);

/* Gives @segment its name and data; its range gets a size in whole pages, no place yet. */
enum crashres_status crs_layout_describe(const struct crs_layout *layout,
					 struct crashres_segment *segment, const char *name,
					 const void *data, uint64_t data_size, uint64_t memory);

enum crashres_status crs_layout_describe_kernel(struct crs_layout *layout);

/* Of purgatory and of parity, by the sizes of all others. */
enum crashres_status crs_layout_describe_checks(struct crs_layout *layout);

/* design.md, "Layout of the high region"; a normal load follows it where memory allows. */
enum crashres_status crs_layout_place(struct crs_layout *layout);

/*
 * The rules of sanity_check_segment_list() (kernel/kexec_core.c), because the
 * kernel drops the image that it holds before it looks at the new one.
 */
enum crashres_status crs_layout_check(const struct crs_layout *layout,
				      const struct crashres_segment *segments, size_t count,
				      uint64_t entry);

/* What purgatory is told that does not depend on places. */
struct crs_purgatory_segment crs_layout_purgatory(const struct crs_layout *layout);

void crs_layout_free(struct crs_layout *layout);

#endif
