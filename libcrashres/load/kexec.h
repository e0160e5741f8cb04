/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kexec.h: the kernel's interface of both system calls (include/uapi/linux/kexec.h).
 *
 * Not every libc has these definitions, and older kernel headers lack some flags.
 */
#ifndef CRS_KEXEC_H
#define CRS_KEXEC_H

#include <stddef.h>

/* A segment as the kernel reads it. */
struct kexec_segment {
	const void *buf;		/* bytes in this process */
	size_t bufsz;			/* bytes of buf */
	const void *mem;		/* physical address of the segment; a multiple of the
					   page size */
	size_t memsz;			/* bytes of the segment; the kernel fills the rest with
					   zeros */
};

/* Flags of kexec_load. The upper 16 bits are the ELF number of the architecture. */
#define KEXEC_FLAG_ON_CRASH		0x00000001UL
#define KEXEC_FLAG_HOTPLUG		0x00000008UL
#define KEXEC_FLAG_ARCH_ARM64		(183UL << 16)

/* Flags of kexec_file_load. */
#define KEXEC_FILE_FLAG_UNLOAD		0x00000001UL
#define KEXEC_FILE_FLAG_ON_CRASH	0x00000002UL
#define KEXEC_FILE_FLAG_NO_INITRAMFS	0x00000004UL
#define KEXEC_FILE_FLAG_NO_CMA		0x00000010UL
#define KEXEC_FILE_FLAG_FORCE_DTB	0x00000020UL

/*
 * kexec_load(2). @entry: physical address; @count: number of segments, 0 to unload.
 * Returns 0; after a failure -1, with errno set. Tests replace this function.
 */
typedef long crs_kexec_load_fn(unsigned long entry, unsigned long count,
			       const struct kexec_segment *segments, unsigned long flags);

/*
 * kexec_file_load(2). @initrd_fd: -1 without an initrd; @cmdline_size: bytes with NUL, 0 without
 * a command line. Returns as crs_kexec_load_fn. Tests replace this function.
 */
typedef long crs_kexec_file_load_fn(int kernel_fd, int initrd_fd, unsigned long cmdline_size,
				    const char *cmdline, unsigned long flags);

#endif
