/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tests decompression (kernel/decompress.c). A wrong program accepts a truncated or damaged
 * kernel, or lets a small file use all memory.
 */
#include "../../libcrashres/kernel/decompress.h"
#include "../../libcrashres/base/input.h"
#include "pack.h"
#include "support.h"

#define SIZE 600000	/* bytes; several chunks of the unpacker */

/* The formats, one row for each name that pack() knows. */
static const struct format {
	const char *packed;	/* name for pack() */
	const char *name;	/* name in messages */
	size_t shortest;	/* bytes; shorter files are not recognised */
	bool checked;		/* has a checksum, so all damage is found */
} formats[] = {
	{ "gzip", "gzip", 18, true },
	{ "zstd", "zstd", 4, false },
	{ "xz", "xz", 6, true },
	{ "lzma", "lzma", 14, false },
	{ "lzma-sized", "lzma", 14, false },
	{ "lz4", "lz4", 4, true },
	{ "lz4-legacy", "lz4", 4, false },
	{ "bzip2", "bzip2", 10, true },
};

/* Returns text-like bytes that every format can compress. */
static struct bytes make_plain(size_t size)
{
	struct bytes plain = pack_noise(size, 3);

	for (size_t i = 0; i < size; i++)
		plain.data[i] = i % 7 ? 'a' + plain.data[i] % 4 : 'z';
	return plain;
}

/* Unpacks @bytes as a file named Image. *@inner becomes NULL if they are not compressed. */
static enum crashres_status open_bytes(struct unit *unit, struct bytes bytes,
				       struct crashres_input **inner)
{
	struct crashres_input file = { .name = "Image", .data = bytes.data, .size = bytes.size,
				      .fd = -1 };

	return crs_decompress(unit->ctx, &file, inner);
}

/* Asserts that @packed unpacks to @plain and that the result is named "Image (@name)". */
static void check_unpacked(struct unit *unit, struct bytes packed, const char *name,
			   struct bytes plain)
{
	struct crashres_input *inner;
	char wanted[64];

	assert_ok(unit, open_bytes(unit, packed, &inner));
	assert_non_null(inner);
	assert_int_equal(inner->size, plain.size);
	assert_memory_equal(inner->data, plain.data, plain.size);
	snprintf(wanted, sizeof(wanted), "Image (%s)", name);
	assert_string_equal(inner->name, wanted);
	crashres_input_close(inner);
}

/* Asserts that unpacking fails with @status and @sentence. */
static void refuse(struct unit *unit, struct bytes packed, enum crashres_status status,
		   const char *sentence)
{
	struct crashres_input *inner = UNTOUCHED;

	assert_fails(unit, open_bytes(unit, packed, &inner), status, sentence);
	assert_ptr_equal(inner, UNTOUCHED);
}

/* Asserts that @bytes are not recognised as compressed data. */
static void check_not_compressed(struct unit *unit, struct bytes bytes)
{
	struct crashres_input *inner = UNTOUCHED;

	assert_ok(unit, open_bytes(unit, bytes, &inner));
	assert_null(inner);
}

/* Runs @check for every format of this build. */
static void for_each_format(struct unit *unit,
			    void (*check)(struct unit *unit, const struct format *format,
					  struct bytes packed, struct bytes plain))
{
	struct bytes plain = make_plain(SIZE);

	for (size_t i = 0; i < COUNT(formats); i++) {
		struct bytes packed = pack(formats[i].packed, plain.data, plain.size);

		if (packed.data)
			check(unit, &formats[i], packed, plain);
	}
	free(plain.data);
}

/* The check_...() functions below are called by for_each_format(). Each of them frees @packed. */
static void check_unpacks(struct unit *unit, const struct format *format, struct bytes packed,
			  struct bytes plain)
{
	check_unpacked(unit, packed, format->name, plain);
	free(packed.data);
}

static void test_every_format_is_unpacked(void **state)
{
	for_each_format(*state, check_unpacks);
}

static void check_trailing_bytes(struct unit *unit, const struct format *format,
				 struct bytes packed, struct bytes plain)
{
	struct bytes zeros = { unit_alloc(4096), 4096 };

	/*
	 * A kernel on a block device is followed by the rest of the flash page and by older
	 * data.
	 */
	packed = pack_join(packed, zeros);
	check_unpacked(unit, packed, format->name, plain);
	packed = pack_join(packed, pack_noise(10000, 77));
	check_unpacked(unit, packed, format->name, plain);
	free(packed.data);
}

static void test_bytes_after_the_compressed_data_are_ignored(void **state)
{
	for_each_format(*state, check_trailing_bytes);
}

static void check_joined(struct unit *unit, const struct format *format, struct bytes packed,
			 struct bytes plain)
{
	struct bytes second = pack(format->packed, plain.data, 1000);
	struct bytes both = { unit_alloc(plain.size + 1000), plain.size + 1000 };

	memcpy(both.data, plain.data, plain.size);
	memcpy(both.data + plain.size, plain.data, 1000);
	packed = pack_join(packed, second);
	/* A second lzma stream has no magic number, so it is ignored. */
	check_unpacked(unit, packed, format->name, strcmp(format->name, "lzma") ? both : plain);
	free(packed.data);
	free(both.data);
}

static void test_concatenated_streams_are_unpacked_as_one_file(void **state)
{
	for_each_format(*state, check_joined);
}

static void check_truncated(struct unit *unit, const struct format *format, struct bytes packed,
			    struct bytes plain)
{
	char sentence[64];

	(void)plain;
	snprintf(sentence, sizeof(sentence),
		 "Image: %s: the compressed data is truncated", format->name);
	for (size_t cut = 1; cut + format->shortest <= packed.size; cut += cut < 40 ? 1 : 3571) {
		/* If the header holds the size, the end marker is not needed. */
		if (!strcmp(format->packed, "lzma-sized") && cut < 12)
			continue;
		refuse(unit, (struct bytes){ packed.data, packed.size - cut }, CRASHRES_ERR_FORMAT,
		       sentence);
	}
	/* A legacy lz4 file can end after any block, and so also after its magic number. */
	if (!strcmp(format->packed, "lz4-legacy"))
		snprintf(sentence, sizeof(sentence), "Image: lz4: the content is empty");
	refuse(unit, (struct bytes){ packed.data, format->shortest }, CRASHRES_ERR_FORMAT, sentence);
	check_not_compressed(unit, (struct bytes){ packed.data, format->shortest - 1 });
	free(packed.data);
}

static void test_truncated_file_is_refused_at_many_lengths(void **state)
{
	for_each_format(*state, check_truncated);
}

static void check_damaged(struct unit *unit, const struct format *format, struct bytes packed,
			  struct bytes plain)
{
	struct crashres_input *inner = UNTOUCHED;
	enum crashres_status status;
	size_t found = 0, tried = 0;

	for (size_t at = format->shortest + 20; at < packed.size - 40; at += 4999) {
		packed.data[at] ^= 0x40;
		status = open_bytes(unit, packed, &inner);
		tried++;
		if (status == CRASHRES_OK) {
			crashres_input_close(inner);
		} else {
			found++;
			assert_int_equal(status, CRASHRES_ERR_FORMAT);
			assert_memory_equal(crashres_error(unit->ctx), "Image: ", 7);
		}
		packed.data[at] ^= 0x40;
	}
	assert_true(tried > 5);
	if (format->checked)
		assert_int_equal(found, tried);
	check_unpacked(unit, packed, format->name, plain);
	free(packed.data);
}

/*
 * Flips a bit at many offsets. Formats with a checksum must report each damage; all formats
 * must fail with a message or return a file, without a crash.
 */
static void test_damage_is_found_by_formats_with_a_checksum(void **state)
{
	for_each_format(*state, check_damaged);
}

static void check_empty(struct unit *unit, const struct format *format, struct bytes packed,
			struct bytes plain)
{
	char sentence[64];

	free(packed.data);
	if (!strcmp(format->packed, "lzma-sized"))
		return;
	packed = pack(format->packed, plain.data, 0);
	snprintf(sentence, sizeof(sentence), "Image: %s: the content is empty", format->name);
	refuse(unit, packed, CRASHRES_ERR_FORMAT, sentence);
	free(packed.data);
}

static void test_empty_contents_are_refused(void **state)
{
	for_each_format(*state, check_empty);
}

/*
 * A build without the library of a format recognises the first bytes and names the configure
 * option. A build with the library says that the file is truncated. Column size: bytes of
 * start.
 */
static void test_format_missing_from_this_build_is_named(void **state)
{
	static const struct {
		const char *packed, *start, *option;
		size_t size;
	} cases[] = {
		{ "zstd", "\x28\xb5\x2f\xfd", "--with-zstd", 4 },
		{ "xz", "\xfd" "7zXZ\0", "--with-lzma", 6 },
		{ "lzma", "\x5d\0\0\x80\0\xff\xff\xff\xff\xff\xff\xff\xff\0", "--with-lzma", 14 },
		{ "lz4", "\x04\x22\x4d\x18", "--with-lz4", 4 },
		{ "bzip2", "BZh9\x31\x41\x59\x26\x53\x59", "--with-bzip2", 10 },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct bytes packed = pack(cases[i].packed, "", 0);
		struct bytes start = { (uint8_t *)(uintptr_t)cases[i].start, cases[i].size };
		char truncated[64], missing[96];

		snprintf(truncated, sizeof(truncated),
			 "Image: %s: the compressed data is truncated", cases[i].packed);
		snprintf(missing, sizeof(missing),
			 "Image: %s: this build has no %s support (configure %s)", cases[i].packed,
			 cases[i].packed, cases[i].option);
		if (packed.data)
			refuse(*state, start, CRASHRES_ERR_FORMAT, truncated);
		else
			refuse(*state, start, CRASHRES_ERR_UNSUPPORTED, missing);
		free(packed.data);
	}
}

static void test_format_list_names_the_built_in_formats(void **state)
{
	for (size_t i = 0; i < COUNT(formats); i++) {
		struct bytes packed = pack(formats[i].packed, "", 0);
		const char *unpacks;
		char list[512];

		assert_true(crashres_kernel_formats(list, sizeof(list)) < sizeof(list));
		unpacks = strstr(list, "; unpacks gzip (zlib)");
		assert_non_null(unpacks);
		assert_int_equal(packed.data != NULL, strstr(unpacks, formats[i].name) != NULL);
		free(packed.data);
	}
}

static void test_similar_headers_are_not_compressed_data(void **state)
{
	/* Headers with one wrong field; a comment names the field. Size in bytes. */
	static const struct {
		const char *start;
		size_t size;
	} cases[] = {
		{ "", 0 },
		{ "\x1f\x8b\x09\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20 },	/* method 9 */
		{ "BZh0\x31\x41\x59\x26\x53\x59", 10 },
		{ "BZh9\x31\x41\x59\x26\x53\x58", 10 },
		{ "\xfd" "7zXZ\1", 6 },
		{ "\xe1\0\0\x80\0\xff\xff\xff\xff\xff\xff\xff\xff\0", 14 },	/* > 224 */
		{ "\x5d\0\0\xc0\x01\xff\xff\xff\xff\xff\xff\xff\xff\0", 14 },	/* dictionary */
		{ "\x5d\0\x08\0\0\xff\xff\xff\xff\xff\xff\xff\xff\1", 14 },	/* range coder */
		{ "\x5d\0\0\x80\0\0\0\0\0\0\1\0\0\0", 14 },	/* unpacked size 2^40 bytes */
		{ "\x5d\0\0\0\0\0\0\0\0\0\0\0\0\0", 14 },
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		check_not_compressed(*state, (struct bytes){ (uint8_t *)(uintptr_t)cases[i].start,
							     cases[i].size });
}

#ifdef HAVE_LZ4
/*
 * Linux appends the unpacked size (32 bits). This number can look like the size of one more
 * block.
 */
static void test_legacy_lz4_ignores_the_size_that_linux_appends(void **state)
{
	static const size_t sizes[] = { 8 * MIB, 8 * MIB - 1, 8 * MIB + 1, 16 * MIB };

	for (size_t i = 0; i < COUNT(sizes); i++) {
		struct bytes plain = make_plain(sizes[i]);
		struct bytes packed = pack("lz4-legacy", plain.data, plain.size);
		struct bytes size = { unit_alloc(4), 4 };

		check_unpacked(*state, packed, "lz4", plain);
		unit_put_le(size.data, 4, plain.size);
		packed = pack_join(packed, size);
		check_unpacked(*state, packed, "lz4", plain);
		free(packed.data);
		free(plain.data);
	}
}

static void test_legacy_lz4_refuses_bad_block_sizes(void **state)
{
	uint8_t data[24] = { 0x02, 0x21, 0x4c, 0x18, 16 };

	/* A token that announces more literals than the block holds. */
	data[8] = 0xf0;
	data[9] = 0xff;
	refuse(*state, (struct bytes){ data, 24 }, CRASHRES_ERR_FORMAT,
	       "Image: lz4: the compressed data is damaged: invalid block");
	unit_put_le(data + 4, 4, 17);
	refuse(*state, (struct bytes){ data, 24 }, CRASHRES_ERR_FORMAT,
	       "Image: lz4: the compressed data is truncated");
	unit_put_le(data + 4, 4, UINT32_MAX);
	refuse(*state, (struct bytes){ data, 24 }, CRASHRES_ERR_FORMAT,
	       "Image: lz4: the content is empty");
	refuse(*state, (struct bytes){ data, 6 }, CRASHRES_ERR_FORMAT,
	       "Image: lz4: the compressed data is truncated");
}

static void test_lz4_damage_is_explained(void **state)
{
	struct bytes plain = make_plain(SIZE);
	struct bytes packed = pack("lz4", plain.data, plain.size);

	packed.data[packed.size - 1] ^= 1;
	refuse(*state, packed, CRASHRES_ERR_FORMAT,
	       "Image: lz4: the compressed data is damaged: ERROR_contentChecksum_invalid");
	free(packed.data);
	free(plain.data);
}
#endif

#ifdef HAVE_ZSTD
static void test_zstd_window_above_128_mib_is_refused(void **state)
{
	/*
	 * RFC 8878: a frame header without content size, with a window of 2^(10 + exponent)
	 * bytes; then one raw block of one byte, marked as the last block.
	 */
	uint8_t data[] = { 0x28, 0xb5, 0x2f, 0xfd, 0x00, 17 << 3, 0x09, 0, 0, 'x' };
	struct bytes packed = { data, sizeof(data) }, plain = { (uint8_t[]){ 'x' }, 1 };

	check_unpacked(*state, packed, "zstd", plain);
	data[5] = 18 << 3;
	refuse(*state, packed, CRASHRES_ERR_LIMIT,
	       "Image: zstd: unpacking needs a window of more than 128 MiB");
}

static void test_zstd_skippable_frames_are_skipped(void **state)
{
	struct bytes plain = make_plain(1000);
	struct bytes skipped = { unit_alloc(12), 12 };
	struct bytes packed;

	memcpy(skipped.data, "\x5a\x2a\x4d\x18\x04\0\0\0skip", 12);
	packed = pack_join(skipped, pack("zstd", plain.data, plain.size));
	check_unpacked(*state, packed, "zstd", plain);
	refuse(*state, (struct bytes){ packed.data, 11 }, CRASHRES_ERR_FORMAT,
	       "Image: zstd: the compressed data is truncated");
	refuse(*state, (struct bytes){ packed.data, 12 }, CRASHRES_ERR_FORMAT,
	       "Image: zstd: the content is empty");
	free(packed.data);
	free(plain.data);
}
#endif

#ifdef HAVE_LZMA
static void test_lzma_dictionary_above_the_limit_is_refused(void **state)
{
	uint8_t data[32] = { 0x5d, 0, 0, 0, 0x80, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

	refuse(*state, (struct bytes){ data, sizeof(data) }, CRASHRES_ERR_LIMIT,
	       "Image: lzma: unpacking needs more than 256 MiB of memory");
	data[4] = 8;	/* 128 MiB */
	refuse(*state, (struct bytes){ data, 18 }, CRASHRES_ERR_FORMAT,
	       "Image: lzma: the compressed data is truncated");
}

/* Sizes of 2^n + 2^(n-1) bytes: 24 MiB is 0x1800000. An earlier version did not recognise them. */
static void test_lzma_dictionary_of_24_mib_is_recognised(void **state)
{
	uint8_t data[18] = { 0x5d, 0, 0, 0x80, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

	refuse(*state, (struct bytes){ data, sizeof(data) }, CRASHRES_ERR_FORMAT,
	       "Image: lzma: the compressed data is truncated");
	data[1] = 1;
	check_not_compressed(*state, (struct bytes){ data, sizeof(data) });
}

/* The .xz format allows zero bytes between streams, a multiple of four. */
static void test_xz_padding_between_streams_is_skipped(void **state)
{
	struct bytes plain = make_plain(2000), zeros = { unit_alloc(8), 8 };
	struct bytes packed = pack_join(pack("xz", plain.data, 1000), zeros);

	packed = pack_join(packed, pack("xz", plain.data + 1000, 1000));
	check_unpacked(*state, packed, "xz", plain);
	free(packed.data);
	free(plain.data);
}
#endif

/* Unpacks the bytes from @offset to the end, as part vmlinuz in compression @format. */
static enum crashres_status open_part(struct unit *unit, struct bytes bytes, const char *format,
				      uint64_t offset, struct crashres_input **inner)
{
	struct crashres_input file = { .name = "Image", .data = bytes.data, .size = bytes.size,
				      .fd = -1 };
	struct crs_part part = { "vmlinuz", offset, bytes.size - offset };

	return crs_decompress_part(unit->ctx, &file, &part, format, inner);
}

static void test_part_of_a_file_is_unpacked_in_the_named_format(void **state)
{
	struct unit *unit = *state;
	struct bytes plain = make_plain(1000);
	struct bytes file = pack_join(pack_noise(100, 1), pack("gzip", plain.data, plain.size));
	struct crashres_input *inner = UNTOUCHED;

	assert_fails(unit, open_part(unit, file, "lzo", 100, &inner), CRASHRES_ERR_UNSUPPORTED,
		     "Image: vmlinuz: unknown compression \"lzo\"");
	assert_fails(unit, open_part(unit, file, "gzip", 99, &inner), CRASHRES_ERR_FORMAT,
		     "Image: vmlinuz: gzip: no gzip header");
	file.size--;
	assert_fails(unit, open_part(unit, file, "gzip", 100, &inner), CRASHRES_ERR_FORMAT,
		     "Image: vmlinuz: gzip: the compressed data is truncated");
	file.size++;
	assert_ptr_equal(inner, UNTOUCHED);
	assert_ok(unit, open_part(unit, file, "gzip", 100, &inner));
	assert_string_equal(inner->name, "Image (vmlinuz)");
	assert_int_equal(inner->size, 1000);
	assert_memory_equal(inner->data, plain.data, 1000);
	crashres_input_close(inner);
	free(file.data);
	free(plain.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT_TEST(test_every_format_is_unpacked),
		UNIT_TEST(test_bytes_after_the_compressed_data_are_ignored),
		UNIT_TEST(test_concatenated_streams_are_unpacked_as_one_file),
		UNIT_TEST(test_truncated_file_is_refused_at_many_lengths),
		UNIT_TEST(test_damage_is_found_by_formats_with_a_checksum),
		UNIT_TEST(test_empty_contents_are_refused),
		UNIT_TEST(test_format_missing_from_this_build_is_named),
		UNIT_TEST(test_format_list_names_the_built_in_formats),
		UNIT_TEST(test_similar_headers_are_not_compressed_data),
#ifdef HAVE_LZ4
		UNIT_TEST(test_legacy_lz4_ignores_the_size_that_linux_appends),
		UNIT_TEST(test_legacy_lz4_refuses_bad_block_sizes),
		UNIT_TEST(test_lz4_damage_is_explained),
#endif
#ifdef HAVE_ZSTD
		UNIT_TEST(test_zstd_window_above_128_mib_is_refused),
		UNIT_TEST(test_zstd_skippable_frames_are_skipped),
#endif
#ifdef HAVE_LZMA
		UNIT_TEST(test_lzma_dictionary_above_the_limit_is_refused),
		UNIT_TEST(test_lzma_dictionary_of_24_mib_is_recognised),
		UNIT_TEST(test_xz_padding_between_streams_is_skipped),
#endif
		UNIT_TEST(test_part_of_a_file_is_unpacked_in_the_named_format),
	};

	return cmocka_run_group_tests_name("decompress", tests, NULL, NULL);
}
