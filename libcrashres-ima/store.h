/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * store.h: load keys and certificates from files and provider URIs with OpenSSL's
 * OSSL_STORE (ossl_store(7)), which knows all formats and asks for passphrases.
 */
#ifndef CRS_IMA_STORE_H
#define CRS_IMA_STORE_H

#include <crashres/ima.h>
#include <openssl/store.h>

#include "openssl.h"

/* The caller's function for passphrases, see crashres_passphrase_fn. */
struct crs_passphrase_callback {
	crashres_passphrase_fn *function;	/* may be NULL: no passphrase */
	void *data;				/* borrowed; for @function */
};

/*
 * Loads the first object of @type (OSSL_STORE_INFO_PKEY or OSSL_STORE_INFO_CERT)
 * from @location.
 *
 * @info: out; the caller frees it with OSSL_STORE_INFO_free().
 *
 * Return: CRASHRES_ERR_OS if the file cannot be opened, else CRASHRES_ERR_KEY. The
 * sentence starts with the name of @location, see location.h.
 */
enum crashres_status crs_store_load(struct crashres_ctx *ctx, const char *location, int type,
				    const struct crs_passphrase_callback *passphrase,
				    OSSL_STORE_INFO **info);

#endif
