/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* syscalls.h: the real system calls; a context points to them unless a test replaces them. */
#ifndef CRS_SYSCALLS_H
#define CRS_SYSCALLS_H

#include "kexec.h"

/* Both functions fail with ENOEXEC on a machine that is not arm64. */
crs_kexec_load_fn crs_kexec_load;
crs_kexec_file_load_fn crs_kexec_file_load;

#endif
