/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ima.h: sign files so that the kernel's IMA appraises them, and verify them.
 * A library of its own, libcrashres-ima, because it links OpenSSL.
 *
 *   key (+ certificate) + file  ->  crashres_sign()    ->  signature
 *   certificates + file         ->  crashres_verify()  ->  verification
 *
 * The rules of crashres.h hold here too. Private keys stay inside OpenSSL's
 * objects, or inside the token that a provider talks to.
 * All of it: since 3.0.
 */
#ifndef CRASHRES_IMA_H
#define CRASHRES_IMA_H

#include <crashres/crashres.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Numbers of the kernel (include/uapi/linux/hash_info.h). */
enum crashres_hash {
	CRASHRES_HASH_SHA256 = 4,
	CRASHRES_HASH_SHA384 = 5,
	CRASHRES_HASH_SHA512 = 6,
};

/* "sha256" ...; NULL where @hash is none of them. */
const char *crashres_hash_name(enum crashres_hash hash);

enum crashres_key_type {
	CRASHRES_KEY_RSA = 1,		/* PKCS #1 v1.5 */
	CRASHRES_KEY_ECDSA,		/* P-256, P-384 or P-521 */
};

const char *crashres_key_type_name(enum crashres_key_type type);	/* "rsa", "ecdsa" */

/* Where a signature is kept. */
enum crashres_signature {
	CRASHRES_SIGNATURE_XATTR = 0,	/* security.ima of the file (appraise_type=imasig) */
	CRASHRES_SIGNATURE_SIGFILE,	/* the same bytes in <file>.sig, to be installed later */
	CRASHRES_SIGNATURE_APPENDED,	/* CMS behind the file's own bytes (appraise_type=modsig) */
};

/* ---------------------------------------------------------------------- key */

/*
 * Writes the passphrase or PIN for @location to @buffer, no NUL behind it. False
 * where there is none. The caller cleanses @buffer.
 */
typedef bool crashres_passphrase_fn(void *data, const char *location, char *buffer, size_t capacity,
				    size_t *size);

struct crashres_key;

/**
 * crashres_key_open() - a private key
 * @location:      a file (PEM or DER; PKCS #8, encrypted or not, or the older forms),
 *              or a URI such as "pkcs11:..." for an OpenSSL provider.
 * @passphrase: asked when one is needed, and not otherwise; may be NULL for none.
 * @key:        out; release with crashres_key_free().
 *
 * Return:
 *   CRASHRES_ERR_OS           the file cannot be opened
 *   CRASHRES_ERR_KEY          no private key in it, or a wrong passphrase
 *   CRASHRES_ERR_UNSUPPORTED  neither RSA nor ECDSA on a curve that the kernel knows
 */
enum crashres_status crashres_key_open(struct crashres_ctx *ctx, const char *location,
				       crashres_passphrase_fn *passphrase, void *data,
				       struct crashres_key **key);
void crashres_key_free(struct crashres_key *key);	/* may be NULL */

/* -------------------------------------------------------------- certificate */

struct crashres_certificate;

/**
 * crashres_certificate_open() - the first certificate in a file or at a URI
 * @location:       PEM or DER, or a URI such as "pkcs11:...;type=cert".
 * @certificate: out; release with crashres_certificate_free().
 *
 * Return: CRASHRES_ERR_OS, CRASHRES_ERR_KEY, CRASHRES_ERR_UNSUPPORTED as crashres_key_open().
 */
enum crashres_status crashres_certificate_open(struct crashres_ctx *ctx, const char *location,
					       struct crashres_certificate **certificate);
void crashres_certificate_free(struct crashres_certificate *certificate);	/* may be NULL */

/* On one line, control characters escaped: "O = Example, CN = kdump". */
const char *crashres_certificate_subject(const struct crashres_certificate *certificate);

/* What a signature in security.ima names its key by, and /proc/keys shows. */
uint32_t crashres_certificate_key_id(const struct crashres_certificate *certificate);

/* --------------------------------------------------------------------- sign */

/* Start from CRASHRES_SIGN_REQUEST_INIT, as with struct crashres_request. */
struct crashres_sign_request {
	size_t size;					/* sizeof(struct crashres_sign_request) */
	const struct crashres_key *key;			/* borrowed */
	const struct crashres_certificate *certificate;	/* borrowed; NULL: not for APPENDED */
	enum crashres_hash hash;
	enum crashres_signature signature;
	const char *output;				/* SIGFILE: instead of <file>.sig; APPENDED:
							   instead of <file>; may be NULL */
};

#define CRASHRES_SIGN_REQUEST_INIT \
	{ .size = sizeof(struct crashres_sign_request), .hash = CRASHRES_HASH_SHA256 }
void crashres_sign_request_init(struct crashres_sign_request *request, size_t size);

/**
 * crashres_sign() - sign the file at @path
 *
 * SIGFILE and APPENDED write a new file and rename it over the old one, so that
 * after a crash one of them is there whole. APPENDED keeps owner, mode and
 * extended attributes but security.ima and security.evm, which were for other
 * bytes; it replaces a signature that was appended before. An arm64 Image that
 * fills its image_size loses zeros at its end, where there are enough, because
 * kexec_file_load(2) takes none that is longer; one with an EFI signature keeps
 * every byte.
 *
 * Return:
 *   CRASHRES_ERR_REQUEST      a member is unknown; key and
 *                             certificate are no pair; APPENDED without certificate
 *   CRASHRES_ERR_OS           a file cannot be read or written
 *   CRASHRES_ERR_PERMISSION   security.ima is not for this user
 *   CRASHRES_ERR_UNSUPPORTED  this file system has no security.ima
 *   CRASHRES_ERR_LIMIT        an Image with no room for a signature
 *   CRASHRES_ERR_KEY          the key did not sign (OpenSSL's reason is in the sentence)
 */
enum crashres_status crashres_sign(struct crashres_ctx *ctx,
				   const struct crashres_sign_request *request, const char *path);

/* ------------------------------------------------------------------- verify */

enum crashres_digest_state {
	CRASHRES_DIGEST_UNKNOWN = 0,	/* ECDSA does not tell what else was signed */
	CRASHRES_DIGEST_MATCHES,
	CRASHRES_DIGEST_DIFFERS,	/* signed, but for other bytes than the file has now */
};

/* Unknown values are 0, NULL or "". Members behind @size bytes are not there. */
struct crashres_verification {
	size_t size;			/* as this library knows it */
	bool valid;
	char problem[512];		/* why not */
	enum crashres_signature signature;
	enum crashres_hash hash;
	enum crashres_key_type type;
	enum crashres_digest_state digest;
	const struct crashres_certificate *certificate;	/* the signer's, of those given */
	char key[512];			/* how the kernel will look for the key: "id:1a2b3c4d", or
					   "issuer ..., serial ..." */
};

/**
 * crashres_verify() - verify one signature of the file at @path
 * @certificates: any of them may be the signer's; none is verified itself, as
 *                the kernel trusts what is in its keyring.
 * @verification: out; release with free(). Borrows from @certificates.
 *
 * A signature that is not valid, damaged or of an unknown kind is no failure: see
 * @verification->problem.
 *
 * Return:
 *   CRASHRES_ERR_NO_SIGNATURE  there is none of this kind
 *   CRASHRES_ERR_OS            the file or its signature cannot be read
 *   CRASHRES_ERR_FORMAT        the file is empty
 */
enum crashres_status crashres_verify(struct crashres_ctx *ctx, const char *path,
				     enum crashres_signature signature,
				     struct crashres_certificate *const *certificates, size_t count,
				     struct crashres_verification **verification);

#ifdef __cplusplus
}
#endif

#endif
