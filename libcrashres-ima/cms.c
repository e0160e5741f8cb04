/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cms.c: make the CMS structure of an appended signature. */
#include <openssl/err.h>
#include <stdlib.h>

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
