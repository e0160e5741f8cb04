/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kernel's interface for both system calls (include/uapi/linux/kexec.h). */
#ifndef CRS_KEXEC_H
#define CRS_KEXEC_H

#include <stddef.h>

struct kexec_segment {
	const void *buf;
	size_t bufsz;
	const void *mem;
	size_t memsz;
};

#define KEXEC_FLAG_ON_CRASH		0x00000001UL
#define KEXEC_FLAG_HOTPLUG		0x00000008UL
#define KEXEC_FLAG_ARCH_ARM64		(183UL << 16)
#define KEXEC_FILE_FLAG_UNLOAD		0x00000001UL
#define KEXEC_FILE_FLAG_ON_CRASH	0x00000002UL
#define KEXEC_FILE_FLAG_NO_INITRAMFS	0x00000004UL
#define KEXEC_FILE_FLAG_NO_CMA		0x00000010UL
#define KEXEC_FILE_FLAG_FORCE_DTB	0x00000020UL

/* kexec_load(2); replaced in tests. Returns -1 and sets errno on failure. */
typedef long crs_kexec_load_fn(unsigned long entry, unsigned long count,
			       const struct kexec_segment *segments, unsigned long flags);

/* kexec_file_load(2), likewise. */
typedef long crs_kexec_file_load_fn(int kernel_fd, int initrd_fd, unsigned long cmdline_size,
				    const char *cmdline, unsigned long flags);

#endif
