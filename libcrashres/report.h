/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The report inside the library: parses the record in a device tree. */
#ifndef CRS_REPORT_H
#define CRS_REPORT_H

#include "base/ctx.h"

/*
 * Makes a report from the record in a device tree in memory.
 *
 * @dtb:    @size bytes, hostile; borrowed for the call only.
 * @report: out; release with crashres_report_free().
 *
 * Return: as crashres_report_read(), except CRASHRES_ERR_OS.
 */
enum crashres_status crs_report_from_dtb(struct crashres_ctx *ctx, const void *dtb, size_t size,
					 struct crashres_report **report);

#endif
