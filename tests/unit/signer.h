/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Makes keys, certificates and signatures with OpenSSL, independent of libcrashres-ima. The
 * functions stop the test if OpenSSL fails.
 */
#ifndef UNIT_SIGNER_H
#define UNIT_SIGNER_H

#include <openssl/cms.h>
#include <openssl/evp.h>

#include "pack.h"

/* Returns a new P-256 key. The caller frees it with EVP_PKEY_free(). */
EVP_PKEY *signer_key(void);

/* Returns the DER of a self-signed certificate for "CN = unit". The caller frees it. */
struct bytes signer_certificate(EVP_PKEY *key);

/*
 * Returns the DER of a CMS structure with the certificate and signed attributes, whose content
 * @content has the type SPC_INDIRECT_DATA. The caller frees it.
 */
struct bytes signer_authenticode(EVP_PKEY *key, struct bytes certificate, struct bytes content);

/* Returns a PE file of two sections with an Authenticode signature. The caller frees it. */
struct bytes signer_pe(EVP_PKEY *key, struct bytes certificate);

/*
 * Returns @content with an appended signature, which contains the certificate. The caller frees
 * it.
 */
struct bytes signer_append(EVP_PKEY *key, struct bytes certificate, struct bytes content);

/* Returns "the signed content" with an appended signature. The caller frees it. */
struct bytes signer_appended(EVP_PKEY *key, struct bytes certificate);

/* Offsets in the file of signer_pe(). */
#define SIGNER_PE_CHECKSUM	(64 + 24 + 64)
#define SIGNER_PE_ENTRY		(64 + 24 + 112 + 8 * 4)
#define SIGNER_PE_TABLE		1536

#endif
