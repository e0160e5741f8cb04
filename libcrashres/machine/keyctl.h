/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The system call keyctl(2). The C library has no function for it, and libkeyutils would be one
 * more library in every initramfs for two operations that only read.
 */
#ifndef CRS_KEYCTL_H
#define CRS_KEYCTL_H

#include <stddef.h>
#include <stdint.h>

/* Operations (include/uapi/linux/keyctl.h). */
enum crs_keyctl_operation {
	CRS_KEYCTL_DESCRIBE = 6,	/* "TYPE;UID;GID;PERMISSIONS;DESCRIPTION", with a NUL */
	CRS_KEYCTL_READ = 11,		/* of a keyring: the serials of its members, int32_t each */
};

/*
 * Asks for @serial and writes at most @size bytes to @buffer. Returns the number of bytes that
 * the whole answer has, which can be more than @size; after a failure -1, with errno set. Tests
 * replace this function.
 */
typedef long crs_keyctl_fn(enum crs_keyctl_operation operation, int32_t serial, void *buffer,
			   size_t size);

crs_keyctl_fn crs_keyctl;

#endif
