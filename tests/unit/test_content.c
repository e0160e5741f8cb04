/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tests the content of a kernel without its signatures (kernel/content.c). A wrong program seals
 * a kernel with a signature that does not fit, or cuts bytes of the kernel.
 */
#include <endian.h>

#include "../../libcrashres/kernel/content.h"
#include "../../libcrashres/kernel/pe.h"
#include "support.h"

/* Offsets in the test's kernel: an Image header, and a PE header with one section. */
#define PE_HEADER	64
#define OPTIONAL	(PE_HEADER + 24)
#define CHECKSUM	(OPTIONAL + 64)
#define DIRECTORY	(OPTIONAL + 112 + 4 * 8)
#define SECTIONS	(OPTIONAL + 160)
#define SECTION_END	4096

/* A kernel with signatures behind it. */
struct file {
	uint8_t data[16384];
	size_t size;
};

/* Makes a kernel whose section ends at SECTION_END, of @size bytes, with a checksum. */
static struct file make_file(size_t size)
{
	struct file file = { .size = size };
	uint8_t *data = file.data;

	unit_fill(data, size, 3);
	memset(data, 0, SECTIONS + 40);
	memcpy(data, "MZ", 2);
	unit_put_le(data + 16, 8, 1 * MIB);
	unit_put_le(data + 24, 8, 0xa);
	memcpy(data + 56, CRS_IMAGE_MAGIC, 4);
	unit_put_le(data + 60, 4, PE_HEADER);
	memcpy(data + PE_HEADER, "PE\0\0", 4);
	unit_put_le(data + PE_HEADER + 4, 2, CRS_PE_ARM64);
	unit_put_le(data + PE_HEADER + 6, 2, 1);
	unit_put_le(data + PE_HEADER + 20, 2, 160);
	unit_put_le(data + OPTIONAL, 2, 0x20b);
	unit_put_le(data + CHECKSUM, 4, 0x12345678);
	unit_put_le(data + OPTIONAL + 108, 4, 6);
	unit_put_le(data + SECTIONS + 16, 4, SECTION_END - 512);
	unit_put_le(data + SECTIONS + 20, 4, 512);
	return file;
}

/* Appends @size bytes of the value 0x5a. */
static void add_bytes(struct file *file, size_t size)
{
	memset(file->data + file->size, 0x5a, size);
	file->size += size;
}

/* Appends a certificate table of @size bytes, aligned to 8 bytes as by a signer. */
static void add_table(struct file *file, size_t size)
{
	file->size = (file->size + 7) / 8 * 8;
	unit_put_le(file->data + DIRECTORY, 4, file->size);
	unit_put_le(file->data + DIRECTORY + 4, 4, size);
	add_bytes(file, size);
}

/* Appends a signature whose fields claim @size bytes and that has @real bytes. */
static void add_appended(struct file *file, size_t size, size_t real)
{
	static const char marker[] = "~Module signature appended~\n";
	uint8_t *fields;

	add_bytes(file, real);
	fields = file->data + file->size;
	memset(fields, 0, 12);
	fields[2] = 2;
	for (int i = 0; i < 4; i++)
		fields[8 + i] = (uint8_t)(size >> (24 - 8 * i));
	memcpy(fields + 12, marker, 28);
	file->size += 40;
}

/* Opens the file as a kernel, without a check of its bytes. */
static struct crashres_kernel as_kernel(const struct file *file, struct crashres_input *input)
{
	*input = (struct crashres_input){ .name = (char *)(uintptr_t)"vm", .data = file->data,
					  .size = file->size, .fd = -1, .original_fd = -1,
					  .mode = 0640, .references = 1 };
	return (struct crashres_kernel){ .file = input };
}

/* Asserts that the content of @file is @expected, in a new input. */
static void assert_content(struct unit *unit, const struct file *file, const struct file *expected)
{
	struct crashres_input input, *content;
	const struct crashres_kernel kernel = as_kernel(file, &input);

	assert_ok(unit, crs_kernel_content(unit->ctx, &kernel, &content));
	assert_ptr_not_equal(content, &input);
	assert_int_equal(content->size, expected->size);
	assert_memory_equal(content->data, expected->data, expected->size);
	assert_int_equal(content->mode, 0640);
	assert_string_equal(content->name, "vm");
	crashres_input_close(content);
	assert_int_equal(input.references, 1);
}

/* Asserts that @file counts as unsigned: the content is the kernel's own input. */
static void assert_unsigned(struct unit *unit, const struct file *file)
{
	struct crashres_input input, *content;
	const struct crashres_kernel kernel = as_kernel(file, &input);

	assert_ok(unit, crs_kernel_content(unit->ctx, &kernel, &content));
	assert_ptr_equal(content, &input);
	assert_int_equal(input.references, 2);
}

/* A kernel of @size bytes without signatures, as the content must be. */
static struct file make_unsigned(size_t size, bool had_pe_signature)
{
	struct file file = make_file(size);

	if (had_pe_signature)
		memset(file.data + CHECKSUM, 0, 4);
	return file;
}

static void test_each_signature_is_removed(void **state)
{
	/* The bytes of the kernel; the last two have bytes after the section. */
	static const size_t sizes[] = { SECTION_END, SECTION_END + 8, SECTION_END + 1000 };
	struct unit *unit = *state;

	for (size_t i = 0; i < COUNT(sizes); i++) {
		const struct file with_pe = make_unsigned(sizes[i], true);
		const struct file without_pe = make_unsigned(sizes[i], false);
		struct file file = make_file(sizes[i]);

		assert_unsigned(unit, &file);
		add_table(&file, 1480);
		assert_content(unit, &file, &with_pe);
		add_appended(&file, 500, 500);
		assert_content(unit, &file, &with_pe);
		add_appended(&file, 1, 1);
		assert_content(unit, &file, &with_pe);

		file = make_file(sizes[i]);
		add_appended(&file, 704, 704);
		assert_content(unit, &file, &without_pe);
		add_table(&file, 8);
		assert_content(unit, &file, &with_pe);
	}
}

/* The signer pads the kernel before the table; a zboot file can pad the kernel after it. */
static void test_padding_is_removed(void **state)
{
	struct unit *unit = *state;
	struct file file = make_file(SECTION_END), expected = make_unsigned(SECTION_END - 3, true);

	/* The section ends 3 bytes earlier. The signer fills these bytes with zeros. */
	unit_put_le(file.data + SECTIONS + 16, 4, SECTION_END - 512 - 3);
	unit_put_le(expected.data + SECTIONS + 16, 4, SECTION_END - 512 - 3);
	memset(file.data + SECTION_END - 3, 0, 3);
	add_table(&file, 1480);
	memset(file.data + file.size, 0, 5000);
	file.size += 5000;
	assert_content(unit, &file, &expected);
	/* A byte that is not zero belongs to the kernel. */
	file.data[SECTION_END - 1] = 1;
	expected.size = SECTION_END;
	memcpy(expected.data + SECTION_END - 3, "\0\0\1", 3);
	assert_content(unit, &file, &expected);
	/* The signer fills 4 bytes behind an appended signature of 740 bytes. */
	file = make_file(SECTION_END + 1000);
	add_appended(&file, 700, 700);
	add_table(&file, 1480);
	expected = make_unsigned(SECTION_END + 1000, true);
	assert_content(unit, &file, &expected);
	/* Without the marker, the 4 bytes can belong to the kernel. */
	file = make_file(SECTION_END + 1000);
	file.data[file.size - 1] = 1;
	memset(file.data + file.size, 0, 4);
	file.size += 4;
	add_table(&file, 1480);
	expected = make_unsigned(SECTION_END + 1000, true);
	expected.data[expected.size - 1] = 1;
	memset(expected.data + expected.size, 0, 8);
	expected.size += 8;
	assert_content(unit, &file, &expected);
}

static void test_what_is_no_signature_stays(void **state)
{
	struct unit *unit = *state;
	struct file file = make_file(SECTION_END);

	/* Bytes behind the table. */
	add_table(&file, 1480);
	file.data[file.size++] = 1;
	assert_unsigned(unit, &file);
	/* The table overlaps the section, and the section table. */
	file = make_file(SECTION_END);
	unit_put_le(file.data + DIRECTORY, 4, SECTION_END - 8);
	unit_put_le(file.data + DIRECTORY + 4, 4, 8);
	assert_unsigned(unit, &file);
	unit_put_le(file.data + PE_HEADER + 6, 2, 0);
	unit_put_le(file.data + DIRECTORY, 4, SECTIONS - 8);
	unit_put_le(file.data + DIRECTORY + 4, 4, SECTION_END - SECTIONS + 8);
	assert_unsigned(unit, &file);
	/* The table ends behind the file. */
	file = make_file(SECTION_END);
	add_table(&file, 1480);
	file.size--;
	assert_unsigned(unit, &file);
	/* The fields of an appended signature claim too many bytes, or have another type. */
	file = make_file(SECTION_END);
	add_appended(&file, SECTION_END - 63, 0);
	assert_unsigned(unit, &file);
	file = make_file(SECTION_END);
	add_appended(&file, UINT32_MAX, 10);
	assert_unsigned(unit, &file);
	file = make_file(SECTION_END);
	add_appended(&file, 10, 10);
	file.data[file.size - 40 + 2] = 1;
	assert_unsigned(unit, &file);
}

/* At least the Image header stays. */
static void test_the_smallest_content(void **state)
{
	struct unit *unit = *state;
	struct file file = make_file(SECTION_END), expected = make_file(64);

	add_appended(&file, SECTION_END - 64, 0);
	assert_content(unit, &file, &expected);
}

/* A signed kernel from a pipe or device, whose signature lies behind image_size. */
static void test_a_signature_behind_image_size(void **state)
{
	struct unit *unit = *state;
	struct file file = make_file(SECTION_END), expected = make_unsigned(SECTION_END, true);
	struct crashres_input *input, *content;
	struct crashres_kernel *kernel;

	unit_put_le(file.data + 16, 8, SECTION_END);
	unit_put_le(expected.data + 16, 8, SECTION_END);
	add_table(&file, 1480);
	assert_ok(unit, crashres_input_from_memory(unit->ctx, "vm", file.data, sizeof(file.data),
						   &input));
	/* The bytes behind the signature are those of the partition. */
	input->stream = true;
	assert_ok(unit, crashres_kernel_from_input(unit->ctx, input, &kernel));
	assert_int_equal(kernel->file->size, file.size);
	assert_ok(unit, crs_kernel_content(unit->ctx, kernel, &content));
	assert_int_equal(content->size, expected.size);
	assert_memory_equal(content->data, expected.data, expected.size);
	crashres_input_close(content);
	crashres_kernel_close(kernel);
	crashres_input_close(input);
}

/* An appended signature below a PE signature cannot cover the header fields that are cleared. */
static void test_a_signature_over_the_pe_header(void **state)
{
	struct unit *unit = *state;

	for (size_t left = DIRECTORY + 7; left < DIRECTORY + 9; left++) {
		struct file file = make_file(SECTION_END), expected = make_unsigned(left, true);

		unit_put_le(file.data + PE_HEADER + 6, 2, 0);
		unit_put_le(expected.data + PE_HEADER + 6, 2, 0);
		add_appended(&file, SECTION_END - left, 0);
		if (left < DIRECTORY + 8) {
			expected = file;
			memset(expected.data + CHECKSUM, 0, 4);
		}
		add_table(&file, 1480);
		assert_content(unit, &file, &expected);
	}
}

/* Hostile headers: the content lies in the file and has an Image header. */
static void test_random_headers(void **state)
{
	struct unit *unit = *state;
	uint32_t seed = 11;

	for (int i = 0; i < 20000; i++) {
		struct file file = make_file(SECTION_END);
		struct crashres_input input, *content;
		const struct crashres_kernel kernel = as_kernel(&file, &input);

		add_table(&file, 1480);
		if (i % 2)
			add_appended(&file, 100, 100);
		input.size = file.size;
		for (uint32_t changes = unit_random(&seed) % 4; changes; changes--) {
			uint32_t place = unit_random(&seed) % 4 ? PE_HEADER + unit_random(&seed) % 230 :
					 (uint32_t)file.size - 1 - unit_random(&seed) % 45;

			file.data[place] = unit_random(&seed) % 3 ? 0 : (uint8_t)unit_random(&seed);
		}
		assert_ok(unit, crs_kernel_content(unit->ctx, &kernel, &content));
		assert_true(content->size >= 64 && content->size <= input.size);
		assert_memory_equal(content->data, file.data, 64);
		crashres_input_close(content);
		assert_int_equal(input.references, 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT_TEST(test_each_signature_is_removed),
		UNIT_TEST(test_padding_is_removed),
		UNIT_TEST(test_what_is_no_signature_stays),
		UNIT_TEST(test_the_smallest_content),
		UNIT_TEST(test_a_signature_behind_image_size),
		UNIT_TEST(test_a_signature_over_the_pe_header),
		UNIT_TEST(test_random_headers),
	};

	return cmocka_run_group_tests_name("content", tests, NULL, NULL);
}
