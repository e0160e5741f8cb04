/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The hashes that signatures are over. */
#ifndef CRS_IMA_DIGEST_H
#define CRS_IMA_DIGEST_H

#include <crashres/ima.h>

#include "openssl.h"

struct crs_digest {
	enum crashres_hash hash;
	size_t size;
	uint8_t bytes[EVP_MAX_MD_SIZE];
};

/* False where @hash is none of the three. */
bool crs_hash_is_known(unsigned int hash);

/* Of what crs_hash_is_known(). */
const EVP_MD *crs_hash_md(enum crashres_hash hash);

/* False where @nid is none of them. */
bool crs_hash_from_nid(int nid, enum crashres_hash *hash);

enum crashres_status crs_digest_make(struct crashres_ctx *ctx, enum crashres_hash hash,
				     const void *data, size_t size, struct crs_digest *digest);

#endif
