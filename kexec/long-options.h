/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The long options of kexec: those for arm64, and those of kexec-tools for other architectures. */
#ifndef KEXEC_LONG_OPTIONS_H
#define KEXEC_LONG_OPTIONS_H

#include <getopt.h>

/* Values that getopt_long() returns for options without a letter: above every character. */
enum {
	OPT_APPEND = 256,		/* --append and --command-line */
	OPT_REUSE_CMDLINE,
	OPT_INITRD,			/* --initrd and --ramdisk */
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
	OPT_PRESERVE_CONTEXT,		/* these four are refused: arm64 cannot do them */
	OPT_JUMP_BACK,
	OPT_LOAD_LIVE_UPDATE,
	OPT_EXEC_LIVE_UPDATE,
	OPT_SEAL,
	OPT_FOREIGN,			/* every option of another architecture */
};

/*
 * Returns the table for the next call of getopt_long(), which the caller makes at once.
 *
 * Two tables are needed because of abbreviations: in one table, "--dt" would be ambiguous
 * (--dtb and --dt-no-old-root). An abbreviation that fits an option for arm64 selects the
 * table for arm64. Only if it fits none, the table of the other architectures is searched.
 */
const struct option *long_options_next(int argc, char *const argv[]);

#endif
