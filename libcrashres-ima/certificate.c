/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* certificate.c: open a certificate and read its key id, subject and public key. */
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

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
	const ASN1_OCTET_STRING *skid = X509_get0_subject_key_id(certificate->x509);
	int size = skid ? ASN1_STRING_length(skid) : 0;
	const unsigned char *bytes;

	if (size < 4)
		return crs_key_id(ctx, certificate->pkey, &certificate->key_id);
	bytes = ASN1_STRING_get0_data(skid) + size - 4;
	certificate->key_id = (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 |
			      (uint32_t)bytes[2] << 8 | bytes[3];
	return CRASHRES_OK;
}

/*
 * Fills @certificate from @info. @info stays the caller's: the get1 function takes a
 * reference to the X509 object. On failure the caller frees @certificate.
 */
static enum crashres_status fill_certificate(struct crashres_ctx *ctx, OSSL_STORE_INFO *info,
					     struct crashres_certificate *certificate)
{
	enum crashres_status status;

	certificate->x509 = OSSL_STORE_INFO_get1_CERT(info);
	if (!certificate->x509)
		return crs_fail_memory(ctx);
	certificate->pkey = X509_get0_pubkey(certificate->x509);
	if (!certificate->pkey)
		return crs_fail_openssl(ctx, CRASHRES_ERR_KEY, "cannot read the public key");
	crs_name_text(X509_get_subject_name(certificate->x509), certificate->subject,
		      sizeof(certificate->subject));
	status = crs_key_type(ctx, certificate->pkey, &certificate->type);
	if (status != CRASHRES_OK)
		return status;
	return find_key_id(ctx, certificate);
}

enum crashres_status crashres_certificate_open(struct crashres_ctx *ctx, const char *location,
					       struct crashres_certificate **certificate)
{
	const struct crs_passphrase_callback none = {NULL, NULL};
	struct crashres_certificate *new;
	OSSL_STORE_INFO *info;
	enum crashres_status status;

	status = crs_store_load(ctx, location, OSSL_STORE_INFO_CERT, &none, &info);
	if (status != CRASHRES_OK)
		return crs_prefix_error(ctx, status, "certificate");
	new = calloc(1, sizeof(*new));
	if (!new) {
		OSSL_STORE_INFO_free(info);
		return crs_fail_memory(ctx);
	}
	status = fill_certificate(ctx, info, new);
	OSSL_STORE_INFO_free(info);
	/* A certificate without a SubjectKeyIdentifier can leave an error in the queue. */
	ERR_clear_error();
	if (status != CRASHRES_OK) {
		CRS_CLEANUP(crs_freep) char *name = crs_location_name(location);

		crashres_certificate_free(new);
		return crs_prefix_error(ctx, status, "certificate %s", name ? name : "");
	}
	*certificate = new;
	return CRASHRES_OK;
}

void crashres_certificate_free(struct crashres_certificate *certificate)
{
	if (!certificate)
		return;
	X509_free(certificate->x509);
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
	/* 1: the same public key; 0: another; negative: other types, or an error. */
	int same = key->has_public ? EVP_PKEY_eq(certificate->pkey, key->pkey) :
				     certificate->type == key->type;

	ERR_clear_error();
	if (same != 1)
		return crs_fail(ctx, CRASHRES_ERR_REQUEST,
				"key %s is not the key of the certificate \"%s\"", key->name,
				certificate->subject);
	return CRASHRES_OK;
}
