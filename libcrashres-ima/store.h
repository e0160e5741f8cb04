/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Keys and certificates from where they are: files and provider URIs, by OSSL_STORE. */
#ifndef CRS_IMA_STORE_H
#define CRS_IMA_STORE_H

#include <crashres/ima.h>
#include <openssl/store.h>

#include "openssl.h"

/* Who is asked for a passphrase; function may be NULL. */
struct crs_passphrase_callback {
	crashres_passphrase_fn *function;
	void *data;
};

/*
 * The first object of @type (OSSL_STORE_INFO_PKEY or _CERT) at @location.
 *
 * Return: CRASHRES_ERR_OS, CRASHRES_ERR_KEY. The sentence starts with @location.
 */
enum crashres_status crs_store_load(struct crashres_ctx *ctx, const char *location, int type,
				    const struct crs_passphrase_callback *passphrase,
				    OSSL_STORE_INFO **info);

#endif
