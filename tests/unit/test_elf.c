/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tests ELF kernels (kernel/elf.c): a vmlinux becomes an Image, as by objcopy -O binary. A
 * wrong program reads outside a hostile file or puts segments at wrong offsets.
 */
#include <elf.h>

#include "../../libcrashres/base/input.h"
#include "../../libcrashres/kernel/elf.h"
#include "support.h"
#include "wrap.h"

#define BASE 0xffff800008000000ULL	/* address that arm64 kernels are linked to */

/* Opens @bytes as a file named vmlinux. */
static enum crashres_status open_bytes(struct unit *unit, struct bytes bytes,
				       struct crashres_input **inner)
{
	struct crashres_input file = { .name = "vmlinux", .data = bytes.data, .size = bytes.size,
				      .fd = -1 };

	return crs_elf_open(unit->ctx, &file, inner);
}

/* Asserts that the segments of @elf make the bytes @plain. */
static void check_unpacked(struct unit *unit, struct bytes elf, struct bytes plain)
{
	struct crashres_input *inner;

	assert_true(crs_elf_probe(elf.data, elf.size));
	assert_ok(unit, open_bytes(unit, elf, &inner));
	assert_int_equal(inner->size, plain.size);
	assert_memory_equal(inner->data, plain.data, plain.size);
	assert_string_equal(inner->name, "vmlinux (vmlinux)");
	crashres_input_close(inner);
}

/* Asserts that opening fails with @status and @sentence. */
static void refuse(struct unit *unit, struct bytes elf, enum crashres_status status,
		   const char *sentence)
{
	struct crashres_input *inner = UNTOUCHED;

	assert_fails(unit, open_bytes(unit, elf, &inner), status, sentence);
	assert_ptr_equal(inner, UNTOUCHED);
}

/*
 * Returns an ELF file with @image in segments of @size bytes, the last piece first. *@count is
 * the number of segments.
 */
static struct bytes cut_up(struct bytes image, size_t size, struct wrap_segment *segments,
			   size_t *count)
{
	*count = (image.size + size - 1) / size;
	for (size_t i = 0; i < *count; i++) {
		size_t start = (*count - 1 - i) * size;
		size_t left = image.size - start;

		segments[i] = (struct wrap_segment){
			BASE + start, { image.data + start, left < size ? left : size }, 0 };
	}
	return wrap_elf(segments, *count);
}

/* Returns the address of a member of program header @i; @member is its offset in bytes. */
static uint8_t *phdr(struct bytes elf, size_t i, size_t member)
{
	return elf.data + sizeof(Elf64_Ehdr) + i * sizeof(Elf64_Phdr) + member;
}

static void test_any_number_of_segments_is_joined(void **state)
{
	struct bytes image = pack_image();		/* 300000 bytes */
	struct wrap_segment segments[300];
	static const size_t sizes[] = { 300000, 150000, 7500, 1024 };
	static const size_t counts[] = { 1, 2, 40, 293 };

	for (size_t i = 0; i < COUNT(sizes); i++) {
		size_t count;
		struct bytes elf = cut_up(image, sizes[i], segments, &count);

		assert_int_equal(count, counts[i]);
		check_unpacked(*state, elf, image);
		free(elf.data);
	}
	free(image.data);
}

/*
 * As by objcopy -O binary: gaps are filled with zeros, and bytes that exist only in memory
 * (.bss) are left out.
 */
static void test_gaps_are_zero_and_empty_segments_are_ignored(void **state)
{
	struct bytes image = pack_image();
	struct wrap_segment segments[] = {
		{ BASE - 0x10000, { image.data, 0 }, 0 },
		{ BASE, { image.data, 1000 }, 0 },
		{ BASE + 5000, { image.data + 5000, 1000 }, 0 },
		{ BASE + 0x1000000, { image.data, 0 }, 0 },
	};
	struct bytes elf = wrap_elf(segments, COUNT(segments));

	memset(image.data + 1000, 0, 4000);
	unit_put_le(phdr(elf, 3, offsetof(Elf64_Phdr, p_memsz)), 8, MIB);
	unit_put_le(phdr(elf, 2, offsetof(Elf64_Phdr, p_memsz)), 8, 77777);
	check_unpacked(*state, elf, (struct bytes){ image.data, 6000 });
	/* Program headers of other types are ignored. */
	unit_put_le(phdr(elf, 0, offsetof(Elf64_Phdr, p_type)), 4, PT_NOTE);
	unit_put_le(phdr(elf, 0, offsetof(Elf64_Phdr, p_offset)), 8, UINT64_MAX);
	unit_put_le(phdr(elf, 0, offsetof(Elf64_Phdr, p_filesz)), 8, UINT64_MAX);
	check_unpacked(*state, elf, (struct bytes){ image.data, 6000 });
	unit_put_le(elf.data + offsetof(Elf64_Ehdr, e_type), 2, ET_DYN);
	check_unpacked(*state, elf, (struct bytes){ image.data, 6000 });
	free(elf.data);
	free(image.data);
}

/*
 * Returns an ELF file of 2560 bytes: headers, then two segments of 1024 bytes at byte 512. The
 * caller frees it.
 */
static struct bytes make_elf(void)
{
	struct bytes image = pack_image();
	struct wrap_segment segments[] = {
		{ BASE, { image.data, 1024 }, 0 }, { BASE + 1024, { image.data + 1024, 1024 }, 0 },
	};
	struct bytes elf = wrap_elf(segments, 2);

	assert_int_equal(elf.size, 512 + 2 * 1024);
	free(image.data);
	return elf;
}

/*
 * Writes the number @value of @width bytes at @at, asserts that the file is refused, and
 * restores the number.
 */
static void refuse_with(struct unit *unit, struct bytes elf, uint8_t *at, size_t width,
			uint64_t value, enum crashres_status status, const char *sentence)
{
	uint64_t before = unit_get_le(at, width);

	unit_put_le(at, width, value);
	refuse(unit, elf, status, sentence);
	unit_put_le(at, width, before);
}

static void test_elf_file_that_is_not_a_kernel_is_refused(void **state)
{
	struct bytes elf = make_elf();
	uint8_t *type = elf.data + offsetof(Elf64_Ehdr, e_type);

	refuse_with(*state, elf, type, 2, ET_CORE, CRASHRES_ERR_UNSUPPORTED,
		    "vmlinux: vmlinux: an ELF core dump is not an arm64 kernel");
	refuse_with(*state, elf, type, 2, ET_REL, CRASHRES_ERR_UNSUPPORTED,
		    "vmlinux: vmlinux: an ELF object file is not an arm64 kernel");
	refuse_with(*state, elf, elf.data + offsetof(Elf64_Ehdr, e_machine), 2, EM_X86_64,
		    CRASHRES_ERR_UNSUPPORTED,
		    "vmlinux: vmlinux: is for machine 62, not for arm64 (183)");
	refuse_with(*state, elf, elf.data + EI_CLASS, 1, ELFCLASS32, CRASHRES_ERR_UNSUPPORTED,
		    "vmlinux: vmlinux: a 32-bit or big-endian ELF file is not an arm64 kernel");
	refuse_with(*state, elf, elf.data + EI_DATA, 1, ELFDATA2MSB, CRASHRES_ERR_UNSUPPORTED,
		    "vmlinux: vmlinux: a 32-bit or big-endian ELF file is not an arm64 kernel");
	refuse_with(*state, elf, phdr(elf, 1, offsetof(Elf64_Phdr, p_type)), 4, PT_INTERP,
		    CRASHRES_ERR_UNSUPPORTED,
		    "vmlinux: vmlinux: an ELF program is not an arm64 kernel");
	refuse_with(*state, elf, elf.data + 512 + 56, 1, 'B', CRASHRES_ERR_FORMAT,
		    "vmlinux: vmlinux: the first segment does not start with the header of an "
		    "arm64 Image");
	refuse_with(*state, elf, phdr(elf, 0, offsetof(Elf64_Phdr, p_filesz)), 8, 63,
		    CRASHRES_ERR_FORMAT, "vmlinux: vmlinux: the first segment does not start with "
		    "the header of an arm64 Image");
	check_unpacked(*state, elf, (struct bytes){ elf.data + 512, 2048 });
	free(elf.data);
}

static void test_program_headers_outside_the_file_are_refused(void **state)
{
	/* Offsets whose table ends after the end of the file, or wraps. */
	static const uint64_t offsets[] = {
		0x7fffffffffffffff, UINT64_MAX, UINT64_MAX - 55, UINT64_MAX - 2 * 56 + 1,
		UINT64_MAX - 63, 512 + 2 * 1024 - 2 * 56 + 1, 512 + 2 * 1024,
	};
	struct bytes elf = make_elf();
	uint8_t *phoff = elf.data + offsetof(Elf64_Ehdr, e_phoff);
	uint8_t *phnum = elf.data + offsetof(Elf64_Ehdr, e_phnum);

	for (size_t i = 0; i < COUNT(offsets); i++)
		refuse_with(*state, elf, phoff, 8, offsets[i], CRASHRES_ERR_FORMAT,
			    "vmlinux: vmlinux: the program headers are damaged");
	refuse_with(*state, elf, phnum, 2, 0, CRASHRES_ERR_FORMAT,
		    "vmlinux: vmlinux: the program headers are damaged");
	refuse_with(*state, elf, phnum, 2, 65534, CRASHRES_ERR_FORMAT,
		    "vmlinux: vmlinux: the program headers are damaged");
	free(elf.data);
}

static void test_segments_outside_the_file_are_refused(void **state)
{
	struct bytes elf = make_elf();
	uint8_t *offset = phdr(elf, 1, offsetof(Elf64_Phdr, p_offset));
	uint8_t *size = phdr(elf, 1, offsetof(Elf64_Phdr, p_filesz));
	uint8_t *address = phdr(elf, 1, offsetof(Elf64_Phdr, p_paddr));

	refuse_with(*state, elf, offset, 8, UINT64_MAX - 1023, CRASHRES_ERR_FORMAT,
		    "vmlinux: vmlinux: the address or offset of a segment wraps");
	refuse_with(*state, elf, size, 8, UINT64_MAX, CRASHRES_ERR_FORMAT,
		    "vmlinux: vmlinux: the address or offset of a segment wraps");
	refuse_with(*state, elf, address, 8, UINT64_MAX - 1023, CRASHRES_ERR_FORMAT,
		    "vmlinux: vmlinux: the address or offset of a segment wraps");
	refuse_with(*state, elf, offset, 8, UINT64_MAX - 1024, CRASHRES_ERR_FORMAT,
		    "vmlinux: vmlinux: truncated: a segment ends at byte 18446744073709551615, "
		    "the file at byte 2560");
	refuse_with(*state, elf, size, 8, 1025, CRASHRES_ERR_FORMAT,
		    "vmlinux: vmlinux: truncated: a segment ends at byte 2561, the file at byte 2560");
	check_unpacked(*state, elf, (struct bytes){ elf.data + 512, 2048 });
	free(elf.data);
}

static void test_overlapping_or_distant_segments_are_refused(void **state)
{
	struct bytes elf = make_elf();
	uint8_t *address = phdr(elf, 1, offsetof(Elf64_Phdr, p_paddr));

	refuse_with(*state, elf, address, 8, BASE + 1023, CRASHRES_ERR_FORMAT,
		    "vmlinux: vmlinux: the segments overlap");
	refuse_with(*state, elf, address, 8, BASE, CRASHRES_ERR_FORMAT,
		    "vmlinux: vmlinux: the segments overlap");
	/* The Image would have 4 GiB and one byte, and nearly 2^64 bytes. */
	refuse_with(*state, elf, address, 8, BASE + 4 * GIB - 1023, CRASHRES_ERR_LIMIT,
		    "vmlinux: vmlinux: more than 4 GiB");
	refuse_with(*state, elf, address, 8, UINT64_MAX - 1024, CRASHRES_ERR_LIMIT,
		    "vmlinux: vmlinux: more than 4 GiB");
	free(elf.data);
}

static void test_truncated_elf_header_is_refused_at_every_length(void **state)
{
	struct bytes elf = make_elf();

	for (size_t size = 4; size < sizeof(Elf64_Ehdr); size++) {
		struct crashres_input *inner = UNTOUCHED;

		assert_true(crs_elf_probe(elf.data, size));
		assert_int_equal(open_bytes(*state, (struct bytes){ elf.data, size }, &inner),
				 CRASHRES_ERR_FORMAT);
		assert_ptr_equal(inner, UNTOUCHED);
	}
	for (size_t size = sizeof(Elf64_Ehdr); size < sizeof(Elf64_Ehdr) + 112; size++)
		refuse(*state, (struct bytes){ elf.data, size }, CRASHRES_ERR_FORMAT,
		       "vmlinux: vmlinux: the program headers are damaged");
	assert_false(crs_elf_probe(elf.data, 3));
	free(elf.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT_TEST(test_any_number_of_segments_is_joined),
		UNIT_TEST(test_gaps_are_zero_and_empty_segments_are_ignored),
		UNIT_TEST(test_elf_file_that_is_not_a_kernel_is_refused),
		UNIT_TEST(test_program_headers_outside_the_file_are_refused),
		UNIT_TEST(test_segments_outside_the_file_are_refused),
		UNIT_TEST(test_overlapping_or_distant_segments_are_refused),
		UNIT_TEST(test_truncated_elf_header_is_refused_at_every_length),
	};

	return cmocka_run_group_tests_name("elf", tests, NULL, NULL);
}
