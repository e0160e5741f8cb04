/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads the UART behind a tty from the attributes that its driver shows in sysfs. */
#ifndef CRS_TTY_H
#define CRS_TTY_H

#include "firmware.h"

/*
 * Sets the UART of @firmware to the one behind /sys/class/tty/@name.
 *
 * @name: such as "ttyAMA0" or "/dev/ttyAMA0".
 *
 * If purgatory cannot drive the UART, @firmware gets no UART, and the log gets a warning.
 * The UART that firmware named is not a substitute: somebody who names a port can have a
 * reason to keep purgatory away from the other one.
 *
 * Return: CRASHRES_ERR_REQUEST if no tty can have this name, CRASHRES_ERR_OS if there is
 * no such tty. @firmware is unchanged after a failure.
 */
enum crashres_status crs_tty_read(struct crashres_ctx *ctx, const char *name,
				  struct crs_firmware *firmware);

#endif
