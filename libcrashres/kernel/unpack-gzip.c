/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Unpacks gzip with zlib. Every build has this format. */
#include <zlib.h>

#include "unpack.h"

/*
 * A gzip member starts with 0x1f, 0x8b and the compression method (RFC 1952, 2.3). The only
 * method is 8, deflate. Header and trailer have 18 bytes.
 */
static bool probe_gzip(const uint8_t *data, size_t size)
{
	return size >= 18 && data[0] == 0x1f && data[1] == 0x8b && data[2] == 8;
}

/* avail_in is an unsigned int, so the input goes to zlib in pieces. */
static enum crashres_status inflate_member(struct crs_unpack *unpack, z_stream *stream)
{
	int result = Z_OK;

	while (result != Z_STREAM_END) {
		size_t given = unpack->left < CRS_UNPACK_CHUNK ? unpack->left : CRS_UNPACK_CHUNK;
		enum crashres_status status;

		stream->next_in = (Bytef *)(uintptr_t)unpack->input;
		stream->avail_in = (uInt)given;
		stream->next_out = unpack->chunk;
		stream->avail_out = CRS_UNPACK_CHUNK;
		result = inflate(stream, Z_NO_FLUSH);
		crs_unpack_advance(unpack, given - stream->avail_in);
		/* zlib needs more input, and there is none. */
		if (result == Z_BUF_ERROR ||
		    (result == Z_OK && !unpack->left && stream->avail_out))
			return crs_unpack_truncated(unpack);
		if (result == Z_MEM_ERROR)
			return crs_fail_memory(unpack->ctx);
		if (result != Z_OK && result != Z_STREAM_END)
			return crs_unpack_damaged(unpack,
						  stream->msg ? stream->msg : zError(result));
		status = crs_memfd_write(unpack->ctx, unpack->output, unpack->chunk,
					 CRS_UNPACK_CHUNK - stream->avail_out);
		if (status != CRASHRES_OK)
			return status;
	}
	return CRASHRES_OK;
}

static enum crashres_status unpack_gzip(struct crs_unpack *unpack)
{
	enum crashres_status status;
	z_stream stream = { 0 };

	/*
	 * 16: accept gzip and not zlib format. MAX_WBITS: accept any window. zlib checks the
	 * CRC and the length of the data.
	 */
	if (inflateInit2(&stream, 16 + MAX_WBITS) != Z_OK)
		return crs_fail_memory(unpack->ctx);
	status = inflate_member(unpack, &stream);
	inflateEnd(&stream);
	return status;
}

const struct crs_compression crs_compression_gzip = {
	.name = "gzip",
	.title = "gzip (zlib)",
	.can_repeat = true,
	.probe = probe_gzip,
	.unpack = unpack_gzip,
};
