/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cmdline.c: makes the command line of the new kernel. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmdline.h"

static bool blank(char c)
{
	return isspace((unsigned char)c);
}

/* Returns the end of the word at @word: the first blank outside double quotes, or the NUL. */
static const char *word_end(const char *word)
{
	bool quoted = false;

	for (; *word && (quoted || !blank(*word)); word++)
		if (*word == '"')
			quoted = !quoted;
	return word;
}

/*
 * Is @name the name of the parameter in [@word, @end), up to '=' or the end? The kernel accepts
 * a quoted parameter such as "crashkernel=64M", with the quotes around name and value.
 */
static bool word_is(const char *word, const char *end, const char *name)
{
	size_t length = strlen(name);
	bool quoted = word < end && *word == '"';

	word += quoted;
	if ((size_t)(end - word) < length || strncmp(word, name, length))
		return false;
	word += length;
	return word == end || *word == '=' || (quoted && *word == '"' && word + 1 == end);
}

char *crs_cmdline_filter(const char *cmdline, enum crashres_slot slot)
{
	char *result = malloc(strlen(cmdline) + 1), *out = result;

	if (!result)
		return NULL;
	while (*cmdline) {
		const char *end, *next;

		while (blank(*cmdline))
			*out++ = *cmdline++;
		end = word_end(cmdline);
		for (next = end; blank(*next); next++)
			;
		if (word_is(cmdline, end, "BOOT_IMAGE") ||
		    (slot == CRASHRES_SLOT_CRASH && word_is(cmdline, end, "crashkernel"))) {
			cmdline = next;
			continue;
		}
		memcpy(out, cmdline, (size_t)(next - cmdline));
		out += next - cmdline;
		cmdline = next;
	}
	*out = '\0';
	return result;
}

/*
 * Warns about each word that contains "crashkernel=". The kernel searches for these bytes
 * anywhere, not for a whole word (get_last_crashkernel() in kernel/crash_reserve.c), so that
 * "rd.crashkernel=1M" also reserves memory.
 */
static void warn_of_crashkernel(struct crashres_ctx *ctx, const char *line)
{
	static const char searched[] = "crashkernel=";

	while (*line) {
		size_t length = (size_t)(word_end(line) - line);

		if (memmem(line, length, searched, strlen(searched)))
			crs_log(ctx, CRASHRES_LOG_WARNING,
				"command line: the crash kernel can reserve memory again, because "
				"it finds \"crashkernel=\" in %.*s",
				(int)length, line);
		line += length;
		while (blank(*line))
			line++;
	}
}

enum crashres_status crs_cmdline_make(struct crashres_ctx *ctx, const char *reused,
				      const char *append, enum crashres_slot slot, char **result)
{
	CRS_CLEANUP(crs_freep) char *filtered = reused ? crs_cmdline_filter(reused, slot)
						       : strdup("");
	CRS_CLEANUP(crs_freep) char *line = NULL;

	if (!append)
		append = "";
	if (!filtered ||
	    asprintf(&line, "%s%s%s", filtered, *filtered && *append ? " " : "", append) < 0) {
		line = NULL;
		return crs_fail_memory(ctx);
	}
	if (strlen(line) > CRS_CMDLINE_MAX)
		return crs_fail(ctx, CRASHRES_ERR_LIMIT,
				"Kernel command line too long for kernel: %zu bytes, at most %d",
				strlen(line), CRS_CMDLINE_MAX);
	if (slot == CRASHRES_SLOT_CRASH)
		warn_of_crashkernel(ctx, line);
	*result = line;
	line = NULL;
	return CRASHRES_OK;
}
