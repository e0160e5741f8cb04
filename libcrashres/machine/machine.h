/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The machine inside the library: what was read, missing parts left empty. */
#ifndef CRS_MACHINE_H
#define CRS_MACHINE_H

#include "firmware.h"
#include "kcore.h"
#include "permissions.h"
#include "regions.h"

struct crashres_machine {
	struct crs_iomem iomem;
	struct crs_regions regions;
	struct crs_ranges cpu_notes;		/* one for each CPU, in their order */
	struct crashres_range vmcoreinfo;	/* size 0 where missing */
	struct crs_kcore kcore;
	struct crs_firmware firmware;
	uint64_t page_size;
	uint64_t total_ram;			/* bytes that the kernel manages; 0 where not known */
	uint64_t elfcorehdr_size;		/* what the kernel may grow it to; 0: it leaves it alone */
	struct crs_permissions permissions;
	char *cmdline;				/* without its newline; NULL where missing */
	uint8_t *dtb;				/* NULL where missing */
	size_t dtb_size;
	bool dtb_is_rebuilt;			/* from /proc/device-tree, for want of the boot's */
};

#endif
