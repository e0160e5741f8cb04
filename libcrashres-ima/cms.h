/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cms.h: the CMS structure of an appended signature (RFC 5652; the kernel and PKCS
 * call it PKCS #7). DER of:
 *
 *   ContentInfo
 *     contentType              signedData
 *     SignedData
 *       digestAlgorithms       sha256, sha384 or sha512
 *       encapContentInfo       data, without eContent: the signature is "detached"
 *       certificates           none: the kernel has them in its keyrings
 *       signerInfos            exactly one:
 *         sid                  issuer and serial number, or a SubjectKeyIdentifier
 *         digestAlgorithm
 *         signedAttrs          none; then the signature covers the digest of the content
 *         signatureAlgorithm   RSA (PKCS #1 v1.5) or ECDSA
 *         signature
 *
 * The signed content is the file before the appended signature, see modsig.h.
 */
#ifndef CRS_IMA_CMS_H
#define CRS_IMA_CMS_H

#include "certificate.h"

/*
 * Builds the structure around a signature, without certificates and without signed
 * attributes. The kernel's scripts/sign-file makes the same structure for modules.
 *
 * The private key is not needed: the caller has made the signature over the digest of the
 * content, see key.h. The size of the structure depends only on @certificate and @size, so a
 * caller can learn it from any @size bytes.
 *
 * @der: out; from malloc(), the caller frees it.
 *
 * Return: CRASHRES_ERR_KEY if OpenSSL fails.
 */
enum crashres_status crs_cms_format(struct crashres_ctx *ctx,
				    const struct crashres_certificate *certificate,
				    enum crashres_hash hash, const uint8_t *signature,
				    size_t size, uint8_t **der, size_t *der_size);

/* A parsed structure. Initialise with CRS_CMS_NONE, release with crs_cms_clear(). */
struct crs_cms {
	CMS_ContentInfo *info;		/* owned; NULL: nothing parsed */
	CMS_SignerInfo *signer;		/* belongs to @info */
	enum crashres_hash hash;
	const uint8_t *signature;	/* belongs to @info */
	size_t size;			/* of @signature, bytes */
};

#define CRS_CMS_NONE { .info = NULL }

/*
 * Parses @size bytes at @der, which are hostile. Nothing may follow the structure.
 *
 * @cms: out; declare it with CRS_CLEANUP(crs_cms_clear). Borrows nothing.
 *
 * Return:
 *   CRASHRES_ERR_FORMAT       not DER of a detached SignedData
 *   CRASHRES_ERR_UNSUPPORTED  the kernel cannot verify it: no signer or several signers
 *                             (pkcs7_get_digest()), another hash, RSASSA-PSS
 */
enum crashres_status crs_cms_parse(struct crashres_ctx *ctx, const void *der, size_t size,
				   struct crs_cms *cms);
void crs_cms_clear(struct crs_cms *cms);

/* Returns true if the SignerInfo names @certificate, by issuer and serial or by its id. */
bool crs_cms_names_signer(const struct crs_cms *cms,
			  const struct crashres_certificate *certificate);

/*
 * Writes the name of the signer to @text, cut to @capacity bytes with the NUL:
 * "issuer CN = kdump, serial 1F2E" or "id:1a2b3c4d...".
 */
void crs_cms_signer_text(const struct crs_cms *cms, char *text, size_t capacity);

/*
 * Verifies the signature with the public key of @certificate.
 * @digest: of the content, made with @cms->hash.
 */
enum crs_key_result crs_cms_verify(const struct crs_cms *cms,
				   const struct crashres_certificate *certificate,
				   const struct crs_digest *digest);

#endif
