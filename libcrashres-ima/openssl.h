/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What OpenSSL says, as sentences of ours; its objects, freed where they go out of scope. */
#ifndef CRS_IMA_OPENSSL_H
#define CRS_IMA_OPENSSL_H

#include <openssl/bio.h>
#include <openssl/cms.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "../libcrashres/base/ctx.h"

/*
 * As crs_fail(), with ": " and OpenSSL's reason behind it; empties OpenSSL's queue
 * of errors. Reasons are fixed texts: nothing of a key is in them.
 */
__attribute__((format(printf, 3, 4)))
enum crashres_status crs_fail_openssl(struct crashres_ctx *ctx, enum crashres_status status,
				      const char *format, ...);

/* For CRS_CLEANUP. */
void crs_bio_freep(BIO **bio);
void crs_cms_freep(CMS_ContentInfo **cms);
void crs_md_ctx_freep(EVP_MD_CTX **md_ctx);
void crs_pkey_ctx_freep(EVP_PKEY_CTX **pkey_ctx);

/* What was printed to a memory BIO: cut to @capacity, with a NUL. */
void crs_bio_text(BIO *bio, char *text, size_t capacity);

/* On one line, control characters escaped. */
void crs_name_text(const X509_NAME *name, char *text, size_t capacity);

#endif
