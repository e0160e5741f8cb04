/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CRS_REPORT_H
#define CRS_REPORT_H

#include "base/ctx.h"

/* As crashres_report_read(), of a device tree in memory. */
enum crashres_status crs_report_from_dtb(struct crashres_ctx *ctx, const void *dtb, size_t size,
					 struct crashres_report **report);

#endif
