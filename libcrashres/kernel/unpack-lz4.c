/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Unpacks both formats of lz4 with liblz4: frames, and the legacy format, which the build
 * of Linux uses (lz4 -l). Format of both: lz4, doc/lz4_Frame_format.md.
 *
 * Legacy format:
 *
 *   4 bytes   magic
 *   repeated  4 bytes: size of a block, little-endian; then the block. Each block unpacks
 *             to 8 MiB, except the last one.
 */
#include <endian.h>
#include <string.h>

#include "unpack.h"

/* First four bytes, little-endian. */
#define MAGIC_FRAME		0x184d2204U
#define MAGIC_LEGACY		0x184c2102U
#define LEGACY_BLOCK		(8U << 20)	/* bytes of an unpacked block */

static uint32_t read_le32(const uint8_t *data)
{
	uint32_t value;

	memcpy(&value, data, sizeof(value));
	return le32toh(value);
}

static bool probe_lz4(const uint8_t *data, size_t size)
{
	return size >= 4 && (read_le32(data) == MAGIC_FRAME || read_le32(data) == MAGIC_LEGACY);
}

#ifdef HAVE_LZ4
#include <lz4.h>
#include <lz4frame.h>
#include <stdlib.h>

static enum crashres_status unpack_frame(struct crs_unpack *unpack, LZ4F_dctx *frame)
{
	size_t result = 1;

	/* LZ4F_decompress() returns 0 when the frame is complete and all of it is written. */
	while (result) {
		size_t consumed = unpack->left, produced = CRS_UNPACK_CHUNK;
		enum crashres_status status;

		result = LZ4F_decompress(frame, unpack->chunk, &produced, unpack->input, &consumed,
					 NULL);
		if (LZ4F_isError(result))
			return crs_unpack_damaged(unpack, LZ4F_getErrorName(result));
		crs_unpack_advance(unpack, consumed);
		status = crs_memfd_write(unpack->ctx, unpack->output, unpack->chunk, produced);
		if (status != CRASHRES_OK)
			return status;
		/* liblz4 used all input, had room for output, and did not reach the end. */
		if (result && !unpack->left && produced < CRS_UNPACK_CHUNK)
			return crs_unpack_truncated(unpack);
	}
	return CRASHRES_OK;
}

/*
 * Is the legacy stream at its end? The format has no end mark. The stream ends if the next
 * four bytes cannot be the size of a block (the magic of another stream, or zeros of
 * padding), or if the last four bytes are the unpacked size, which Linux appends.
 */
static bool is_legacy_end(const struct crs_unpack *unpack)
{
	uint32_t size;

	if (!unpack->left)
		return true;
	if (unpack->left < 4)
		return false;
	size = read_le32(unpack->input);
	return size == 0 || size > (uint32_t)LZ4_COMPRESSBOUND(LEGACY_BLOCK) ||
	       (unpack->left == 4 && size == unpack->output->size);
}

/* @block: buffer of LEGACY_BLOCK bytes. */
static enum crashres_status unpack_legacy(struct crs_unpack *unpack, char *block)
{
	enum crashres_status status = CRASHRES_OK;
	int produced = LEGACY_BLOCK;

	crs_unpack_advance(unpack, 4);
	while (status == CRASHRES_OK && produced == (int)LEGACY_BLOCK && !is_legacy_end(unpack)) {
		uint32_t size;

		if (unpack->left < 4 || unpack->left - 4 < read_le32(unpack->input))
			return crs_unpack_truncated(unpack);
		size = read_le32(unpack->input);
		produced = LZ4_decompress_safe((const char *)unpack->input + 4, block, (int)size,
					   LEGACY_BLOCK);
		if (produced < 0)
			return crs_unpack_damaged(unpack, "invalid block");
		crs_unpack_advance(unpack, 4 + size);
		status = crs_memfd_write(unpack->ctx, unpack->output, block, (size_t)produced);
	}
	return status;
}

static enum crashres_status unpack_lz4(struct crs_unpack *unpack)
{
	enum crashres_status status;
	LZ4F_dctx *frame;

	if (read_le32(unpack->input) == MAGIC_LEGACY) {
		CRS_CLEANUP(crs_freep) char *block = malloc(LEGACY_BLOCK);

		return block ? unpack_legacy(unpack, block) : crs_fail_memory(unpack->ctx);
	}
	if (LZ4F_isError(LZ4F_createDecompressionContext(&frame, LZ4F_VERSION)))
		return crs_fail_memory(unpack->ctx);
	status = unpack_frame(unpack, frame);
	LZ4F_freeDecompressionContext(frame);
	return status;
}
#endif

const struct crs_compression crs_compression_lz4 = {
	.name = "lz4",
	.option = "--with-lz4",
	.can_repeat = true,
	.probe = probe_lz4,
#ifdef HAVE_LZ4
	.unpack = unpack_lz4,
#endif
};
