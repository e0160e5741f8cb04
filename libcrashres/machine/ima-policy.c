/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Parses the policy of IMA. */
#include <stdlib.h>
#include <string.h>

#include "../base/root.h"
#include "ima-policy.h"

#define POLICY_LIMIT	(64U << 10)	/* bytes */
#define CMDLINE_LIMIT	(64U << 10)	/* bytes */

/* A word of a line. */
struct word {
	const char *text;	/* borrowed */
	size_t length;		/* bytes */
};

/* Moves to the next word of [*@at, @end). Returns false at the end of the line. */
static bool next_word(const char **at, const char *end, struct word *word)
{
	while (*at < end && (**at == ' ' || **at == '\t'))
		(*at)++;
	word->text = *at;
	while (*at < end && **at != ' ' && **at != '\t')
		(*at)++;
	word->length = (size_t)(*at - word->text);
	return word->length;
}

static bool is_word(const struct word *word, const char *text)
{
	return word->length == strlen(text) && !memcmp(word->text, text, word->length);
}

/* If @word starts with @key, sets @value to the rest. */
static bool take_key(const struct word *word, const char *key, struct word *value)
{
	const size_t length = strlen(key);

	if (word->length < length || memcmp(word->text, key, length))
		return false;
	*value = (struct word){ word->text + length, word->length - length };
	return true;
}

/* Words that change how a file is appraised, not which file. */
static bool is_setting(const struct word *word)
{
	static const char *const settings[] = {
		"appraise_flag=", "appraise_algos=", "permit_directio", "template=", "pcr=",
	};
	struct word value;

	for (size_t i = 0; i < sizeof(settings) / sizeof(*settings); i++)
		if (take_key(word, settings[i], &value))
			return true;
	return false;
}

/*
 * Parses a line. Returns false if the line is neither an appraise rule nor a dont_appraise rule, or
 * if it names another func than @func.
 */
static bool parse_rule(const char *at, const char *end, const char *func,
		       struct crs_ima_rule *rule)
{
	struct word word, value;

	if (!next_word(&at, end, &word) ||
	    (!is_word(&word, "appraise") && !is_word(&word, "dont_appraise")))
		return false;
	*rule = (struct crs_ima_rule){ .appraised = is_word(&word, "appraise") };
	while (next_word(&at, end, &word))
		if (take_key(&word, "func=", &value)) {
			if (!is_word(&value, func))
				return false;
			rule->named = true;
		} else if (take_key(&word, "appraise_type=", &value)) {
			rule->signature = true;
			rule->modsig = is_word(&value, "imasig|modsig");
		} else if (!is_setting(&word)) {
			rule->conditional = true;
		}
	return true;
}

/*
 * A dont_appraise rule with conditions is passed over: such rules exclude file systems such as
 * procfs, on which no kernel lies.
 */
struct crs_ima_rule crs_ima_policy_find(const char *text, size_t size, const char *func)
{
	const char *const end = text + size;

	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		const char *line_end = newline ? newline : end;
		struct crs_ima_rule rule;

		if (parse_rule(text, line_end, func, &rule) &&
		    (rule.appraised || !rule.conditional))
			return rule;
		text = line_end + 1;
	}
	return (struct crs_ima_rule){ .appraised = false };
}

/*
 * securityfs is mounted if it shows the list of security modules. Without IMA in the kernel its
 * folder is missing there.
 */
static bool is_without_ima(struct crashres_ctx *ctx)
{
	CRS_CLEANUP(crs_freep) uint8_t *list = NULL;
	size_t size;

	return crs_root_read(ctx, "sys/kernel/security/lsm", POLICY_LIMIT, &list, &size) ==
	       CRASHRES_OK && crs_root_lacks(ctx, "sys/kernel/security/ima");
}

/*
 * Does the command line ask IMA not to enforce its rules? Only ima_appraise=enforce, the default,
 * enforces them.
 */
static bool is_weak(struct crashres_ctx *ctx)
{
	static const char word[] = "ima_appraise=";
	CRS_CLEANUP(crs_freep) uint8_t *text = NULL;
	const char *found;
	size_t size;

	if (crs_root_read(ctx, "proc/cmdline", CMDLINE_LIMIT, &text, &size) != CRASHRES_OK)
		return false;
	found = strstr((char *)text, word);
	return found && strncmp(found + strlen(word), "enforce", strlen("enforce"));
}

struct crs_ima_policy crs_ima_policy_read(struct crashres_ctx *ctx)
{
	CRS_CLEANUP(crs_freep) uint8_t *text = NULL;
	struct crs_ima_policy policy = { .known = CRASHRES_ANSWER_UNKNOWN };
	size_t size;

	if (crs_root_read(ctx, "sys/kernel/security/ima/policy", POLICY_LIMIT, &text, &size) !=
	    CRASHRES_OK) {
		crs_log(ctx, CRASHRES_LOG_INFO, "skipped: %s", ctx->error);
		if (is_without_ima(ctx))
			policy.known = CRASHRES_ANSWER_NO;
		return policy;
	}
	policy.known = CRASHRES_ANSWER_YES;
	policy.weak = is_weak(ctx);
	policy.kernel = crs_ima_policy_find((char *)text, size, "KEXEC_KERNEL_CHECK");
	policy.initrd = crs_ima_policy_find((char *)text, size, "KEXEC_INITRAMFS_CHECK");
	return policy;
}
