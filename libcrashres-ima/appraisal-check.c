/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * appraisal-check.c: stores the answer and the demand of a part of the kernel. The rules are
 * those of Linux 6.12.
 */
#include <stdarg.h>
#include <stdio.h>

#include "appraisal-check.h"

#define YES		CRASHRES_ANSWER_YES
#define NO		CRASHRES_ANSWER_NO
#define UNKNOWN		CRASHRES_ANSWER_UNKNOWN

void crs_check_set_problem(struct crashres_appraisal_check *check, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(check->problem, sizeof(check->problem), format, arguments);
	va_end(arguments);
}

void crs_check_answer(struct crashres_appraisal_check *check, enum crashres_answer passes,
		      enum crashres_step step, const char *problem)
{
	check->passes = passes;
	check->step = step;
	crs_check_set_problem(check, "%s", problem);
}

static void demand(struct crashres_appraisal_check *check, enum crashres_answer demanded,
		   const char *reason)
{
	check->demanded = demanded;
	snprintf(check->reason, sizeof(check->reason), "%s", reason);
}

/* Does lockdown accept the signature that IMA appraises (ima_appraise_signature())? */
static enum crashres_answer does_ima_suffice(const struct crs_permissions *permissions)
{
	const struct crs_ima_policy *ima = &permissions->ima;

	if (ima->known == UNKNOWN)
		return UNKNOWN;
	if (!ima->kernel.appraised || !ima->kernel.signature)
		return NO;
	/* Secure Boot ignores the word (ima_appraise_parse_cmdline()). */
	return ima->weak ? permissions->secure_boot : YES;
}

void crs_check_demand_pe(struct crashres_appraisal_check *check,
			 const struct crs_permissions *permissions)
{
	const enum crashres_answer *options = permissions->config.options;
	const enum crashres_answer suffices = does_ima_suffice(permissions);

	if (options[CRS_OPTION_KEXEC_SIG] == NO && permissions->locked_down == YES &&
	    permissions->config.source == CRS_CONFIG_BOOT)
		demand(check, UNKNOWN,
		       "lockdown, unless the running kernel was built without CONFIG_KEXEC_SIG, as "
		       "/boot/config-RELEASE says");
	else if (options[CRS_OPTION_KEXEC_SIG] == NO)
		demand(check, NO, "the running kernel was built without CONFIG_KEXEC_SIG");
	else if (permissions->signature_forced == YES)
		demand(check, YES,
		       options[CRS_OPTION_KEXEC_SIG_FORCE] == YES
			       ? "CONFIG_KEXEC_SIG_FORCE"
			       : "Secure Boot with CONFIG_IMA_ARCH_POLICY");
	else if (permissions->locked_down == YES && suffices == YES)
		demand(check, permissions->signature_forced,
		       "lockdown accepts the signature that IMA appraises");
	else if (permissions->locked_down == YES)
		demand(check, suffices == UNKNOWN ? UNKNOWN : options[CRS_OPTION_KEXEC_SIG],
		       "lockdown");
	else if (permissions->locked_down == NO && permissions->signature_forced == NO)
		demand(check, NO,
		       "neither lockdown nor Secure Boot nor CONFIG_KEXEC_SIG_FORCE "
		       "demands one");
	else
		demand(check, UNKNOWN,
		       "lockdown or the configuration of the running kernel is "
		       "unknown");
}

void crs_check_demand_ima(struct crashres_appraisal_check *check,
			  const struct crs_permissions *permissions)
{
	const struct crs_ima_policy *ima = &permissions->ima;

	if (ima->known == NO)
		demand(check, NO, "the running kernel has no IMA");
	else if (ima->known == UNKNOWN)
		demand(check, UNKNOWN, "the IMA policy cannot be read");
	else if (!ima->kernel.appraised)
		demand(check, NO, "no rule of the IMA policy appraises kernels");
	else if (ima->kernel.conditional)
		demand(check, UNKNOWN,
		       "a rule of the IMA policy with conditions can concern this "
		       "file");
	/* Secure Boot ignores the word (ima_appraise_parse_cmdline()). */
	else if (ima->weak && permissions->secure_boot != YES)
		demand(check, UNKNOWN,
		       "a rule of the IMA policy appraises kernels, but "
		       "ima_appraise= on the command line can make IMA accept the file");
	else
		demand(check, YES, "a rule of the IMA policy appraises kernels");
}
