/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the resources mean: RAM, the crash regions, the running kernel. */
#ifndef CRS_REGIONS_H
#define CRS_REGIONS_H

#include "iomem.h"

struct crs_regions {
	/* [0] high, [1] low, the rest cannot be described to a capture kernel. */
	struct crs_ranges crash;

	/* Every "System RAM*" at any depth, what drivers manage too: to be dumped. */
	struct crs_ranges ram;

	/* "System RAM" as firmware had it, joined: with all that lies in it, without drivers'. */
	struct crs_ranges memory;

	/*
	 * "System RAM" without its reservations and without the crash regions:
	 * where a kernel that replaces the running one may be put. The running
	 * kernel's own memory is in it, because the copy happens at the reboot.
	 */
	struct crs_ranges usable;

	/* From "Kernel code" to the end of "Kernel data"; size 0 where not shown. */
	struct crashres_range kernel_image;
};

enum crashres_status crs_regions_from_iomem(struct crashres_ctx *ctx,
					    const struct crs_iomem *iomem,
					    struct crs_regions *regions);
void crs_regions_free(struct crs_regions *regions);

#endif
