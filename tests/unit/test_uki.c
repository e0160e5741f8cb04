/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tests unified kernel images (kernel/uki.c): a PE file with kernel, initrd, DTB and command
 * line as sections. A wrong program reads outside a hostile file, or loads the padding of a
 * section.
 */
#include "../../libcrashres/kernel/kernel.h"
#include "../../libcrashres/kernel/uki.h"
#include "support.h"
#include "wrap.h"

static struct bytes text(const char *string)
{
	return (struct bytes){ (uint8_t *)(uintptr_t)string, strlen(string) };
}

/* Opens @bytes as a file named linux.efi. */
static enum crashres_status open_bytes(struct unit *unit, struct bytes bytes, struct crs_contents *uki)
{
	struct crashres_input file = { .name = "linux.efi", .data = bytes.data, .size = bytes.size,
				      .fd = -1 };

	return crs_uki_open(unit->ctx, &file, uki);
}

/* Asserts that opening fails with @status and @sentence. */
static void refuse(struct unit *unit, struct bytes bytes, enum crashres_status status,
		   const char *sentence)
{
	struct crs_contents uki;

	mark_untouched(uki);
	assert_fails(unit, open_bytes(unit, bytes, &uki), status, sentence);
	assert_untouched(uki);
}

/* Asserts name and content of a part, and that it has a descriptor. */
static void assert_file(const struct crashres_input *file, const char *name, const char *content)
{
	assert_non_null(file);
	assert_string_equal(file->name, name);
	assert_int_equal(file->size, strlen(content));
	assert_memory_equal(file->data, content, file->size);
	assert_true(file->fd >= 0);
}

static void test_all_parts_of_a_uki_are_found(void **state)
{
	struct unit *unit = *state;
	const struct wrap_section sections[] = {
		{ ".osrel", text("ID=debian\n"), 0 }, { ".linux", text("kernel"), 0 },
		{ ".cmdline", text("console=ttyS0 root=/dev/vda\n"), 0 },
		{ ".initrd", text("initramfs"), 0 }, { ".dtb", text("tree"), 0 },
		{ ".linux", text("another"), 0 },
	};
	struct bytes file = wrap_pe(sections, COUNT(sections));
	struct crs_contents uki;

	assert_true(crs_uki_probe(file.data, file.size));
	assert_ok(unit, open_bytes(unit, file, &uki));
	assert_file(uki.kernel, "linux.efi (.linux)", "kernel");
	assert_file(uki.initrd, "linux.efi (.initrd)", "initramfs");
	assert_file(uki.dtb, "linux.efi (.dtb)", "tree");
	assert_string_equal(uki.command_line, "console=ttyS0 root=/dev/vda");
	crs_uki_free(&uki);
	free(file.data);
}

static void test_uki_with_only_a_kernel_is_opened(void **state)
{
	struct unit *unit = *state;
	const struct wrap_section sections[] = { { ".linux", text("kernel"), 0 } };
	struct bytes file = wrap_pe(sections, 1);
	struct crs_contents uki;

	assert_ok(unit, open_bytes(unit, file, &uki));
	assert_file(uki.kernel, "linux.efi (.linux)", "kernel");
	assert_null(uki.initrd);
	assert_null(uki.dtb);
	assert_null(uki.command_line);
	crs_uki_free(&uki);
	free(file.data);
}

/*
 * The file pads sections, so the raw size can be larger. In memory a section can be longer,
 * with zeros at its end, so the virtual size can be larger.
 */
static void test_smaller_of_raw_and_virtual_size_is_used(void **state)
{
	struct unit *unit = *state;
	struct bytes content = { unit_alloc(512), 512 };
	const struct wrap_section sections[] = {
		{ ".linux", content, 6 }, { ".initrd", content, UINT32_MAX },
	};
	struct bytes file = wrap_pe(sections, 2);
	struct crs_contents uki;

	assert_ok(unit, open_bytes(unit, file, &uki));
	assert_int_equal(uki.kernel->size, 6);
	assert_int_equal(uki.initrd->size, 512);
	crs_uki_free(&uki);
	free(file.data);
	free(content.data);
}

static void test_end_of_the_command_line_is_trimmed(void **state)
{
	/* Columns: bytes of .cmdline, their number, the command line (NULL: none). */
	static const struct {
		const char *found;
		size_t size;
		const char *wanted;
	} cases[] = {
		{ "quiet", 5, "quiet" },
		{ "quiet\0", 6, "quiet" },
		{ "quiet\n\0\0", 8, "quiet" },
		{ "quiet\0\n", 7, "quiet" },
		{ " a  b ", 6, " a  b " },
		{ "\0", 1, NULL },
		{ "\n", 1, NULL },
		{ "", 0, NULL },
	};
	struct unit *unit = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct bytes found = { (uint8_t *)(uintptr_t)cases[i].found, cases[i].size };
		const struct wrap_section sections[] = {
			{ ".linux", text("kernel"), 0 }, { ".cmdline", found, 0 },
		};
		struct bytes file = wrap_pe(sections, 2);
		struct crs_contents uki;

		assert_ok(unit, open_bytes(unit, file, &uki));
		if (cases[i].wanted)
			assert_string_equal(uki.command_line, cases[i].wanted);
		else
			assert_null(uki.command_line);
		crs_uki_free(&uki);
		free(file.data);
	}
}

static void test_command_line_with_a_nul_inside_is_refused(void **state)
{
	struct bytes broken = { (uint8_t *)(uintptr_t)"quiet\0debug", 11 };
	const struct wrap_section sections[] = {
		{ ".linux", text("kernel"), 0 }, { ".cmdline", broken, 0 },
		{ ".initrd", text("initramfs"), 0 }, { ".dtb", text("tree"), 0 },
	};
	struct bytes file = wrap_pe(sections, COUNT(sections));

	refuse(*state, file, CRASHRES_ERR_FORMAT,
	       "linux.efi: uki: the command line contains a NUL");
	free(file.data);
}

static void test_sections_outside_the_file_are_refused(void **state)
{
	const struct wrap_section sections[] = {
		{ ".linux", text("kernel"), 0 }, { ".initrd", text("initramfs"), 600 },
	};
	struct bytes file = wrap_pe(sections, 2);	/* 1536 bytes */
	uint8_t *second = file.data + WRAP_PE_SECTIONS + 40;

	refuse(*state, (struct bytes){ file.data, 1535 }, CRASHRES_ERR_FORMAT,
	       "linux.efi: uki: truncated: .initrd ends at byte 1536, the file at byte 1535");
	refuse(*state, (struct bytes){ file.data, 517 }, CRASHRES_ERR_FORMAT,
	       "linux.efi: uki: truncated: .linux ends at byte 518, the file at byte 517");
	/* In 32 bits the sum of offset and size would wrap to 255. */
	unit_put_le(second + 8, 4, 256);
	unit_put_le(second + 20, 4, UINT32_MAX);
	refuse(*state, file, CRASHRES_ERR_FORMAT,
	       "linux.efi: uki: truncated: .initrd ends at byte 4294967551, the file at byte 1536");
	free(file.data);
}

static void test_table_of_65535_sections_must_be_in_the_file(void **state)
{
	const struct wrap_section section = { ".linux", text("kernel"), 0 };
	struct bytes file = wrap_pe(&section, 1);
	size_t table_end = WRAP_PE_SECTIONS + 65535 * 40;
	struct crs_contents uki;

	unit_put_le(file.data + WRAP_PE_HEADER + 6, 2, 65535);
	assert_true(crs_uki_probe(file.data, file.size));
	refuse(*state, file, CRASHRES_ERR_FORMAT, "linux.efi: uki: truncated: the table of 65535 "
	       "sections ends at byte 2621728, the file at byte 1024");
	/* With the whole table in the file the UKI is valid. */
	file = pack_join(file, (struct bytes){ unit_alloc(table_end), table_end - 1024 });
	assert_ok((struct unit *)*state, open_bytes(*state, file, &uki));
	assert_file(uki.kernel, "linux.efi (.linux)", "kernel");
	crs_uki_free(&uki);
	file.size--;
	refuse(*state, file, CRASHRES_ERR_FORMAT, "linux.efi: uki: truncated: the table of 65535 "
	       "sections ends at byte 2621728, the file at byte 2621727");
	free(file.data);
}

static void test_other_machine_or_empty_kernel_is_refused(void **state)
{
	const struct wrap_section section = { ".linux", text(""), 0 };
	struct bytes file = wrap_pe(&section, 1);

	refuse(*state, file, CRASHRES_ERR_FORMAT, "linux.efi: uki: the kernel is empty");
	unit_put_le(file.data + WRAP_PE_HEADER + 4, 2, 0x8664);
	refuse(*state, file, CRASHRES_ERR_UNSUPPORTED,
	       "linux.efi: uki: is for machine 0x8664, not for arm64 (0xaa64)");
	file.data[WRAP_PE_SECTIONS + 1] = 'L';
	assert_false(crs_uki_probe(file.data, file.size));
	free(file.data);
}

/* --------------------------------------------------- crashres_kernel_open() */

/* Opens @bytes with crashres_kernel_open(), as file linux.efi in the test's folder. */
static enum crashres_status open_kernel(struct unit *unit, struct bytes bytes,
					struct crashres_kernel **kernel)
{
	CRS_CLEANUP(crs_freep) char *path = unit_path(unit, "linux.efi");

	unit_write(unit, "linux.efi", bytes.data, bytes.size);
	return crashres_kernel_open(unit->ctx, path, kernel);
}

/* Asserts that a UKI with @inner as .linux opens as @image. Frees @inner. */
static void check_kernel(struct unit *unit, struct bytes inner, struct bytes image)
{
	const struct wrap_section sections[] = {
		{ ".linux", inner, 0 }, { ".initrd", text("initramfs"), 0 },
		{ ".cmdline", text("quiet"), 0 },
	};
	struct bytes file = wrap_pe(sections, COUNT(sections));
	struct crashres_kernel *kernel;

	assert_ok(unit, open_kernel(unit, file, &kernel));
	assert_string_equal(crashres_kernel_type(kernel), "uki");
	assert_int_equal(kernel->file->size, image.size);
	assert_memory_equal(kernel->file->data, image.data, image.size);
	assert_int_equal(kernel->initrd->size, 9);
	assert_null(kernel->dtb);
	assert_string_equal(kernel->command_line, "quiet");
	crashres_kernel_close(kernel);
	free(file.data);
	free(inner.data);
}

static void test_kernel_in_gzip_or_zboot_is_unpacked(void **state)
{
	struct bytes image = pack_image();

	check_kernel(*state, pack("gzip", image.data, image.size), image);
	check_kernel(*state, wrap_zboot(image, "gzip", "gzip"), image);
	check_kernel(*state, pack_image(), image);
	free(image.data);
}

static void test_uki_inside_a_uki_is_refused(void **state)
{
	struct unit *unit = *state;
	struct bytes image = pack_image();
	const struct wrap_section inside = { ".linux", image, 0 };
	struct bytes file = wrap_pe(&inside, 1);
	const struct wrap_section outside[] = {
		{ ".linux", file, 0 }, { ".initrd", text("initramfs"), 0 },
	};
	struct bytes both = wrap_pe(outside, 2);
	CRS_CLEANUP(crs_freep) char *path = unit_path(unit, "linux.efi");
	struct crashres_kernel *kernel = UNTOUCHED;
	char sentence[128];

	snprintf(sentence, sizeof(sentence), "%s (.linux): a uki cannot contain a uki", path);
	assert_fails(unit, open_kernel(unit, both, &kernel), CRASHRES_ERR_FORMAT, sentence);
	assert_ptr_equal(kernel, UNTOUCHED);
	free(both.data);
	free(file.data);
	free(image.data);
}

/* A kernel with an EFI stub is a PE file too, and can have a section .linux. */
static void test_image_with_an_efi_stub_is_not_a_uki(void **state)
{
	const struct wrap_section section = { ".linux", text("kernel"), 0 };
	struct bytes file = wrap_pe(&section, 1);
	struct crashres_kernel *kernel;

	memcpy(file.data + 56, "ARM\x64", 4);
	unit_put_le(file.data + 16, 8, MIB);
	assert_ok((struct unit *)*state, open_kernel(*state, file, &kernel));
	assert_string_equal(crashres_kernel_type(kernel), "Image");
	crashres_kernel_close(kernel);
	free(file.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT_TEST(test_all_parts_of_a_uki_are_found),
		UNIT_TEST(test_uki_with_only_a_kernel_is_opened),
		UNIT_TEST(test_smaller_of_raw_and_virtual_size_is_used),
		UNIT_TEST(test_end_of_the_command_line_is_trimmed),
		UNIT_TEST(test_command_line_with_a_nul_inside_is_refused),
		UNIT_TEST(test_sections_outside_the_file_are_refused),
		UNIT_TEST(test_table_of_65535_sections_must_be_in_the_file),
		UNIT_TEST(test_other_machine_or_empty_kernel_is_refused),
		UNIT_TEST(test_kernel_in_gzip_or_zboot_is_unpacked),
		UNIT_TEST(test_uki_inside_a_uki_is_refused),
		UNIT_TEST(test_image_with_an_efi_stub_is_not_a_uki),
	};

	return cmocka_run_group_tests_name("uki", tests, NULL, NULL);
}
