/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CRS_PLAN_H
#define CRS_PLAN_H

#include "attempts.h"
#include "segments.h"

struct crashres_plan {
	struct crs_attempts attempts;
	char *command_line;
	/* Borrowed, for attempts that are made late. */
	const struct crashres_machine *machine;
	const struct crashres_kernel *kernel;
	struct crashres_request request;
	const struct crashres_input *initrd;	/* the request's, else the kernel file's; NULL: none */
	/* Of the attempts that are made. */
	struct crs_segments segments;		/* for kexec_load */
	struct crashres_input *sealed_kernel;	/* for kexec_file_load of a kernel that is sealed here */
};

/*
 * Makes the bytes of attempt @index, unless they are made. Where that cannot be,
 * and another attempt may follow, the attempt becomes impossible: no failure.
 */
enum crashres_status crs_plan_prepare(struct crashres_ctx *ctx, struct crashres_plan *plan,
				      size_t index);

/* Does @attempt hand over at least one file itself, whose bytes nothing here checked? */
bool crs_plan_passes_original_files(const struct crashres_plan *plan,
				   const struct crs_attempt *attempt);

#endif
