/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cms.h: make the CMS structure of an appended signature (RFC 5652; the kernel and PKCS
 * call it PKCS #7). signed-data.h parses it. DER of:
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

#endif
