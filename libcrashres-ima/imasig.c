/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include <string.h>

#include "imasig.h"

/* First bytes of the attribute (security/integrity/integrity.h, enum evm_ima_xattr_type). */
#define TYPE_DIGEST	0x01
#define TYPE_SIGNATURE	0x03
#define TYPE_DIGEST_NG	0x04
#define TYPE_VERITY	0x06

#define SIGNATURE_V2		2

bool crs_imasig_is_digest(const void *data, size_t size)
{
	const uint8_t *type = data;

	return size && (*type == TYPE_DIGEST || *type == TYPE_DIGEST_NG);
}

static enum crashres_status fail_type(struct crashres_ctx *ctx, unsigned int type)
{
	if (type == TYPE_VERITY)
		return crs_fail(ctx, CRASHRES_ERR_UNSUPPORTED,
				"a signature of an fs-verity digest");
	return crs_fail(ctx, CRASHRES_ERR_FORMAT,
			"no signature: it starts with 0x%02x, and not with 0x%02x", type,
			TYPE_SIGNATURE);
}

enum crashres_status crs_imasig_parse(struct crashres_ctx *ctx, const void *data, size_t size,
				      struct crs_imasig *imasig)
{
	const uint8_t *bytes = data;
	size_t length;

	if (crs_imasig_is_digest(data, size))
		return crs_fail(ctx, CRASHRES_ERR_FORMAT, "a digest, and not a signature");
	if (size && bytes[0] != TYPE_SIGNATURE)
		return fail_type(ctx, bytes[0]);
	if (size < CRS_IMASIG_HEADER)
		return crs_fail(ctx, CRASHRES_ERR_FORMAT,
				"truncated: %zu bytes, where the header alone has %d", size,
				CRS_IMASIG_HEADER);
	if (bytes[1] != SIGNATURE_V2)
		return crs_fail(ctx, CRASHRES_ERR_UNSUPPORTED,
				"a signature of version %u, and not of version %d", bytes[1],
				SIGNATURE_V2);
	if (!crs_hash_is_known(bytes[2]))
		return crs_fail(ctx, CRASHRES_ERR_UNSUPPORTED,
				"hash %u: neither sha256 (4), sha384 (5) nor sha512 (6)", bytes[2]);
	length = (size_t)bytes[7] << 8 | bytes[8];
	if (length != size - CRS_IMASIG_HEADER)
		return crs_fail(ctx, CRASHRES_ERR_FORMAT,
				"%s: its header announces %zu bytes, %zu follow",
				length > size - CRS_IMASIG_HEADER ? "truncated" : "damaged", length,
				size - CRS_IMASIG_HEADER);
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
				"a signature of %zu bytes: security.ima takes %d", imasig->size,
				UINT16_MAX);
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
