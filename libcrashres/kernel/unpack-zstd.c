/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Unpacks zstd with libzstd. */
#include <endian.h>
#include <string.h>

#include "unpack.h"

/*
 * First four bytes of a frame, little-endian (RFC 8878, 3.1). Skippable frames have sixteen
 * magics, ...50 to ...5f.
 */
#define MAGIC			0xfd2fb528U
#define MAGIC_SKIPPABLE		0x184d2a50U

static bool probe_zstd(const uint8_t *data, size_t size)
{
	uint32_t magic;

	if (size < sizeof(magic))
		return false;
	memcpy(&magic, data, sizeof(magic));
	magic = le32toh(magic);
	return magic == MAGIC || (magic & ~15U) == MAGIC_SKIPPABLE;
}

#ifdef HAVE_ZSTD
#include <zstd.h>
#include <zstd_errors.h>

/* Converts an error of libzstd to a sentence and a status. */
static enum crashres_status fail(struct crs_unpack *unpack, size_t result)
{
	switch (ZSTD_getErrorCode(result)) {
	case ZSTD_error_memory_allocation:
		return crs_fail_memory(unpack->ctx);
	case ZSTD_error_frameParameter_windowTooLarge:
		return crs_fail(unpack->ctx, CRASHRES_ERR_LIMIT,
				"unpacking needs a window of more than %u MiB",
				1U << (CRS_UNPACK_WINDOW_LOG - 20));
	default:
		return crs_unpack_damaged(unpack, ZSTD_getErrorName(result));
	}
}

static enum crashres_status unpack_frame(struct crs_unpack *unpack, ZSTD_DStream *stream)
{
	size_t result = 1;

	/* ZSTD_decompressStream() returns 0 when the frame is complete and all of it is written. */
	while (result) {
		ZSTD_inBuffer in = { unpack->input, unpack->left, 0 };
		ZSTD_outBuffer out = { unpack->chunk, CRS_UNPACK_CHUNK, 0 };
		enum crashres_status status;

		result = ZSTD_decompressStream(stream, &out, &in);
		if (ZSTD_isError(result))
			return fail(unpack, result);
		crs_unpack_advance(unpack, in.pos);
		status = crs_memfd_write(unpack->ctx, unpack->output, out.dst, out.pos);
		if (status != CRASHRES_OK)
			return status;
		/* libzstd used all input, had room for output, and did not reach the end. */
		if (result && !unpack->left && out.pos < out.size)
			return crs_unpack_truncated(unpack);
	}
	return CRASHRES_OK;
}

static enum crashres_status unpack_zstd(struct crs_unpack *unpack)
{
	ZSTD_DStream *stream = ZSTD_createDStream();
	enum crashres_status status;

	if (!stream)
		return crs_fail_memory(unpack->ctx);
	ZSTD_DCtx_setParameter(stream, ZSTD_d_windowLogMax, CRS_UNPACK_WINDOW_LOG);
	status = unpack_frame(unpack, stream);
	ZSTD_freeDStream(stream);
	return status;
}
#endif

const struct crs_compression crs_compression_zstd = {
	.name = "zstd",
	.option = "--with-zstd",
	.can_repeat = true,
	.probe = probe_zstd,
#ifdef HAVE_ZSTD
	.unpack = unpack_zstd,
#endif
};
