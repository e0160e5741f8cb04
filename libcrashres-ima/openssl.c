/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* openssl.c: errors, cleanup functions and text output for OpenSSL's objects. */
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>

#include "openssl.h"
#include "text.h"

bool crs_openssl_lacks_memory(void)
{
	unsigned long error;
	bool found = false;

	while ((error = ERR_get_error()))
		found = found || ERR_GET_REASON(error) == ERR_R_MALLOC_FAILURE;
	return found;
}

enum crashres_status crs_fail_signature(struct crashres_ctx *ctx, const char *sentence)
{
	if (crs_openssl_lacks_memory())
		return crs_fail_memory(ctx);
	return crs_fail(ctx, CRASHRES_ERR_FORMAT, "%s", sentence);
}

/*
 * The oldest error in OpenSSL's queue is the cause: ERR_peek_error() returns it. The
 * functions further out have added later errors, which are less exact.
 */
enum crashres_status crs_fail_openssl(struct crashres_ctx *ctx, enum crashres_status status,
				      const char *format, ...)
{
	const char *reason = ERR_reason_error_string(ERR_peek_error());
	char text[sizeof(ctx->error)];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (crs_openssl_lacks_memory())
		return crs_fail_memory(ctx);
	return crs_fail(ctx, status, "%s: %s", text, reason ? reason : "OpenSSL gives no reason");
}

void crs_bio_freep(BIO **bio)
{
	BIO_free(*bio);
}

void crs_cms_freep(CMS_ContentInfo **cms)
{
	CMS_ContentInfo_free(*cms);
}

void crs_pkey_ctx_freep(EVP_PKEY_CTX **pkey_ctx)
{
	EVP_PKEY_CTX_free(*pkey_ctx);
}

void crs_bio_text(BIO *bio, char *text, size_t capacity)
{
	int got = BIO_read(bio, text, (int)capacity - 1);

	text[got > 0 ? got : 0] = '\0';
	crs_text_trim(text);
}

void crs_name_text(const X509_NAME *name, char *text, size_t capacity)
{
	CRS_CLEANUP(crs_bio_freep) BIO *bio = BIO_new(BIO_s_mem());
	char *line;
	long size;

	*text = '\0';
	/* XN_FLAG_ONELINE escapes control characters and bytes above 0x7f. The second part
	 * would make UTF-8 unreadable, so it is switched off. */
	if (!bio || X509_NAME_print_ex(bio, name, 0, XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB) < 0)
		return;
	size = BIO_get_mem_data(bio, &line);
	crs_text_escape(text, capacity, line, size > 0 ? (size_t)size : 0);
}
