/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The UART behind a tty, as the running kernel drives it. */
#ifndef CRS_TTY_H
#define CRS_TTY_H

#include "firmware.h"

/*
 * Reads /sys/class/tty/@name, "/dev/" in front allowed, into the UART of
 * @firmware. One that purgatory cannot drive makes it none, with a warning in
 * the log: whoever names a port may not want purgatory to write to another one.
 * After a failure @firmware is as it was.
 */
enum crashres_status crs_tty_read(struct crashres_ctx *ctx, const char *name,
				  struct crs_firmware *firmware);

#endif
