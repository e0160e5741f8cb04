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

#include "der.h"
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

/* Converts the value of an object identifier. Returns false for any other algorithm. */
bool crs_hash_from_oid(struct crs_bytes oid, enum crashres_hash *hash);

/*
 * Hashes @size bytes at @data. @hash must be known. OpenSSL can refuse a hash, for
 * example in FIPS mode: CRASHRES_ERR_UNSUPPORTED.
 */
enum crashres_status crs_digest_make(struct crashres_ctx *ctx, enum crashres_hash hash,
				     const void *data, size_t size, struct crs_digest *digest);

/* Like crs_digest_make(), for the bytes of @count @parts one after the other. */
enum crashres_status crs_digest_parts(struct crashres_ctx *ctx, enum crashres_hash hash,
				      const struct crs_bytes *parts, size_t count,
				      struct crs_digest *digest);

#endif
