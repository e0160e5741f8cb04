/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tests the header of an arm64 Image (kernel/image.c; Linux booting.rst). A wrong program loads
 * a truncated kernel, or reads behind the end of a hostile file.
 *
 *  Offset 8: text_offset, 16: image_size, 24: flags, 56: magic "ARM\x64", 60: PE header
 */
#include <sys/mman.h>

#include "../../libcrashres/kernel/image.h"
#include "support.h"

#define SIZE 4096

/* Writes a valid Image of SIZE bytes without EFI stub. */
static void make_image(uint8_t *data)
{
	unit_fill(data, SIZE, 1);
	memset(data, 0, 64);
	unit_put_le(data + 16, 8, 2 * MIB);		/* image_size */
	unit_put_le(data + 24, 8, 0xa);			/* 4 KiB pages; can lie anywhere in RAM */
	memcpy(data + 56, "ARM\x64", 4);
}

/* Asserts all values of the header of @data (SIZE bytes). */
static void check_parse(struct unit *unit, const uint8_t *data, struct crs_image wanted)
{
	struct crs_image image;

	assert_ok(unit, crs_image_parse(unit->ctx, data, SIZE, &image));
	assert_int_equal(image.text_offset, wanted.text_offset);
	assert_int_equal(image.image_size, wanted.image_size);
	assert_int_equal(image.page_size, wanted.page_size);
	assert_int_equal(image.anywhere, wanted.anywhere);
}

/* Asserts that parsing @size bytes fails with @status and @sentence. */
static void refuse(struct unit *unit, const void *data, size_t size, enum crashres_status status,
		   const char *sentence)
{
	struct crs_image image;

	mark_untouched(image);
	assert_fails(unit, crs_image_parse(unit->ctx, data, size, &image), status, sentence);
	assert_untouched(image);
}

static void test_header_fields_are_read(void **state)
{
	static const uint64_t page_sizes[] = { 0, 4096, 16384, 65536 };
	uint8_t data[SIZE];

	make_image(data);
	for (unsigned int flags = 0; flags < 16; flags += 2) {
		unit_put_le(data + 24, 8, flags);
		check_parse(*state, data, (struct crs_image){
			0, 2 * MIB, page_sizes[flags >> 1 & 3], flags & 8 });
	}
	/* Reserved bits of the flags are ignored. */
	unit_put_le(data + 24, 8, 0xfffffffffffffff2);
	check_parse(*state, data, (struct crs_image){ 0, 2 * MIB, 4096, false });
}

static void test_header_limits_are_exact(void **state)
{
	static const char damaged[] = "the Image header is damaged: text_offset 0x%" PRIx64
				      ", image_size 0x%" PRIx64;
	static const struct {
		uint64_t text_offset, image_size;
		bool good;
	} cases[] = {
		{ 0, 1, true },
		{ 0, 1ULL << 48, true },
		{ 0, (1ULL << 48) + 1, false },
		{ 0, UINT64_MAX, false },
		{ 0x1000, 2 * MIB, true },
		{ 0x80000, 2 * MIB, true },
		{ 0xfff, 2 * MIB, false },
		{ 0x1001, 2 * MIB, false },
		{ 1, 2 * MIB, false },
		{ 2 * MIB - 4096, 2 * MIB, true },
		{ 2 * MIB, 2 * MIB, false },
		{ UINT64_MAX - 4095, 2 * MIB, false },
	};
	uint8_t data[SIZE];

	make_image(data);
	for (size_t i = 0; i < COUNT(cases); i++) {
		char sentence[128];

		unit_put_le(data + 8, 8, cases[i].text_offset);
		unit_put_le(data + 16, 8, cases[i].image_size);
		snprintf(sentence, sizeof(sentence), damaged, cases[i].text_offset,
			 cases[i].image_size);
		if (cases[i].good)
			check_parse(*state, data, (struct crs_image){
				cases[i].text_offset, cases[i].image_size, 4096, true });
		else
			refuse(*state, data, SIZE, CRASHRES_ERR_FORMAT, sentence);
	}
}

static void test_unsupported_images_are_refused(void **state)
{
	uint8_t data[SIZE];

	make_image(data);
	unit_put_le(data + 24, 8, 0xb);
	refuse(*state, data, SIZE, CRASHRES_ERR_UNSUPPORTED,
	       "the kernel is big-endian: only little-endian kernels are supported");
	make_image(data);
	unit_put_le(data + 16, 8, 0);
	refuse(*state, data, SIZE, CRASHRES_ERR_UNSUPPORTED,
	       "image_size is 0 (Linux before 3.17): the memory size of the kernel is unknown");
}

static void test_other_bytes_are_not_an_image(void **state)
{
	uint8_t data[SIZE];

	make_image(data);
	assert_true(crs_image_probe(data, SIZE));
	assert_true(crs_image_probe(data, 64));
	assert_false(crs_image_probe(data, 63));
	assert_false(crs_image_probe(data, 0));
	refuse(*state, data, 63, CRASHRES_ERR_FORMAT, "no arm64 Image header");
	refuse(*state, data, 0, CRASHRES_ERR_FORMAT, "no arm64 Image header");
	for (int i = 56; i < 60; i++) {
		make_image(data);
		data[i] ^= 0x20;
		assert_false(crs_image_probe(data, SIZE));
		refuse(*state, data, SIZE, CRASHRES_ERR_FORMAT, "no arm64 Image header");
	}
}

/*
 * Adds an EFI stub: a PE header at byte @pe_offset, an optional header of 160 bytes, and a
 * table of @sections entries of 40 bytes.
 */
static void add_pe(uint8_t *data, uint32_t pe_offset, unsigned int sections)
{
	memcpy(data, "MZ", 2);
	unit_put_le(data + 60, 4, pe_offset);
	memset(data + pe_offset, 0, 24 + 160 + 40 * sections);
	memcpy(data + pe_offset, "PE", 2);
	unit_put_le(data + pe_offset + 6, 2, sections);
	unit_put_le(data + pe_offset + 20, 2, 160);	/* size of the optional header */
}

/* Writes size and file offset (bytes) of section @i. */
static void set_section(uint8_t *data, uint32_t pe_offset, unsigned int i, uint32_t raw_size,
			uint32_t raw_offset)
{
	unit_put_le(data + pe_offset + 24 + 160 + 40 * i + 16, 4, raw_size);
	unit_put_le(data + pe_offset + 24 + 160 + 40 * i + 20, 4, raw_offset);
}

static void test_a_file_shorter_than_its_sections_is_truncated(void **state)
{
	const struct crs_image good = { 0, 2 * MIB, 4096, true };
	uint8_t data[SIZE];

	make_image(data);
	add_pe(data, 64, 2);
	set_section(data, 64, 0, 1024, 1024);
	set_section(data, 64, 1, 2048, 2048);
	check_parse(*state, data, good);		/* the section ends with the file */
	set_section(data, 64, 1, 2047, 2048);
	check_parse(*state, data, good);
	set_section(data, 64, 1, 2049, 2048);
	refuse(*state, data, SIZE, CRASHRES_ERR_FORMAT,
	       "truncated: the sections end at byte 4097, the file at byte 4096");
	/* The order of the sections is free. A section without bytes in the file is ignored. */
	set_section(data, 64, 0, 1, 4096);
	set_section(data, 64, 1, 0, 8192);
	refuse(*state, data, SIZE, CRASHRES_ERR_FORMAT,
	       "truncated: the sections end at byte 4097, the file at byte 4096");
	set_section(data, 64, 0, UINT32_MAX, UINT32_MAX);
	refuse(*state, data, SIZE, CRASHRES_ERR_FORMAT,
	       "truncated: the sections end at byte 8589934590, the file at byte 4096");
}

static void test_file_cut_inside_the_section_table_is_truncated(void **state)
{
	uint8_t data[SIZE];

	make_image(data);
	add_pe(data, 64, 2);
	refuse(*state, data, 64 + 24 + 160 + 40 + 23, CRASHRES_ERR_FORMAT,
	       "truncated: the sections end at byte 328, the file at byte 311");
	unit_put_le(data + 64 + 6, 2, 0xffff);
	memset(data + 248, 0, SIZE - 248);
	refuse(*state, data, SIZE, CRASHRES_ERR_FORMAT,
	       "truncated: the sections end at byte 4128, the file at byte 4096");
}

/* If pe_offset does not lead to a PE header, the Image has no section table. */
static void test_wrong_pe_offset_is_ignored(void **state)
{
	static const uint32_t offsets[] = {
		0, 1, 60, SIZE - 24, SIZE - 4, SIZE - 3, SIZE, UINT32_MAX - 23, UINT32_MAX,
	};
	const struct crs_image good = { 0, 2 * MIB, 4096, true };
	uint8_t *data = unit_alloc(SIZE);

	for (size_t i = 0; i < COUNT(offsets); i++) {
		make_image(data);
		memcpy(data, "MZ", 2);
		unit_put_le(data + 60, 4, offsets[i]);
		check_parse(*state, data, good);
	}
	/* The file ends right after the magic "PE". */
	make_image(data);
	memcpy(data, "MZ", 2);
	unit_put_le(data + 60, 4, SIZE - 4);
	memcpy(data + SIZE - 4, "PE\0\0", 4);
	check_parse(*state, data, good);
	/* Without the magic "MZ" the PE header is ignored. */
	make_image(data);
	add_pe(data, 64, 1);
	set_section(data, 64, 0, 8192, 0);
	memcpy(data, "\0\0", 2);
	check_parse(*state, data, good);
	free(data);
}

/*
 * pe_offset has 32 bits. The sum of pe_offset and the offsets in the headers must not wrap to
 * 0.
 */
static void test_section_table_across_4_gib_does_not_wrap(void **state)
{
	const size_t size = (1ULL << 32) + 4096;
	uint8_t *data = mmap(NULL, size, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	struct unit *unit = *state;
	struct crs_image image;

	assert_ptr_not_equal(data, MAP_FAILED);
	unit_put_le(data + 16, 8, 2 * MIB);
	memcpy(data + 56, "ARM\x64", 4);
	memset(data + 24, 0, 8);
	memcpy(data, "MZ", 2);
	unit_put_le(data + 60, 4, 0xfffffff0);
	memcpy(data + 0xfffffff0, "PE", 2);
	unit_put_le(data + 0xfffffff0 + 6, 2, 1);
	/* The section header is at byte 2^32 + 8. At byte 8 is the header of the Image. */
	unit_put_le(data + (1ULL << 32) + 8 + 16, 4, 0x1000);
	unit_put_le(data + (1ULL << 32) + 8 + 20, 4, 0xffffffff);
	assert_ok(unit, crs_image_parse(unit->ctx, data, size, &image));
	refuse(unit, data, size - 2, CRASHRES_ERR_FORMAT,
	       "truncated: the sections end at byte 4294971391, the file at byte 4294971390");
	munmap(data, size);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT_TEST(test_header_fields_are_read),
		UNIT_TEST(test_header_limits_are_exact),
		UNIT_TEST(test_unsupported_images_are_refused),
		UNIT_TEST(test_other_bytes_are_not_an_image),
		UNIT_TEST(test_a_file_shorter_than_its_sections_is_truncated),
		UNIT_TEST(test_file_cut_inside_the_section_table_is_truncated),
		UNIT_TEST(test_wrong_pe_offset_is_ignored),
		UNIT_TEST(test_section_table_across_4_gib_does_not_wrap),
	};

	return cmocka_run_group_tests_name("image", tests, NULL, NULL);
}
