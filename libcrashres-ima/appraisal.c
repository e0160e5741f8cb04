/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * appraisal.c: would this machine load this file?
 *
 * The rules of Linux 6.12, in the order in which kexec_file_load(2) applies them:
 *
 *   IMA  ima_post_read_file(), when the kernel reads the file. A rule of the policy demands it.
 *        Keys: .ima, then .platform. security.ima comes first. The appended signature counts only
 *        if the rule allows it, and if security.ima is missing, has the type 0x04, or names an
 *        unknown key (ima_appraise_measurement()).
 *   PE   kimage_validate_signature(), after that. It is demanded if signatures are enforced
 *        (CONFIG_KEXEC_SIG_FORCE, or Secure Boot with CONFIG_IMA_ARCH_POLICY), or by lockdown
 *        unless IMA appraises a signature. Keys: .secondary_trusted_keys, then .platform.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

#include "../libcrashres/kernel/image.h"
#include "appraisal-check.h"
#include "candidate.h"
#include "digest.h"
#include "modsig.h"
#include "trusted-keys.h"

#define YES		CRASHRES_ANSWER_YES
#define NO		CRASHRES_ANSWER_NO
#define UNKNOWN		CRASHRES_ANSWER_UNKNOWN

/* The state of crashres_appraise(). */
struct work {
	struct crs_signed_file file;
	struct crs_permissions permissions;
	struct crashres_appraisal *result;
};

static enum crashres_answer option(const struct work *work, enum crs_option option)
{
	return work->permissions.config.options[option];
}

/* ------------------------------------------------------------- PE */

static enum crashres_status judge_pe(struct work *work, struct crashres_appraisal_check *check)
{
	check->appraiser = CRASHRES_APPRAISER_PE;
	check->signature = CRASHRES_SIGNATURE_PE;
	crs_check_demand_pe(check, &work->permissions);
	if (check->demanded == NO)
		return CRASHRES_OK;
	if (option(work, CRS_OPTION_KEXEC_IMAGE_VERIFY_SIG) == NO) {
		crs_check_answer(check, NO, CRASHRES_STEP_KERNEL,
				 "the running kernel was built without "
				 "CONFIG_KEXEC_IMAGE_VERIFY_SIG, so it accepts no file");
		return CRASHRES_OK;
	}
	return crs_candidate_judge(&work->file, CRASHRES_SIGNATURE_PE, check);
}

/* ------------------------------------------------------------- IMA */

/* The type of security.ima (enum evm_ima_xattr_type), 0 without the attribute, -1: unknown. */
static int read_xattr_type(const struct work *work)
{
	uint8_t data[4096] = { 0 };
	ssize_t size = work->file.input->original_fd < 0 ? 0 :
		       fgetxattr(work->file.input->original_fd, "security.ima", data,
				 sizeof(data));

	if (size > 0)
		return data[0];
	return size == 0 || errno == ENODATA || errno == EOPNOTSUPP ? 0 : -1;
}

/*
 * Judges security.ima, and the appended signature if the kernel goes on to it. A rule for the
 * running policy is known.
 */
static enum crashres_status judge_ima_places(struct work *work,
					     struct crashres_appraisal_check *check)
{
	const struct crs_ima_rule *rule = &work->permissions.ima.kernel;
	int type = read_xattr_type(work);
	struct crashres_appraisal_check first = *check;
	enum crashres_status status;

	check->signature = CRASHRES_SIGNATURE_XATTR;
	if (rule->modsig && (type == 0 || type == 4))
		return crs_candidate_judge(&work->file, CRASHRES_SIGNATURE_APPENDED, check);
	if (type && type != 3) {
		crs_check_answer(check, rule->signature ? NO : UNKNOWN, CRASHRES_STEP_SIGN,
				 rule->signature ? "security.ima contains no signature" :
				 "security.ima contains a digest, which was not compared");
		return CRASHRES_OK;
	}
	status = crs_candidate_judge(&work->file, CRASHRES_SIGNATURE_XATTR, check);
	if (status != CRASHRES_OK || check->trusted != NO || !rule->modsig)
		return status;
	*check = first;
	return crs_candidate_judge(&work->file, CRASHRES_SIGNATURE_APPENDED, check);
}

/* Refuses a file whose digest .blacklist has (ima_check_blacklist()). */
static enum crashres_status judge_digest(struct work *work, struct crashres_appraisal_check *check)
{
	static const enum crashres_hash hashes[] = {
		CRASHRES_HASH_SHA256, CRASHRES_HASH_SHA384, CRASHRES_HASH_SHA512,
	};
	struct crs_modsig modsig = { .content_size = work->file.input->size };
	enum crashres_status status = CRASHRES_OK;

	if (check->signature == CRASHRES_SIGNATURE_APPENDED)
		crs_modsig_parse(work->file.ctx, work->file.input->data, work->file.input->size,
				 &modsig);
	for (size_t i = 0; i < sizeof(hashes) / sizeof(*hashes) && status == CRASHRES_OK; i++) {
		struct crs_digest digest;

		status = crs_digest_make(work->file.ctx, hashes[i], work->file.input->data,
					 modsig.content_size, &digest);
		if (status == CRASHRES_OK &&
		    crs_trusted_is_digest_revoked(&work->file.keyrings, digest.bytes, digest.size))
			crs_check_answer(check, NO, CRASHRES_STEP_REVOKED,
					 ".blacklist has the digest of the file");
	}
	return status;
}

static enum crashres_status judge_ima(struct work *work, struct crashres_appraisal_check *check)
{
	enum crashres_status status;

	check->appraiser = CRASHRES_APPRAISER_IMA;
	crs_check_demand_ima(check, &work->permissions);
	if (check->demanded == NO)
		return CRASHRES_OK;
	check->appended_accepted = work->permissions.ima.kernel.modsig;
	if (work->permissions.ima.known != YES) {
		crs_check_answer(check, UNKNOWN, CRASHRES_STEP_PRIVILEGE,
				 "the IMA policy cannot be read");
		return CRASHRES_OK;
	}
	status = judge_ima_places(work, check);
	if (status != CRASHRES_OK || check->passes == NO)
		return status;
	return judge_digest(work, check);
}

/* ------------------------------------------------------------- the whole answer */

/* kexec unpacks every other file, and passes a memfd without attributes and signatures. */
static bool is_image(const struct crashres_input *file)
{
	return file->size >= 64 && !memcmp(file->data + 56, CRS_IMAGE_MAGIC, 4);
}

static void refuse_unpacked(struct crashres_appraisal *result)
{
	for (size_t i = 0; i < result->check_count; i++)
		if (result->checks[i].demanded != NO)
			crs_check_answer(
				&result->checks[i], NO, CRASHRES_STEP_SIGN,
				"the file is not an arm64 Image: kexec passes the unpacked Image, "
				"which has no signature");
}

/* Without kexec_file_load(2) no signature is verified, and some machines forbid kexec_load(2). */
static void answer_without_file_load(const struct work *work)
{
	const struct crs_permissions *permissions = &work->permissions;
	struct crashres_appraisal *result = work->result;
	bool secure = permissions->secure_boot == YES && option(work, CRS_OPTION_KEXEC_SIG) == YES;

	result->loads = UNKNOWN;
	if (permissions->locked_down == YES || permissions->appraised == YES || secure)
		result->loads = NO;
	else if (permissions->locked_down == NO && permissions->appraised == NO)
		result->loads = YES;
	snprintf(result->problem, sizeof(result->problem),
		 "the running kernel was built without CONFIG_KEXEC_FILE, so it verifies no "
		 "signature%s", result->loads == NO ? "; and it forbids kexec_load" : "");
}

/* NO if a demanded check fails; YES if each check passes or is not demanded. */
static enum crashres_answer combine(const struct crashres_appraisal *result)
{
	enum crashres_answer loads = YES;

	for (size_t i = 0; i < result->check_count; i++) {
		const struct crashres_appraisal_check *check = &result->checks[i];

		if (check->demanded == YES && check->passes == NO)
			return NO;
		if (check->demanded != NO && check->passes != YES)
			loads = UNKNOWN;
	}
	return loads;
}

static void copy_facts(const struct work *work)
{
	struct crashres_appraisal *result = work->result;

	result->secure_boot = work->permissions.secure_boot;
	result->locked_down = work->permissions.locked_down;
	result->ima_policy = work->permissions.ima.known;
	result->kexec_file = option(work, CRS_OPTION_KEXEC_FILE);
	result->kexec_sig = option(work, CRS_OPTION_KEXEC_SIG);
	result->image_verify_sig = option(work, CRS_OPTION_KEXEC_IMAGE_VERIFY_SIG);
	result->ca_keyring = option(work, CRS_OPTION_CA_MACHINE_KEYRING);
	result->ca_keyring_max = option(work, CRS_OPTION_CA_MACHINE_KEYRING_MAX);
	result->ima_secondary = option(work, CRS_OPTION_IMA_PERMIT_SECONDARY);
	snprintf(result->keyrings_problem, sizeof(result->keyrings_problem), "%s",
		 work->file.keyrings.problem);
}

/* Fills work->result. */
static enum crashres_status appraise(struct work *work)
{
	struct crashres_appraisal *result = work->result;
	enum crashres_status status;

	copy_facts(work);
	if (work->permissions.load_disabled == YES) {
		result->loads = NO;
		snprintf(result->problem, sizeof(result->problem),
			 "kernel.kexec_load_disabled is 1");
		return CRASHRES_OK;
	}
	if (result->kexec_file == NO) {
		answer_without_file_load(work);
		return CRASHRES_OK;
	}
	result->check_count = 2;
	status = judge_ima(work, &result->checks[0]);
	if (status == CRASHRES_OK)
		status = judge_pe(work, &result->checks[1]);
	if (status != CRASHRES_OK)
		return status;
	if (!is_image(work->file.input))
		refuse_unpacked(result);
	result->loads = combine(result);
	return CRASHRES_OK;
}

/* Opens the file, reads the keyrings and fills work->result. */
static enum crashres_status appraise_file(struct work *work, const char *path)
{
	struct crashres_input *file;
	enum crashres_status status = crashres_input_open(work->file.ctx, path, &file);

	if (status != CRASHRES_OK)
		return crs_prefix_error(work->file.ctx, status, "verify %s", path);
	work->file.input = file;
	status = crs_keyrings_read(work->file.ctx, &work->file.keyrings);
	if (status == CRASHRES_OK) {
		status = appraise(work);
		crs_keyrings_free(&work->file.keyrings);
	}
	crashres_input_close(file);
	return status;
}

enum crashres_status crashres_appraise(struct crashres_ctx *ctx, const char *path,
				       struct crashres_certificate *const *certificates,
				       size_t count, struct crashres_appraisal **appraisal)
{
	struct work work = {
		.file = { .ctx = ctx, .certificates = certificates, .count = count },
		.permissions = crs_permissions_read(ctx),
		.result = calloc(1, sizeof(*work.result)),
	};
	enum crashres_status status;

	if (!work.result)
		return crs_fail_memory(ctx);
	work.result->size = sizeof(*work.result);
	status = appraise_file(&work, path);
	if (status != CRASHRES_OK) {
		free(work.result);
		return status;
	}
	*appraisal = work.result;
	return CRASHRES_OK;
}
