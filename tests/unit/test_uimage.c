/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tests uImages (kernel/uimage.c; u-boot include/image.h): a header of 64 bytes with checksums
 * and then the kernel. A wrong program loads a damaged kernel or one for another machine.
 *
 *  Big-endian words at offset 4: checksum of the header, 12: bytes of the kernel, 24: its
 *  checksum. Bytes at 28: system, 29: machine, 30: type, 31: compression.
 */
#include "../../libcrashres/base/input.h"
#include "../../libcrashres/kernel/uimage.h"
#include "support.h"
#include "wrap.h"

/* Opens @bytes as a file named uImage. */
static enum crashres_status open_bytes(struct unit *unit, struct bytes bytes,
				       struct crashres_input **inner)
{
	struct crashres_input file = { .name = "uImage", .data = bytes.data, .size = bytes.size,
				      .fd = -1 };

	return crs_uimage_open(unit->ctx, &file, inner);
}

/* Asserts that @uimage opens as the bytes @plain. */
static void check_unpacked(struct unit *unit, struct bytes uimage, struct bytes plain)
{
	struct crashres_input *inner;

	assert_true(crs_uimage_probe(uimage.data, uimage.size));
	assert_ok(unit, open_bytes(unit, uimage, &inner));
	assert_int_equal(inner->size, plain.size);
	assert_memory_equal(inner->data, plain.data, plain.size);
	assert_string_equal(inner->name, "uImage (uImage)");
	crashres_input_close(inner);
}

/* Asserts that opening fails with @status and @sentence. */
static void refuse(struct unit *unit, struct bytes uimage, enum crashres_status status,
		   const char *sentence)
{
	struct crashres_input *inner = UNTOUCHED;

	assert_fails(unit, open_bytes(unit, uimage, &inner), status, sentence);
	assert_ptr_equal(inner, UNTOUCHED);
}

static void test_every_compression_is_unpacked(void **state)
{
	/* Columns: format for pack(), number in the header (IH_COMP_*). */
	static const struct {
		const char *format;
		uint8_t number;
	} cases[] = {
		{ "gzip", 1 }, { "bzip2", 2 }, { "lzma", 3 }, { "lz4", 5 }, { "zstd", 6 },
	};
	struct bytes image = pack_image(), uimage = wrap_uimage(image, 0);

	check_unpacked(*state, uimage, image);
	free(uimage.data);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct bytes packed = pack(cases[i].format, image.data, image.size);

		if (!packed.data)
			continue;
		uimage = wrap_uimage(packed, cases[i].number);
		check_unpacked(*state, uimage, image);
		/* On a flash device other bytes follow. */
		uimage = pack_join(uimage, pack_noise(5000, 8));
		check_unpacked(*state, uimage, image);
		free(uimage.data);
		free(packed.data);
	}
	uimage = wrap_uimage(image, 4);
	refuse(*state, uimage, CRASHRES_ERR_UNSUPPORTED,
	       "uImage: uImage: unknown compression \"lzo\"");
	free(uimage.data);
	uimage = wrap_uimage(image, 7);
	refuse(*state, uimage, CRASHRES_ERR_UNSUPPORTED, "uImage: uImage: unknown compression 7");
	free(uimage.data);
	uimage = wrap_uimage(image, 1);
	refuse(*state, uimage, CRASHRES_ERR_FORMAT,
	       "uImage: uImage: gzip: no gzip header");
	free(uimage.data);
	free(image.data);
}

static void test_other_types_systems_and_machines_are_refused(void **state)
{
	/* Columns: byte offset in the header, wrong value, message. */
	static const struct {
		size_t at;
		uint8_t value;
		const char *sentence;
	} cases[] = {
		{ 28, 17, "uImage: uImage: is not an arm64 kernel: type 2, system 17, machine 22 "
		  "instead of 2, 5, 22" },
		{ 29, 2, "uImage: uImage: is not an arm64 kernel: type 2, system 5, machine 2 "
		  "instead of 2, 5, 22" },
		{ 30, 3, "uImage: uImage: is not an arm64 kernel: type 3, system 5, machine 22 "
		  "instead of 2, 5, 22" },
	};
	struct bytes image = pack_image(), uimage = wrap_uimage(image, 0);

	for (size_t i = 0; i < COUNT(cases); i++) {
		uint8_t before = uimage.data[cases[i].at];

		uimage.data[cases[i].at] = cases[i].value;
		wrap_uimage_sum(uimage);
		refuse(*state, uimage, CRASHRES_ERR_UNSUPPORTED, cases[i].sentence);
		uimage.data[cases[i].at] = before;
	}
	uimage.data[30] = 14;	/* IH_TYPE_KERNEL_NOLOAD: a kernel without a load address */
	wrap_uimage_sum(uimage);
	check_unpacked(*state, uimage, image);
	free(uimage.data);
	free(image.data);
}

static void test_wrong_checksums_are_refused(void **state)
{
	struct bytes image = pack_image(), uimage = wrap_uimage(image, 0);

	for (size_t at = 4; at < 64; at++) {
		uimage.data[at] ^= 0x10;
		refuse(*state, uimage, CRASHRES_ERR_FORMAT,
		       "uImage: uImage: the checksum of the header is wrong");
		uimage.data[at] ^= 0x10;
	}
	uimage.data[64] ^= 1;
	refuse(*state, uimage, CRASHRES_ERR_FORMAT,
	       "uImage: uImage: the checksum of the kernel is wrong");
	uimage.data[64] ^= 1;
	uimage.data[uimage.size - 1] ^= 1;
	refuse(*state, uimage, CRASHRES_ERR_FORMAT,
	       "uImage: uImage: the checksum of the kernel is wrong");
	uimage.data[uimage.size - 1] ^= 1;
	check_unpacked(*state, uimage, image);
	free(uimage.data);
	free(image.data);
}

static void test_truncated_uimage_is_refused(void **state)
{
	struct bytes image = pack_image(), uimage = wrap_uimage(image, 0);
	char sentence[128];

	for (size_t size = 4; size < 64; size++) {
		assert_true(crs_uimage_probe(uimage.data, size));
		snprintf(sentence, sizeof(sentence), "uImage: uImage: truncated: the header "
			 "ends at byte 64, the file at byte %zu", size);
		refuse(*state, (struct bytes){ uimage.data, size }, CRASHRES_ERR_FORMAT, sentence);
	}
	assert_false(crs_uimage_probe(uimage.data, 3));
	refuse(*state, (struct bytes){ uimage.data, 64 }, CRASHRES_ERR_FORMAT,
	       "uImage: uImage: truncated: the kernel ends at byte 300064, the file at byte 64");
	refuse(*state, (struct bytes){ uimage.data, 300063 }, CRASHRES_ERR_FORMAT,
	       "uImage: uImage: truncated: the kernel ends at byte 300064, the file at byte "
	       "300063");
	memset(uimage.data + 12, 0xff, 4);
	wrap_uimage_sum(uimage);
	refuse(*state, uimage, CRASHRES_ERR_FORMAT, "uImage: uImage: truncated: the kernel ends at "
	       "byte 4294967359, the file at byte 300064");
	free(uimage.data);
	uimage = wrap_uimage((struct bytes){ image.data, 0 }, 0);
	refuse(*state, uimage, CRASHRES_ERR_FORMAT, "uImage (uImage): the content is empty");
	free(uimage.data);
	free(image.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT_TEST(test_every_compression_is_unpacked),
		UNIT_TEST(test_other_types_systems_and_machines_are_refused),
		UNIT_TEST(test_wrong_checksums_are_refused),
		UNIT_TEST(test_truncated_uimage_is_refused),
	};

	return cmocka_run_group_tests_name("uimage", tests, NULL, NULL);
}
