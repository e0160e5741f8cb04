/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What an errno of either system call means, for a person. */
#ifndef CRS_ERRORS_H
#define CRS_ERRORS_H

#include <crashres/crashres.h>

/* What the limit of the slot reads after a call that it counted. */
enum crs_limit_state {
	CRS_LIMIT_OPEN = 0,		/* further calls are accepted, or there is no limit */
	CRS_LIMIT_USED_UP_BY_THIS,	/* this call was the last one */
	CRS_LIMIT_USED_UP_BEFORE,	/* this call came too late */
};

struct crs_refusal {
	enum crashres_call call;
	enum crashres_slot slot;
	int error;
	enum crs_limit_state limit;
	bool pages_differ;	/* the kernel's page size is not the running kernel's */
};

/* NULL where strerror() says it all. */
const char *crs_explain_refusal(const struct crs_refusal *refusal);

#endif
