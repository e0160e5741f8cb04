/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * errors.h: explains the errno of a kexec system call in words.
 *
 * The same errno has different reasons in kexec_load and kexec_file_load, and strerror() knows
 * neither. The reasons come from kernel/kexec.c, kernel/kexec_file.c and kernel/kexec_core.c.
 */
#ifndef CRS_ERRORS_H
#define CRS_ERRORS_H

#include "../kernel/pe.h"
#include "../machine/permissions.h"

/* The state of the slot's limit (kernel.kexec_load_limit_panic or _reboot) after a failed call. */
enum crs_limit_state {
	CRS_LIMIT_OPEN = 0,		/* the kernel accepts further calls, or has no limit */
	CRS_LIMIT_USED_UP_BY_THIS,	/* this call was the last call that the limit allowed */
	CRS_LIMIT_USED_UP_BEFORE,	/* the limit was 0 already, so the kernel refused this
					   call */
};

/* A failed system call. */
struct crs_refusal {
	enum crashres_call call;	/* LOAD or FILE_LOAD */
	enum crashres_slot slot;
	int error;			/* errno */
	enum crs_limit_state limit;
	bool pages_differ;		/* the new kernel and the running kernel have different
					   page sizes */
	bool locked_down;		/* lockdown certainly demands a PE signature */
	bool privileged;		/* this process certainly has CAP_SYS_BOOT */
	enum crs_pe_signatures signatures;	/* of the kernel file */
	bool enforced;			/* the kernel can return the error of a PE signature */
	bool complete_image;		/* the kernel file is an arm64 Image of at most its
					   image_size */
	enum crs_config_source no_verifier;	/* see crs_kernel_config_no_verifier() */
};

/* Returns the probable reason, a static string; NULL if strerror() is sufficient. */
const char *crs_explain_refusal(const struct crs_refusal *refusal);

/* Is the reason a signature of the kernel or the initrd: it is missing, wrong or not trusted? */
bool crs_is_signature_refusal(const struct crs_refusal *refusal);

/*
 * The errno that stands for the reason. EKEYREJECTED instead of EINVAL if a signature is the
 * reason, so that no call follows that verifies none. Otherwise the errno of the call.
 */
int crs_refusal_reason(const struct crs_refusal *refusal);

/*
 * Does kexec_file_load return @error if a signature is missing, wrong or not trusted? False for
 * EPERM and EINVAL, which have other causes, too.
 */
bool crs_is_signature_error(int error);

#endif
