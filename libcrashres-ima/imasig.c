/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* imasig.c: parse and build the signature in security.ima; layout in imasig.h. */
#include <stdlib.h>
#include <string.h>

#include "imasig.h"

/* The type byte (security/integrity/integrity.h, enum evm_ima_xattr_type). */
#define TYPE_DIGEST	0x01	/* IMA_XATTR_DIGEST: SHA-1 or MD5 of the file */
#define TYPE_SIGNATURE	0x03	/* EVM_IMA_XATTR_DIGSIG */
#define TYPE_DIGEST_NG	0x04	/* IMA_XATTR_DIGEST_NG: hash algorithm, then the digest */
#define TYPE_VERITY	0x06	/* IMA_VERITY_DIGSIG: signature of an fs-verity digest */

#define SIGNATURE_V2		2

bool crs_imasig_is_digest(const void *data, size_t size)
{
	const uint8_t *type = data;

	return size && (*type == TYPE_DIGEST || *type == TYPE_DIGEST_NG);
}

/* Fails with a sentence about a type byte that is neither a signature nor a digest. */
static enum crashres_status fail_type(struct crashres_ctx *ctx, unsigned int type)
{
	if (type == TYPE_VERITY)
		return crs_fail(ctx, CRASHRES_ERR_UNSUPPORTED,
				"the type byte is 0x%02x (fs-verity signature), not 0x%02x "
				"(signature)",
				type, TYPE_SIGNATURE);
	return crs_fail(ctx, CRASHRES_ERR_FORMAT,
			"the type byte is 0x%02x, not 0x%02x (signature)", type, TYPE_SIGNATURE);
}

enum crashres_status crs_imasig_parse(struct crashres_ctx *ctx, const void *data, size_t size,
				      struct crs_imasig *imasig)
{
	const uint8_t *bytes = data;
	size_t length;

	if (crs_imasig_is_digest(data, size))
		return crs_fail(ctx, CRASHRES_ERR_FORMAT,
				"the type byte is 0x%02x (digest), not 0x%02x (signature)",
				bytes[0], TYPE_SIGNATURE);
	if (size && bytes[0] != TYPE_SIGNATURE)
		return fail_type(ctx, bytes[0]);
	if (size < CRS_IMASIG_HEADER)
		return crs_fail(ctx, CRASHRES_ERR_FORMAT,
				"truncated: the header ends at byte %d, the data at byte %zu",
				CRS_IMASIG_HEADER, size);
	if (bytes[1] != SIGNATURE_V2)
		return crs_fail(ctx, CRASHRES_ERR_UNSUPPORTED,
				"the signature has version %u, not %d", bytes[1], SIGNATURE_V2);
	if (!crs_hash_is_known(bytes[2]))
		return crs_fail(ctx, CRASHRES_ERR_UNSUPPORTED,
				"unknown hash %u: neither 4 (sha256), 5 (sha384) nor 6 (sha512)",
				bytes[2]);
	length = (size_t)bytes[7] << 8 | bytes[8];
	if (length != size - CRS_IMASIG_HEADER)
		return crs_fail(ctx, CRASHRES_ERR_FORMAT,
				"%s: the signature ends at byte %zu, the data at byte %zu",
				length > size - CRS_IMASIG_HEADER ? "truncated" : "damaged",
				length + CRS_IMASIG_HEADER, size);
	*imasig = (struct crs_imasig){
		.hash = bytes[2],
		.key_id = (uint32_t)bytes[3] << 24 | (uint32_t)bytes[4] << 16 |
			  (uint32_t)bytes[5] << 8 | bytes[6],
		.signature = bytes + CRS_IMASIG_HEADER,
		.size = length,
	};
	return CRASHRES_OK;
}

enum crashres_status crs_imasig_format(struct crashres_ctx *ctx, const struct crs_imasig *imasig,
				       uint8_t **data, size_t *size)
{
	const uint8_t header[CRS_IMASIG_HEADER] = {
		TYPE_SIGNATURE, SIGNATURE_V2, (uint8_t)imasig->hash,
		(uint8_t)(imasig->key_id >> 24), (uint8_t)(imasig->key_id >> 16),
		(uint8_t)(imasig->key_id >> 8), (uint8_t)imasig->key_id,
		(uint8_t)(imasig->size >> 8), (uint8_t)imasig->size,
	};
	uint8_t *new;

	if (imasig->size > UINT16_MAX)
		return crs_fail(ctx, CRASHRES_ERR_LIMIT,
				"the signature has %zu bytes, security.ima holds at most %d",
				imasig->size, UINT16_MAX);
	new = malloc(sizeof(header) + imasig->size);
	if (!new)
		return crs_fail_memory(ctx);
	memcpy(new, header, sizeof(header));
	if (imasig->size)
		memcpy(new + sizeof(header), imasig->signature, imasig->size);
	*data = new;
	*size = sizeof(header) + imasig->size;
	return CRASHRES_OK;
}
