/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tests sealed Images (plan/sealed-image.c): an arm64 Image that contains purgatory, parity and
 * the real kernel. A wrong program makes an Image that does not start, or loses bytes of the
 * kernel on unsealing.
 */
#include <endian.h>
#include <openssl/sha.h>

#include "../../libcrashres/kernel/kernel.h"
#include "../../libcrashres/kernel/uki.h"
#include "../../libcrashres/kernel/zboot.h"
#include "../../libcrashres/machine/machine.h"
#include "../../libcrashres/plan/sealed-image.h"
#include "../../libcrashres/plan/sealed-pe.h"
#include "../../purgatory/abi.h"
#include "support.h"

#define PURGATORY	4096	/* byte offset of purgatory in a sealed Image */

/* Opens an Image of @size bytes that needs @image_size bytes of memory. */
static struct crashres_kernel *open_kernel(struct unit *unit, size_t size, uint64_t image_size,
					   uint64_t text_offset)
{
	CRS_CLEANUP(crs_freep) char *path = unit_path(unit, "Image");
	struct crs_image_header header = {
		.text_offset = htole64(text_offset), .image_size = htole64(image_size),
		.flags = htole64(0xa),
	};
	struct crashres_kernel *kernel;
	uint8_t *data = unit_alloc(size);

	unit_fill(data, size, 7);
	memcpy(header.magic, CRS_IMAGE_MAGIC, 4);
	memcpy(data, &header, sizeof(header));
	unit_write(unit, "Image", data, size);
	free(data);
	assert_ok(unit, crashres_kernel_open(unit->ctx, path, &kernel));
	return kernel;
}

static struct crashres_kernel *open_sealed(struct unit *unit, const struct crashres_input *sealed)
{
	CRS_CLEANUP(crs_freep) char *path = unit_path(unit, "sealed");
	struct crashres_kernel *kernel;

	unit_write(unit, "sealed", sealed->data, sealed->size);
	assert_ok(unit, crashres_kernel_open(unit->ctx, path, &kernel));
	return kernel;
}

/* Returns the parameters inside a sealed Image, found by purgatory's header. */
static const struct purgatory_params *params_of(const struct crashres_input *sealed)
{
	const struct purgatory_header *header = (const void *)(sealed->data + PURGATORY);

	assert_int_equal(header->magic, PURGATORY_MAGIC);
	return (const void *)(sealed->data + PURGATORY + header->image_size);
}

static void test_sealed_image_holds_purgatory_parity_and_kernel(void **state)
{
	struct unit *unit = *state;
	struct crashres_kernel *kernel = open_kernel(unit, 5 * MIB + 10, 6 * MIB, 0);
	struct crashres_kernel *sealed_kernel;
	uint8_t bytes[8192 + 5] = { 1, 2, 3 };
	struct crashres_input initrd = { .name = "initrd", .data = bytes, .size = sizeof(bytes) };
	struct crashres_seal_request seal = CRASHRES_SEAL_REQUEST_INIT;
	const struct purgatory_params *params;
	struct crashres_input *sealed, *unsealed;

	seal.initrd = &initrd;
	seal.on_damage = CRASHRES_ON_DAMAGE_HALT;
	seal.check_seconds = 12;
	seal.on_timeout = CRASHRES_ON_TIMEOUT_HALT;
	assert_ok(unit, crashres_seal(unit->ctx, NULL, kernel, &seal, &sealed));
	/* Purgatory and parity lie below 2 MiB, the kernel with its BSS above. */
	assert_int_equal(sealed->size, 8 * MIB);
	assert_memory_equal(sealed->data + 2 * MIB, kernel->file->data, kernel->file->size);
	for (size_t i = 2 * MIB + kernel->file->size; i < sealed->size; i++)
		assert_int_equal(sealed->data[i], 0);
	sealed_kernel = open_sealed(unit, sealed);
	assert_true(crashres_kernel_is_sealed(sealed_kernel));
	assert_false(crashres_kernel_is_sealed(kernel));
	assert_int_equal(sealed_kernel->image.text_offset, 0);
	assert_int_equal(sealed_kernel->image.image_size, 8 * MIB + 64 * KIB);
	assert_int_equal(sealed_kernel->image.page_size, 4096);
	assert_true(sealed_kernel->image.anywhere);
	params = params_of(sealed);
	assert_int_equal(params->kernel_entry, 2 * MIB - PURGATORY);
	assert_int_equal(params->segment_count, 2);
	assert_string_equal(params->segments[0].name, "kernel");
	assert_int_equal(params->segments[0].base, 2 * MIB - PURGATORY);
	assert_int_equal(params->segments[0].size, 6 * MIB);
	assert_string_equal(params->segments[1].name, "initrd");
	assert_int_equal(params->segments[1].size, 3 * 4096);
	assert_int_equal(params->initrd_size, sizeof(bytes));
	assert_int_equal(params->block_count, 6 * MIB / 4096 + 3);
	assert_int_equal(params->on_damage, PURGATORY_POLICY_HALT);
	assert_int_equal(params->seconds, 12);
	assert_int_equal(params->on_timeout, PURGATORY_POLICY_HALT);
	assert_true(params->group_count > 0);
	assert_true(params->parity_base + PURGATORY + 2 * params->group_count * 4096 <= 2 * MIB);
	assert_ok(unit, crashres_unseal(unit->ctx, sealed_kernel, &unsealed));
	assert_int_equal(unsealed->size, kernel->file->size);
	assert_memory_equal(unsealed->data, kernel->file->data, unsealed->size);
	crashres_input_close(unsealed);
	crashres_kernel_close(sealed_kernel);
	crashres_input_close(sealed);
	crashres_kernel_close(kernel);
}

/* Fields of the header page: offset, bytes, value. The rest of the page is zero. */
static const struct {
	size_t offset, width;
	uint64_t value;
} page[] = {
	{ 0, 4, 0xfa405a4d },			/* "MZ": ccmp x18, #0, #0xd, pl */
	{ 4, 4, 0x140003ff },			/* b 4096 */
	{ 16, 8, 8 * MIB + 64 * KIB },		/* image_size */
	{ 24, 8, 0xa },				/* flags */
	{ 56, 4, 0x644d5241 },			/* "ARM\x64" */
	{ 60, 4, 512 },				/* offset of the PE header */
	{ 64, 8, 0x326c616573737263 },		/* "crsseal2" */
	{ 72, 8, 2 * MIB },			/* kernel_offset */
	{ 80, 8, 5 * MIB + 10 },		/* kernel_size */
	{ 120, 8, 8192 + 5 },			/* initrd_size */
	{ 512, 4, 0x4550 },			/* "PE\0\0" */
	{ 516, 2, 0xaa64 },			/* Machine */
	{ 518, 2, 1 },				/* NumberOfSections */
	{ 532, 2, 160 },			/* SizeOfOptionalHeader */
	{ 534, 2, 0x206 },			/* Characteristics */
	{ 536, 2, 0x20b },			/* Magic: PE32+ */
	{ 540, 4, 8 * MIB - 4096 },		/* SizeOfCode */
	{ 556, 4, 4096 },			/* BaseOfCode */
	{ 568, 4, 4096 },			/* SectionAlignment */
	{ 572, 4, 512 },			/* FileAlignment */
	{ 592, 4, 8 * MIB },			/* SizeOfImage */
	{ 596, 4, 4096 },			/* SizeOfHeaders */
	{ 604, 2, 10 },				/* Subsystem: EFI application */
	{ 606, 2, 0x100 },			/* DllCharacteristics: NX_COMPAT */
	{ 644, 4, 6 },				/* NumberOfRvaAndSizes */
	{ 696, 8, 0x747865742e },		/* section ".text" */
	{ 704, 4, 8 * MIB - 4096 },		/* VirtualSize */
	{ 708, 4, 4096 },			/* VirtualAddress */
	{ 712, 4, 8 * MIB - 4096 },		/* SizeOfRawData */
	{ 716, 4, 4096 },			/* PointerToRawData */
	{ 732, 4, 0x60000020 },			/* Characteristics: code, execute, read */
};

/* Asserts that @digest at @at is the SHA-256 of @data, and clears it. */
static void take_digest(uint8_t *at, const void *data, size_t size)
{
	uint8_t digest[SHA256_DIGEST_LENGTH];

	assert_memory_equal(at, SHA256(data, size, digest), sizeof(digest));
	memset(at, 0, sizeof(digest));
}

/* Each byte of the first page, and the stub that firmware starts. */
static void test_the_header_page(void **state)
{
	static const uint8_t zeros[PURGATORY];
	struct unit *unit = *state;
	struct crashres_kernel *kernel = open_kernel(unit, 5 * MIB + 10, 6 * MIB, 0);
	uint8_t bytes[8192 + 5] = { 1, 2, 3 }, copy[PURGATORY];
	struct crashres_input initrd = { .name = "initrd", .data = bytes, .size = sizeof(bytes) };
	struct crashres_seal_request seal = CRASHRES_SEAL_REQUEST_INIT;
	struct crashres_input *sealed;
	uint64_t entry;

	seal.initrd = &initrd;
	assert_ok(unit, crashres_seal(unit->ctx, NULL, kernel, &seal, &sealed));
	/* It is a PE file, but neither a UKI nor a zboot file. */
	assert_false(crs_uki_probe(sealed->data, sealed->size));
	assert_false(crs_zboot_probe(sealed->data, sealed->size));
	memcpy(copy, sealed->data, sizeof(copy));
	for (size_t i = 0; i < COUNT(page); i++) {
		if (unit_get_le(copy + page[i].offset, page[i].width) != page[i].value)
			fail_msg("offset %zu: 0x%" PRIx64, page[i].offset,
				 unit_get_le(copy + page[i].offset, page[i].width));
		memset(copy + page[i].offset, 0, page[i].width);
	}
	take_digest(copy + 88, kernel->file->data, kernel->file->size);
	take_digest(copy + 128, bytes, sizeof(bytes));
	entry = unit_get_le(copy + 552, 4);	/* AddressOfEntryPoint */
	memset(copy + 552, 0, 4);
	assert_memory_equal(copy, zeros, sizeof(copy));
	/* bti c; mov x0, #0x8000000000000000; orr x0, x0, #3; ret */
	assert_memory_equal(sealed->data + entry, "\x5f\x24\x03\xd5\x00\x00\xf0\xd2"
			    "\x00\x04\x40\xb2\xc0\x03\x5f\xd6", CRS_SEALED_STUB_SIZE);
	assert_true(entry >= PURGATORY + params_of(sealed)->segment_size);
	assert_true(entry + CRS_SEALED_STUB_SIZE <= PURGATORY + params_of(sealed)->parity_base);
	crashres_input_close(sealed);
	crashres_kernel_close(kernel);
}

/* Without an initrd, its size and digest are zeros. */
static void test_an_image_without_an_initrd(void **state)
{
	static const uint8_t zeros[40];
	struct unit *unit = *state;
	struct crashres_kernel *kernel = open_kernel(unit, MIB, 2 * MIB, 0);
	struct crashres_seal_request seal = CRASHRES_SEAL_REQUEST_INIT;
	struct crashres_input *sealed;

	assert_ok(unit, crashres_seal(unit->ctx, NULL, kernel, &seal, &sealed));
	assert_memory_equal(sealed->data + 120, zeros, sizeof(zeros));
	crashres_input_close(sealed);
	crashres_kernel_close(kernel);
}

/* A damaged kernel is not unsealed. */
static void test_a_damaged_kernel_is_refused(void **state)
{
	struct unit *unit = *state;
	struct crashres_kernel *kernel = open_kernel(unit, MIB, 2 * MIB, 0);
	struct crashres_seal_request seal = CRASHRES_SEAL_REQUEST_INIT;
	struct crashres_input *sealed, *other = UNTOUCHED;
	char sentence[256];

	assert_ok(unit, crashres_seal(unit->ctx, NULL, kernel, &seal, &sealed));
	crashres_kernel_close(kernel);
	for (size_t place = 2 * MIB; place < 3 * MIB; place += MIB - 1) {
		CRS_CLEANUP(crs_freep) uint8_t *copy = unit_alloc(sealed->size);
		struct crashres_input damaged = *sealed;

		memcpy(copy, sealed->data, sealed->size);
		copy[place] ^= 1;
		damaged.data = copy;
		kernel = open_sealed(unit, &damaged);
		snprintf(sentence, sizeof(sentence), "%s: the kernel in the sealed Image is "
			 "damaged", kernel->file->name);
		assert_fails(unit, crashres_unseal(unit->ctx, kernel, &other),
			     CRASHRES_ERR_FORMAT, sentence);
		crashres_kernel_close(kernel);
	}
	assert_ptr_equal(other, UNTOUCHED);
	crashres_input_close(sealed);
}

/* A signature of the kernel is left out. The plan only informs about it. */
static void test_a_signature_of_the_kernel_is_left_out(void **state)
{
	struct unit *unit = *state;
	struct crashres_kernel *kernel = open_kernel(unit, MIB + 100 + 40, 2 * MIB, 0);
	struct crashres_seal_request seal = CRASHRES_SEAL_REQUEST_INIT;
	struct crashres_kernel *signed_kernel;
	struct crashres_input *sealed, *again, copy = *kernel->file;
	CRS_CLEANUP(crs_freep) uint8_t *data = unit_alloc(copy.size);
	char line[256];

	memcpy(data, copy.data, copy.size);
	memcpy(data + MIB + 100, "\0\0\2\0\0\0\0\0\0\0\0\x64~Module signature appended~\n", 40);
	copy.data = data;
	signed_kernel = open_sealed(unit, &copy);
	assert_ok(unit, crashres_seal(unit->ctx, NULL, signed_kernel, &seal, &sealed));
	snprintf(line, sizeof(line), "warning: %s: the sealed Image does not contain the signature "
		 "of the kernel", signed_kernel->file->name);
	assert_true(unit_logged(unit, line));
	assert_int_equal(unit_get_le(sealed->data + 80, 8), MIB);
	assert_memory_equal(sealed->data + 2 * MIB, data, MIB);
	assert_int_equal(sealed->data[3 * MIB], 0);
	assert_ok(unit, crs_seal(unit->ctx, NULL, signed_kernel, &seal, &again));
	snprintf(line, sizeof(line), "info: %s: the sealed Image does not contain the signature "
		 "of the kernel", signed_kernel->file->name);
	assert_true(unit_logged(unit, line));
	assert_int_equal(again->size, sealed->size);
	assert_memory_equal(again->data, sealed->data, sealed->size);
	crashres_input_close(again);
	crashres_input_close(sealed);
	crashres_kernel_close(signed_kernel);
	crashres_kernel_close(kernel);
}

/* Bytes after image_size are not lost. */
static void test_bytes_after_image_size_survive_sealing(void **state)
{
	struct unit *unit = *state;
	struct crashres_kernel *kernel = open_kernel(unit, 3 * MIB + 100, 3 * MIB, 0);
	struct crashres_kernel *sealed_kernel;
	struct crashres_seal_request seal = CRASHRES_SEAL_REQUEST_INIT;
	struct crashres_input *sealed, *unsealed;

	seal.repair = 0;
	assert_ok(unit, crashres_seal(unit->ctx, NULL, kernel, &seal, &sealed));
	assert_int_equal(params_of(sealed)->segments[0].size, 3 * MIB);
	assert_int_equal(params_of(sealed)->group_count, 0);
	assert_int_equal(sealed->size, 5 * MIB + 4096);
	sealed_kernel = open_sealed(unit, sealed);
	assert_ok(unit, crashres_unseal(unit->ctx, sealed_kernel, &unsealed));
	assert_int_equal(unsealed->size, 3 * MIB + 100);
	assert_memory_equal(unsealed->data, kernel->file->data, unsealed->size);
	crashres_input_close(unsealed);
	crashres_kernel_close(sealed_kernel);
	crashres_input_close(sealed);
	crashres_kernel_close(kernel);
}

static void test_text_offset_moves_the_kernel_inside(void **state)
{
	struct unit *unit = *state;
	struct crashres_kernel *kernel = open_kernel(unit, MIB, 2 * MIB, 0x80000);
	struct crashres_seal_request seal = CRASHRES_SEAL_REQUEST_INIT;
	struct crashres_input *sealed;

	assert_ok(unit, crashres_seal(unit->ctx, NULL, kernel, &seal, &sealed));
	assert_int_equal(params_of(sealed)->kernel_entry, 2 * MIB + 0x80000 - PURGATORY);
	assert_memory_equal(sealed->data + 2 * MIB + 0x80000, kernel->file->data, MIB);
	crashres_input_close(sealed);
	crashres_kernel_close(kernel);
}

static void test_impossible_seal_requests_are_refused(void **state)
{
	struct unit *unit = *state;
	struct crashres_kernel *kernel = open_kernel(unit, MIB, 2 * MIB, 0);
	struct crashres_kernel *sealed_kernel;
	struct crashres_seal_request seal = CRASHRES_SEAL_REQUEST_INIT;
	struct crashres_input *sealed, *other = UNTOUCHED;
	char sentence[256];

	snprintf(sentence, sizeof(sentence), "%s: is not a sealed Image", kernel->file->name);
	assert_fails(unit, crashres_unseal(unit->ctx, kernel, &other), CRASHRES_ERR_FORMAT, sentence);
	assert_ok(unit, crashres_seal(unit->ctx, NULL, kernel, &seal, &sealed));
	sealed_kernel = open_sealed(unit, sealed);
	snprintf(sentence, sizeof(sentence), "%s: is already sealed", sealed_kernel->file->name);
	assert_fails(unit, crashres_seal(unit->ctx, NULL, sealed_kernel, &seal, &other),
		     CRASHRES_ERR_REQUEST, sentence);
	seal.on_damage = 9;
	assert_fails(unit, crashres_seal(unit->ctx, NULL, kernel, &seal, &other),
		     CRASHRES_ERR_REQUEST, "unknown policy 9 for damage");
	assert_int_equal(crashres_error_member(unit->ctx), CRASHRES_MEMBER_ON_DAMAGE);
	seal.on_damage = CRASHRES_ON_DAMAGE_BOOT;
	seal.on_timeout = CRASHRES_ON_TIMEOUT_HALT + 1;
	assert_fails(unit, crashres_seal(unit->ctx, NULL, kernel, &seal, &other),
		     CRASHRES_ERR_REQUEST, "unknown policy 3 for a timeout");
	assert_int_equal(crashres_error_member(unit->ctx), CRASHRES_MEMBER_ON_TIMEOUT);
	seal.size = 1;
	assert_fails(unit, crashres_seal(unit->ctx, NULL, kernel, &seal, &other),
		     CRASHRES_ERR_REQUEST, "seal request: the size member is invalid: 1");
	assert_ptr_equal(other, UNTOUCHED);
	crashres_kernel_close(sealed_kernel);
	crashres_input_close(sealed);
	crashres_kernel_close(kernel);
}

/*
 * The offsets in the header of a file are hostile. Columns: offset and size of the kernel in
 * bytes, whether they are valid for a file of 8192 bytes.
 */
static void test_hostile_seal_headers_are_refused(void **state)
{
	static const struct {
		uint64_t offset, size;
		bool good;
	} cases[] = {
		{ 4096, 4096, true }, { 4096, 4097, false }, { 4095, 1, false }, { 8192, 1, false },
		{ 8191, 1, true }, { 4096, 0, false }, { UINT64_MAX, 2, false },
		{ 4096, UINT64_MAX, false },
	};
	uint8_t data[8192] = { 0 };
	struct crs_seal_header header = { .magic = htole64(CRS_SEAL_MAGIC) };
	uint64_t offset, size;

	memcpy(header.image.magic, CRS_IMAGE_MAGIC, 4);
	for (size_t i = 0; i < COUNT(cases); i++) {
		header.kernel_offset = htole64(cases[i].offset);
		header.kernel_size = htole64(cases[i].size);
		memcpy(data, &header, sizeof(header));
		if (crs_sealed_find_kernel(data, sizeof(data), &offset, &size) != cases[i].good)
			fail_msg("case %zu", i);
	}
	assert_false(crs_sealed_find_kernel(data, sizeof(header) - 1, &offset, &size));
	header.magic = 0;
	memcpy(data, &header, sizeof(header));
	assert_false(crs_sealed_find_kernel(data, sizeof(data), &offset, &size));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT_TEST(test_sealed_image_holds_purgatory_parity_and_kernel),
		UNIT_TEST(test_the_header_page),
		UNIT_TEST(test_an_image_without_an_initrd),
		UNIT_TEST(test_a_damaged_kernel_is_refused),
		UNIT_TEST(test_a_signature_of_the_kernel_is_left_out),
		UNIT_TEST(test_bytes_after_image_size_survive_sealing),
		UNIT_TEST(test_text_offset_moves_the_kernel_inside),
		UNIT_TEST(test_impossible_seal_requests_are_refused),
		UNIT_TEST(test_hostile_seal_headers_are_refused),
	};

	return cmocka_run_group_tests_name("sealed-image", tests, NULL, NULL);
}
