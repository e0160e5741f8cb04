/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * certificate.h: X.509 certificates: those of the caller, and those inside a CMS structure.
 * A certificate gives the key id, the issuer and the serial number by which the kernel
 * finds the signer's key in a keyring.
 */
#ifndef CRS_IMA_CERTIFICATE_H
#define CRS_IMA_CERTIFICATE_H

#include "key.h"
#include "x509.h"

struct crashres_certificate {
	X509 *x509;			/* owned */
	EVP_PKEY *pkey;			/* public key; belongs to @x509, do not free it */
	enum crashres_key_type type;
	uint32_t key_id;		/* see crashres_certificate_key_id() */
	char subject[512];		/* see crashres_certificate_subject() */
	uint8_t *der;			/* owned; the whole certificate */
	struct crs_x509 fields;		/* point into @der */
	bool self_signed;		/* the kernel ends a chain here */
	bool has_key_id;		/* false: there is no SubjectKeyIdentifier of 4 bytes, and
					   @key_id is a hash of the key, which no kernel knows */
};

/*
 * Makes a certificate from @der, which is hostile. Applies the rules by which the kernel
 * refuses to load one (x509_cert_parse(), x509_check_for_self_signed()).
 *
 * @certificate: out; release with crashres_certificate_free(). Borrows nothing.
 *
 * Return:
 *   CRASHRES_ERR_FORMAT       damaged, a field that the kernel refuses, or a self-signature
 *                             that is wrong
 *   CRASHRES_ERR_KEY          the public key is damaged
 *   CRASHRES_ERR_UNSUPPORTED  the kernel does not know an algorithm
 */
enum crashres_status crs_certificate_from_der(struct crashres_ctx *ctx, struct crs_bytes der,
					      struct crashres_certificate **certificate);

/*
 * Returns CRASHRES_ERR_REQUEST if @certificate has another public key than @key. If the
 * public half of @key is unknown, only the types are compared. So the caller must also verify
 * the signature with @certificate.
 */
enum crashres_status crs_certificate_check_key(struct crashres_ctx *ctx,
					       const struct crashres_certificate *certificate,
					       const struct crashres_key *key);

#endif
