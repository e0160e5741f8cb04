/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The machine inside the library: everything that was read below the context's root.
 * Only /proc/iomem is required. Other members stay empty if their file is missing.
 */
#ifndef CRS_MACHINE_H
#define CRS_MACHINE_H

#include "firmware.h"
#include "kcore.h"
#include "permissions.h"
#include "regions.h"

struct crashres_machine {
	struct crs_iomem iomem;
	struct crs_regions regions;		/* computed from @iomem */
	struct crs_ranges cpu_notes;		/* physical; one a CPU, sorted by CPU number */
	struct crashres_range vmcoreinfo;	/* physical; size 0: missing */
	struct crs_kcore kcore;
	struct crs_firmware firmware;
	uint64_t page_size;			/* of the running kernel, bytes */
	uint64_t total_ram;			/* bytes that the kernel manages; 0: unknown */
	uint64_t elfcorehdr_size;		/* greatest size, bytes, that the kernel gives the
						   elfcorehdr after hotplug; 0: no updates */
	struct crs_permissions permissions;
	char *cmdline;				/* of the running kernel, without newline; owned;
						   NULL: missing */
	uint8_t *dtb;				/* owned; NULL: missing */
	size_t dtb_size;			/* bytes */
	bool dtb_is_rebuilt;			/* true: @dtb was made from /proc/device-tree;
						   false: the boot DTB, /sys/firmware/fdt */
};

#endif
