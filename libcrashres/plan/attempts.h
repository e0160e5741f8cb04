/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which system call loads a kernel. */
#ifndef CRS_ATTEMPTS_H
#define CRS_ATTEMPTS_H

#include "../kernel/kernel.h"
#include "../machine/machine.h"

/* The name for sentences: "kexec_load", "kexec_file_load". */
const char *crs_call_name(enum crashres_call call);

/* Return: CRASHRES_ERR_REQUEST where @call cannot do all that is asked for. */
enum crashres_status crs_call_check(struct crashres_ctx *ctx,
				    const struct crashres_kernel *kernel,
				    const struct crashres_request *request,
				    enum crashres_call call);

/* Does kexec_file_load get the kernel sealed? Nothing else is checked that goes this way. */
enum crashres_sealed crs_attempts_sealed(const struct crashres_machine *machine,
					 const struct crashres_kernel *kernel,
					 const struct crashres_request *request);

#endif
