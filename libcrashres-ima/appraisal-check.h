/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * appraisal-check.h: one struct crashres_appraisal_check: the demand of a part of the kernel, and
 * its answer about a file.
 */
#ifndef CRS_IMA_APPRAISAL_CHECK_H
#define CRS_IMA_APPRAISAL_CHECK_H

#include <crashres/ima.h>

#include "../libcrashres/machine/permissions.h"

/* Stores the answer, the next step and the problem ("" if there is none). */
void crs_check_answer(struct crashres_appraisal_check *check, enum crashres_answer passes,
		      enum crashres_step step, const char *problem);

/* Stores a formatted problem. */
void crs_check_set_problem(struct crashres_appraisal_check *check, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * Stores whether the kernel demands a PE signature, and the reason
 * (kimage_validate_signature()).
 */
void crs_check_demand_pe(struct crashres_appraisal_check *check,
			 const struct crs_permissions *permissions);

/* Stores whether a rule of the IMA policy demands a signature of a kernel, and the reason. */
void crs_check_demand_ima(struct crashres_appraisal_check *check,
			  const struct crs_permissions *permissions);

#endif
