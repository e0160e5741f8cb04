/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * layout.h: computes the sizes and addresses of the segments for kexec_load(2).
 *
 * The layout of the crash region, from its base on (for a normal load, of free RAM):
 *
 *   base         128 KiB free: the running kernel puts its control pages there
 *   ..           purgatory, if it fits below the Image
 *   next 2 MiB   Image, at text_offset from the boundary
 *   ..           initrd, in the same 32 GiB window as the Image
 *   ..           purgatory, if it does not fit below the Image
 *   ..           parity
 *   end          elfcorehdr and DTB, at the highest free addresses
 *
 * The order of calls: find_memory, describe_kernel and describe (sizes of all segments with
 * known bytes), describe_checks (sizes of purgatory and parity), place, check.
 */
#ifndef CRS_LAYOUT_H
#define CRS_LAYOUT_H

#include "../kernel/kernel.h"
#include "../machine/machine.h"
#include "place.h"
#include "purgatory-segment.h"

/* A segment that did not fit. After several tries, the try that lacked the fewest bytes. */
struct crs_shortfall {
	const char *name;	/* of the segment */
	uint64_t size;		/* of the segment in bytes; 0: every segment fitted so far */
	uint64_t missing;	/* bytes */
};

/* A layout in progress. The caller sets the first four members and zeroes the others. */
struct crs_layout {
	struct crashres_ctx *ctx;
	const struct crashres_machine *machine;
	const struct crashres_kernel *kernel;
	const struct crashres_request *request;
	struct crs_place place;		/* free memory; each placed segment is removed from it */
	struct crashres_range window;	/* all segments must lie inside this range */
	struct crashres_range region;	/* crash slot: the high crash region; else empty */
	struct crs_shortfall shortfall;
	/* Size 0: there is no such segment. The base is 0 until crs_layout_place(). */
	struct crashres_segment image, initrd, dtb, elfcorehdr, purgatory, parity;
	bool hotplug;			/* the running kernel updates elfcorehdr, so nobody
					   checks it */
	uint64_t group_count;		/* number of parity groups; 0: no parity */
	struct crashres_repair repair;
};

static inline bool crs_layout_is_crash(const struct crs_layout *layout)
{
	return layout->request->slot == CRASHRES_SLOT_CRASH;
}

/* Returns CRASHRES_ERR_NO_REGION if @slot is the crash slot and no crash region is reserved. */
enum crashres_status crs_layout_check_reserved(struct crashres_ctx *ctx,
					       const struct crashres_machine *machine,
					       enum crashres_slot slot);

/*
 * Sets @layout->window, ->region and the free memory for the slot of the request: the high
 * crash region, or RAM that nobody uses. All of it lies below 2^48 and inside the window of
 * the request.
 *
 * Return: CRASHRES_ERR_PERMISSION (hidden addresses), CRASHRES_ERR_NO_REGION,
 * CRASHRES_ERR_UNSUPPORTED (crash region above 2^48), CRASHRES_ERR_NO_SPACE (empty window).
 */
enum crashres_status crs_layout_find_memory(struct crs_layout *layout);

/*
 * Sets name and data of @segment, and the size of its range: @memory bytes, rounded up to
 * pages of the running kernel. @name and @data are borrowed.
 *
 * Return: CRASHRES_ERR_LIMIT if the rounded size exceeds 64 bits.
 */
enum crashres_status crs_layout_describe(const struct crs_layout *layout,
					 struct crashres_segment *segment, const char *name,
					 const void *data, uint64_t data_size, uint64_t memory);

/* The same for the Image, with image_size bytes of memory. */
enum crashres_status crs_layout_describe_kernel(struct crs_layout *layout);

/*
 * Sets the sizes of purgatory and parity. Both depend on the sizes of all other segments, so
 * call this function after these sizes are known.
 */
enum crashres_status crs_layout_describe_checks(struct crs_layout *layout);

/*
 * Gives every segment its address. Parity with CRASHRES_REPAIR_AUTO is left out if it does
 * not fit.
 *
 * Return: CRASHRES_ERR_NO_SPACE (for a crash region the sentence says how many bytes all
 * segments together lack), CRASHRES_ERR_LIMIT (more than the kernel or purgatory accepts).
 */
enum crashres_status crs_layout_place(struct crs_layout *layout);

/*
 * Checks the finished segments by the rules of the kernel's sanity_check_segment_list()
 * (kernel/kexec_core.c). A violation would be a bug here, but the kernel finds it only after
 * it freed the previous crash kernel.
 */
enum crashres_status crs_layout_check(const struct crs_layout *layout,
				      const struct crashres_segment *segments, size_t count,
				      uint64_t entry);

/* The contents of the purgatory segment that do not depend on addresses. */
struct crs_purgatory_segment crs_layout_purgatory(const struct crs_layout *layout);

/* Frees the list of free memory. */
void crs_layout_free(struct crs_layout *layout);

#endif
