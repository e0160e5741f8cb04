/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Parses the policy of IMA: /sys/kernel/security/ima/policy, one rule a line.
 *
 *   appraise func=KEXEC_KERNEL_CHECK appraise_type=imasig|modsig
 *
 * The first word is the action. For a file, the first appraise or dont_appraise rule whose words
 * match decides (ima_match_policy() in security/integrity/ima/ima_policy.c). A rule without func
 * matches every func. Words such as fowner=0 are conditions on the file or the process. Source:
 * Documentation/ABI/testing/ima_policy.
 *
 * /sys/kernel/security/evm has a decimal number: 0 as long as EVM has no key
 * (Documentation/ABI/testing/evm).
 */
#ifndef CRS_IMA_POLICY_H
#define CRS_IMA_POLICY_H

#include "../base/ctx.h"

/* The rule that decides about one kind of file. All zero: no rule. */
struct crs_ima_rule {
	bool appraised;		/* IMA appraises the file */
	bool named;		/* the rule names this func; false: it matches every func */
	bool conditional;	/* the rule has conditions, so it can concern other files only */
	bool signature;		/* appraise_type: a digest in security.ima is not sufficient */
	bool modsig;		/* an appended signature is accepted, too */
	bool limited;		/* appraise_algos: only some hashes are accepted */
	uint32_t hashes;	/* if @limited: a bit for the number of each accepted hash; only
				   sha256 (4), sha384 (5) and sha512 (6) */
	bool doubtful;		/* the file can need more than the members above say: another rule
				   can concern it, or appraise_type has an unknown value */
};

struct crs_ima_policy {
	enum crashres_answer known;	/* NO: the kernel has no IMA, so there is no rule */
	bool weak;			/* ima_appraise=log, fix or off on the command line */
	enum crashres_answer evm;	/* EVM has a key, so it verifies security.evm of each file
					   that IMA appraises */
	struct crs_ima_rule kernel;	/* func=KEXEC_KERNEL_CHECK */
	struct crs_ima_rule initrd;	/* func=KEXEC_INITRAMFS_CHECK */
};

/*
 * Reads the policy. @known is UNKNOWN, with a line in the log, if it cannot be read: only root
 * can, and only with CONFIG_IMA_READ_POLICY.
 */
struct crs_ima_policy crs_ima_policy_read(struct crashres_ctx *ctx);

/* Parses @size bytes at @text, which are hostile, for one @func. */
struct crs_ima_rule crs_ima_policy_find(const char *text, size_t size, const char *func);

#endif
