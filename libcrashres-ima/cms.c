/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cms.c: make, parse and verify the CMS structure of an appended signature. */
#include <limits.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

#include "cms.h"

/* Stores the signature in @signer. Returns false on an error of OpenSSL. */
static bool set_signature(CMS_SignerInfo *signer, const uint8_t *signature, size_t size)
{
	return size <= INT_MAX &&
	       ASN1_STRING_set(CMS_SignerInfo_get0_signature(signer), signature, (int)size);
}

/*
 * Returns the structure, which the caller frees, or NULL with OpenSSL's error queue set.
 * OpenSSL wants a key to choose the algorithms, and the public key is enough. Flags of
 * CMS_sign(), which only creates the empty structure here:
 *
 *   CMS_PARTIAL      the signer is added afterwards, because CMS_sign() has no
 *                    parameter for the hash algorithm
 *   CMS_DETACHED     the content is not stored in the structure
 *
 * Flags of CMS_add1_signer():
 *
 *   CMS_NOCERTS      no certificate in the structure: the kernel uses its keyrings
 *   CMS_BINARY       no conversion of line ends, which is the default for mail
 *   CMS_NOATTR       no signed attributes: the kernel refuses them in appended
 *                    signatures (pkcs7_verify(), "authattrs")
 *   CMS_NOSMIMECAP   no list of ciphers for mail
 */
static CMS_ContentInfo *make(const struct crashres_certificate *certificate,
			     enum crashres_hash hash, const uint8_t *signature, size_t size)
{
	const unsigned int flags = CMS_NOCERTS | CMS_BINARY | CMS_NOSMIMECAP | CMS_NOATTR;
	CMS_ContentInfo *info = CMS_sign(NULL, NULL, NULL, NULL,
					 CMS_NOCERTS | CMS_PARTIAL | CMS_BINARY | CMS_DETACHED);
	CMS_SignerInfo *signer = NULL;

	if (info)
		signer = CMS_add1_signer(info, certificate->x509, certificate->pkey,
					 crs_hash_md(hash), flags);
	if (signer && set_signature(signer, signature, size))
		return info;
	CMS_ContentInfo_free(info);
	return NULL;
}

enum crashres_status crs_cms_format(struct crashres_ctx *ctx,
				    const struct crashres_certificate *certificate,
				    enum crashres_hash hash, const uint8_t *signature,
				    size_t size, uint8_t **der, size_t *der_size)
{
	CRS_CLEANUP(crs_cms_freep) CMS_ContentInfo *info = make(certificate, hash, signature, size);
	uint8_t *new, *end;
	int length = info ? i2d_CMS_ContentInfo(info, NULL) : -1;

	if (length <= 0)
		return crs_fail_openssl(ctx, CRASHRES_ERR_KEY,
					"cannot make the CMS structure of \"%s\"",
					certificate->subject);
	new = malloc((size_t)length);
	if (!new)
		return crs_fail_memory(ctx);
	end = new;
	i2d_CMS_ContentInfo(info, &end);
	ERR_clear_error();
	*der = new;
	*der_size = (size_t)length;
	return CRASHRES_OK;
}

/* Sets the members of @cms from its only SignerInfo. */
static enum crashres_status read_signer(struct crashres_ctx *ctx, struct crs_cms *cms)
{
	STACK_OF(CMS_SignerInfo) *signers = CMS_get0_SignerInfos(cms->info);
	const ASN1_OCTET_STRING *signature;
	X509_ALGOR *digest, *scheme;
	int count = sk_CMS_SignerInfo_num(signers);

	if (count != 1)
		return crs_fail(ctx, CRASHRES_ERR_UNSUPPORTED,
				"the signature has %d signers, the kernel accepts one",
				count < 0 ? 0 : count);
	cms->signer = sk_CMS_SignerInfo_value(signers, 0);
	CMS_SignerInfo_get0_algs(cms->signer, NULL, NULL, &digest, &scheme);
	if (!crs_hash_from_nid(OBJ_obj2nid(digest->algorithm), &cms->hash))
		return crs_fail(ctx, CRASHRES_ERR_UNSUPPORTED,
				"the hash is neither sha256, sha384 nor sha512");
	if (OBJ_obj2nid(scheme->algorithm) == NID_rsassaPss)
		return crs_fail(ctx, CRASHRES_ERR_UNSUPPORTED,
				"the signature is RSASSA-PSS, which the kernel cannot verify");
	signature = CMS_SignerInfo_get0_signature(cms->signer);
	cms->signature = ASN1_STRING_get0_data(signature);
	cms->size = (size_t)ASN1_STRING_length(signature);
	return CRASHRES_OK;
}

enum crashres_status crs_cms_parse(struct crashres_ctx *ctx, const void *der, size_t size,
				   struct crs_cms *cms)
{
	CRS_CLEANUP(crs_cms_clear) struct crs_cms new = CRS_CMS_NONE;
	const unsigned char *at = der;
	enum crashres_status status;

	/* d2i moves @at to the end of the structure. */
	if (size <= LONG_MAX)
		new.info = d2i_CMS_ContentInfo(NULL, &at, (long)size);
	ERR_clear_error();
	if (!new.info || at != (const unsigned char *)der + size)
		return crs_fail(ctx, CRASHRES_ERR_FORMAT, "the CMS structure is damaged");
	if (OBJ_obj2nid(CMS_get0_type(new.info)) != NID_pkcs7_signed)
		return crs_fail(ctx, CRASHRES_ERR_FORMAT, "the CMS structure is not a signature");
	if (CMS_is_detached(new.info) != 1)
		return crs_fail(ctx, CRASHRES_ERR_FORMAT,
				"the CMS structure contains the signed content");
	status = read_signer(ctx, &new);
	ERR_clear_error();
	if (status != CRASHRES_OK)
		return status;
	/* The caller owns the structure now. */
	*cms = new;
	new.info = NULL;
	return CRASHRES_OK;
}

void crs_cms_clear(struct crs_cms *cms)
{
	CMS_ContentInfo_free(cms->info);
	cms->info = NULL;
}

bool crs_cms_names_signer(const struct crs_cms *cms, const struct crashres_certificate *certificate)
{
	bool same = !CMS_SignerInfo_cert_cmp(cms->signer, certificate->x509);

	ERR_clear_error();
	return same;
}

static void print_issuer(BIO *bio, X509_NAME *issuer, const ASN1_INTEGER *serial)
{
	char name[256];

	crs_name_text(issuer, name, sizeof(name));
	BIO_printf(bio, "issuer %s, serial ", name);
	i2a_ASN1_INTEGER(bio, serial);
}

void crs_cms_signer_text(const struct crs_cms *cms, char *text, size_t capacity)
{
	CRS_CLEANUP(crs_bio_freep) BIO *bio = BIO_new(BIO_s_mem());
	ASN1_OCTET_STRING *skid = NULL;
	ASN1_INTEGER *serial = NULL;
	X509_NAME *issuer = NULL;

	*text = '\0';
	if (!bio || !CMS_SignerInfo_get0_signer_id(cms->signer, &skid, &issuer, &serial))
		return;
	if (skid) {
		BIO_puts(bio, "id:");
		for (int i = 0; i < ASN1_STRING_length(skid); i++)
			BIO_printf(bio, "%02x", ASN1_STRING_get0_data(skid)[i]);
	} else {
		print_issuer(bio, issuer, serial);
	}
	crs_bio_text(bio, text, capacity);
}

/*
 * Verifies a signature with signed attributes. It covers the attributes, and the
 * attribute messageDigest contains the digest of the content (RFC 5652, 5.4).
 */
static enum crs_key_result verify_attributes(const struct crs_cms *cms,
					     const struct crashres_certificate *certificate,
					     const struct crs_digest *digest)
{
	const ASN1_OCTET_STRING *signed_digest;

	CMS_SignerInfo_set1_signer_cert(cms->signer, certificate->x509);
	if (CMS_SignerInfo_verify(cms->signer) != 1)
		return CRS_KEY_NO_MATCH;
	/* -3: the attribute must occur once and have one value, else NULL. */
	signed_digest = CMS_signed_get0_data_by_OBJ(cms->signer,
						    OBJ_nid2obj(NID_pkcs9_messageDigest), -3,
						    V_ASN1_OCTET_STRING);
	if (!signed_digest)
		return CRS_KEY_NO_MATCH;
	return (size_t)ASN1_STRING_length(signed_digest) == digest->size &&
	       !memcmp(ASN1_STRING_get0_data(signed_digest), digest->bytes, digest->size) ?
	       CRS_KEY_VALID : CRS_KEY_OTHER_DIGEST;
}

enum crs_key_result crs_cms_verify(const struct crs_cms *cms,
				   const struct crashres_certificate *certificate,
				   const struct crs_digest *digest)
{
	enum crs_key_result result;

	if (CMS_signed_get_attr_count(cms->signer) < 0)
		result = crs_key_verify(certificate->pkey, certificate->type, digest,
					cms->signature, cms->size);
	else
		result = verify_attributes(cms, certificate, digest);
	ERR_clear_error();
	return result;
}
