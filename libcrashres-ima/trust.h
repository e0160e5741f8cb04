/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * trust.h: verify the signature of a CMS structure, and follow the certificates inside the
 * structure to one of the caller's, as the kernel does with its keyrings.
 *
 *   signature <- signer's certificate <- issuer's certificate <- ... <- trusted key
 *
 * The kernel follows the chain by the AuthorityKeyIdentifier of each certificate: by serial
 * number and issuer if it has them, else by the key identifier. It does not look at the CA
 * flag, at keyUsage or at a clock: an expired certificate is valid. A signingTime must lie
 * in the dates of the signer's certificate, if that is inside the structure.
 *
 * Source: Linux, crypto/asymmetric_keys/pkcs7_verify.c, pkcs7_trust.c, and
 * find_asymmetric_key() in asymmetric_type.c.
 */
#ifndef CRS_IMA_TRUST_H
#define CRS_IMA_TRUST_H

#include "signed-data.h"

/* The certificates that the caller trusts, as the kernel trusts the keys in a keyring. */
struct crs_trusted {
	struct crashres_certificate *const *certificates;	/* borrowed */
	size_t count;
};

/* Initialise with CRS_TRUST_NONE, release with crs_trust_clear(). */
struct crs_trust {
	/* Borrowed: from the signed data, the last one can be the caller's. */
	const struct crashres_certificate **path;	/* owned array: the signer's first */
	size_t length;					/* of @path; 0: no signer was found */
	const struct crashres_certificate *trusted;	/* of the caller; NULL: none fits */
	bool ambiguous;			/* another certificate of the caller has the same name,
					   and does not verify: the kernel can find that one */
	enum crs_key_result check;	/* of the signature with the signer's key */
	const char *problem;		/* constant text; NULL: the chain is right, or @trusted
					   is NULL */
};

#define CRS_TRUST_NONE { .path = NULL }

/*
 * Verifies the signature and the chain. @digest: that the signature covers, see
 * crs_signed_data_digest().
 *
 * The signature is valid if @trust->trusted is set, @trust->problem is NULL and
 * @trust->check is CRS_KEY_VALID.
 *
 * @trust: out; declare it with CRS_CLEANUP(crs_trust_clear).
 *
 * Return: CRASHRES_ERR_MEMORY.
 */
enum crashres_status crs_trust_check(struct crashres_ctx *ctx, const struct crs_signed_data *data,
				     const struct crs_digest *digest,
				     const struct crs_trusted *trusted, struct crs_trust *trust);
void crs_trust_clear(struct crs_trust *trust);

#endif
