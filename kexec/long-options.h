/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The long options of kexec: its own, and those that kexec-tools has on other architectures. */
#ifndef KEXEC_LONG_OPTIONS_H
#define KEXEC_LONG_OPTIONS_H

#include <getopt.h>

enum {
	OPT_APPEND = 256,
	OPT_REUSE_CMDLINE,
	OPT_INITRD,
	OPT_DTB,
	OPT_MEM_MIN,
	OPT_MEM_MAX,
	OPT_PRINT_CKR_SIZE,
	OPT_DRY_RUN,
	OPT_ROOT,
	OPT_PURGATORY_MMU,
	OPT_ON_DAMAGE,
	OPT_ON_TIMEOUT,
	OPT_REPAIR,
	OPT_CHECK_TIME,
	OPT_SERIAL,
	OPT_ENTRY,
	OPT_REUSE_INITRD,
	OPT_HOTPLUG,
	OPT_NO_CMA,
	OPT_FORCE_DTB,
	OPT_PRESERVE_CONTEXT,
	OPT_JUMP_BACK,
	OPT_LOAD_LIVE_UPDATE,
	OPT_EXEC_LIVE_UPDATE,
	OPT_SEAL,
	OPT_FOREIGN,
};

/*
 * The table for the next getopt_long(). An abbreviation is looked up among the options of arm64; if
 * it fits none of them, among those of other architectures.
 */
const struct option *long_options_next(int argc, char *const argv[]);

#endif
