/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * openssl.h: helpers for OpenSSL: its errors as sentences of the context, its
 * objects with CRS_CLEANUP, its names as text.
 *
 * OpenSSL keeps errors in a queue for each thread. The functions of this library
 * leave the queue empty, so that no old error shows up in a later message.
 */
#ifndef CRS_IMA_OPENSSL_H
#define CRS_IMA_OPENSSL_H

#include <openssl/bio.h>
#include <openssl/cms.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "../libcrashres/base/ctx.h"

/*
 * Works like crs_fail(), and adds ": " and OpenSSL's reason. Fails with
 * CRASHRES_ERR_MEMORY instead if OpenSSL had no memory. Empties OpenSSL's error queue. The
 * reasons are constant texts of OpenSSL, so they contain no part of a key.
 */
__attribute__((format(printf, 3, 4)))
enum crashres_status crs_fail_openssl(struct crashres_ctx *ctx, enum crashres_status status,
				      const char *format, ...);

/*
 * For an OpenSSL function that found a wrong signature, key or structure: fails with
 * CRASHRES_ERR_FORMAT and @sentence, or with CRASHRES_ERR_MEMORY if OpenSSL had no memory.
 * Empties OpenSSL's error queue.
 */
enum crashres_status crs_fail_signature(struct crashres_ctx *ctx, const char *sentence);

/* Returns true if OpenSSL's error queue says that there was no memory. Empties the queue. */
bool crs_openssl_lacks_memory(void);

/* For CRS_CLEANUP: free the object when the variable goes out of scope. NULL is allowed. */
void crs_bio_freep(BIO **bio);
void crs_cms_freep(CMS_ContentInfo **cms);
void crs_pkey_ctx_freep(EVP_PKEY_CTX **pkey_ctx);

/*
 * Moves the content of the memory BIO @bio, UTF-8, to @text, cut to @capacity bytes with the
 * NUL. The rest stays in @bio.
 */
void crs_bio_text(BIO *bio, char *text, size_t capacity);

/*
 * Writes @name to @text as one line of UTF-8, cut to @capacity bytes with the NUL. Characters
 * that a terminal obeys are escaped, see crs_text_escape().
 */
void crs_name_text(const X509_NAME *name, char *text, size_t capacity);

#endif
