/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * key.h: private and public keys: the type, the key id, signing a digest and
 * verifying its signature.
 *
 * Bytes of a signature, without any header:
 *
 *   RSA    PKCS #1 v1.5: a big-endian number of the key's size. Decrypted with the public
 *          key, it contains the hash algorithm and the digest (DigestInfo, RFC 8017, 9.2)
 *   ECDSA  DER: SEQUENCE { INTEGER r, INTEGER s } (RFC 3279, 2.2.3). The length
 *          varies by a few bytes
 *
 * The kernel calls these encodings "pkcs1" and "x962" (asymmetric_verify() in
 * security/integrity/digsig_asymmetric.c).
 */
#ifndef CRS_IMA_KEY_H
#define CRS_IMA_KEY_H

#include "digest.h"

struct crashres_key {
	EVP_PKEY *pkey;			/* owned; the private key is nowhere else */
	char *name;			/* owned; the location without a PIN, for messages */
	enum crashres_key_type type;
	uint32_t key_id;		/* computed by crs_key_id(); used without a certificate;
					   0 unless @has_public */
	bool has_public;		/* the public half is known; a token can lack it */
};

/*
 * Finds the type of @pkey. Returns CRASHRES_ERR_UNSUPPORTED if the kernel cannot
 * verify its signatures: the kernel accepts RSA of 512, 1024, 1536, 2048, 3072 and 4096 bits
 * with PKCS #1 v1.5 (rsa_check_key_length() in crypto/rsa.c), and ECDSA on P-256, P-384 and
 * P-521 (crypto/asymmetric_keys/public_key.c).
 */
enum crashres_status crs_key_type(struct crashres_ctx *ctx, const EVP_PKEY *pkey,
				  enum crashres_key_type *type);

/*
 * Writes to @text a fact that makes some kernels refuse the key: in FIPS mode an RSA key needs
 * 2048 bits and an odd exponent above 65536. Returns false if there is none.
 */
bool crs_key_warning(const EVP_PKEY *pkey, enum crashres_key_type type, char *text,
		     size_t capacity);

/*
 * Computes a key id from the public key: the last 4 bytes of the SHA-1 of the
 * subjectPublicKey bits. Most certificates have a SubjectKeyIdentifier made in this
 * way (RFC 5280, 4.2.1.2, method 1), so the result is usually the certificate's key id.
 */
enum crashres_status crs_key_id(struct crashres_ctx *ctx, const EVP_PKEY *pkey, uint32_t *key_id);

/*
 * Signs @digest. @signature: out; from malloc(), the caller frees it. @size: bytes.
 * Returns CRASHRES_ERR_KEY if OpenSSL or the token fails.
 */
enum crashres_status crs_key_sign(struct crashres_ctx *ctx, const struct crashres_key *key,
				  const struct crs_digest *digest, uint8_t **signature,
				  size_t *size);

enum crs_key_result {
	CRS_KEY_VALID = 0,		/* the key signed this digest */
	CRS_KEY_OTHER_DIGEST,		/* the key signed another digest; known for RSA only */
	CRS_KEY_NO_MATCH,		/* another key, a damaged signature, or for ECDSA another
					   digest */
	CRS_KEY_NO_MEMORY,		/* OpenSSL had no memory */
};

/*
 * Verifies @size bytes at @signature, which are hostile. @pkey is borrowed; its type
 * must be @type. Other errors of OpenSSL are CRS_KEY_NO_MATCH.
 */
enum crs_key_result crs_key_verify(EVP_PKEY *pkey, enum crashres_key_type type,
				   const struct crs_digest *digest, const uint8_t *signature,
				   size_t size);

#endif
