/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CRS_LOAD_H
#define CRS_LOAD_H

#include "../base/ctx.h"

/* As the kernel takes it (include/uapi/linux/kexec.h). */
struct kexec_segment {
	const void *buf;
	size_t bufsz;
	const void *mem;
	size_t memsz;
};

/* The system calls themselves; ENOEXEC on a machine that is not arm64. */
crs_kexec_load_fn crs_kexec_load;
crs_kexec_file_load_fn crs_kexec_file_load;

#endif
