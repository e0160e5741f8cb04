/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * candidate.c: judges one signature of a file by the keyrings of the kernel: first with all
 * certificates at hand, then with those that a keyring has.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../libcrashres/kernel/modsig.h"
#include "appraisal-check.h"
#include "authenticode.h"
#include "candidate.h"
#include "signed-data.h"
#include "trusted-keys.h"

#define YES		CRASHRES_ANSWER_YES
#define NO		CRASHRES_ANSWER_NO
#define UNKNOWN		CRASHRES_ANSWER_UNKNOWN

/* One signature of the file, and the certificates that can belong to it. */
struct candidate {
	enum crashres_signature place;
	unsigned int rings;		   /* that the kernel searches */
	struct crs_signed_data data;	   /* PE and APPENDED */
	struct crashres_certificate **all; /* owned array: in @data, then of the caller */
	size_t count;
	struct crashres_certificate **trusted; /* owned array: the caller's in @rings */
	size_t trusted_count;
};

/* ------------------------------------------------------------- keyrings */

/* Writes the names of the keyrings @rings that the kernel has. */
static void name_rings(const struct crs_signed_file *file, unsigned int rings, char *text,
		       size_t size)
{
	size_t used = 0;

	*text = '\0';
	for (enum crs_ring ring = 0; ring < CRS_RING_COUNT && used < size; ring++)
		if (rings & CRS_RING_BIT(ring) &&
		    (!file->keyrings.known || file->keyrings.exist & CRS_RING_BIT(ring)))
			used += (size_t)snprintf(text + used, size - used, "%s%s", used ? ", " : "",
						 crs_ring_name(ring));
}

/* The keyrings that @appraiser searches, with those that are reached through links. */
static unsigned int rings_of(const struct crs_signed_file *file, enum crashres_appraiser appraiser)
{
	enum crs_ring first = appraiser == CRASHRES_APPRAISER_IMA ? CRS_RING_IMA :
			      file->keyrings.known &&
			      !(file->keyrings.exist & CRS_RING_BIT(CRS_RING_SECONDARY)) ?
			      CRS_RING_BUILTIN : CRS_RING_SECONDARY;

	return crs_keyrings_reach(&file->keyrings, first) | CRS_RING_BIT(CRS_RING_PLATFORM);
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

/*
 * Parses the certificates inside the file. A damaged signature has none. Return:
 * CRASHRES_ERR_MEMORY.
 */
static enum crashres_status parse_inside(const struct crs_signed_file *file,
					 struct candidate *candidate)
{
	enum crashres_status status = CRASHRES_OK;
	struct crs_authenticode pe;
	struct crs_modsig modsig;
	struct crs_bytes cms = { NULL, 0 };

	if (candidate->place == CRASHRES_SIGNATURE_PE &&
	    crs_authenticode_parse(file->ctx, file->input->data, file->input->size, &pe) ==
		    CRASHRES_OK)
		cms = pe.cms;
	else if (candidate->place == CRASHRES_SIGNATURE_APPENDED &&
		 crs_modsig_parse(file->ctx, file->input->data, file->input->size, &modsig) ==
			 CRASHRES_OK)
		cms = (struct crs_bytes){ modsig.cms, modsig.cms_size };
	if (cms.data)
		status = crs_signed_data_parse(file->ctx, cms.data, cms.size, &candidate->data);
	return status == CRASHRES_ERR_MEMORY ? status : CRASHRES_OK;
}

static void clear_candidate(struct candidate *candidate)
{
	crs_signed_data_clear(&candidate->data);
	free(candidate->all);
	free(candidate->trusted);
}

/* Collects the certificates of the file and of the caller. The caller clears @candidate. */
static enum crashres_status collect(const struct crs_signed_file *file, struct candidate *candidate)
{
	size_t inside;

	if (parse_inside(file, candidate) != CRASHRES_OK)
		return CRASHRES_ERR_MEMORY;
	inside = candidate->data.certificate_count;
	candidate->all = calloc(inside + file->count + 1, sizeof(*candidate->all));
	candidate->trusted = calloc(inside + file->count + 1, sizeof(*candidate->trusted));
	if (!candidate->all || !candidate->trusted)
		return crs_fail_memory(file->ctx);
	for (size_t i = 0; i < inside + file->count; i++) {
		struct crashres_certificate *certificate =
			i < inside ? candidate->data.certificates[i] :
				     file->certificates[i - inside];

		candidate->all[candidate->count++] = certificate;
		/* The maker of a file chooses the identifiers of the certificates inside it. */
		if (i >= inside && crs_trusted_find(&file->keyrings, candidate->rings, certificate))
			candidate->trusted[candidate->trusted_count++] = certificate;
	}
	return CRASHRES_OK;
}

/* ------------------------------------------------------------- one signature */

/* Did the caller give the certificate of @key? */
static bool is_given(const struct crs_signed_file *file, const struct candidate *candidate,
		     const struct crs_key *key)
{
	for (size_t i = 0; i < candidate->trusted_count; i++)
		if (crs_trusted_find(&file->keyrings, candidate->rings, candidate->trusted[i]) == key)
			return true;
	return false;
}

/* Has a certificate inside the file the name of a key for which the caller gave no certificate? */
static bool is_name_trusted(const struct crs_signed_file *file, const struct candidate *candidate)
{
	for (size_t i = 0; i < candidate->data.certificate_count; i++) {
		const struct crs_key *key = crs_trusted_find(&file->keyrings, candidate->rings,
							     candidate->all[i]);

		if (key && !is_given(file, candidate, key))
			return true;
	}
	return false;
}

/*
 * Has a keyring a key for which no certificate is at hand, and which can verify the signature? The
 * kernel looks up a signer by serial number and issuer, which the keyrings do not show.
 */
static bool can_be_trusted(const struct crs_signed_file *file, const struct candidate *candidate,
			   const struct crashres_verification *verification)
{
	unsigned long key_id;

	if (candidate->place == CRASHRES_SIGNATURE_XATTR) {
		key_id = strncmp(verification->key, "id:", 3) ?
			 0 : strtoul(verification->key + 3, NULL, 16);
		return crs_trusted_find_key_id(&file->keyrings, candidate->rings, (uint32_t)key_id);
	}
	for (size_t i = 0; i < candidate->count; i++)
		if (crs_trusted_find_issuer(&file->keyrings, candidate->rings, candidate->all[i]))
			return true;
	return verification->key_unknown && crs_trusted_any(&file->keyrings, candidate->rings);
}

/*
 * Has .blacklist a key of the signature (is_key_on_revocation_list())? @signer: the caller's
 * certificate that verified it, or NULL. The kernel looks for the certificates inside the
 * structure, for the issuer of the last one, and for the signer. It does not compare
 * security.ima with this keyring.
 */
static bool is_revoked(const struct crs_signed_file *file, const struct candidate *candidate,
		       const struct crashres_certificate *signer)
{
	const unsigned int blacklist = CRS_RING_BIT(CRS_RING_BLACKLIST);

	if (candidate->place == CRASHRES_SIGNATURE_XATTR)
		return false;
	for (size_t i = 0; i < candidate->data.certificate_count; i++)
		if (crs_trusted_is_revoked(&file->keyrings, candidate->all[i]) ||
		    crs_trusted_find_issuer(&file->keyrings, blacklist, candidate->all[i]))
			return true;
	return signer && crs_trusted_is_revoked(&file->keyrings, signer);
}

/* Why a signature that a trusted certificate verified can still be refused; NULL: it cannot. */
static const char *find_doubt(const struct crs_signed_file *file, const struct candidate *candidate,
			      const struct crashres_certificate *signer)
{
	if (candidate->place == CRASHRES_SIGNATURE_XATTR)
		return crs_trusted_count_key_id(&file->keyrings, candidate->rings,
						signer->key_id) > 1 ?
		       "several keys in the keyrings have the key id, and the kernel tries only the "
		       "first that it finds" : NULL;
	if (file->keyrings.hidden)
		return "a keyring has a key that cannot be described, and .blacklist can be this "
		       "keyring";
	return crs_trusted_any_unnamed(&file->keyrings, CRS_RING_BIT(CRS_RING_BLACKLIST)) ?
	       ".blacklist has a key without an identifier" : NULL;
}

/* No keyring has the key, as far as the certificates at hand show. */
static void answer_untrusted(const struct crs_signed_file *file, const struct candidate *candidate,
			     const struct crashres_verification *verification,
			     struct crashres_appraisal_check *check)
{
	if (is_name_trusted(file, candidate)) {
		crs_check_answer(check, UNKNOWN, CRASHRES_STEP_CERTIFICATE,
				 "a certificate inside the file has the name of a key in a keyring, "
				 "but anybody can make such a certificate");
		return;
	}
	if (can_be_trusted(file, candidate, verification)) {
		crs_check_answer(check, UNKNOWN, CRASHRES_STEP_CERTIFICATE,
				 "a keyring can have the key, and the signature was not verified: "
				 "the kernel "
				 "does not give out public keys");
		return;
	}
	if (file->keyrings.hidden) {
		crs_check_answer(check, UNKNOWN, CRASHRES_STEP_PRIVILEGE,
				 "a keyring has a key that cannot be described");
		return;
	}
	check->trusted = NO;
	crs_check_answer(check, NO, CRASHRES_STEP_ENROL, "");
	crs_check_set_problem(check, "the key is in no keyring: %s",
			      *check->keyrings ? check->keyrings :
			      "the running kernel has none of them");
}

/* Verifies with the certificates that the keyrings have, and decides. */
static enum crashres_status judge_trust(const struct crs_signed_file *file,
					const struct candidate *candidate,
					const struct crashres_verification *all,
					struct crashres_appraisal_check *check)
{
	CRS_CLEANUP(crs_freep) struct crashres_verification *trusted = NULL;
	enum crashres_status status =
		crashres_verify_input(file->ctx, file->input, candidate->place, candidate->trusted,
				candidate->trusted_count, &trusted);
	const char *doubt;

	if (status != CRASHRES_OK)
		return status;
	if (is_revoked(file, candidate, trusted->certificate)) {
		crs_check_answer(check, NO, CRASHRES_STEP_REVOKED,
				 ".blacklist has a key of the signature");
		return CRASHRES_OK;
	}
	if (!trusted->valid) {
		answer_untrusted(file, candidate, all, check);
		return CRASHRES_OK;
	}
	set_keyring(check, crs_trusted_find(&file->keyrings, candidate->rings,
					    trusted->certificate), candidate->rings);
	check->trusted = YES;
	check->verified = true;
	doubt = find_doubt(file, candidate, trusted->certificate);
	crs_check_answer(check, doubt ? UNKNOWN : YES, CRASHRES_STEP_NONE, doubt ? doubt : "");
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
static enum crashres_status judge_candidate(const struct crs_signed_file *file,
					    const struct candidate *candidate,
					    struct crashres_appraisal_check *check)
{
	CRS_CLEANUP(crs_freep) struct crashres_verification *all = NULL;
	enum crashres_status status = crashres_verify_input(file->ctx, file->input, candidate->place,
							    candidate->all, candidate->count, &all);

	if (status == CRASHRES_ERR_NO_SIGNATURE) {
		crs_check_answer(check, NO, CRASHRES_STEP_SIGN,
				 "the file has no signature at this place");
		return CRASHRES_OK;
	}
	if (status != CRASHRES_OK)
		return status;
	copy_signer(all, check);
	if (!all->valid && !all->key_unknown) {
		crs_check_answer(check, NO, CRASHRES_STEP_SIGN, all->problem);
		return CRASHRES_OK;
	}
	if (!file->keyrings.known) {
		crs_check_answer(check, UNKNOWN, CRASHRES_STEP_PRIVILEGE, "");
		crs_check_set_problem(check, "the keyrings are unknown: %s",
				      file->keyrings.problem);
		return CRASHRES_OK;
	}
	return judge_trust(file, candidate, all, check);
}

enum crashres_status crs_candidate_judge(const struct crs_signed_file *file,
					 enum crashres_signature place,
					 struct crashres_appraisal_check *check)
{
	struct candidate candidate = {
		.place = place,
		.rings = rings_of(file, check->appraiser),
		.data = CRS_SIGNED_DATA_NONE,
	};
	enum crashres_status status;

	check->signature = place;
	name_rings(file, candidate.rings, check->keyrings, sizeof(check->keyrings));
	status = collect(file, &candidate);
	if (status == CRASHRES_OK)
		status = judge_candidate(file, &candidate, check);
	clear_candidate(&candidate);
	return status;
}
