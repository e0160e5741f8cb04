/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* trusted-keys.c: find certificates in the keyrings of the kernel. */
#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "trusted-keys.h"

/* Is @text the hexadecimal form of @bytes? */
static bool is_hex_of(const char *text, const uint8_t *bytes, size_t size)
{
	static const char digits[] = "0123456789abcdef";

	if (!size || strlen(text) != 2 * size)
		return false;
	for (size_t i = 0; i < size; i++) {
		const char hex[] = { digits[bytes[i] >> 4], digits[bytes[i] & 15], '\0' };

		if (strncasecmp(text + 2 * i, hex, 2))
			return false;
	}
	return true;
}

/* Returns the id in the description if @key is a certificate's key in one of @rings, or NULL. */
static const char *id_in(const struct crs_key *key, unsigned int rings)
{
	size_t subject;

	return key->type == CRS_KEY_ASYMMETRIC && key->rings & rings ?
	       crs_key_id_text(key, &subject) : NULL;
}

static const struct crs_key *find_id(const struct crs_keyrings *keyrings, unsigned int rings,
				     const struct crs_bytes *bytes)
{
	for (size_t i = 0; i < keyrings->count; i++) {
		const char *id = id_in(&keyrings->keys[i], rings);

		if (id && is_hex_of(id, bytes->data, bytes->size))
			return &keyrings->keys[i];
	}
	return NULL;
}

/* Has @key the type that the kernel gives to a key of @certificate (x509_extract_key_data())? */
static bool is_same_type(const struct crs_key *key, const struct crashres_certificate *certificate)
{
	char type[sizeof(key->algorithm)];

	if (certificate->type == CRASHRES_KEY_RSA)
		snprintf(type, sizeof(type), "X509.rsa");
	else
		snprintf(type, sizeof(type), "X509.ecdsa-nist-p%d",
			 EVP_PKEY_get_bits(certificate->pkey));
	return !*key->algorithm || !strcmp(key->algorithm, type);
}

/* The id in the description of a key of @certificate. */
static const struct crs_bytes *id_of(const struct crashres_certificate *certificate)
{
	const struct crs_x509 *fields = &certificate->fields;

	return fields->key.first.data ? &fields->key.first : &fields->id.first;
}

const struct crs_key *crs_trusted_find(const struct crs_keyrings *keyrings, unsigned int rings,
				       const struct crashres_certificate *certificate)
{
	const struct crs_bytes *bytes = id_of(certificate);

	for (size_t i = 0; i < keyrings->count; i++) {
		const struct crs_key *key = &keyrings->keys[i];
		const char *id = id_in(key, rings);
		size_t subject;

		if (!id || !is_hex_of(id, bytes->data, bytes->size))
			continue;
		crs_key_id_text(key, &subject);
		if (crs_x509_name_is(certificate->fields.subject, key->description, subject) &&
		    is_same_type(key, certificate))
			return key;
	}
	return NULL;
}

const struct crs_key *crs_trusted_find_issuer(const struct crs_keyrings *keyrings,
					      unsigned int rings,
					      const struct crashres_certificate *certificate)
{
	const struct crs_x509 *fields = &certificate->fields;

	if (certificate->self_signed || !fields->authority_key.first.data)
		return NULL;
	return find_id(keyrings, rings, &fields->authority_key.first);
}

static bool has_key_id(const struct crs_key *key, unsigned int rings, uint32_t key_id)
{
	const char *id = id_in(key, rings);
	size_t length = id ? strlen(id) : 0;
	char text[9];

	snprintf(text, sizeof(text), "%08x", (unsigned int)key_id);
	return length >= 8 && !strcasecmp(id + length - 8, text);
}

const struct crs_key *crs_trusted_find_key_id(const struct crs_keyrings *keyrings,
					      unsigned int rings, uint32_t key_id)
{
	for (size_t i = 0; i < keyrings->count; i++)
		if (has_key_id(&keyrings->keys[i], rings, key_id))
			return &keyrings->keys[i];
	return NULL;
}

size_t crs_trusted_count_key_id(const struct crs_keyrings *keyrings, unsigned int rings,
				uint32_t key_id)
{
	size_t count = 0;

	for (size_t i = 0; i < keyrings->count; i++)
		count += has_key_id(&keyrings->keys[i], rings, key_id);
	return count;
}

bool crs_trusted_any_unnamed(const struct crs_keyrings *keyrings, unsigned int rings)
{
	for (size_t i = 0; i < keyrings->count; i++) {
		const char *id = id_in(&keyrings->keys[i], rings);

		if (id && !*id)
			return true;
	}
	return false;
}

bool crs_trusted_any(const struct crs_keyrings *keyrings, unsigned int rings)
{
	for (size_t i = 0; i < keyrings->count; i++)
		if (id_in(&keyrings->keys[i], rings))
			return true;
	return false;
}

/* Does .blacklist have the entry @prefix and the digest? */
static bool has_digest(const struct crs_keyrings *keyrings, const char *prefix,
		       const uint8_t *digest, size_t size)
{
	for (size_t i = 0; i < keyrings->count; i++) {
		const struct crs_key *key = &keyrings->keys[i];

		if (key->type == CRS_KEY_DIGEST &&
		    key->rings & CRS_RING_BIT(CRS_RING_BLACKLIST) &&
		    !strncmp(key->description, prefix, strlen(prefix)) &&
		    is_hex_of(key->description + strlen(prefix), digest, size))
			return true;
	}
	return false;
}

bool crs_trusted_is_digest_revoked(const struct crs_keyrings *keyrings, const uint8_t *digest,
				   size_t size)
{
	return has_digest(keyrings, "bin:", digest, size);
}

/*
 * The kernel hashes the signed part (TBSCertificate) with the hash of the certificate's signature
 * (x509_get_sig_params() in crypto/asymmetric_keys/x509_public_key.c).
 */
static bool is_tbs_revoked(const struct crs_keyrings *keyrings,
			   const struct crashres_certificate *certificate)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned char *tbs = NULL;
	unsigned int size = 0;
	int hash, length = i2d_re_X509_tbs(certificate->x509, &tbs);
	const EVP_MD *md = NULL;
	bool done;

	if (X509_get_signature_info(certificate->x509, &hash, NULL, NULL, NULL) == 1)
		md = EVP_get_digestbynid(hash);
	done = length > 0 && md && EVP_Digest(tbs, (size_t)length, digest, &size, md, NULL) == 1;
	OPENSSL_free(tbs);
	ERR_clear_error();
	return done && has_digest(keyrings, "tbs:", digest, size);
}

bool crs_trusted_is_revoked(const struct crs_keyrings *keyrings,
			    const struct crashres_certificate *certificate)
{
	/* The id is sufficient: a wrong "no" does less harm than a wrong "yes". */
	return find_id(keyrings, CRS_RING_BIT(CRS_RING_BLACKLIST), id_of(certificate)) ||
	       is_tbs_revoked(keyrings, certificate);
}
