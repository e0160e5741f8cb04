/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Implements pack.h: one function for each compression format, and a table of them. */
#include <zlib.h>
#ifdef HAVE_ZSTD
#include <zstd.h>
#endif
#ifdef HAVE_LZMA
#include <lzma.h>
#endif
#ifdef HAVE_LZ4
#include <lz4.h>
#include <lz4frame.h>
#endif
#ifdef HAVE_BZIP2
#include <bzlib.h>
#endif

#include "pack.h"
#include "support.h"

#define LEGACY_BLOCK	(8U << 20)	/* unpacked bytes of a block (lz4_Block_format.md) */

/* In: packed->size is the room in packed->data. Out: the number of bytes written. */
typedef void pack_fn(const void *data, size_t size, struct bytes *packed);

static void pack_gzip(const void *data, size_t size, struct bytes *packed)
{
	z_stream stream = { 0 };

	assert_int_equal(deflateInit2(&stream, 6, Z_DEFLATED, 16 + MAX_WBITS, 8,
				      Z_DEFAULT_STRATEGY), Z_OK);
	stream.next_in = (Bytef *)(uintptr_t)data;
	stream.avail_in = size;
	stream.next_out = packed->data;
	stream.avail_out = packed->size;
	assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
	packed->size = stream.total_out;
	deflateEnd(&stream);
}

#ifdef HAVE_ZSTD
static void pack_zstd(const void *data, size_t size, struct bytes *packed)
{
	packed->size = ZSTD_compress(packed->data, packed->size, data, size, 3);
	assert_false(ZSTD_isError(packed->size));
}
#endif

#ifdef HAVE_LZMA
static void pack_xz(const void *data, size_t size, struct bytes *packed)
{
	size_t used = 0;

	assert_int_equal(lzma_easy_buffer_encode(1, LZMA_CHECK_CRC32, NULL, data, size,
						 packed->data, &used, packed->size), LZMA_OK);
	packed->size = used;
}

static void pack_lzma(const void *data, size_t size, struct bytes *packed)
{
	lzma_stream stream = LZMA_STREAM_INIT;
	lzma_options_lzma options;

	assert_false(lzma_lzma_preset(&options, 1));
	assert_int_equal(lzma_alone_encoder(&stream, &options), LZMA_OK);
	stream.next_in = data;
	stream.avail_in = size;
	stream.next_out = packed->data;
	stream.avail_out = packed->size;
	assert_int_equal(lzma_code(&stream, LZMA_FINISH), LZMA_STREAM_END);
	packed->size = stream.total_out;
	lzma_end(&stream);
}

/*
 * The header of .lzma holds the unpacked size at byte 5. The end marker can stay although the
 * size is known (lzma-specification.txt).
 */
static void pack_lzma_sized(const void *data, size_t size, struct bytes *packed)
{
	pack_lzma(data, size, packed);
	unit_put_le(packed->data + 5, 8, size);
}
#endif

#ifdef HAVE_LZ4
static void pack_lz4(const void *data, size_t size, struct bytes *packed)
{
	LZ4F_preferences_t preferences = LZ4F_INIT_PREFERENCES;

	preferences.frameInfo.contentChecksumFlag = LZ4F_contentChecksumEnabled;
	packed->size = LZ4F_compressFrame(packed->data, packed->size, data, size, &preferences);
	assert_false(LZ4F_isError(packed->size));
}

/* Magic 0x184c2102, then for each block its compressed size (32 bits) and its bytes. */
static void pack_lz4_legacy(const void *data, size_t size, struct bytes *packed)
{
	size_t used = 4;

	memcpy(packed->data, "\x02\x21\x4c\x18", 4);
	for (size_t done = 0; done < size; done += LEGACY_BLOCK) {
		size_t left = size - done;
		int made = LZ4_compress_default((const char *)data + done,
						(char *)packed->data + used + 4,
						left < LEGACY_BLOCK ? left : LEGACY_BLOCK,
						packed->size - used - 4);

		assert_true(made > 0);
		unit_put_le(packed->data + used, 4, (size_t)made);
		used += 4 + (size_t)made;
	}
	packed->size = used;
}
#endif

#ifdef HAVE_BZIP2
static void pack_bzip2(const void *data, size_t size, struct bytes *packed)
{
	unsigned int used = packed->size;

	assert_int_equal(BZ2_bzBuffToBuffCompress((char *)packed->data, &used,
						  (char *)(uintptr_t)data, size, 1, 0, 0), BZ_OK);
	packed->size = used;
}
#endif

/* The formats of this build. */
static const struct {
	const char *format;	/* name for pack() */
	pack_fn *pack;
} packers[] = {
	{ "gzip", pack_gzip },
#ifdef HAVE_ZSTD
	{ "zstd", pack_zstd },
#endif
#ifdef HAVE_LZMA
	{ "xz", pack_xz },
	{ "lzma", pack_lzma },
	{ "lzma-sized", pack_lzma_sized },	/* the header holds the unpacked size */
#endif
#ifdef HAVE_LZ4
	{ "lz4", pack_lz4 },
	{ "lz4-legacy", pack_lz4_legacy },	/* the frame of Linux kernels */
#endif
#ifdef HAVE_BZIP2
	{ "bzip2", pack_bzip2 },
#endif
};

struct bytes pack(const char *format, const void *data, size_t size)
{
	for (size_t i = 0; i < COUNT(packers); i++) {
		struct bytes packed = { NULL, size + size / 16 + 65536 };

		if (strcmp(packers[i].format, format))
			continue;
		packed.data = unit_alloc(packed.size);
		packers[i].pack(data, size, &packed);
		return packed;
	}
	return (struct bytes){ NULL, 0 };
}

struct bytes pack_join(struct bytes first, struct bytes second)
{
	struct bytes both = { unit_alloc(first.size + second.size), first.size + second.size };

	memcpy(both.data, first.data, first.size);
	memcpy(both.data + first.size, second.data, second.size);
	free(first.data);
	free(second.data);
	return both;
}

struct bytes pack_noise(size_t size, uint32_t seed)
{
	struct bytes noise = { unit_alloc(size), size };

	unit_fill(noise.data, size, seed);
	return noise;
}

struct bytes pack_image(void)
{
	struct bytes image = pack_noise(300000, 5);

	memset(image.data, 0, 64);
	unit_put_le(image.data + 16, 8, MIB);
	unit_put_le(image.data + 24, 8, 0xa);
	memcpy(image.data + 56, "ARM\x64", 4);
	return image;
}
