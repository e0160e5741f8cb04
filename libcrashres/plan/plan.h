/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CRS_PLAN_H
#define CRS_PLAN_H

#include "segments.h"

struct crashres_plan {
	enum crashres_slot slot;
	enum crashres_call call;
	char *command_line;
	/* For kexec_load. */
	struct crs_segments segments;
	/* For kexec_file_load; borrowed, initrd may be NULL. */
	const struct crashres_input *kernel;
	const struct crashres_input *initrd;
	enum crashres_sealed sealed;
	struct crashres_input *sealed_kernel;	/* instead of kernel; NULL: none */
	bool or_unsealed;			/* rather kernel than nothing */
	bool no_cma;
	bool force_dtb;
};

#endif
