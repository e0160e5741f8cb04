/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* syscalls.c: the only file that makes a kexec system call. */
#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "syscalls.h"

long crs_kexec_load(unsigned long entry, unsigned long count,
		    const struct kexec_segment *segments, unsigned long flags)
{
#ifdef __aarch64__
	return syscall(SYS_kexec_load, entry, count, segments, flags);
#else
	(void)entry;
	(void)count;
	(void)segments;
	(void)flags;
	errno = ENOEXEC;
	return -1;
#endif
}

long crs_kexec_file_load(int kernel_fd, int initrd_fd, unsigned long cmdline_size,
			 const char *cmdline, unsigned long flags)
{
#ifdef __aarch64__
	return syscall(SYS_kexec_file_load, kernel_fd, initrd_fd, cmdline_size, cmdline, flags);
#else
	(void)kernel_fd;
	(void)initrd_fd;
	(void)cmdline_size;
	(void)cmdline;
	(void)flags;
	errno = ENOEXEC;
	return -1;
#endif
}
