/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Unpacks bzip2 with libbz2. */
#include <string.h>

#include "unpack.h"

/*
 * A stream starts with "BZh" and one digit, the block size in units of 100 kB. Then comes
 * a block, which starts with 0x314159265359 (pi), or the end of an empty stream, which
 * starts with 0x177245385090 (square root of pi).
 */
static bool probe_bzip2(const uint8_t *data, size_t size)
{
	return size >= 10 && !memcmp(data, "BZh", 3) && data[3] >= '1' && data[3] <= '9' &&
	       (!memcmp(data + 4, "\x31\x41\x59\x26\x53\x59", 6) ||
		!memcmp(data + 4, "\x17\x72\x45\x38\x50\x90", 6));
}

#ifdef HAVE_BZIP2
#include <bzlib.h>

/* avail_in is an unsigned int, so the input goes to libbz2 in pieces. */
static enum crashres_status unpack_stream(struct crs_unpack *unpack, bz_stream *stream)
{
	int result = BZ_OK;

	while (result != BZ_STREAM_END) {
		size_t given = unpack->left < CRS_UNPACK_CHUNK ? unpack->left : CRS_UNPACK_CHUNK;
		enum crashres_status status;

		stream->next_in = (char *)(uintptr_t)unpack->input;
		stream->avail_in = (unsigned int)given;
		stream->next_out = (char *)unpack->chunk;
		stream->avail_out = CRS_UNPACK_CHUNK;
		result = BZ2_bzDecompress(stream);
		crs_unpack_advance(unpack, given - stream->avail_in);
		if (result == BZ_MEM_ERROR)
			return crs_fail_memory(unpack->ctx);
		if (result != BZ_OK && result != BZ_STREAM_END)
			return crs_unpack_damaged(unpack, "invalid data");
		status = crs_memfd_write(unpack->ctx, unpack->output, unpack->chunk,
					 CRS_UNPACK_CHUNK - stream->avail_out);
		if (status != CRASHRES_OK)
			return status;
		/* libbz2 used all input, had room for output, and did not reach the end. */
		if (result == BZ_OK && !unpack->left && stream->avail_out)
			return crs_unpack_truncated(unpack);
	}
	return CRASHRES_OK;
}

static enum crashres_status unpack_bzip2(struct crs_unpack *unpack)
{
	enum crashres_status status;
	bz_stream stream = { 0 };

	if (BZ2_bzDecompressInit(&stream, 0, 0) != BZ_OK)
		return crs_fail_memory(unpack->ctx);
	status = unpack_stream(unpack, &stream);
	BZ2_bzDecompressEnd(&stream);
	return status;
}
#endif

const struct crs_compression crs_compression_bzip2 = {
	.name = "bzip2",
	.option = "--with-bzip2",
	.can_repeat = true,
	.probe = probe_bzip2,
#ifdef HAVE_BZIP2
	.unpack = unpack_bzip2,
#endif
};
