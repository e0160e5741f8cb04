/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files as mapped bytes, with the name that errors use. */
#ifndef CRS_INPUT_H
#define CRS_INPUT_H

#include "ctx.h"

struct crashres_input {
	char *name;
	const uint8_t *data;
	size_t size;
	int fd;			/* of these bytes, for kexec_file_load(2) */
	bool copied;		/* from what cannot be mapped: a device, a pipe, a file of sysfs */
};

/*
 * Takes what @fd holds, and keeps a duplicate of @fd; where it cannot be mapped,
 * a copy in a memfd. @name is for messages.
 */
enum crashres_status crs_input_from_fd(struct crashres_ctx *ctx, int fd, const char *name,
				      struct crashres_input **file);

#endif
