/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finds the ready sealed Image for a load: /etc/crashres/seal.conf says whether to look for it,
 * and the library whether the plan would use it.
 */
#ifndef KEXEC_SEALED_H
#define KEXEC_SEALED_H

#include <limits.h>

#include "options.h"

/* The result of the search. */
struct sealed {
	struct crashres_kernel *image;	/* owned; NULL: none, or none is needed */
	enum crashres_answer demanded;	/* does the running kernel demand a signature? */
	char refused[PATH_MAX];		/* the file of the image, if the last attempt was to load it and
					   failed; else "" */
};

/*
 * Looks for the sealed Image of the kernel and the initrd of a load. Scripts always name the
 * kernel itself, so this is the way by which they get the signed sealed Image.
 *
 * @request: the request of the load.
 * @sealed:  out; release its image with crashres_kernel_close().
 *
 * Returns false after one line on stderr: the configuration is wrong, or the sealed Image no
 * longer fits the initrd. A missing sealed Image is a warning only.
 */
bool sealed_find(struct crashres_ctx *ctx, const struct crashres_machine *machine,
		 const struct crashres_kernel *kernel, const struct crashres_request *request,
		 struct sealed *sealed);

/* After a failed load: sets sealed->refused. @plan: the plan that was tried. */
void sealed_record_failure(struct crashres_ctx *ctx, struct sealed *sealed,
			   const struct crashres_plan *plan, const struct crashres_result *result);

/*
 * Prints on stderr that the sealed Image was loaded instead of the kernel @path, if @result says
 * so. @plan: the plan that was loaded.
 */
void sealed_print(struct crashres_ctx *ctx, const struct sealed *sealed, const char *path,
		  const struct crashres_plan *plan, const struct crashres_result *result);

#endif
