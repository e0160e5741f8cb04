/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* trust.c: follow certificates from a signature to a trusted one, as the kernel does. */
#include <openssl/err.h>
#include <stdlib.h>

#include "trust.h"

#define PROBLEM_ISSUER	"a certificate in the signature was not made by its issuer in the signature"
#define PROBLEM_TRUSTED	"a certificate in the signature was not made by the given certificate"
#define PROBLEM_KEY_ID	"the names of an issuer belong to two certificates"
#define PROBLEM_EMPTY_ID "a certificate in the signature names its issuer by an empty key id"
#define PROBLEM_TIME	"the signing time is outside the dates of the signer's certificate"

/* The parameters of one crs_trust_check() for the functions below. All are borrowed. */
struct search {
	const struct crs_signed_data *data;
	const struct crs_digest *digest;
	const struct crs_trusted *trusted;
	struct crs_trust *trust;	/* filled step by step */
	bool no_memory;			/* OpenSSL had none */
};

/* How a trusted certificate fits two ids (find_asymmetric_key()). */
enum fit {
	FIT_NONE,
	FIT_FIRST_ONLY,			/* the kernel refuses such a key */
	FIT_BOTH,
};

static bool has_id(const struct crashres_certificate *certificate, const struct crs_x509_id *id)
{
	return crs_x509_id_same(&certificate->fields.id, id) ||
	       crs_x509_id_same(&certificate->fields.key, id);
}

/* @second can be absent; with an absent @first, @second alone counts. */
static enum fit compare_ids(const struct crashres_certificate *certificate,
			    const struct crs_x509_id *first, const struct crs_x509_id *second)
{
	if (!first->first.data)
		return has_id(certificate, second) ? FIT_BOTH : FIT_NONE;
	if (!has_id(certificate, first))
		return FIT_NONE;
	return !second->first.data || crs_x509_id_same(&certificate->fields.key, second) ?
	       FIT_BOTH : FIT_FIRST_ONLY;
}

/* Verifies the signature of the structure with the key of @certificate. */
static enum crs_key_result verify_signature(struct search *search,
					    const struct crashres_certificate *certificate)
{
	const struct crs_signed_data *data = search->data;
	enum crs_key_result result = CRS_KEY_NO_MATCH;

	/* The kernel compares the two types first. */
	if (data->type == certificate->type)
		result = crs_key_verify(certificate->pkey, certificate->type, search->digest,
					data->signature.data, data->signature.size);
	search->no_memory = search->no_memory || result == CRS_KEY_NO_MEMORY;
	return result;
}

/* Returns true if the key of @issuer signed @certificate. */
static bool is_issued_by(struct search *search, const struct crashres_certificate *certificate,
			 const struct crashres_certificate *issuer)
{
	bool issued = X509_verify(certificate->x509, issuer->pkey) == 1;

	search->no_memory = crs_openssl_lacks_memory() || search->no_memory;
	return issued;
}

static bool is_in_path(const struct crs_trust *trust,
		       const struct crashres_certificate *certificate)
{
	for (size_t i = 0; i < trust->length; i++)
		if (trust->path[i] == certificate)
			return true;
	return false;
}

/* Returns the certificate in the structure that issued @certificate, or NULL. */
static const struct crashres_certificate *find_issuer(const struct crs_signed_data *data,
						      const struct crs_x509 *fields)
{
	bool by_serial = fields->authority.first.data;

	for (size_t i = 0; i < data->certificate_count; i++) {
		const struct crs_x509 *other = &data->certificates[i]->fields;

		if (by_serial ? crs_x509_id_same(&other->id, &fields->authority) :
				crs_x509_id_same(&other->key, &fields->authority_key))
			return data->certificates[i];
	}
	return NULL;
}

/* Extends the path by issuers in the structure. Stops at a self-signed certificate. */
static void follow_issuers(struct search *search)
{
	struct crs_trust *trust = search->trust;

	for (;;) {
		const struct crashres_certificate *last = trust->path[trust->length - 1];
		const struct crs_x509 *fields = &last->fields;
		const struct crashres_certificate *issuer =
			last->self_signed ? NULL : find_issuer(search->data, fields);

		if (!issuer)
			return;
		if (fields->authority.first.data && fields->authority_key.first.data &&
		    !crs_x509_id_same(&issuer->fields.key, &fields->authority_key)) {
			trust->problem = PROBLEM_KEY_ID;
			return;
		}
		if (is_in_path(trust, issuer))
			return;
		if (!is_issued_by(search, last, issuer)) {
			trust->problem = PROBLEM_ISSUER;
			return;
		}
		trust->path[trust->length++] = issuer;
	}
}

/*
 * Finds the signer's certificate in the structure, verifies the signature with it, and
 * follows its issuers (pkcs7_verify_one()). Without such a certificate the path stays empty.
 */
static void verify_inside(struct search *search)
{
	const struct crs_signed_data *data = search->data;
	struct crs_trust *trust = search->trust;
	const struct crs_x509 *fields;

	for (size_t i = 0; i < data->certificate_count && !trust->length; i++)
		if (crs_x509_id_same(&data->certificates[i]->fields.id, &data->signer))
			trust->path[trust->length++] = data->certificates[i];
	if (!trust->length)
		return;
	fields = &trust->path[0]->fields;
	if (data->has_time && (data->time < fields->not_before || data->time > fields->not_after)) {
		trust->problem = PROBLEM_TIME;
		return;
	}
	trust->check = verify_signature(search, trust->path[0]);
	if (trust->check == CRS_KEY_VALID)
		follow_issuers(search);
}

/* Stores @certificate, which fits the ids, and whether it verifies. Returns true if so. */
static bool try_one(struct search *search, const struct crashres_certificate *certificate,
		    enum fit fit, const struct crashres_certificate *signed_by_it)
{
	struct crs_trust *trust = search->trust;

	trust->trusted = certificate;
	trust->problem = fit == FIT_FIRST_ONLY ? PROBLEM_KEY_ID : NULL;
	if (!trust->problem && !signed_by_it)
		trust->check = verify_signature(search, certificate);
	else if (!trust->problem && !is_issued_by(search, signed_by_it, certificate))
		trust->problem = PROBLEM_TRUSTED;
	return !trust->problem && trust->check == CRS_KEY_VALID;
}

/*
 * Looks for a trusted certificate with both ids that verifies the certificate @signed_by_it.
 * NULL: that verifies the signature of the structure. The kernel tries only the first key that
 * it finds in its keyring. The order there is unknown, so all certificates are tried here.
 *
 * Return: false if no trusted certificate has the ids, so the search goes on.
 */
static bool try_trusted(struct search *search, const struct crs_x509_id *first,
			const struct crs_x509_id *second,
			const struct crashres_certificate *signed_by_it, bool refuse_first_only)
{
	const struct crashres_certificate *good = NULL, *bad = NULL;
	struct crs_trust *trust = search->trust;
	bool other = false;

	for (size_t i = 0; i < search->trusted->count; i++) {
		const struct crashres_certificate *certificate = search->trusted->certificates[i];
		enum fit fit = compare_ids(certificate, first, second);

		if (fit == FIT_NONE)
			continue;
		if (fit == FIT_FIRST_ONLY && !refuse_first_only)
			other = true;
		else if (try_one(search, certificate, fit, signed_by_it))
			good = certificate;
		else
			bad = certificate;
	}
	if (good) {
		trust->trusted = good;
		trust->problem = NULL;
		trust->check = CRS_KEY_VALID;
		trust->ambiguous = bad || other;
	}
	return good || bad;
}

/*
 * Looks for a trusted certificate that is the same as one in the path. Cuts the path there:
 * the trusted one takes its place. Returns false if there is none.
 */
static bool find_in_path(struct search *search)
{
	struct crs_trust *trust = search->trust;

	for (size_t i = 0; i < trust->length; i++) {
		const struct crs_x509 *fields = &trust->path[i]->fields;

		if (!try_trusted(search, &fields->id, &fields->key, i ? trust->path[i - 1] : NULL,
				 false))
			continue;
		trust->length = i + 1;
		return true;
	}
	return false;
}

/* Returns true if the kernel looks for the issuer by a key id without bytes, which fails. */
static bool has_empty_authority(const struct crs_x509 *fields)
{
	return !fields->authority.first.data && fields->authority_key.first.data &&
	       !fields->authority_key.first.size;
}

/* Looks for a trusted certificate, in the order of pkcs7_validate_trust_one(). */
static void find_trusted(struct search *search)
{
	static const struct crs_x509_id none = { { NULL, 0 }, { NULL, 0 } };
	struct crs_trust *trust = search->trust;
	const struct crashres_certificate *last =
		trust->length ? trust->path[trust->length - 1] : NULL;

	if (find_in_path(search) || (last && last->self_signed))
		return;
	if (last && has_empty_authority(&last->fields)) {
		trust->problem = PROBLEM_EMPTY_ID;
		return;
	}
	if (last && (last->fields.authority.first.data || last->fields.authority_key.first.data) &&
	    try_trusted(search, &last->fields.authority, &last->fields.authority_key, last, true)) {
		trust->path[trust->length++] = trust->trusted;
		return;
	}
	if (try_trusted(search, &search->data->signer, &none, NULL, false)) {
		trust->path[0] = trust->trusted;
		trust->length = 1;
	}
}

enum crashres_status crs_trust_check(struct crashres_ctx *ctx, const struct crs_signed_data *data,
				     const struct crs_digest *digest,
				     const struct crs_trusted *trusted, struct crs_trust *trust)
{
	/* Each certificate of the structure at most once, and one of the caller. */
	struct crs_trust new = {
		.path = calloc(data->certificate_count + 1, sizeof(*new.path)),
		.check = CRS_KEY_VALID,
	};
	struct search search = { data, digest, trusted, &new, false };

	if (!new.path)
		return crs_fail_memory(ctx);
	verify_inside(&search);
	if (!new.problem && new.check == CRS_KEY_VALID)
		find_trusted(&search);
	ERR_clear_error();
	if (search.no_memory) {
		crs_trust_clear(&new);
		return crs_fail_memory(ctx);
	}
	*trust = new;
	return CRASHRES_OK;
}

void crs_trust_clear(struct crs_trust *trust)
{
	free(trust->path);
	trust->path = NULL;
}
