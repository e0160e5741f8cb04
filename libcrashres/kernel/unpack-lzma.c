/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* xz, and the older format of LZMA Utils that is called lzma or LZMA_alone. */
#include <endian.h>
#include <string.h>

#include "unpack.h"

static bool probe_xz(const uint8_t *data, size_t size)
{
	return size >= 6 && !memcmp(data, "\xfd" "7zXZ\0", 6);
}

/*
 * LZMA_alone has no magic (LZMA SDK, lzma-specification.txt): a byte of
 * properties below 9 * 5 * 5, the dictionary's size, the unpacked size or -1,
 * then the range coder, whose first byte is 0. Every tool writes dictionaries of
 * 2^n or 2^n + 2^(n-1) bytes.
 */
static bool probe_lzma(const uint8_t *data, size_t size)
{
	uint32_t dictionary, rest;
	uint64_t unpacked;

	if (size < 14 || data[0] >= 225 || data[13])
		return false;
	memcpy(&dictionary, data + 1, sizeof(dictionary));
	memcpy(&unpacked, data + 5, sizeof(unpacked));
	dictionary = le32toh(dictionary);
	unpacked = le64toh(unpacked);
	if (dictionary < 4096 || (unpacked != UINT64_MAX && unpacked >= 1ULL << 40))
		return false;
	rest = dictionary & (dictionary - 1);
	return rest == 0 || ((rest & (rest - 1)) == 0 && dictionary / 3 == rest / 2);
}

#ifdef HAVE_LZMA
#include <inttypes.h>
#include <lzma.h>

static enum crashres_status fail(struct crs_unpack *unpack, lzma_ret result)
{
	switch (result) {
	case LZMA_MEM_ERROR:
		return crs_fail_memory(unpack->ctx);
	case LZMA_MEMLIMIT_ERROR:
		return crs_fail(unpack->ctx, CRASHRES_ERR_LIMIT,
				"needs more than %" PRIu64 " MiB of memory",
				(uint64_t)CRS_UNPACK_MEMORY >> 20);
	case LZMA_BUF_ERROR:
		return crs_unpack_truncated(unpack);
	case LZMA_OPTIONS_ERROR:
		return crs_unpack_damaged(unpack, "unknown options");
	case LZMA_UNSUPPORTED_CHECK:
		return crs_unpack_damaged(unpack, "unknown kind of check");
	case LZMA_FORMAT_ERROR:
		return crs_unpack_damaged(unpack, "bad header");
	default:
		return crs_unpack_damaged(unpack, "bad data");
	}
}

static enum crashres_status run(struct crs_unpack *unpack, lzma_stream *stream)
{
	lzma_ret result = LZMA_OK;

	while (result != LZMA_STREAM_END) {
		enum crashres_status status;

		stream->next_in = unpack->input;
		stream->avail_in = unpack->left;
		stream->next_out = unpack->chunk;
		stream->avail_out = CRS_UNPACK_CHUNK;
		result = lzma_code(stream, LZMA_RUN);
		crs_unpack_advance(unpack, unpack->left - stream->avail_in);
		if (result != LZMA_OK && result != LZMA_STREAM_END)
			return fail(unpack, result);
		status = crs_memfd_write(unpack->ctx, unpack->output, unpack->chunk,
					 CRS_UNPACK_CHUNK - stream->avail_out);
		if (status != CRASHRES_OK)
			return status;
	}
	return CRASHRES_OK;
}

/* Between xz streams, and behind the last, there may be zeros in fours. */
static void skip_padding(struct crs_unpack *unpack)
{
	while (unpack->left >= 4 && !memcmp(unpack->input, "\0\0\0\0", 4))
		crs_unpack_advance(unpack, 4);
}

static enum crashres_status unpack_xz(struct crs_unpack *unpack)
{
	lzma_stream stream = LZMA_STREAM_INIT;
	lzma_ret result = lzma_stream_decoder(&stream, CRS_UNPACK_MEMORY,
					      LZMA_TELL_UNSUPPORTED_CHECK);
	enum crashres_status status;

	if (result != LZMA_OK)
		return fail(unpack, result);
	status = run(unpack, &stream);
	lzma_end(&stream);
	if (status == CRASHRES_OK)
		skip_padding(unpack);
	return status;
}

static enum crashres_status unpack_lzma(struct crs_unpack *unpack)
{
	lzma_stream stream = LZMA_STREAM_INIT;
	lzma_ret result = lzma_alone_decoder(&stream, CRS_UNPACK_MEMORY);
	enum crashres_status status;

	if (result != LZMA_OK)
		return fail(unpack, result);
	status = run(unpack, &stream);
	lzma_end(&stream);
	return status;
}
#endif

const struct crs_compression crs_compression_xz = {
	.name = "xz",
	.option = "--with-lzma",
	.can_repeat = true,
	.probe = probe_xz,
#ifdef HAVE_LZMA
	.unpack = unpack_xz,
#endif
};

const struct crs_compression crs_compression_lzma = {
	.name = "lzma",
	.option = "--with-lzma",
	.probe = probe_lzma,
#ifdef HAVE_LZMA
	.unpack = unpack_lzma,
#endif
};
