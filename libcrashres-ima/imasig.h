/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * imasig.h: the signature in the extended attribute security.ima, version 2.
 *
 *   offset  bytes  field
 *   0       1      type, 0x03 (EVM_IMA_XATTR_DIGSIG)
 *   1       1      version, 2
 *   2       1      hash algorithm: 4 sha256, 5 sha384, 6 sha512 (hash_info.h)
 *   3       4      key id, big-endian: last 4 bytes of the SubjectKeyIdentifier
 *   7       2      size of the signature, big-endian
 *   9       size   the signature (see key.h) over the digest of the whole file
 *
 * Nothing may follow the signature. Source: Linux, security/integrity/integrity.h
 * (enum evm_ima_xattr_type, struct signature_v2_hdr) and asymmetric_verify() in
 * security/integrity/digsig_asymmetric.c. A file FILE.sig contains the same bytes.
 */
#ifndef CRS_IMA_IMASIG_H
#define CRS_IMA_IMASIG_H

#include "digest.h"

#define CRS_IMASIG_HEADER 9		/* bytes before the signature */

/* Bytes of FILE.sig. An attribute cannot be larger (XATTR_SIZE_MAX). */
#define CRS_IMASIG_FILE_LIMIT (64U << 10)

/* The fields above, numbers in host byte order. */
struct crs_imasig {
	enum crashres_hash hash;
	uint32_t key_id;
	const uint8_t *signature;	/* borrowed */
	size_t size;			/* of @signature, bytes */
};

/*
 * Returns true if the attribute contains a plain digest. The kernel itself stores
 * digests of files there, for rules without appraise_type=imasig.
 */
bool crs_imasig_is_digest(const void *data, size_t size);

/*
 * Parses @size bytes at @data, which are hostile. @imasig: out; borrows @data.
 *
 * Return:
 *   CRASHRES_ERR_FORMAT       another type, or the size is wrong
 *   CRASHRES_ERR_UNSUPPORTED  an fs-verity signature, another version, another hash
 */
enum crashres_status crs_imasig_parse(struct crashres_ctx *ctx, const void *data, size_t size,
				      struct crs_imasig *imasig);

/*
 * Builds the bytes of the attribute. @data: out; from malloc(), the caller frees it.
 * Returns CRASHRES_ERR_LIMIT if the size field cannot hold the size of the signature.
 */
enum crashres_status crs_imasig_format(struct crashres_ctx *ctx, const struct crs_imasig *imasig,
				       uint8_t **data, size_t *size);

#endif
