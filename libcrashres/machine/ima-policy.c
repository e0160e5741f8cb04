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
		"appraise_flag=", "permit_directio", "template=", "pcr=",
	};
	struct word value;

	for (size_t i = 0; i < sizeof(settings) / sizeof(*settings); i++)
		if (take_key(word, settings[i], &value))
			return true;
	return false;
}

/* Returns a bit for the number of each hash in @list, such as "sha256,sha512" (hash_info.h). */
static uint32_t parse_hashes(const struct word *list)
{
	static const struct {
		const char *name;
		unsigned int number;
	} hashes[] = { { "sha256", 4 }, { "sha384", 5 }, { "sha512", 6 } };
	const char *const end = list->text + list->length;
	uint32_t result = 0;

	for (const char *at = list->text; at < end; at++) {
		const char *comma = memchr(at, ',', (size_t)(end - at));
		struct word name = { at, (size_t)((comma ? comma : end) - at) };

		for (size_t i = 0; i < sizeof(hashes) / sizeof(*hashes); i++)
			if (is_word(&name, hashes[i].name))
				result |= 1U << hashes[i].number;
		at += name.length;
	}
	return result;
}

/* Stores a word behind the action, except func. */
static void parse_word(const struct word *word, struct crs_ima_rule *rule)
{
	struct word value;

	if (take_key(word, "appraise_type=", &value)) {
		rule->signature = true;
		rule->modsig = is_word(&value, "imasig|modsig");
		rule->doubtful = rule->doubtful || (!rule->modsig && !is_word(&value, "imasig"));
	} else if (take_key(word, "appraise_algos=", &value)) {
		rule->limited = true;
		rule->hashes = parse_hashes(&value);
	} else if (take_key(word, "digest_type=", &value)) {
		rule->doubtful = true;
	} else if (!is_setting(word)) {
		rule->conditional = true;
	}
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
		} else {
			parse_word(&word, rule);
		}
	return true;
}

/* Do two rules demand the same of a file? */
static bool is_same_demand(const struct crs_ima_rule *a, const struct crs_ima_rule *b)
{
	return a->signature == b->signature && a->modsig == b->modsig &&
	       a->limited == b->limited && a->hashes == b->hashes && a->doubtful == b->doubtful;
}

/*
 * Adds the next rule to @found. Returns true if no rule behind this one can concern the file.
 *
 * A dont_appraise rule with conditions is passed over: such rules exclude file systems such as
 * procfs, on which no kernel lies. Behind an appraise rule with conditions, the rules up to the
 * first one without conditions can concern the file, too.
 */
static bool add_rule(const struct crs_ima_rule *rule, struct crs_ima_rule *found)
{
	if (found->appraised && rule->appraised)
		found->doubtful = found->doubtful || !is_same_demand(found, rule);
	else if (!found->appraised && (rule->appraised || !rule->conditional))
		*found = *rule;
	return !rule->conditional;
}

struct crs_ima_rule crs_ima_policy_find(const char *text, size_t size, const char *func)
{
	const char *const end = text + size;
	struct crs_ima_rule found = { .appraised = false };

	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		const char *line_end = newline ? newline : end;
		struct crs_ima_rule rule;

		if (parse_rule(text, line_end, func, &rule) && add_rule(&rule, &found))
			break;
		text = line_end + 1;
	}
	return found;
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
	for (found = strstr((char *)text, word); found; found = strstr(found, word)) {
		found += strlen(word);
		if (strncmp(found, "enforce", strlen("enforce")))
			return true;
	}
	return false;
}

/* Has EVM a key? */
static enum crashres_answer has_evm_key(struct crashres_ctx *ctx)
{
	CRS_CLEANUP(crs_freep) uint8_t *text = NULL;
	size_t size;

	if (crs_root_read(ctx, "sys/kernel/security/evm", POLICY_LIMIT, &text, &size) !=
	    CRASHRES_OK)
		return crs_root_lacks(ctx, "sys/kernel/security/evm") ? CRASHRES_ANSWER_NO :
									CRASHRES_ANSWER_UNKNOWN;
	return strtoll((char *)text, NULL, 10) ? CRASHRES_ANSWER_YES : CRASHRES_ANSWER_NO;
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
	policy.evm = has_evm_key(ctx);
	policy.kernel = crs_ima_policy_find((char *)text, size, "KEXEC_KERNEL_CHECK");
	policy.initrd = crs_ima_policy_find((char *)text, size, "KEXEC_INITRAMFS_CHECK");
	return policy;
}
