/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tests zboot kernels (kernel/zboot.c; Linux zboot-header.S): a PE file with a compressed
 * Image. A wrong program loads a truncated kernel, or breaks its appended signature.
 *
 *  Offset 4: "zimg", 8: payload offset, 12: payload size, 24: name of the compression
 */
#include "../../libcrashres/base/input.h"
#include "../../libcrashres/kernel/zboot.h"
#include "support.h"
#include "wrap.h"

/* Opens @bytes as a file named Image. */
static enum crashres_status open_bytes(struct unit *unit, struct bytes bytes,
				       struct crashres_input **inner)
{
	struct crashres_input file = { .name = "Image", .data = bytes.data, .size = bytes.size,
				      .fd = -1 };

	return crs_zboot_open(unit->ctx, &file, inner);
}

/* Asserts that @zboot opens as the bytes @plain. */
static void check_unpacked(struct unit *unit, struct bytes zboot, struct bytes plain)
{
	struct crashres_input *inner;

	assert_true(crs_zboot_probe(zboot.data, zboot.size));
	assert_ok(unit, open_bytes(unit, zboot, &inner));
	assert_int_equal(inner->size, plain.size);
	assert_memory_equal(inner->data, plain.data, plain.size);
	assert_string_equal(inner->name, "Image (vmlinuz)");
	crashres_input_close(inner);
}

/* Asserts that opening fails with @status and @sentence. */
static void refuse(struct unit *unit, struct bytes zboot, enum crashres_status status,
		   const char *sentence)
{
	struct crashres_input *inner = UNTOUCHED;

	assert_fails(unit, open_bytes(unit, zboot, &inner), status, sentence);
	assert_ptr_equal(inner, UNTOUCHED);
}

static void test_every_compression_of_linux_is_unpacked(void **state)
{
	/* Columns: name in the header, format for pack(). */
	static const char *const names[][2] = {
		{ "gzip", "gzip" }, { "zstd", "zstd" }, { "zstd22", "zstd" },
		{ "lz4", "lz4-legacy" }, { "lzma", "lzma" }, { "xzkern", "xz" },
	};
	struct bytes image = pack_image();

	for (size_t i = 0; i < COUNT(names); i++) {
		struct bytes packed = pack(names[i][1], "", 0);
		struct bytes zboot;

		if (!packed.data)
			continue;
		zboot = wrap_zboot(image, names[i][1], names[i][0]);
		check_unpacked(*state, zboot, image);
		free(packed.data);
		free(zboot.data);
	}
	free(image.data);
}

static void test_unknown_or_wrong_compression_is_refused(void **state)
{
	struct bytes image = pack_image(), zboot = wrap_zboot(image, "gzip", "lzo");

	refuse(*state, zboot, CRASHRES_ERR_UNSUPPORTED,
	       "Image: vmlinuz: unknown compression \"lzo\"");
	memset(zboot.data + 24, 'x', 31);
	refuse(*state, zboot, CRASHRES_ERR_UNSUPPORTED,
	       "Image: vmlinuz: unknown compression \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"");
	memset(zboot.data + 24, 'x', 32);
	refuse(*state, zboot, CRASHRES_ERR_FORMAT,
	       "Image: vmlinuz: the header names no compression");
	memset(zboot.data + 24, 0, 32);
	refuse(*state, zboot, CRASHRES_ERR_FORMAT,
	       "Image: vmlinuz: the header names no compression");
	memcpy(zboot.data + 24, "gz\033p", 5);
	refuse(*state, zboot, CRASHRES_ERR_FORMAT,
	       "Image: vmlinuz: the header names no compression");
	/* The payload has another format than the header claims. */
	memcpy(zboot.data + 24, "gzip", 5);
	check_unpacked(*state, zboot, image);
	unit_put_le(zboot.data + 8, 4, WRAP_ZBOOT_PAYLOAD + 1);
	refuse(*state, zboot, CRASHRES_ERR_FORMAT,
	       "Image: vmlinuz: gzip: no gzip header");
	free(zboot.data);
	free(image.data);
}

static void test_payload_outside_the_file_is_refused(void **state)
{
	struct bytes image = pack_image(), zboot = wrap_zboot(image, "gzip", "gzip");
	size_t size = unit_get_le(zboot.data + 12, 4);
	size_t end = WRAP_ZBOOT_PAYLOAD + size;
	char sentence[128];

	check_unpacked(*state, (struct bytes){ zboot.data, end }, image);
	snprintf(sentence, sizeof(sentence), "Image: vmlinuz: truncated: the payload ends at byte "
		 "%zu, the file at byte %zu", end, end - 1);
	refuse(*state, (struct bytes){ zboot.data, end - 1 }, CRASHRES_ERR_FORMAT, sentence);
	unit_put_le(zboot.data + 12, 4, size - 1);
	refuse(*state, zboot, CRASHRES_ERR_FORMAT,
	       "Image: vmlinuz: gzip: the compressed data is truncated");
	unit_put_le(zboot.data + 12, 4, 0);
	refuse(*state, zboot, CRASHRES_ERR_FORMAT,
	       "Image: vmlinuz: gzip: no gzip header");
	unit_put_le(zboot.data + 8, 4, UINT32_MAX);
	unit_put_le(zboot.data + 12, 4, UINT32_MAX);
	snprintf(sentence, sizeof(sentence), "Image: vmlinuz: truncated: the payload ends at byte "
		 "8589934590, the file at byte %zu", zboot.size);
	refuse(*state, zboot, CRASHRES_ERR_FORMAT, sentence);
	free(zboot.data);
	free(image.data);
}

static void test_damaged_pe_header_is_refused(void **state)
{
	struct bytes image = pack_image(), zboot = wrap_zboot(image, "gzip", "gzip");

	for (size_t size = 8; size < WRAP_PE_HEADER + 22; size++) {
		assert_true(crs_zboot_probe(zboot.data, size));
		refuse(*state, (struct bytes){ zboot.data, size }, CRASHRES_ERR_FORMAT,
		       "Image: vmlinuz: no PE header");
	}
	assert_false(crs_zboot_probe(zboot.data, 7));
	unit_put_le(zboot.data + WRAP_PE_HEADER + 4, 2, 0x8664);
	refuse(*state, zboot, CRASHRES_ERR_UNSUPPORTED,
	       "Image: vmlinuz: is for machine 0x8664, not for arm64 (0xaa64)");
	unit_put_le(zboot.data + 60, 4, UINT32_MAX);
	refuse(*state, zboot, CRASHRES_ERR_FORMAT, "Image: vmlinuz: no PE header");
	zboot.data[4] ^= 1;
	assert_false(crs_zboot_probe(zboot.data, zboot.size));
	free(zboot.data);
	free(image.data);
}

static void test_damaged_payload_is_refused(void **state)
{
	struct bytes image = pack_image(), zboot = wrap_zboot(image, "gzip", "gzip");

	zboot.data[WRAP_ZBOOT_PAYLOAD + unit_get_le(zboot.data + 12, 4) - 1] ^= 1;
	refuse(*state, zboot, CRASHRES_ERR_FORMAT,
	       "Image: vmlinuz: gzip: the compressed data is damaged: incorrect length check");
	free(zboot.data);
	free(image.data);
}

#ifdef HAVE_LZ4
/* Legacy lz4 has no end mark: only this size shows that blocks are missing at the end. */
static void test_size_after_the_payload_is_checked(void **state)
{
	struct bytes image = pack_image(), zboot = wrap_zboot(image, "lz4-legacy", "lz4");
	size_t end = WRAP_ZBOOT_PAYLOAD + unit_get_le(zboot.data + 12, 4);

	unit_put_le(zboot.data + end, 4, image.size + 1);
	refuse(*state, zboot, CRASHRES_ERR_FORMAT,
	       "Image: vmlinuz: the payload unpacks to 300000 bytes, not 300001");
	/* The size is missing: padding, or the end of the file. */
	unit_put_le(zboot.data + end, 4, 0);
	check_unpacked(*state, zboot, image);
	unit_put_le(zboot.data + end, 4, 1);
	check_unpacked(*state, (struct bytes){ zboot.data, end + 3 }, image);
	refuse(*state, (struct bytes){ zboot.data, end + 4 }, CRASHRES_ERR_FORMAT,
	       "Image: vmlinuz: the payload unpacks to 300000 bytes, not 1");
	free(zboot.data);
	free(image.data);
}
#endif

/*
 * Returns an Image that is a PE file with signatures up to byte 2048 and padding up to byte
 * 4096.
 */
static struct bytes make_signed(void)
{
	struct bytes code = pack_noise(1024, 3);
	const struct wrap_section section = { ".text", code, 0 };
	struct bytes pe = wrap_pe(&section, 1);

	unit_put_le(pe.data + WRAP_PE_OPTIONAL + 144, 4, 1536);
	unit_put_le(pe.data + WRAP_PE_OPTIONAL + 148, 4, 512);
	pe = pack_join(pe, pack_noise(512, 4));
	assert_int_equal(pe.size, 2048);
	free(code.data);
	return pack_join(pe, (struct bytes){ unit_alloc(2048), 2048 });
}

static void test_padding_after_the_signatures_is_removed(void **state)
{
	struct bytes image = make_signed(), zboot = wrap_zboot(image, "gzip", "gzip");

	check_unpacked(*state, zboot, (struct bytes){ image.data, 2048 });
	free(zboot.data);
	/* No padding; other bytes than padding; no signatures. */
	zboot = wrap_zboot((struct bytes){ image.data, 2048 }, "gzip", "gzip");
	check_unpacked(*state, zboot, (struct bytes){ image.data, 2048 });
	free(zboot.data);
	image.data[4095] = 1;
	zboot = wrap_zboot(image, "gzip", "gzip");
	check_unpacked(*state, zboot, image);
	free(zboot.data);
	image.data[4095] = 0;
	unit_put_le(image.data + WRAP_PE_OPTIONAL + 148, 4, 0);
	zboot = wrap_zboot(image, "gzip", "gzip");
	check_unpacked(*state, zboot, image);
	free(zboot.data);
	free(image.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT_TEST(test_every_compression_of_linux_is_unpacked),
		UNIT_TEST(test_unknown_or_wrong_compression_is_refused),
		UNIT_TEST(test_payload_outside_the_file_is_refused),
		UNIT_TEST(test_damaged_pe_header_is_refused),
		UNIT_TEST(test_damaged_payload_is_refused),
#ifdef HAVE_LZ4
		UNIT_TEST(test_size_after_the_payload_is_checked),
#endif
		UNIT_TEST(test_padding_after_the_signatures_is_removed),
	};

	return cmocka_run_group_tests_name("zboot", tests, NULL, NULL);
}
