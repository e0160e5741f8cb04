/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads the permissions of the running kernel.
 *
 *   /sys/kernel/security/lockdown              "none [integrity] confidentiality"
 *   /proc/sys/kernel/kexec_load_disabled       0 or 1
 *   /proc/sys/kernel/kexec_load_limit_panic    -1 or calls left
 *   /proc/sys/kernel/kexec_load_limit_reboot   -1 or calls left
 *   /proc/self/status                          "CapEff:\t0000000000000000", hexadecimal
 *
 * Old kernels lack some of these files. Configuration, IMA policy and Secure Boot have files of
 * their own: kernel-config.h, ima-policy.h, secure-boot.h.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../base/root.h"
#include "permissions.h"
#include "secure-boot.h"

#define LINE_LIMIT	4096		/* bytes of a file with one line */
#define CAP_SYS_BOOT	22		/* bit number (include/uapi/linux/capability.h) */

/*
 * Reads a text file. The caller frees the text. NULL, with a line in the log, if the file
 * cannot be read.
 */
static char *read_text(struct crashres_ctx *ctx, const char *path, size_t limit)
{
	uint8_t *text;
	size_t size;

	if (crs_root_read(ctx, path, limit, &text, &size) == CRASHRES_OK)
		return (char *)text;
	crs_log(ctx, CRASHRES_LOG_INFO, "skipped: %s", ctx->error);
	return NULL;
}

static enum crashres_answer to_answer(bool yes)
{
	return yes ? CRASHRES_ANSWER_YES : CRASHRES_ANSWER_NO;
}

/* The current level stands in brackets (security/lockdown/lockdown.c). */
static enum crashres_answer parse_lockdown(const char *text)
{
	bool none = strstr(text, "[none]");
	bool locked = strstr(text, "[integrity]") || strstr(text, "[confidentiality]");

	return none == locked ? CRASHRES_ANSWER_UNKNOWN : to_answer(locked);
}

static enum crashres_answer read_lockdown(struct crashres_ctx *ctx)
{
	CRS_CLEANUP(crs_freep) char *text = read_text(ctx, "sys/kernel/security/lockdown", LINE_LIMIT);

	return text ? parse_lockdown(text) : CRASHRES_ANSWER_UNKNOWN;
}

/* Does a rule of the policy name kernels? A rule for every func usually concerns other files. */
static enum crashres_answer is_appraised(const struct crs_ima_policy *ima)
{
	return ima->known == CRASHRES_ANSWER_UNKNOWN ? CRASHRES_ANSWER_UNKNOWN :
						       to_answer(ima->kernel.appraised && ima->kernel.named);
}

/* Three-valued logic: NO wins in "and", YES wins in "or". */
static enum crashres_answer both(enum crashres_answer a, enum crashres_answer b)
{
	if (a == CRASHRES_ANSWER_NO || b == CRASHRES_ANSWER_NO)
		return CRASHRES_ANSWER_NO;
	return a == b ? a : CRASHRES_ANSWER_UNKNOWN;
}

static enum crashres_answer either(enum crashres_answer a, enum crashres_answer b)
{
	if (a == CRASHRES_ANSWER_YES || b == CRASHRES_ANSWER_YES)
		return CRASHRES_ANSWER_YES;
	return a == b ? a : CRASHRES_ANSWER_UNKNOWN;
}

/*
 * sig_enforce of kernel/kexec_file.c: set by CONFIG_KEXEC_SIG_FORCE, or by arch_get_ima_policy()
 * (security/integrity/ima/ima_efi.c) if Secure Boot is on.
 */
static enum crashres_answer is_forced(const struct crs_permissions *permissions)
{
	const enum crashres_answer *options = permissions->config.options;

	return both(options[CRS_OPTION_KEXEC_SIG],
		    either(options[CRS_OPTION_KEXEC_SIG_FORCE],
			   both(options[CRS_OPTION_IMA_ARCH_POLICY], permissions->secure_boot)));
}

/* Returns false if the file cannot be read or does not start with a decimal number. */
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
	return to_answer(value != 0);
}

/*
 * Finds CAP_SYS_BOOT in the effective capabilities of this process. A copied machine has no such
 * file, and this fact matters only for a load on this machine: a missing file is not logged.
 */
static enum crashres_answer read_privileged(struct crashres_ctx *ctx)
{
	static const char word[] = "\nCapEff:";
	CRS_CLEANUP(crs_freep) uint8_t *text = NULL;
	const char *value;
	size_t size;

	if (crs_root_read(ctx, "proc/self/status", LINE_LIMIT, &text, &size) != CRASHRES_OK)
		return CRASHRES_ANSWER_UNKNOWN;
	value = strstr((const char *)text, word);
	if (!value)
		return CRASHRES_ANSWER_UNKNOWN;
	return to_answer(strtoull(value + strlen(word), NULL, 16) >> CAP_SYS_BOOT & 1);
}

struct crs_limit crs_limit_read(struct crashres_ctx *ctx, enum crashres_slot slot)
{
	const char *path = slot == CRASHRES_SLOT_CRASH ? "proc/sys/kernel/kexec_load_limit_panic" :
							 "proc/sys/kernel/kexec_load_limit_reboot";
	long long value;

	/* -1 means no limit (kernel/kexec_core.c, kexec_limit_handler()). */
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
	struct crs_permissions permissions = {
		.locked_down = read_lockdown(ctx),
		.load_disabled = read_disabled(ctx),
		.secure_boot = crs_secure_boot_read(ctx),
		.config = crs_kernel_config_read(ctx),
		.ima = crs_ima_policy_read(ctx),
		.privileged = read_privileged(ctx),
		.limits = {
			crs_limit_read(ctx, CRASHRES_SLOT_NORMAL),
			crs_limit_read(ctx, CRASHRES_SLOT_CRASH),
		},
	};

	permissions.appraised = is_appraised(&permissions.ima);
	permissions.signature_forced = is_forced(&permissions);
	return permissions;
}

enum crashres_answer crs_lockdown_demands_signature(const struct crs_permissions *permissions)
{
	return crs_kernel_config_lacks(&permissions->config, CRS_OPTION_KEXEC_SIG) ?
	       CRASHRES_ANSWER_NO : permissions->locked_down;
}

bool crs_signature_can_be_enforced(const struct crs_permissions *permissions)
{
	if (permissions->signature_forced != CRASHRES_ANSWER_UNKNOWN)
		return permissions->signature_forced == CRASHRES_ANSWER_YES;
	return permissions->locked_down == CRASHRES_ANSWER_YES ||
	       permissions->secure_boot == CRASHRES_ANSWER_YES;
}
