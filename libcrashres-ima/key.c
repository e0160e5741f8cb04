/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* key.c: open a private key, sign a digest, verify the signature of a digest. */
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "key.h"
#include "location.h"
#include "store.h"

const char *crashres_key_type_name(enum crashres_key_type type)
{
	return type == CRASHRES_KEY_RSA ? "rsa" : type == CRASHRES_KEY_ECDSA ? "ecdsa" : NULL;
}

/*
 * Fails unless the kernel can verify ECDSA on the curve of @pkey. OpenSSL reports the
 * name that the key was made with: "prime256v1" and "P-256" are the same curve.
 */
static enum crashres_status check_curve(struct crashres_ctx *ctx, const EVP_PKEY *pkey)
{
	char name[80] = "an unnamed curve";

	if (!EVP_PKEY_get_group_name(pkey, name, sizeof(name), NULL))
		ERR_clear_error();
	if (strcmp(name, "prime256v1") && strcmp(name, "secp384r1") && strcmp(name, "secp521r1") &&
	    strcmp(name, "P-256") && strcmp(name, "P-384") && strcmp(name, "P-521"))
		return crs_fail(ctx, CRASHRES_ERR_UNSUPPORTED,
				"the EC key uses %s, the kernel accepts P-256, P-384 and P-521",
				name);
	return CRASHRES_OK;
}

/*
 * Fails unless the modulus has a size that the kernel accepts. The kernel rounds it up to
 * whole bytes, because a signature has as many bytes as the modulus.
 */
static enum crashres_status check_rsa_size(struct crashres_ctx *ctx, const EVP_PKEY *pkey)
{
	static const int sizes[] = { 512, 1024, 1536, 2048, 3072, 4096 };
	int bits = EVP_PKEY_get_bits(pkey);

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		if ((bits + 7) / 8 * 8 == sizes[i])
			return CRASHRES_OK;
	/* A provider need not tell the size of a key in a token. */
	if (bits <= 0)
		return CRASHRES_OK;
	return crs_fail(ctx, CRASHRES_ERR_UNSUPPORTED,
			"the RSA key has %d bits, the kernel accepts 512, 1024, 1536, 2048, 3072 "
			"and 4096", bits);
}

/* Returns true if the public exponent is odd and greater than 65536. */
static bool is_exponent_large(const EVP_PKEY *pkey)
{
	BIGNUM *exponent = NULL;
	bool large = EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_E, &exponent) &&
		     BN_is_odd(exponent) && BN_num_bits(exponent) > 16 &&
		     BN_num_bits(exponent) <= 256;

	BN_free(exponent);
	ERR_clear_error();
	return large;
}

bool crs_key_warning(const EVP_PKEY *pkey, enum crashres_key_type type, char *text,
		     size_t capacity)
{
	if (type != CRASHRES_KEY_RSA)
		return false;
	if (EVP_PKEY_get_bits(pkey) <= 0)
		return false;
	if (EVP_PKEY_get_bits(pkey) <= 2048 - 8)
		snprintf(text, capacity, "RSA key of %d bits: a kernel in FIPS mode refuses it",
			 EVP_PKEY_get_bits(pkey));
	else if (!is_exponent_large(pkey))
		snprintf(text, capacity,
			 "RSA key with a small exponent: a kernel in FIPS mode refuses it");
	else
		return false;
	return true;
}

enum crashres_status crs_key_type(struct crashres_ctx *ctx, const EVP_PKEY *pkey,
				  enum crashres_key_type *type)
{
	const char *name = EVP_PKEY_get0_type_name(pkey);
	enum crashres_status status = CRASHRES_OK;

	if (EVP_PKEY_is_a(pkey, "RSA")) {
		status = check_rsa_size(ctx, pkey);
		if (status == CRASHRES_OK)
			*type = CRASHRES_KEY_RSA;
	} else if (EVP_PKEY_is_a(pkey, "EC")) {
		status = check_curve(ctx, pkey);
		if (status == CRASHRES_OK)
			*type = CRASHRES_KEY_ECDSA;
	} else {
		status = crs_fail(ctx, CRASHRES_ERR_UNSUPPORTED,
				  "the key has type %s, not RSA or EC", name ? name : "unknown");
	}
	return status;
}

enum crashres_status crs_key_id(struct crashres_ctx *ctx, const EVP_PKEY *pkey, uint32_t *key_id)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	const unsigned char *bits;
	X509_PUBKEY *public = NULL;
	unsigned int length;
	int size;
	bool ok;

	/* X509_PUBKEY_set() does not change the key. OpenSSL 3.0 declares it without const. */
	ok = X509_PUBKEY_set(&public, (EVP_PKEY *)(uintptr_t)pkey) &&
	     X509_PUBKEY_get0_param(NULL, &bits, &size, NULL, public) &&
	     EVP_Digest(bits, (size_t)size, digest, &length, EVP_sha1(), NULL);
	X509_PUBKEY_free(public);
	if (!ok)
		return crs_fail_openssl(ctx, CRASHRES_ERR_KEY, "cannot compute the key id");
	*key_id = (uint32_t)digest[length - 4] << 24 | (uint32_t)digest[length - 3] << 16 |
		  (uint32_t)digest[length - 2] << 8 | digest[length - 1];
	return CRASHRES_OK;
}

/*
 * Fills @key from @info. @info stays the caller's: the get1 function takes a reference
 * to the EVP_PKEY object. On failure the caller frees @key.
 *
 * A token can hold a private key without its public key. Such a key signs, and its
 * certificate supplies the rest.
 */
static enum crashres_status fill_key(struct crashres_ctx *ctx, OSSL_STORE_INFO *info,
				     struct crashres_key *key)
{
	enum crashres_status status;

	key->pkey = OSSL_STORE_INFO_get1_PKEY(info);
	if (!key->pkey || !key->name)
		return crs_fail_memory(ctx);
	status = crs_key_type(ctx, key->pkey, &key->type);
	if (status == CRASHRES_OK)
		key->has_public = crs_key_id(ctx, key->pkey, &key->key_id) == CRASHRES_OK;
	return crs_prefix_error(ctx, status, "%s", key->name);
}

enum crashres_status crashres_key_open(struct crashres_ctx *ctx, const char *location,
				       crashres_passphrase_fn *passphrase, void *data,
				       struct crashres_key **key)
{
	const struct crs_passphrase_callback callback = {passphrase, data};
	struct crashres_key *new;
	OSSL_STORE_INFO *info;
	enum crashres_status status =
		crs_store_load(ctx, location, OSSL_STORE_INFO_PKEY, &callback, &info);

	if (status != CRASHRES_OK)
		return crs_prefix_error(ctx, status, "key");
	new = calloc(1, sizeof(*new));
	if (!new) {
		OSSL_STORE_INFO_free(info);
		return crs_fail_memory(ctx);
	}
	new->name = crs_location_name(location);
	status = fill_key(ctx, info, new);
	OSSL_STORE_INFO_free(info);
	if (status != CRASHRES_OK) {
		crashres_key_free(new);
		return crs_prefix_error(ctx, status, "key");
	}
	*key = new;
	return CRASHRES_OK;
}

void crashres_key_free(struct crashres_key *key)
{
	if (!key)
		return;
	EVP_PKEY_free(key->pkey);
	free(key->name);
	free(key);
}

bool crashres_key_id(const struct crashres_key *key, uint32_t *id)
{
	if (key->has_public)
		*id = key->key_id;
	return key->has_public;
}

/*
 * Chooses the signature scheme: PKCS #1 v1.5 padding for RSA, and the hash that DigestInfo
 * names. With these settings OpenSSL signs and verifies a digest, not the content.
 */
static bool set_scheme(EVP_PKEY_CTX *pkey_ctx, enum crashres_key_type type, enum crashres_hash hash)
{
	return (type != CRASHRES_KEY_RSA ||
		EVP_PKEY_CTX_set_rsa_padding(pkey_ctx, RSA_PKCS1_PADDING) > 0) &&
	       EVP_PKEY_CTX_set_signature_md(pkey_ctx, crs_hash_md(hash)) > 0;
}

enum crashres_status crs_key_sign(struct crashres_ctx *ctx, const struct crashres_key *key,
				  const struct crs_digest *digest, uint8_t **signature,
				  size_t *size)
{
	CRS_CLEANUP(crs_pkey_ctx_freep) EVP_PKEY_CTX *pkey_ctx = EVP_PKEY_CTX_new(key->pkey, NULL);
	CRS_CLEANUP(crs_freep) uint8_t *new = NULL;
	size_t length;

	if (!pkey_ctx || EVP_PKEY_sign_init(pkey_ctx) <= 0 ||
	    !set_scheme(pkey_ctx, key->type, digest->hash) ||
	    EVP_PKEY_sign(pkey_ctx, NULL, &length, digest->bytes, digest->size) <= 0)
		return crs_fail_openssl(ctx, CRASHRES_ERR_KEY, "key %s: cannot sign", key->name);
	new = malloc(length);
	if (!new)
		return crs_fail_memory(ctx);
	if (EVP_PKEY_sign(pkey_ctx, new, &length, digest->bytes, digest->size) <= 0)
		return crs_fail_openssl(ctx, CRASHRES_ERR_KEY, "key %s: cannot sign", key->name);
	/* An ECDSA signature can be shorter than the first call announced. */
	*signature = new;
	*size = length;
	new = NULL;
	return CRASHRES_OK;
}

/*
 * Returns true if @pkey made the RSA signature, for any digest. Decrypted with the right
 * public key, the signature has valid padding and a DigestInfo that names @hash.
 */
static bool is_made_with(EVP_PKEY *pkey, enum crashres_hash hash, const uint8_t *signature,
			 size_t size)
{
	CRS_CLEANUP(crs_pkey_ctx_freep) EVP_PKEY_CTX *pkey_ctx = EVP_PKEY_CTX_new(pkey, NULL);
	CRS_CLEANUP(crs_freep) uint8_t *digest = NULL;
	size_t length;

	if (!pkey_ctx || EVP_PKEY_verify_recover_init(pkey_ctx) <= 0 ||
	    !set_scheme(pkey_ctx, CRASHRES_KEY_RSA, hash) ||
	    EVP_PKEY_verify_recover(pkey_ctx, NULL, &length, signature, size) <= 0)
		return false;
	digest = malloc(length);
	if (!digest)
		ERR_raise(ERR_LIB_USER, ERR_R_MALLOC_FAILURE);
	return digest &&
	       EVP_PKEY_verify_recover(pkey_ctx, digest, &length, signature, size) > 0;
}

enum crs_key_result crs_key_verify(EVP_PKEY *pkey, enum crashres_key_type type,
				   const struct crs_digest *digest, const uint8_t *signature,
				   size_t size)
{
	CRS_CLEANUP(crs_pkey_ctx_freep) EVP_PKEY_CTX *pkey_ctx = EVP_PKEY_CTX_new(pkey, NULL);
	enum crs_key_result result = CRS_KEY_NO_MATCH;

	if (pkey_ctx && EVP_PKEY_verify_init(pkey_ctx) > 0 &&
	    set_scheme(pkey_ctx, type, digest->hash) &&
	    EVP_PKEY_verify(pkey_ctx, signature, size, digest->bytes, digest->size) == 1)
		result = CRS_KEY_VALID;
	else if (type == CRASHRES_KEY_RSA && is_made_with(pkey, digest->hash, signature, size))
		result = CRS_KEY_OTHER_DIGEST;
	if (crs_openssl_lacks_memory() && result != CRS_KEY_VALID)
		result = CRS_KEY_NO_MEMORY;
	return result;
}
