/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The only file that makes the system call keyctl(2). */
#include <sys/syscall.h>
#include <unistd.h>

#include "keyctl.h"

long crs_keyctl(enum crs_keyctl_operation operation, int32_t serial, void *buffer, size_t size)
{
	return syscall(SYS_keyctl, (long)operation, (long)serial, buffer, size);
}
