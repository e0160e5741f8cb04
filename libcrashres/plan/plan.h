/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan.h: the plan inside the library. plan.c makes it; load/load.c executes it.
 *
 * To prepare an attempt means to make the bytes that its system call needs: the segments
 * for kexec_load, the file descriptors and perhaps a sealed Image for kexec_file_load.
 */
#ifndef CRS_PLAN_H
#define CRS_PLAN_H

#include "attempts.h"
#include "segments.h"

struct crashres_plan {
	struct crs_attempts attempts;
	char *command_line;			/* of the new kernel, complete; from malloc() */
	/* Borrowed from the caller, because crashres_load() prepares later attempts. */
	const struct crashres_machine *machine;
	const struct crashres_kernel *kernel;
	struct crashres_request request;	/* a copy with defaults filled in */
	const struct crashres_input *initrd;	/* of the request, else of the kernel file; NULL:
						   none */
	/* Owned; empty or NULL until an attempt that needs them is prepared. */
	struct crs_segments segments;		/* for kexec_load */
	struct crashres_input *sealed_kernel;	/* for kexec_file_load of a sealed Image */
};

/*
 * Prepares attempt @index, if it is possible and not yet prepared.
 *
 * If the preparation fails and another attempt may follow, the function marks the attempt as
 * impossible and succeeds. Otherwise it returns the failure, and the plan cannot be loaded.
 */
enum crashres_status crs_plan_prepare(struct crashres_ctx *ctx, struct crashres_plan *plan,
				      size_t index);

/*
 * Does @attempt pass the descriptor of at least one original file to the kernel? The file can
 * have changed since the library read it.
 */
bool crs_plan_passes_original_files(const struct crashres_plan *plan,
				    const struct crs_attempt *attempt);

#endif
