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
#include "../libcrashres/kernel/modsig.h"
#include "appraisal-check.h"
#include "candidate.h"
#include "digest.h"
#include "trusted-keys.h"

#define YES		CRASHRES_ANSWER_YES
#define NO		CRASHRES_ANSWER_NO
#define UNKNOWN		CRASHRES_ANSWER_UNKNOWN

/* The state of crashres_appraise(). */
struct work {
	struct crashres_input *input;		/* owned by appraise_file() */
	struct crs_signed_file file;
	struct crs_permissions permissions;
	struct crashres_appraisal *result;
};

static enum crashres_answer option(const struct work *work, enum crs_option option)
{
	return work->permissions.config.options[option];
}

/* Is the configuration a file in /boot, which can belong to another build? */
static bool is_hint(const struct work *work)
{
	return work->permissions.config.source == CRS_CONFIG_BOOT;
}

/* ------------------------------------------------------------- PE */

/*
 * The kernel treats each file as one with a wrong signature. If only a file in /boot says so, a
 * signature can still be accepted.
 */
static enum crashres_status judge_without_verifier(struct work *work,
						   struct crashres_appraisal_check *check)
{
	enum crashres_status status;

	if (!is_hint(work)) {
		crs_check_answer(check, NO, CRASHRES_STEP_KERNEL,
				 "the running kernel cannot verify any PE signature: it was built "
				 "without CONFIG_KEXEC_IMAGE_VERIFY_SIG");
		return CRASHRES_OK;
	}
	status = crs_candidate_judge(&work->file, CRASHRES_SIGNATURE_PE, check);
	crs_check_answer(check, check->passes == NO ? NO : UNKNOWN, CRASHRES_STEP_KERNEL,
			 "the running kernel cannot verify any PE signature: /boot/config-RELEASE, "
			 "which can belong to another build, has no CONFIG_KEXEC_IMAGE_VERIFY_SIG");
	return status;
}

static enum crashres_status judge_pe(struct work *work, struct crashres_appraisal_check *check)
{
	check->appraiser = CRASHRES_APPRAISER_PE;
	check->signature = CRASHRES_SIGNATURE_PE;
	crs_check_demand_pe(check, &work->permissions);
	if (check->demanded == NO)
		return CRASHRES_OK;
	if (crs_kernel_config_no_verifier(&work->permissions.config) != CRS_CONFIG_NONE)
		return judge_without_verifier(work, check);
	return crs_candidate_judge(&work->file, CRASHRES_SIGNATURE_PE, check);
}

/* ------------------------------------------------------------- IMA */

/* The start of security.ima. */
struct attribute {
	int type;	/* enum evm_ima_xattr_type; 0: no attribute; -1: unknown */
	int hash;	/* number of the hash by which IMA reads the file; -1: the default of IMA */
};

/* The number of the hash is the third byte of a signature, the second of a digest. */
static struct attribute read_attribute(const struct work *work)
{
	uint8_t data[4096] = { 0 };
	ssize_t size = work->file.input->original_fd < 0 ? 0 :
		       fgetxattr(work->file.input->original_fd, "security.ima", data,
				 sizeof(data));

	if (size > 0)
		return (struct attribute){ data[0], data[0] == 3 ? data[2] :
					   data[0] == 4 ? data[1] : -1 };
	return (struct attribute){
		size == 0 || errno == ENODATA || errno == EOPNOTSUPP ? 0 : -1, -1 };
}

/*
 * Judges security.ima, and the appended signature if the kernel goes on to it. The policy is known.
 * @type: of the attribute.
 */
static enum crashres_status judge_ima_places(struct work *work, int type,
					     struct crashres_appraisal_check *check)
{
	const struct crs_ima_rule *rule = &work->permissions.ima.kernel;
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

/*
 * Corrects the answer yes: by appraise_algos= (ima_get_hash_algo(), process_measurement()), and by
 * what can refuse the file although the signature is right.
 */
static void judge_rule(const struct work *work, const struct attribute *attribute,
		       struct crashres_appraisal_check *check)
{
	const struct crs_ima_policy *ima = &work->permissions.ima;
	const struct crs_ima_rule *rule = &ima->kernel;

	if (rule->limited && attribute->hash >= 0 &&
	    (attribute->hash > 31 || !(rule->hashes >> attribute->hash & 1)))
		crs_check_answer(check, NO, CRASHRES_STEP_SIGN,
				 "appraise_algos= of the IMA policy does not accept the hash of "
				 "security.ima");
	else if (rule->limited && attribute->hash < 0)
		crs_check_answer(check, UNKNOWN, CRASHRES_STEP_NONE,
				 "appraise_algos= of the IMA policy must accept the default hash of "
				 "IMA, which is unknown");
	else if (rule->doubtful)
		crs_check_answer(check, UNKNOWN, CRASHRES_STEP_NONE,
				 "several rules of the IMA policy can concern this file, or one has "
				 "an unknown demand");
	else if (ima->evm != NO)
		crs_check_answer(check, UNKNOWN, CRASHRES_STEP_NONE,
				 ima->evm == YES ?
				 "EVM has a key and verifies security.evm, which was not verified" :
				 "EVM can have a key and verify security.evm, which was not verified");
}

static enum crashres_status judge_ima(struct work *work, struct crashres_appraisal_check *check)
{
	const struct attribute attribute = read_attribute(work);
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
	status = judge_ima_places(work, attribute.type, check);
	if (status == CRASHRES_OK && check->passes != NO)
		status = judge_digest(work, check);
	if (status == CRASHRES_OK && check->passes == YES)
		judge_rule(work, &attribute, check);
	return status;
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

/*
 * Without kexec_file_load(2) no signature is verified, and some machines forbid kexec_load(2). If
 * only a file in /boot says that the system call is missing, the machine can still load the file.
 */
static void answer_without_file_load(const struct work *work)
{
	const struct crs_permissions *permissions = &work->permissions;
	struct crashres_appraisal *result = work->result;
	bool forbidden = permissions->locked_down == YES || permissions->appraised == YES;

	result->loads = UNKNOWN;
	if (forbidden && !is_hint(work))
		result->loads = NO;
	else if (permissions->locked_down == NO && permissions->appraised == NO)
		result->loads = YES;
	snprintf(result->problem, sizeof(result->problem),
		 "the running kernel has no kexec_file_load, which verifies signatures: %s%s",
		 is_hint(work) ? "/boot/config-RELEASE, which can belong to another build, has no "
				 "CONFIG_KEXEC_FILE" :
				 "it was built without CONFIG_KEXEC_FILE",
		 forbidden ? "; and it forbids kexec_load" : "");
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

/* Stores an obstacle that no signature removes. */
static void set_obstacle(const struct work *work, enum crashres_answer loads, const char *text)
{
	work->result->loads = loads;
	snprintf(work->result->problem, sizeof(work->result->problem), "%s", text);
}

/*
 * Checks the header of an Image as image_load() (arch/arm64/kernel/kexec_image.c) and
 * sanity_check_segment_list() do. Every other file must contain a kernel.
 */
static enum crashres_status judge_content(const struct work *work)
{
	struct crashres_ctx *ctx = work->file.ctx;
	struct crashres_input *file = work->input;
	struct crs_image image = { .image_size = 0 };
	struct crashres_kernel *kernel = NULL;
	enum crashres_status status;

	if (is_image(file))
		status = crs_image_parse(ctx, file->data, file->size, &image);
	else
		status = crashres_kernel_from_input(ctx, file, &kernel);
	if (status == CRASHRES_ERR_MEMORY)
		return status;
	if (status != CRASHRES_OK)
		set_obstacle(work, NO, crashres_error(ctx));
	else if (is_image(file) && file->size > image.image_size)
		set_obstacle(work, NO, "the Image is longer than its image_size");
	crashres_kernel_close(kernel);
	return CRASHRES_OK;
}

/* Is the number of kexec calls that are left for @slot 0? */
static bool is_exhausted(const struct work *work, enum crashres_slot slot)
{
	const struct crs_limit *limit = &work->permissions.limits[slot];

	return limit->limited && !limit->left;
}

/* Does the kernel refuse every load? Then the answer is stored. */
static bool is_disabled(const struct work *work)
{
	if (work->permissions.load_disabled == YES)
		set_obstacle(work, NO, "kernel.kexec_load_disabled is 1");
	else if (is_exhausted(work, CRASHRES_SLOT_CRASH) &&
		 is_exhausted(work, CRASHRES_SLOT_NORMAL))
		set_obstacle(work, NO, "kernel.kexec_load_limit_panic and "
			     "kernel.kexec_load_limit_reboot are 0");
	return work->result->loads == NO;
}

/* A limit of one slot: the file can be loaded into the other slot. */
static void judge_limits(const struct work *work)
{
	if (work->result->loads != YES)
		return;
	if (is_exhausted(work, CRASHRES_SLOT_CRASH))
		set_obstacle(work, UNKNOWN, "kernel.kexec_load_limit_panic is 0, so only the "
			     "normal slot takes a kernel");
	else if (is_exhausted(work, CRASHRES_SLOT_NORMAL))
		set_obstacle(work, UNKNOWN, "kernel.kexec_load_limit_reboot is 0, so only the "
			     "crash slot takes a kernel");
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
	if (is_disabled(work))
		return CRASHRES_OK;
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
	judge_limits(work);
	return judge_content(work);
}

/* Opens the file, reads the keyrings and fills work->result. */
static enum crashres_status appraise_file(struct work *work, const char *path)
{
	struct crashres_input *file;
	enum crashres_status status = crashres_input_open(work->file.ctx, path, &file);

	if (status != CRASHRES_OK)
		return crs_prefix_error(work->file.ctx, status, "verify %s", path);
	work->file.input = work->input = file;
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
