/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KEXEC_ACTIONS_H
#define KEXEC_ACTIONS_H

#include "options.h"

/* Exit statuses of kexec-tools, which scripts know. */
enum {
	EXIT_DONE = 0,		/* for -S: nothing is loaded */
	EXIT_ENVIRONMENT = 1,	/* missing file, no crash region, usage; for -S: loaded */
	EXIT_NO_FILE_SYSCALL = 253, /* -s: the running kernel has no kexec_file_load, or not for this */
	EXIT_FAILED = 255,	/* the load, the unload or the reboot failed */
};

/* Does what @options asks for, says on stderr what failed, gives the exit status. */
int actions_run(const struct options *options);

#endif
