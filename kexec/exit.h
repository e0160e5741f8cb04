/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Exit statuses of kexec-tools. Scripts know them. */
#ifndef KEXEC_EXIT_H
#define KEXEC_EXIT_H

enum {
	EXIT_DONE = 0,		/* for -S: nothing is loaded */
	EXIT_ENVIRONMENT = 1,	/* missing file, no crash region, bad option; for -S: loaded */
	EXIT_NO_FILE_SYSCALL = 253, /* -s: the running kernel has no kexec_file_load, or not for this */
	EXIT_FAILED = 255,	/* the load, the unload or the reboot failed */
};

#endif
