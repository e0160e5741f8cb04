/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The command line of the new kernel. */
#ifndef CRS_CMDLINE_H
#define CRS_CMDLINE_H

#include "../base/ctx.h"

/* COMMAND_LINE_SIZE on arm64 is 2048, NUL included (asm/setup.h). */
#define CRS_CMDLINE_MAX 2047

/*
 * What is left of @cmdline without BOOT_IMAGE and, for a crash kernel, without
 * crashkernel: with or without a value, as whole words, quotes understood as
 * the kernel does (lib/cmdline.c, next_arg). A word goes with the blanks behind
 * it, as in kexec-tools; every other byte stays, because IMA measures the line.
 *
 * Return: a string for free(), or NULL when memory runs out.
 */
char *crs_cmdline_filter(const char *cmdline, enum crashres_slot slot);

/*
 * The whole line: @reused (may be NULL) filtered, a blank, then @append (may
 * be NULL). @result is for free(). The log warns of each "crashkernel=" that a
 * crash kernel would still find in it.
 *
 * Return: CRASHRES_ERR_LIMIT over CRS_CMDLINE_MAX bytes.
 */
enum crashres_status crs_cmdline_make(struct crashres_ctx *ctx, const char *reused,
				      const char *append, enum crashres_slot slot, char **result);

#endif
