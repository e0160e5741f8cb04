/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan.h: the plan inside the library. plan.c makes it; load/load.c executes it.
 *
 * To prepare an attempt means to make the arguments of its system call: for kexec_load the
 * segments, for kexec_file_load the file descriptors and perhaps a sealed Image.
 */
#ifndef CRS_PLAN_H
#define CRS_PLAN_H

#include "attempts.h"
#include "segments.h"

struct crashres_plan {
	struct crs_attempts attempts;
	char *command_line;			/* of the new kernel, complete; from malloc() */
	/* Borrowed from the caller. crashres_load() needs them to prepare later attempts. */
	const struct crashres_machine *machine;
	const struct crashres_kernel *kernel;
	struct crashres_request request;	/* a copy; missing members have their defaults */
	const struct crashres_input *initrd;	/* borrowed: the initrd of the request, else of the
						   kernel file; NULL: no initrd */
	/* Owned; empty or NULL until an attempt that needs them is prepared. */
	struct crs_segments segments;		/* for kexec_load */
	struct crashres_input *sealed_kernel;	/* for kexec_file_load of a sealed Image */
	bool policy_warned;		/* the warning about ignored settings was logged */
};

/*
 * Prepares attempt @index, if it is possible and not yet prepared.
 *
 * If the preparation fails and another attempt may follow, the function marks the attempt as
 * impossible and succeeds. Otherwise it returns the failure. crashres_plan_make() and
 * crashres_load() return this failure too.
 */
enum crashres_status crs_plan_prepare(struct crashres_ctx *ctx, struct crashres_plan *plan,
				      size_t index);

/*
 * Logs once for each plan that @attempt ignores settings of the request. No warning if it does not:
 * a file that was sealed earlier has settings of its own, which the request cannot change.
 */
void crs_plan_warn_of_ignored_policy(struct crashres_ctx *ctx, struct crashres_plan *plan,
				     const struct crs_attempt *attempt);

/*
 * Does @attempt pass the descriptor of at least one original file to the running kernel? The
 * contents of such a file can have changed since the library read it.
 */
bool crs_plan_passes_original_files(const struct crashres_plan *plan,
				    const struct crs_attempt *attempt);

#endif
