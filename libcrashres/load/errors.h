/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What an errno of either system call means, for a person; NULL where strerror() says it all. */
#ifndef CRS_ERRORS_H
#define CRS_ERRORS_H

#include <crashres/crashres.h>

const char *crs_explain_load(int error, enum crashres_slot slot);
const char *crs_explain_file_load(int error, enum crashres_slot slot);

#endif
