/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The CMS of an appended signature (RFC 5652): detached, of one signer. */
#ifndef CRS_IMA_CMS_H
#define CRS_IMA_CMS_H

#include "certificate.h"

/*
 * Without certificate and without signed attributes, as the kernel's own sign-file
 * does it: the signature is over the digest of @data.
 *
 * @der: out; from malloc().
 */
enum crashres_status crs_cms_sign(struct crashres_ctx *ctx, const struct crashres_key *key,
				  const struct crashres_certificate *certificate,
				  enum crashres_hash hash, const void *data, size_t size,
				  uint8_t **der, size_t *der_size);

struct crs_cms {
	CMS_ContentInfo *info;
	CMS_SignerInfo *signer;		/* belongs to info */
	enum crashres_hash hash;
	const uint8_t *signature;	/* belongs to info */
	size_t size;
};

#define CRS_CMS_NONE { .info = NULL }

/*
 * @cms: out; for CRS_CLEANUP(crs_cms_clear).
 *
 * Return:
 *   CRASHRES_ERR_FORMAT       no detached signature in DER, or more than that
 *   CRASHRES_ERR_UNSUPPORTED  not one signer (pkcs7_get_digest of the kernel refuses
 *                             that too), or another hash
 */
enum crashres_status crs_cms_parse(struct crashres_ctx *ctx, const void *der, size_t size,
				   struct crs_cms *cms);
void crs_cms_clear(struct crs_cms *cms);

/* Is @certificate the one that the signer is named by? */
bool crs_cms_names_signer(const struct crs_cms *cms,
			  const struct crashres_certificate *certificate);

/* "issuer CN = kdump, serial 1F2E" or "id:1a2b3c4d..." */
void crs_cms_signer_text(const struct crs_cms *cms, char *text, size_t capacity);

/* @digest: of the content, by cms->hash. */
enum crs_key_result crs_cms_verify(const struct crs_cms *cms,
				   const struct crashres_certificate *certificate,
				   const struct crs_digest *digest);

#endif
