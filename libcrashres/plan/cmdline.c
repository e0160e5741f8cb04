/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmdline.h"

static bool blank(char c)
{
	return isspace((unsigned char)c);
}

/* The end of the word at @word: a blank outside double quotes, or the end. */
static const char *word_end(const char *word)
{
	bool quoted = false;

	for (; *word && (quoted || !blank(*word)); word++)
		if (*word == '"')
			quoted = !quoted;
	return word;
}

/* Is the word's name, up to '=', @name? A quote may open in front of the whole word. */
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

/* The kernel searches for these bytes, not for a word (get_last_crashkernel, crash_reserve.c). */
static void warn_of_crashkernel(struct crashres_ctx *ctx, const char *line)
{
	static const char searched[] = "crashkernel=";

	while (*line) {
		size_t length = (size_t)(word_end(line) - line);

		if (memmem(line, length, searched, strlen(searched)))
			crs_log(ctx, CRASHRES_LOG_WARNING, "command line: the crash kernel may reserve memory "
				"of its own, because it searches for \"crashkernel=\" anywhere and finds it in %.*s",
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
