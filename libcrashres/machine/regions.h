/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Finds RAM, the crash regions and the running kernel among the resources of /proc/iomem.
 * All ranges are physical addresses and bytes.
 */
#ifndef CRS_REGIONS_H
#define CRS_REGIONS_H

#include "iomem.h"

struct crs_regions {
	/*
	 * The crash regions: [0] high, [1] low. The library cannot describe a third region to
	 * a capture kernel, because linux,usable-memory-range has two entries.
	 */
	struct crs_ranges crash;

	/* All "System RAM*" without the crash regions: the dump covers this memory. */
	struct crs_ranges ram;

	/*
	 * All "System RAM" from firmware, normalized. It includes the reservations and the
	 * crash regions inside. It excludes memory of drivers ("System RAM (kmem)").
	 */
	struct crs_ranges memory;

	/*
	 * "System RAM" without reservations and without the crash regions. A kernel for the
	 * normal slot can lie here. The memory of the running kernel is included, because
	 * the new kernel is copied there only at the reboot.
	 */
	struct crs_ranges usable;

	/* From the start of "Kernel code" to the end of "Kernel data"; size 0: not shown. */
	struct crashres_range kernel_image;
};

/*
 * Fills @regions from @iomem. All lists stay empty if @iomem hides the addresses.
 *
 * @regions: out; release with crs_regions_free().
 */
enum crashres_status crs_regions_from_iomem(struct crashres_ctx *ctx,
					    const struct crs_iomem *iomem,
					    struct crs_regions *regions);
void crs_regions_free(struct crs_regions *regions);

#endif
