/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cmdline.h: makes the command line of the new kernel. */
#ifndef CRS_CMDLINE_H
#define CRS_CMDLINE_H

#include "../base/ctx.h"

/* The longest command line in bytes: COMMAND_LINE_SIZE of arm64 is 2048 with NUL (asm/setup.h). */
#define CRS_CMDLINE_MAX 2047

/*
 * Returns a copy of @cmdline without the parameter BOOT_IMAGE and, for the crash slot, without
 * crashkernel. Both are removed with or without a value, and only as whole words. Words and
 * quotes are parsed as in the kernel (next_arg() in lib/cmdline.c).
 *
 * The blanks after a removed word are removed too, as in kexec-tools. All other bytes stay,
 * because IMA measures the command line.
 *
 * Return: a string for free(), or NULL if there is no memory.
 */
char *crs_cmdline_filter(const char *cmdline, enum crashres_slot slot);

/*
 * Makes the complete command line: @reused after crs_cmdline_filter(), a blank, and @append.
 * @reused and @append may be NULL. @result: out; release with free().
 *
 * For the crash slot, the log has a warning for each word that still contains "crashkernel=".
 *
 * Return: CRASHRES_ERR_LIMIT if the line is longer than CRS_CMDLINE_MAX.
 */
enum crashres_status crs_cmdline_make(struct crashres_ctx *ctx, const char *reused,
				      const char *append, enum crashres_slot slot, char **result);

#endif
