/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the running kernel permits kexec to do, as far as /proc and /sys show it. */
#ifndef CRS_PERMISSIONS_H
#define CRS_PERMISSIONS_H

#include "../base/ctx.h"

/*
 * kernel.kexec_load_limit_panic and _reboot (Linux 6.3). The kernel counts every
 * call down, a refused one and an unload too (kexec_load_permitted()).
 */
struct crs_limit {
	bool limited;		/* false: -1, or a kernel without limits */
	uint64_t left;
};

struct crs_permissions {
	enum crashres_answer locked_down;	/* integrity or confidentiality */
	enum crashres_answer appraised;		/* the IMA policy appraises KEXEC_KERNEL_CHECK */
	enum crashres_answer load_disabled;	/* kernel.kexec_load_disabled */
	struct crs_limit limits[2];		/* by slot */
};

struct crs_permissions crs_permissions_read(struct crashres_ctx *ctx);

/* Reads one limit again, for example after a refusal. */
struct crs_limit crs_limit_read(struct crashres_ctx *ctx, enum crashres_slot slot);

/* The name of the limit of @slot: "kernel.kexec_load_limit_panic" ... */
const char *crs_limit_name(enum crashres_slot slot);

#endif
