/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kernel inside the library: the Image without its wrappers, and the files beside it. */
#ifndef CRS_KERNEL_H
#define CRS_KERNEL_H

#include "../base/input.h"
#include "image.h"

/* Owns all inputs and strings in it, except @type. */
struct crashres_kernel {
	struct crashres_input *file;	/* the Image, without any wrapper */
	struct crs_image image;		/* its header */
	const char *type;		/* outermost container, or "Image"; static */
	/* From the container. NULL: the container lacks it. */
	struct crashres_input *initrd;
	struct crashres_input *dtb;
	char *command_line;
};

#endif
