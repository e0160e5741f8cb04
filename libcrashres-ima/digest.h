/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * digest.h: the three hash algorithms that signatures can use.
 *
 *   name     kernel number (hash_info.h)   digest, bytes
 *   sha256   4                             32
 *   sha384   5                             48
 *   sha512   6                             64
 */
#ifndef CRS_IMA_DIGEST_H
#define CRS_IMA_DIGEST_H

#include <crashres/ima.h>

#include "openssl.h"

struct crs_digest {
	enum crashres_hash hash;
	size_t size;			/* bytes used in @bytes */
	uint8_t bytes[EVP_MAX_MD_SIZE];
};

/* Returns true for the kernel's number of one of the three hashes. */
bool crs_hash_is_known(unsigned int hash);

/* Returns OpenSSL's method for @hash, which must be known. The method is a constant of OpenSSL. */
const EVP_MD *crs_hash_md(enum crashres_hash hash);

/* Converts OpenSSL's number of an algorithm. Returns false for any other algorithm. */
bool crs_hash_from_nid(int nid, enum crashres_hash *hash);

/*
 * Hashes @size bytes at @data. @hash must be known. OpenSSL can refuse a hash, for
 * example in FIPS mode: CRASHRES_ERR_UNSUPPORTED.
 */
enum crashres_status crs_digest_make(struct crashres_ctx *ctx, enum crashres_hash hash,
				     const void *data, size_t size, struct crs_digest *digest);

#endif
