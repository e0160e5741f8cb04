/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Unpacks xz, and the older format lzma (also called LZMA_alone), with liblzma. */
#include <endian.h>
#include <string.h>

#include "unpack.h"

/* Magic of 6 bytes (xz-file-format.txt, 2.1.1.1). */
static bool probe_xz(const uint8_t *data, size_t size)
{
	return size >= 6 && !memcmp(data, "\xfd" "7zXZ\0", 6);
}

/*
 * LZMA_alone has no magic (LZMA SDK, lzma-specification.txt), so this checks whether the
 * fields of the header are plausible:
 *
 *   offset  size  field
 *        0     1  properties, less than 9 * 5 * 5 = 225
 *        1     4  dictionary size; all tools write 2^n or 2^n + 2^(n-1)
 *        5     8  unpacked size; -1 means unknown
 *       13     1  first byte of the range coder, always 0
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

/* Converts an error of liblzma to a sentence and a status. */
static enum crashres_status fail(struct crs_unpack *unpack, lzma_ret result)
{
	switch (result) {
	case LZMA_MEM_ERROR:
		return crs_fail_memory(unpack->ctx);
	case LZMA_MEMLIMIT_ERROR:
		return crs_fail(unpack->ctx, CRASHRES_ERR_LIMIT,
				"unpacking needs more than %" PRIu64 " MiB of memory",
				(uint64_t)CRS_UNPACK_MEMORY >> 20);
	case LZMA_BUF_ERROR:
		return crs_unpack_truncated(unpack);
	case LZMA_OPTIONS_ERROR:
		return crs_unpack_damaged(unpack, "unknown filter options");
	case LZMA_UNSUPPORTED_CHECK:
		return crs_unpack_damaged(unpack, "unknown checksum type");
	case LZMA_FORMAT_ERROR:
		return crs_unpack_damaged(unpack, "invalid header");
	default:
		return crs_unpack_damaged(unpack, "invalid data");
	}
}

/*
 * Unpacks one stream. With LZMA_RUN and no input, lzma_code() returns LZMA_BUF_ERROR at the
 * second call, which means truncated data.
 */
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

/* Groups of four zero bytes can follow each xz stream (xz-file-format.txt, 2.2). */
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
