/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * certificate.h: X.509 certificates. A certificate gives the key id, the issuer and the
 * serial number by which the kernel finds the signer's key in a keyring.
 */
#ifndef CRS_IMA_CERTIFICATE_H
#define CRS_IMA_CERTIFICATE_H

#include "key.h"

struct crashres_certificate {
	X509 *x509;			/* owned */
	EVP_PKEY *pkey;			/* public key; belongs to @x509, do not free it */
	enum crashres_key_type type;
	uint32_t key_id;		/* see crashres_certificate_key_id() */
	char subject[512];		/* see crashres_certificate_subject() */
};

/*
 * Returns CRASHRES_ERR_REQUEST if @certificate has another public key than @key. If the
 * public half of @key is unknown, only the types are compared.
 */
enum crashres_status crs_certificate_check_key(struct crashres_ctx *ctx,
					       const struct crashres_certificate *certificate,
					       const struct crashres_key *key);

#endif
