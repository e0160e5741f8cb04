/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* attribute.h: failures of the extended attribute security.ima. */
#ifndef CRS_IMA_ATTRIBUTE_H
#define CRS_IMA_ATTRIBUTE_H

#include "openssl.h"

/*
 * Fails because a call for security.ima of the open file @fd failed with the errno @error.
 *
 * @verb: "set", "read" or "remove".
 *
 * Return:
 *   CRASHRES_ERR_PERMISSION  this user lacks CAP_SYS_ADMIN, or the file is immutable
 *   CRASHRES_ERR_OS          another error
 */
enum crashres_status crs_attribute_fail(struct crashres_ctx *ctx, int fd, int error,
					const char *verb);

#endif
