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
 *
 * A certificate counts as trusted if one of the keyrings has its key. crashres_verify() with
 * these certificates then answers as the kernel does.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

#include <crashres/ima.h>

#include "../libcrashres/base/input.h"
#include "../libcrashres/kernel/image.h"
#include "../libcrashres/machine/permissions.h"
#include "authenticode.h"
#include "digest.h"
#include "imasig.h"
#include "modsig.h"
#include "signed-data.h"
#include "trusted-keys.h"

#define YES		CRASHRES_ANSWER_YES
#define NO		CRASHRES_ANSWER_NO
#define UNKNOWN		CRASHRES_ANSWER_UNKNOWN

/* The state of crashres_appraise(). */
struct work {
	struct crashres_ctx *ctx;
	const char *path;
	const struct crashres_input *file;		/* borrowed */
	struct crashres_certificate *const *certificates;	/* of the caller */
	size_t count;
	struct crs_permissions permissions;
	struct crs_keyrings keyrings;
	struct crashres_appraisal *result;
};

/* One signature of the file, and the certificates that can belong to it. */
struct candidate {
	enum crashres_signature place;
	unsigned int rings;			/* that the kernel searches */
	struct crs_signed_data data;		/* PE and APPENDED */
	struct crashres_certificate **all;	/* owned array: in @data, then of the caller */
	size_t count;
	struct crashres_certificate **trusted;	/* owned array: those of @all in @rings */
	size_t trusted_count;
};

static enum crashres_answer option(const struct work *work, enum crs_option option)
{
	return work->permissions.config.options[option];
}

__attribute__((format(printf, 2, 3)))
static void set_problem(struct crashres_appraisal_check *check, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(check->problem, sizeof(check->problem), format, arguments);
	va_end(arguments);
}

/* Sets the answer with its problem and the next step. */
static void answer(struct crashres_appraisal_check *check, enum crashres_answer passes,
		   enum crashres_step step, const char *problem)
{
	check->passes = passes;
	check->step = step;
	set_problem(check, "%s", problem);
}

static void demand(struct crashres_appraisal_check *check, enum crashres_answer demanded,
		   const char *reason)
{
	check->demanded = demanded;
	snprintf(check->reason, sizeof(check->reason), "%s", reason);
}

/* ------------------------------------------------------------- keyrings */

/* Writes the names of the keyrings @rings that the kernel has. */
static void name_rings(const struct work *work, unsigned int rings, char *text, size_t size)
{
	size_t used = 0;

	*text = '\0';
	for (enum crs_ring ring = 0; ring < CRS_RING_COUNT && used < size; ring++)
		if (rings & CRS_RING_BIT(ring) &&
		    (!work->keyrings.known || work->keyrings.exist & CRS_RING_BIT(ring)))
			used += (size_t)snprintf(text + used, size - used, "%s%s",
						 used ? ", " : "", crs_ring_name(ring));
}

/* The keyrings that @appraiser searches, with those that are reached through links. */
static unsigned int rings_of(const struct work *work, enum crashres_appraiser appraiser)
{
	enum crs_ring first = appraiser == CRASHRES_APPRAISER_IMA ? CRS_RING_IMA :
			      work->keyrings.known &&
			      !(work->keyrings.exist & CRS_RING_BIT(CRS_RING_SECONDARY)) ?
			      CRS_RING_BUILTIN : CRS_RING_SECONDARY;

	return crs_keyrings_reach(&work->keyrings, first) | CRS_RING_BIT(CRS_RING_PLATFORM);
}

/* Stores the name of the first of @rings of which @key is a member. */
static void set_keyring(struct crashres_appraisal_check *check, const struct crs_key *key,
			unsigned int rings)
{
	enum crs_ring ring = 0;

	while (ring < CRS_RING_COUNT && !(key->rings & rings & CRS_RING_BIT(ring)))
		ring++;
	if (ring < CRS_RING_COUNT)
		snprintf(check->keyring, sizeof(check->keyring), "%s", crs_ring_name(ring));
}

/* ------------------------------------------------------------- candidates */

/* Parses the certificates inside the file. A damaged signature has none. */
static void parse_inside(const struct work *work, struct candidate *candidate)
{
	struct crs_authenticode pe;
	struct crs_modsig modsig;
	struct crs_bytes cms = { NULL, 0 };

	if (candidate->place == CRASHRES_SIGNATURE_PE &&
	    crs_authenticode_parse(work->ctx, work->file->data, work->file->size, &pe) ==
	    CRASHRES_OK)
		cms = pe.cms;
	else if (candidate->place == CRASHRES_SIGNATURE_APPENDED &&
		 crs_modsig_parse(work->ctx, work->file->data, work->file->size, &modsig) ==
		 CRASHRES_OK)
		cms = (struct crs_bytes){ modsig.cms, modsig.cms_size };
	if (cms.data)
		crs_signed_data_parse(work->ctx, cms.data, cms.size, &candidate->data);
}

static void clear_candidate(struct candidate *candidate)
{
	crs_signed_data_clear(&candidate->data);
	free(candidate->all);
	free(candidate->trusted);
}

/* Collects the certificates of the file and of the caller. The caller clears @candidate. */
static enum crashres_status collect(const struct work *work, struct candidate *candidate)
{
	size_t inside;

	parse_inside(work, candidate);
	inside = candidate->data.certificate_count;
	candidate->all = calloc(inside + work->count + 1, sizeof(*candidate->all));
	candidate->trusted = calloc(inside + work->count + 1, sizeof(*candidate->trusted));
	if (!candidate->all || !candidate->trusted)
		return crs_fail_memory(work->ctx);
	for (size_t i = 0; i < inside + work->count; i++) {
		struct crashres_certificate *certificate =
			i < inside ? candidate->data.certificates[i] :
				     work->certificates[i - inside];

		candidate->all[candidate->count++] = certificate;
		if (crs_trusted_find(&work->keyrings, candidate->rings, certificate))
			candidate->trusted[candidate->trusted_count++] = certificate;
	}
	return CRASHRES_OK;
}

/* ------------------------------------------------------------- one signature */

/*
 * Has a keyring a key for which no certificate is at hand, and which can verify the signature? The
 * kernel looks up a signer by serial number and issuer, which the keyrings do not show.
 */
static bool can_be_trusted(const struct work *work, const struct candidate *candidate,
			   const struct crashres_verification *verification)
{
	unsigned long key_id;

	if (candidate->place == CRASHRES_SIGNATURE_XATTR) {
		key_id = strncmp(verification->key, "id:", 3) ?
			 0 : strtoul(verification->key + 3, NULL, 16);
		return crs_trusted_find_key_id(&work->keyrings, candidate->rings,
					       (uint32_t)key_id);
	}
	for (size_t i = 0; i < candidate->count; i++)
		if (crs_trusted_find_issuer(&work->keyrings, candidate->rings, candidate->all[i]))
			return true;
	return verification->key_unknown && crs_trusted_any(&work->keyrings, candidate->rings);
}

static bool is_revoked(const struct work *work, const struct candidate *candidate)
{
	if (candidate->place == CRASHRES_SIGNATURE_XATTR)
		return false;
	for (size_t i = 0; i < candidate->data.certificate_count; i++)
		if (crs_trusted_is_revoked(&work->keyrings, candidate->all[i]))
			return true;
	return false;
}

/* No keyring has the key, as far as the certificates at hand show. */
static void answer_untrusted(struct work *work, const struct candidate *candidate,
			     const struct crashres_verification *verification,
			     struct crashres_appraisal_check *check)
{
	if (can_be_trusted(work, candidate, verification)) {
		answer(check, UNKNOWN, CRASHRES_STEP_CERTIFICATE,
		       "a keyring can have the key, and the signature was not verified: the kernel "
		       "does not give out public keys");
		return;
	}
	if (work->keyrings.hidden) {
		answer(check, UNKNOWN, CRASHRES_STEP_PRIVILEGE,
		       "a keyring has a key that cannot be described");
		return;
	}
	check->trusted = NO;
	answer(check, NO, CRASHRES_STEP_ENROL, "");
	set_problem(check, "the key is in no keyring: %s", *check->keyrings ? check->keyrings :
		    "the running kernel has none of them");
}

/* Verifies with the certificates that the keyrings have, and decides. */
static enum crashres_status judge_trust(struct work *work, const struct candidate *candidate,
					const struct crashres_verification *all,
					struct crashres_appraisal_check *check)
{
	CRS_CLEANUP(crs_freep) struct crashres_verification *trusted = NULL;
	enum crashres_status status = crashres_verify(work->ctx, work->path, candidate->place,
						      candidate->trusted,
						      candidate->trusted_count, &trusted);
	const struct crs_key *key;

	if (status != CRASHRES_OK)
		return status;
	if (is_revoked(work, candidate)) {
		answer(check, NO, CRASHRES_STEP_REVOKED, ".blacklist has a key of the signature");
		return CRASHRES_OK;
	}
	if (!trusted->valid) {
		answer_untrusted(work, candidate, all, check);
		return CRASHRES_OK;
	}
	key = crs_trusted_find(&work->keyrings, candidate->rings, trusted->certificate);
	if (key)
		set_keyring(check, key, candidate->rings);
	check->trusted = YES;
	check->verified = true;
	check->passes = YES;
	return CRASHRES_OK;
}

/* Copies what crashres_verify() found out about the signer. */
static void copy_signer(const struct crashres_verification *from,
			struct crashres_appraisal_check *check)
{
	snprintf(check->signer, sizeof(check->signer), "%s", from->signer);
	snprintf(check->key, sizeof(check->key), "%s", from->key);
	check->verified = from->valid;
}

/* Verifies the signature with all certificates at hand, then with the trusted ones. */
static enum crashres_status judge_candidate(struct work *work, const struct candidate *candidate,
					    struct crashres_appraisal_check *check)
{
	CRS_CLEANUP(crs_freep) struct crashres_verification *all = NULL;
	enum crashres_status status = crashres_verify(work->ctx, work->path, candidate->place,
						      candidate->all, candidate->count, &all);

	if (status == CRASHRES_ERR_NO_SIGNATURE) {
		answer(check, NO, CRASHRES_STEP_SIGN, "the file has no signature at this place");
		return CRASHRES_OK;
	}
	if (status != CRASHRES_OK)
		return status;
	copy_signer(all, check);
	if (!all->valid && !all->key_unknown) {
		answer(check, NO, CRASHRES_STEP_SIGN, all->problem);
		return CRASHRES_OK;
	}
	if (!work->keyrings.known) {
		answer(check, UNKNOWN, CRASHRES_STEP_PRIVILEGE, "");
		set_problem(check, "the keyrings are unknown: %s", work->keyrings.problem);
		return CRASHRES_OK;
	}
	return judge_trust(work, candidate, all, check);
}

/* Judges the signature at @place of the file. */
static enum crashres_status judge(struct work *work, enum crashres_signature place,
				  struct crashres_appraisal_check *check)
{
	struct candidate candidate = {
		.place = place,
		.rings = rings_of(work, check->appraiser),
		.data = CRS_SIGNED_DATA_NONE,
	};
	enum crashres_status status;

	check->signature = place;
	name_rings(work, candidate.rings, check->keyrings, sizeof(check->keyrings));
	status = collect(work, &candidate);
	if (status == CRASHRES_OK)
		status = judge_candidate(work, &candidate, check);
	clear_candidate(&candidate);
	return status;
}

/* ------------------------------------------------------------- PE */

/* Decides whether the kernel demands a PE signature (kimage_validate_signature()). */
static void find_pe_demand(const struct work *work, struct crashres_appraisal_check *check)
{
	const struct crs_permissions *permissions = &work->permissions;
	const struct crs_ima_rule *rule = &permissions->ima.kernel;

	if (option(work, CRS_OPTION_KEXEC_SIG) == NO)
		demand(check, NO, "the running kernel was built without CONFIG_KEXEC_SIG");
	else if (permissions->signature_forced == YES)
		demand(check, YES, option(work, CRS_OPTION_KEXEC_SIG_FORCE) == YES ?
		       "CONFIG_KEXEC_SIG_FORCE" : "Secure Boot with CONFIG_IMA_ARCH_POLICY");
	else if (permissions->locked_down == YES && rule->appraised && rule->signature)
		demand(check, permissions->signature_forced,
		       "lockdown accepts the signature that IMA appraises");
	else if (permissions->locked_down == YES)
		demand(check, permissions->ima.known == UNKNOWN ? UNKNOWN :
		       option(work, CRS_OPTION_KEXEC_SIG), "lockdown");
	else if (permissions->locked_down == NO && permissions->signature_forced == NO)
		demand(check, NO, "neither lockdown nor Secure Boot nor CONFIG_KEXEC_SIG_FORCE "
		       "demands one");
	else
		demand(check, UNKNOWN, "lockdown or the configuration of the running kernel is "
		       "unknown");
}

static enum crashres_status judge_pe(struct work *work, struct crashres_appraisal_check *check)
{
	check->appraiser = CRASHRES_APPRAISER_PE;
	check->signature = CRASHRES_SIGNATURE_PE;
	find_pe_demand(work, check);
	if (check->demanded == NO)
		return CRASHRES_OK;
	if (option(work, CRS_OPTION_KEXEC_IMAGE_VERIFY_SIG) == NO) {
		answer(check, NO, CRASHRES_STEP_KERNEL, "the running kernel was built without "
		       "CONFIG_KEXEC_IMAGE_VERIFY_SIG, so it accepts no file");
		return CRASHRES_OK;
	}
	return judge(work, CRASHRES_SIGNATURE_PE, check);
}

/* ------------------------------------------------------------- IMA */

static void find_ima_demand(const struct work *work, struct crashres_appraisal_check *check)
{
	const struct crs_ima_policy *ima = &work->permissions.ima;

	if (ima->known == NO)
		demand(check, NO, "the running kernel has no IMA");
	else if (ima->known == UNKNOWN)
		demand(check, UNKNOWN, "the IMA policy cannot be read");
	else if (!ima->kernel.appraised)
		demand(check, NO, "no rule of the IMA policy appraises kernels");
	else if (ima->kernel.conditional)
		demand(check, UNKNOWN, "a rule of the IMA policy with conditions can concern this "
		       "file");
	/* Secure Boot ignores the word (ima_appraise_parse_cmdline()). */
	else if (ima->weak && work->permissions.secure_boot != YES)
		demand(check, UNKNOWN, "a rule of the IMA policy appraises kernels, but "
		       "ima_appraise= on the command line can make IMA accept the file");
	else
		demand(check, YES, "a rule of the IMA policy appraises kernels");
}

/* The type of security.ima (enum evm_ima_xattr_type), 0 without the attribute, -1: unknown. */
static int read_xattr_type(const struct work *work)
{
	uint8_t data[4096] = { 0 };
	ssize_t size = work->file->original_fd < 0 ? 0 :
		       fgetxattr(work->file->original_fd, "security.ima", data, sizeof(data));

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
		return judge(work, CRASHRES_SIGNATURE_APPENDED, check);
	if (type && type != 3) {
		answer(check, rule->signature ? NO : UNKNOWN, CRASHRES_STEP_SIGN,
		       rule->signature ? "security.ima contains no signature" :
		       "security.ima contains a digest, which was not compared");
		return CRASHRES_OK;
	}
	status = judge(work, CRASHRES_SIGNATURE_XATTR, check);
	if (status != CRASHRES_OK || check->trusted != NO || !rule->modsig)
		return status;
	*check = first;
	return judge(work, CRASHRES_SIGNATURE_APPENDED, check);
}

/* Refuses a file whose digest .blacklist has (ima_check_blacklist()). */
static enum crashres_status judge_digest(struct work *work, struct crashres_appraisal_check *check)
{
	static const enum crashres_hash hashes[] = {
		CRASHRES_HASH_SHA256, CRASHRES_HASH_SHA384, CRASHRES_HASH_SHA512,
	};
	struct crs_modsig modsig = { .content_size = work->file->size };
	enum crashres_status status = CRASHRES_OK;

	if (check->signature == CRASHRES_SIGNATURE_APPENDED)
		crs_modsig_parse(work->ctx, work->file->data, work->file->size, &modsig);
	for (size_t i = 0; i < sizeof(hashes) / sizeof(*hashes) && status == CRASHRES_OK; i++) {
		struct crs_digest digest;

		status = crs_digest_make(work->ctx, hashes[i], work->file->data,
					 modsig.content_size, &digest);
		if (status == CRASHRES_OK &&
		    crs_trusted_is_digest_revoked(&work->keyrings, digest.bytes, digest.size))
			answer(check, NO, CRASHRES_STEP_REVOKED,
			       ".blacklist has the digest of the file");
	}
	return status;
}

static enum crashres_status judge_ima(struct work *work, struct crashres_appraisal_check *check)
{
	enum crashres_status status;

	check->appraiser = CRASHRES_APPRAISER_IMA;
	find_ima_demand(work, check);
	if (check->demanded == NO)
		return CRASHRES_OK;
	check->appended_accepted = work->permissions.ima.kernel.modsig;
	if (work->permissions.ima.known != YES) {
		answer(check, UNKNOWN, CRASHRES_STEP_PRIVILEGE, "the IMA policy cannot be read");
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
			answer(&result->checks[i], NO, CRASHRES_STEP_SIGN,
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
		 work->keyrings.problem);
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
	if (!is_image(work->file))
		refuse_unpacked(result);
	result->loads = combine(result);
	return CRASHRES_OK;
}

/* Opens the file, reads the keyrings and fills work->result. */
static enum crashres_status appraise_file(struct work *work)
{
	struct crashres_input *file;
	enum crashres_status status = crashres_input_open(work->ctx, work->path, &file);

	if (status != CRASHRES_OK)
		return status;
	work->file = file;
	status = crs_keyrings_read(work->ctx, &work->keyrings);
	if (status == CRASHRES_OK) {
		status = appraise(work);
		crs_keyrings_free(&work->keyrings);
	}
	crashres_input_close(file);
	return status;
}

enum crashres_status crashres_appraise(struct crashres_ctx *ctx, const char *path,
				       struct crashres_certificate *const *certificates,
				       size_t count, struct crashres_appraisal **appraisal)
{
	struct work work = {
		.ctx = ctx,
		.path = path,
		.certificates = certificates,
		.count = count,
		.permissions = crs_permissions_read(ctx),
		.result = calloc(1, sizeof(*work.result)),
	};
	enum crashres_status status;

	if (!work.result)
		return crs_fail_memory(ctx);
	work.result->size = sizeof(*work.result);
	status = appraise_file(&work);
	if (status != CRASHRES_OK) {
		free(work.result);
		return crs_prefix_error(ctx, status, "verify %s", path);
	}
	*appraisal = work.result;
	return CRASHRES_OK;
}
