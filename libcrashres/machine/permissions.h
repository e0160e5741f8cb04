/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads from /proc and /sys whether the running kernel permits kexec calls. */
#ifndef CRS_PERMISSIONS_H
#define CRS_PERMISSIONS_H

#include "../base/ctx.h"
#include "ima-policy.h"
#include "kernel-config.h"

/*
 * The limit of kexec calls for one slot: kernel.kexec_load_limit_panic or
 * kernel.kexec_load_limit_reboot (Linux 6.3). The kernel counts every call, also an
 * unload and a call that fails afterwards (kernel/kexec_core.c, kexec_load_permitted()).
 */
struct crs_limit {
	bool limited;		/* false: the value is -1, or the kernel has no limits */
	uint64_t left;		/* calls; valid if @limited */
};

struct crs_permissions {
	enum crashres_answer locked_down;	/* lockdown level is integrity or confidentiality */
	enum crashres_answer appraised;		/* the IMA policy appraises KEXEC_KERNEL_CHECK */
	enum crashres_answer load_disabled;	/* kernel.kexec_load_disabled is set */
	enum crashres_answer secure_boot;	/* the firmware verifies what it boots */
	enum crashres_answer signature_forced;	/* kexec_file_load demands a PE signature, without
						   regard to lockdown */
	struct crs_kernel_config config;
	struct crs_ima_policy ima;
	enum crashres_answer privileged;	/* this process has CAP_SYS_BOOT */
	struct crs_limit limits[2];		/* index: enum crashres_slot */
};

/* Reads all permissions. A file that cannot be read gives UNKNOWN and a line in the log. */
struct crs_permissions crs_permissions_read(struct crashres_ctx *ctx);

/*
 * Does lockdown make kexec_file_load demand a PE signature? A kernel without CONFIG_KEXEC_SIG
 * does not look at lockdown in this call (kimage_file_prepare_segments() in
 * kernel/kexec_file.c). Only the configuration inside the kernel proves that:
 * /boot/config-RELEASE can belong to another build.
 */
enum crashres_answer crs_lockdown_demands_signature(const struct crs_permissions *permissions);

/*
 * Can kexec_file_load return the error of a PE signature as it is? Then sig_enforce is set. This is
 * likely under lockdown and Secure Boot, unless the configuration says otherwise.
 */
bool crs_signature_can_be_enforced(const struct crs_permissions *permissions);

/* Reads the current limit of @slot. A load calls this again after each refusal. */
struct crs_limit crs_limit_read(struct crashres_ctx *ctx, enum crashres_slot slot);

/* Returns the sysctl name of the limit of @slot, such as "kernel.kexec_load_limit_panic". */
const char *crs_limit_name(enum crashres_slot slot);

#endif
