/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* certificate.c: open a certificate and read its key id, subject and public key. */
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

#include "certificate.h"
#include "location.h"
#include "store.h"

/*
 * Finds the key id. The kernel stores the whole SubjectKeyIdentifier as an id of the key,
 * and compares the 4 bytes of a signature with its end (asymmetric_key_id_partial() in
 * crypto/asymmetric_keys/asymmetric_type.c). A certificate without a usable
 * SubjectKeyIdentifier gets an id computed from its public key, as with evmctl(1).
 */
static enum crashres_status find_key_id(struct crashres_ctx *ctx,
					struct crashres_certificate *certificate)
{
	struct crs_bytes id = certificate->fields.key.first;

	certificate->has_key_id = id.size >= 4;
	if (!certificate->has_key_id)
		return crs_key_id(ctx, certificate->pkey, &certificate->key_id);
	id.data += id.size - 4;
	certificate->key_id = (uint32_t)id.data[0] << 24 | (uint32_t)id.data[1] << 16 |
			      (uint32_t)id.data[2] << 8 | id.data[3];
	return CRASHRES_OK;
}

/* Returns true if the fields say that the certificate is its own issuer. */
static bool claims_self_signed(const struct crs_x509 *fields)
{
	return crs_bytes_equal(fields->subject, fields->issuer.data, fields->issuer.size) &&
	       ((!fields->authority.first.data && !fields->authority_key.first.data) ||
		crs_x509_id_same(&fields->key, &fields->authority_key) ||
		crs_x509_id_same(&fields->id, &fields->authority));
}

/*
 * Sets @self_signed as x509_check_for_self_signed() does: if subject and issuer are equal and
 * the AuthorityKeyIdentifier, where present, names the certificate itself, the signature must
 * be right. An AuthorityKeyIdentifier with two parts must be right in both.
 */
static enum crashres_status check_self_signed(struct crashres_ctx *ctx,
					      struct crashres_certificate *certificate)
{
	const struct crs_x509 *fields = &certificate->fields;

	if (!claims_self_signed(fields))
		return CRASHRES_OK;
	if (fields->authority.first.data && fields->authority_key.first.data &&
	    (!crs_x509_id_same(&fields->key, &fields->authority_key) ||
	     !crs_x509_id_same(&fields->id, &fields->authority)))
		return crs_fail(ctx, CRASHRES_ERR_FORMAT,
				"the two parts of the authorityKeyIdentifier name two certificates");
	if (X509_verify(certificate->x509, certificate->pkey) != 1)
		return crs_fail_signature(ctx, "the self-signed certificate has a wrong signature");
	certificate->self_signed = true;
	return CRASHRES_OK;
}

/* Fills @certificate from its copy of the DER. On failure the caller frees @certificate. */
static enum crashres_status fill_certificate(struct crashres_ctx *ctx, struct crs_bytes der,
					     struct crashres_certificate *certificate)
{
	const unsigned char *at = certificate->der;
	enum crashres_status status = crs_x509_parse(ctx, der, &certificate->fields);

	if (status != CRASHRES_OK)
		return status;
	certificate->x509 = d2i_X509(NULL, &at, (long)der.size);
	if (!certificate->x509)
		return crs_fail_openssl(ctx, CRASHRES_ERR_FORMAT, "the certificate is damaged");
	certificate->pkey = X509_get0_pubkey(certificate->x509);
	if (!certificate->pkey)
		return crs_fail_openssl(ctx, CRASHRES_ERR_KEY, "cannot read the public key");
	crs_name_text(X509_get_subject_name(certificate->x509), certificate->subject,
		      sizeof(certificate->subject));
	status = crs_key_type(ctx, certificate->pkey, &certificate->type);
	if (status == CRASHRES_OK)
		status = check_self_signed(ctx, certificate);
	return status == CRASHRES_OK ? find_key_id(ctx, certificate) : status;
}

enum crashres_status crs_certificate_from_der(struct crashres_ctx *ctx, struct crs_bytes der,
					      struct crashres_certificate **certificate)
{
	struct crashres_certificate *new = calloc(1, sizeof(*new));
	enum crashres_status status;

	if (new)
		new->der = malloc(der.size + 1);
	if (!new || !new->der) {
		free(new);
		return crs_fail_memory(ctx);
	}
	if (der.size)
		memcpy(new->der, der.data, der.size);
	status = fill_certificate(ctx, (struct crs_bytes){ new->der, der.size }, new);
	ERR_clear_error();
	if (status != CRASHRES_OK) {
		crashres_certificate_free(new);
		return status;
	}
	*certificate = new;
	return CRASHRES_OK;
}

/* Makes a certificate from @info, which stays the caller's. */
static enum crashres_status from_info(struct crashres_ctx *ctx, OSSL_STORE_INFO *info,
				      struct crashres_certificate **certificate)
{
	unsigned char *der = NULL;
	int size = i2d_X509(OSSL_STORE_INFO_get0_CERT(info), &der);
	enum crashres_status status;

	if (size <= 0)
		return crs_fail_openssl(ctx, CRASHRES_ERR_KEY, "cannot encode it");
	status = crs_certificate_from_der(ctx, (struct crs_bytes){ der, (size_t)size },
					  certificate);
	OPENSSL_free(der);
	return status;
}

enum crashres_status crashres_certificate_open(struct crashres_ctx *ctx, const char *location,
					       struct crashres_certificate **certificate)
{
	const struct crs_passphrase_callback none = {NULL, NULL};
	OSSL_STORE_INFO *info;
	enum crashres_status status;

	status = crs_store_load(ctx, location, OSSL_STORE_INFO_CERT, &none, &info);
	if (status != CRASHRES_OK)
		return crs_prefix_error(ctx, status, "certificate");
	status = from_info(ctx, info, certificate);
	OSSL_STORE_INFO_free(info);
	if (status != CRASHRES_OK) {
		CRS_CLEANUP(crs_freep) char *name = crs_location_name(location);

		return crs_prefix_error(ctx, status, "certificate %s", name ? name : "");
	}
	return CRASHRES_OK;
}

void crashres_certificate_free(struct crashres_certificate *certificate)
{
	if (!certificate)
		return;
	X509_free(certificate->x509);
	free(certificate->der);
	free(certificate);
}

const char *crashres_certificate_subject(const struct crashres_certificate *certificate)
{
	return certificate->subject;
}

uint32_t crashres_certificate_key_id(const struct crashres_certificate *certificate)
{
	return certificate->key_id;
}

enum crashres_status crs_certificate_check_key(struct crashres_ctx *ctx,
					       const struct crashres_certificate *certificate,
					       const struct crashres_key *key)
{
	/* 1: the same public key; 0: another; -1: other types; -2: the provider cannot compare. */
	int same = key->has_public ? EVP_PKEY_eq(certificate->pkey, key->pkey) : -2;

	if (crs_openssl_lacks_memory() && same != 1)
		return crs_fail_memory(ctx);
	if (same == 0 || same == -1 || certificate->type != key->type)
		return crs_fail(ctx, CRASHRES_ERR_REQUEST,
				"key %s is not the key of the certificate \"%s\"", key->name,
				certificate->subject);
	return CRASHRES_OK;
}
