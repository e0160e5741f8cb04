/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Exit statuses of kexec. They are those of kexec-tools, because scripts test them: kdumpctl,
 * kdump-config and systemd distinguish 0 from all others, and "kexec -S" answers with 0 or 1.
 */
#ifndef KEXEC_EXIT_H
#define KEXEC_EXIT_H

enum {
	EXIT_DONE = 0,			/* success; -S: no kernel is loaded in the slot */
	EXIT_ENVIRONMENT = 1,		/* wrong option, no crash region, no permission, a file
					   that cannot be read; -S: a kernel is loaded */
	EXIT_NO_FILE_SYSCALL = 253,	/* -s: the running kernel has no kexec_file_load, or
					   kexec_file_load does not support this kernel file */
	EXIT_FAILED = 255,		/* the load, the unload or the start failed; -S: the answer
					   is unknown. kexec-tools returns -1 from main() */
};

#endif
