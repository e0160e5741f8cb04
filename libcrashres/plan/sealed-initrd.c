/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sealed-initrd.c: compares an initrd with the digests inside a sealed Image. */
#include <endian.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "purgatory-segment.h"
#include "sealed-image.h"
#include "sealed-initrd.h"

#define BLOCK	PURGATORY_BLOCK_SIZE

/*
 * Purgatory inside a sealed Image. The bytes come from a file and are hostile: check every
 * offset and number before use.
 */
struct sealed_purgatory {
	const uint8_t *data;			/* borrowed: the file from purgatory on */
	uint64_t size;				/* bytes of data */
	struct purgatory_params params;		/* a copy, still little-endian */
};

/* Finds purgatory and its parameters in @file. False: no purgatory, or one of another version. */
static bool find_params(const struct crashres_input *file, struct sealed_purgatory *purgatory)
{
	struct purgatory_header header;
	uint64_t offset;

	if (file->size < CRS_SEAL_PURGATORY_OFFSET + sizeof(header))
		return false;
	purgatory->data = file->data + CRS_SEAL_PURGATORY_OFFSET;
	purgatory->size = file->size - CRS_SEAL_PURGATORY_OFFSET;
	memcpy(&header, purgatory->data, sizeof(header));
	offset = le64toh(header.image_size);
	if (le64toh(header.magic) != PURGATORY_MAGIC ||
	    le32toh(header.version) != PURGATORY_VERSION || offset > purgatory->size ||
	    purgatory->size - offset < sizeof(purgatory->params))
		return false;
	memcpy(&purgatory->params, purgatory->data + offset, sizeof(purgatory->params));
	return true;
}

/* Finds the digests of @blocks blocks, from block @first on. NULL: they are not inside the file. */
static const uint8_t *find_digests(const struct sealed_purgatory *purgatory, uint64_t first,
				   uint64_t blocks)
{
	uint64_t table = le64toh(purgatory->params.table_offset[0]);
	uint64_t room;

	if (table > purgatory->size)
		return NULL;
	room = (purgatory->size - table) / PURGATORY_DIGEST_SIZE;
	if (first > room || blocks > room - first)
		return NULL;
	return purgatory->data + table + first * PURGATORY_DIGEST_SIZE;
}

static enum crashres_status fail_damaged(struct crashres_ctx *ctx, const char *name)
{
	return crs_fail(ctx, CRASHRES_ERR_FORMAT,
			"%s: the sealed Image is damaged: the digests of the initrd are "
			"missing", name);
}

/*
 * Compares the digest of each block of @initrd. The sizes are equal already. The initrd is the
 * last segment of a sealed Image. @name: of the sealed Image.
 */
static enum crashres_status compare_initrd(struct crashres_ctx *ctx,
					   const struct sealed_purgatory *purgatory,
					   const char *name, const struct crashres_input *initrd)
{
	const struct crashres_segment segment = {
		.data = initrd->data,
		.data_size = initrd->size,
		.range.size = (initrd->size + BLOCK - 1) / BLOCK * BLOCK,
	};
	uint32_t count = le32toh(purgatory->params.segment_count);
	uint64_t blocks = segment.range.size / BLOCK;
	CRS_CLEANUP(crs_freep) uint8_t *digests = NULL;
	const uint8_t *expected;

	if (!count || count > PURGATORY_SEGMENTS_MAX)
		return fail_damaged(ctx, name);
	expected = find_digests(purgatory,
				le64toh(purgatory->params.segments[count - 1].first_block), blocks);
	if (!expected)
		return fail_damaged(ctx, name);
	digests = malloc(blocks * PURGATORY_DIGEST_SIZE);
	if (!digests)
		return crs_fail_memory(ctx);
	crs_digest_blocks(&segment, digests);
	if (memcmp(digests, expected, blocks * PURGATORY_DIGEST_SIZE))
		return crs_fail(ctx, CRASHRES_ERR_REQUEST,
				"%s: is sealed with another initrd than %s: the sizes are equal, "
				"the bytes differ", name, initrd->name);
	return CRASHRES_OK;
}

/* Compares @initrd with the initrd that @purgatory of the sealed Image @name knows. */
static enum crashres_status compare_known(struct crashres_ctx *ctx,
					  const struct sealed_purgatory *purgatory,
					  const char *name, const struct crashres_input *initrd)
{
	uint64_t size = le64toh(purgatory->params.initrd_size);

	if (!size)
		return CRASHRES_OK;
	if (!initrd)
		return crs_fail(ctx, CRASHRES_ERR_REQUEST,
				"%s: is sealed with an initrd, but the load has no initrd", name);
	if (initrd->size != size)
		return crs_fail(ctx, CRASHRES_ERR_REQUEST,
				"%s: is sealed with another initrd than %s: the size is %" PRIu64
				" bytes, not %zu", name, initrd->name, size, initrd->size);
	return compare_initrd(ctx, purgatory, name, initrd);
}

enum crashres_status crs_sealed_initrd_compare(struct crashres_ctx *ctx,
					       const struct crashres_kernel *kernel,
					       const struct crashres_input *initrd)
{
	struct sealed_purgatory purgatory;

	if (!crashres_kernel_is_sealed(kernel) || !find_params(kernel->file, &purgatory))
		return CRASHRES_OK;
	return compare_known(ctx, &purgatory, kernel->file->name, initrd);
}

enum crashres_status crs_sealed_initrd_check_other(struct crashres_ctx *ctx,
						   const struct crashres_kernel *kernel,
						   const struct crashres_input *initrd)
{
	const char *name = kernel->file->name;
	struct sealed_purgatory purgatory;
	struct crs_seal_header header;
	enum crashres_status status;

	if (!crashres_kernel_is_sealed(kernel) || !find_params(kernel->file, &purgatory))
		return CRASHRES_OK;
	memcpy(&header, kernel->file->data, sizeof(header));
	if (purgatory.params.initrd_size == header.initrd_size) {
		if (!header.initrd_size)
			return CRASHRES_OK;
		status = compare_known(ctx, &purgatory, name, initrd);
		if (status != CRASHRES_OK)
			return status == CRASHRES_ERR_REQUEST ? CRASHRES_OK : status;
	}
	return crs_fail(ctx, CRASHRES_ERR_FORMAT,
			"%s: the sealed Image is damaged: the header names another initrd than "
			"purgatory", name);
}

enum crashres_status crs_sealed_initrd_check(struct crashres_ctx *ctx,
					     const struct crashres_kernel *kernel,
					     const struct crashres_input *initrd, bool only_check)
{
	const char *name = kernel->file->name;
	struct sealed_purgatory purgatory;

	if (!crashres_kernel_is_sealed(kernel))
		return CRASHRES_OK;
	if (!find_params(kernel->file, &purgatory)) {
		crs_log(ctx, CRASHRES_LOG_WARNING,
			"%s: is sealed by another version of crashres: the initrd is not "
			"compared", name);
		return CRASHRES_OK;
	}
	if (!purgatory.params.initrd_size && initrd && only_check)
		crs_log(ctx, CRASHRES_LOG_WARNING,
			"%s is sealed without an initrd: nothing checks %s", name, initrd->name);
	return compare_known(ctx, &purgatory, name, initrd);
}
