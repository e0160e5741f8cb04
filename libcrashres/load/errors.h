/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What an errno of either system call means, for a person. */
#ifndef CRS_ERRORS_H
#define CRS_ERRORS_H

#include <crashres/crashres.h>

struct crs_refused {
	enum crashres_call call;
	enum crashres_slot slot;
	int error;
	bool limit_used_up;	/* the limit of the slot reads 0 */
	bool pages_differ;	/* the kernel's page size is not the running kernel's */
};

/* NULL where strerror() says it all. */
const char *crs_explain(const struct crs_refused *refused);

#endif
