/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The signature in security.ima, version 2 (Linux, security/integrity/integrity.h,
 * struct signature_v2_hdr): 03 02, hash, key id in 4 bytes and size in 2, both
 * big-endian, the signature, and nothing behind it.
 */
#ifndef CRS_IMA_IMASIG_H
#define CRS_IMA_IMASIG_H

#include "digest.h"

#define CRS_IMASIG_HEADER 9

struct crs_imasig {
	enum crashres_hash hash;
	uint32_t key_id;
	const uint8_t *signature;
	size_t size;
};

/* In security.ima the kernel itself may keep a digest, which is no signature. */
bool crs_imasig_is_digest(const void *data, size_t size);

/*
 * @imasig borrows @data.
 *
 * Return:
 *   CRASHRES_ERR_FORMAT       no such signature, a truncated one or a longer one
 *   CRASHRES_ERR_UNSUPPORTED  another version or hash
 */
enum crashres_status crs_imasig_parse(struct crashres_ctx *ctx, const void *data, size_t size,
				      struct crs_imasig *imasig);

/* @data: out; from malloc(). CRASHRES_ERR_LIMIT where the size does not fit into 2 bytes. */
enum crashres_status crs_imasig_format(struct crashres_ctx *ctx, const struct crs_imasig *imasig,
				       uint8_t **data, size_t *size);

#endif
