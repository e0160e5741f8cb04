/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../base/root.h"
#include "permissions.h"

#define LINE_LIMIT	4096
#define POLICY_LIMIT	(64U << 10)

/* The text of a file below the root; NULL, and a line in the log, if it cannot be read. */
static char *read_text(struct crashres_ctx *ctx, const char *path, size_t limit)
{
	uint8_t *text;
	size_t size;

	if (crs_root_read(ctx, path, limit, &text, &size) == CRASHRES_OK)
		return (char *)text;
	crs_log(ctx, CRASHRES_LOG_INFO, "%s", ctx->error);
	return NULL;
}

static enum crashres_answer answer(bool yes)
{
	return yes ? CRASHRES_ANSWER_YES : CRASHRES_ANSWER_NO;
}

/* "none [integrity] confidentiality": one level has brackets (security/lockdown/lockdown.c). */
static enum crashres_answer parse_lockdown(const char *text)
{
	bool none = strstr(text, "[none]");
	bool locked = strstr(text, "[integrity]") || strstr(text, "[confidentiality]");

	return none == locked ? CRASHRES_ANSWER_UNKNOWN : answer(locked);
}

static enum crashres_answer read_lockdown(struct crashres_ctx *ctx)
{
	CRS_CLEANUP(crs_freep) char *text = read_text(ctx, "sys/kernel/security/lockdown", LINE_LIMIT);

	return text ? parse_lockdown(text) : CRASHRES_ANSWER_UNKNOWN;
}

/* One rule a line (Documentation/ABI/testing/ima_policy). "dont_appraise" is another word. */
static bool is_appraise_rule(const char *line, size_t length)
{
	static const char word[] = "appraise ";

	return length >= strlen(word) && !strncmp(line, word, strlen(word)) &&
	       memmem(line, length, "func=KEXEC_KERNEL_CHECK", strlen("func=KEXEC_KERNEL_CHECK"));
}

static enum crashres_answer read_ima_policy(struct crashres_ctx *ctx)
{
	CRS_CLEANUP(crs_freep) char *text = read_text(ctx, "sys/kernel/security/ima/policy",
						      POLICY_LIMIT);
	const char *line;

	if (!text)
		return CRASHRES_ANSWER_UNKNOWN;
	for (line = text; *line; line += strcspn(line, "\n"), line += *line == '\n')
		if (is_appraise_rule(line, strcspn(line, "\n")))
			return CRASHRES_ANSWER_YES;
	return CRASHRES_ANSWER_NO;
}

/* False where the file cannot be read, or does not start with a number. */
static bool read_number(struct crashres_ctx *ctx, const char *path, long long *value)
{
	CRS_CLEANUP(crs_freep) char *text = read_text(ctx, path, LINE_LIMIT);
	char *end;

	if (!text)
		return false;
	errno = 0;
	*value = strtoll(text, &end, 10);
	return end != text && !errno;
}

static enum crashres_answer read_disabled(struct crashres_ctx *ctx)
{
	long long value;

	if (!read_number(ctx, "proc/sys/kernel/kexec_load_disabled", &value))
		return CRASHRES_ANSWER_UNKNOWN;
	return answer(value != 0);
}

struct crs_limit crs_limit_read(struct crashres_ctx *ctx, enum crashres_slot slot)
{
	const char *path = slot == CRASHRES_SLOT_CRASH ? "proc/sys/kernel/kexec_load_limit_panic" :
							 "proc/sys/kernel/kexec_load_limit_reboot";
	long long value;

	/* -1 stands for no limit (kexec_limit_handler()). */
	if (!read_number(ctx, path, &value) || value < 0)
		return (struct crs_limit){ .limited = false };
	return (struct crs_limit){ .limited = true, .left = (uint64_t)value };
}

const char *crs_limit_name(enum crashres_slot slot)
{
	return slot == CRASHRES_SLOT_CRASH ? "kernel.kexec_load_limit_panic" :
					     "kernel.kexec_load_limit_reboot";
}

struct crs_permissions crs_permissions_read(struct crashres_ctx *ctx)
{
	return (struct crs_permissions){
		.locked_down = read_lockdown(ctx),
		.appraised = read_ima_policy(ctx),
		.load_disabled = read_disabled(ctx),
		.limits = {
			crs_limit_read(ctx, CRASHRES_SLOT_NORMAL),
			crs_limit_read(ctx, CRASHRES_SLOT_CRASH),
		},
	};
}
