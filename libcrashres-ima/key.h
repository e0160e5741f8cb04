/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Keys: what may sign, the id that names it, signing and checking a digest. */
#ifndef CRS_IMA_KEY_H
#define CRS_IMA_KEY_H

#include "digest.h"

struct crashres_key {
	EVP_PKEY *pkey;			/* the only place where the private key is */
	char *name;
	enum crashres_key_type type;
	uint32_t key_id;
};

/*
 * CRASHRES_ERR_UNSUPPORTED where the kernel has no verifier for @pkey: it takes RSA
 * (PKCS #1 v1.5) and ECDSA on three NIST curves (crypto/asymmetric_keys/public_key.c).
 */
enum crashres_status crs_key_type(struct crashres_ctx *ctx, const EVP_PKEY *pkey,
				  enum crashres_key_type *type);

/*
 * The id of a key whose certificate does not give it one: the last 4 bytes of the
 * SHA-1 of the subjectPublicKey bits, as a SubjectKeyIdentifier usually is made
 * (RFC 5280, 4.2.1.2).
 */
enum crashres_status crs_key_id(struct crashres_ctx *ctx, const EVP_PKEY *pkey, uint32_t *key_id);

/* @signature: out; from malloc(). PKCS #1 v1.5 over a DigestInfo, or DER of r and s. */
enum crashres_status crs_key_sign(struct crashres_ctx *ctx, const struct crashres_key *key,
				  const struct crs_digest *digest, uint8_t **signature,
				  size_t *size);

enum crs_key_result {
	CRS_KEY_VALID = 0,
	CRS_KEY_OTHER_DIGEST, /* this key, but over another digest; RSA only */
	CRS_KEY_NO_MATCH,     /* another key or, with ECDSA, another digest; or damaged */
};

enum crs_key_result crs_key_verify(EVP_PKEY *pkey, enum crashres_key_type type,
				   const struct crs_digest *digest, const uint8_t *signature,
				   size_t size);

#endif
