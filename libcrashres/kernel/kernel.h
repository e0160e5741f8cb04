/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kernel inside the library: the file, what was unpacked from it, and its Image. */
#ifndef CRS_KERNEL_H
#define CRS_KERNEL_H

#include "../base/input.h"
#include "image.h"

struct crashres_kernel {
	struct crashres_input *file;	/* innermost: holds the Image */
	struct crs_image image;
	const char *type;		/* outermost format, a static name */
	/* What the file brings beside the kernel; NULL where it does not. */
	struct crashres_input *initrd;
	struct crashres_input *dtb;
	char *command_line;
};

#endif
