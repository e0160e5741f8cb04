/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzz target: crashres_kernel_open() with every container and compression. A kernel that is
 * opened must be a valid Image; a refused file must have an error message.
 */
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include "../../libcrashres/kernel/content.h"
#include "../../libcrashres/base/input.h"
#include "../unit/support.h"
#include "../unit/wrap.h"
#include "fuzz.h"

/* Stops the program if a property does not hold. */
static void require(bool condition)
{
	if (!condition)
		abort();
}

/* Asserts what the rest of the library relies on. */
static void check_kernel(struct crashres_ctx *ctx, const struct crashres_kernel *kernel)
{
	struct crashres_input *content;
	uint8_t byte;

	require(crs_image_probe(kernel->file->data, kernel->file->size));
	require(kernel->image.image_size > 0 && kernel->image.image_size <= CRS_IMAGE_LIMIT);
	require(kernel->image.text_offset < CRS_IMAGE_ALIGNMENT);
	require(crashres_kernel_type(kernel)[0]);
	/* The descriptor must hold the same bytes as the memory. */
	require(pread(kernel->file->fd, &byte, 1, (off_t)kernel->file->size - 1) == 1);
	require(byte == kernel->file->data[kernel->file->size - 1]);
	require(!kernel->initrd || kernel->initrd->size > 0);
	require(!kernel->dtb || kernel->dtb->size > 0);
	require(!kernel->command_line || kernel->command_line[0]);
	/* Without its signatures the kernel still has a header. */
	require(crs_kernel_content(ctx, kernel, &content) == CRASHRES_OK);
	require(crs_image_probe(content->data, content->size));
	require(content->size <= kernel->file->size);
	crashres_input_close(content);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct crashres_kernel *kernel = UNTOUCHED;
	struct crashres_input *file;
	struct crashres_ctx *ctx;
	enum crashres_status status;

	require(crashres_ctx_new(&ctx) == CRASHRES_OK);
	if (crs_input_copy(ctx, data, size, "input", &file) == CRASHRES_OK) {
		/*
		 * Half of the inputs count as read from a device. Their bytes after image_size
		 * are cut.
		 */
		file->stream = size % 2;
		status = crashres_kernel_from_input(ctx, file, &kernel);
		crashres_input_close(file);
		if (status == CRASHRES_OK) {
			check_kernel(ctx, kernel);
			crashres_kernel_close(kernel);
		} else {
			require(kernel == UNTOUCHED && crashres_error(ctx)[0]);
		}
	}
	crashres_ctx_free(ctx);
	return 0;
}

/* Returns a valid Image of 2048 bytes. */
static struct bytes small_image(void)
{
	struct bytes image = { unit_alloc(2048), 2048 };

	unit_fill(image.data, 512, 5);
	memset(image.data, 0, 64);
	unit_put_le(image.data + 16, 8, 4096);
	unit_put_le(image.data + 24, 8, 0xa);
	memcpy(image.data + 56, "ARM\x64", 4);
	return image;
}

/* Returns an Image with an EFI stub, so a PE file, with a section and signatures. */
static struct bytes signed_image(void)
{
	struct bytes code = small_image();
	const struct wrap_section section = { ".text", code, 0 };
	struct bytes image = wrap_pe(&section, 1);

	memcpy(image.data + 16, code.data + 16, 44);
	unit_put_le(image.data + WRAP_PE_OPTIONAL + 144, 4, 1024);
	unit_put_le(image.data + WRAP_PE_OPTIONAL + 148, 4, 256);
	free(code.data);
	return image;
}

static struct bytes make_uki(struct bytes kernel)
{
	struct bytes text = { (uint8_t *)(uintptr_t)"quiet root=/dev/vda\n", 20 };
	const struct wrap_section sections[] = {
		{ ".linux", kernel, 0 }, { ".initrd", text, 0 }, { ".cmdline", text, 0 },
		{ ".dtb", text, 0 },
	};

	return wrap_pe(sections, COUNT(sections));
}

static struct bytes make_elf(struct bytes image)
{
	struct wrap_segment segments[] = {
		{ 0x10400, { image.data + 1024, 1024 }, 0 }, { 0x10000, { image.data, 1000 }, 0 },
		{ 0x10800, { image.data, 0 }, 0 },
	};

	return wrap_elf(segments, COUNT(segments));
}

static struct bytes make_zboot(struct bytes image, const char *format, const char *name)
{
	struct bytes packed = pack(format, image.data, image.size);

	if (!packed.data)
		return packed;
	free(packed.data);
	return wrap_zboot(image, format, name);
}

/* Returns valid input @index; member data is NULL if this build lacks the compression. */
static struct bytes make_seed(unsigned int index, struct bytes image)
{
	static const char *const formats[] = {
		"gzip", "zstd", "xz", "lzma", "lzma-sized", "lz4", "lz4-legacy", "bzip2",
	};

	switch (index) {
	case 0:
		return small_image();
	case 1:
		return signed_image();
	case 2:
		return make_uki(image);
	case 3:
		return make_elf(image);
	case 4:
		return wrap_uimage(image, 0);
	case 5:
		return make_zboot(image, "gzip", "gzip");
	case 6:
		return make_zboot(image, "zstd", "zstd22");
	case 7:
		return make_zboot(image, "lz4-legacy", "lz4");
	case 8:
		return make_zboot(image, "lzma", "lzma");
	case 9:
		return make_zboot(image, "xz", "xzkern");
	default:
		if (index - 10 < COUNT(formats))
			return pack(formats[index - 10], image.data, image.size);
		return (struct bytes){ NULL, 0 };
	}
}

#define SEEDS 18

uint8_t *fuzz_seed(unsigned int index, size_t *size)
{
	struct bytes image = index % 2 ? signed_image() : small_image();
	struct bytes seed = { NULL, 0 };

	if (index < SEEDS)
		seed = make_seed(index, image);
	/* This build lacks the compression. */
	if (index < SEEDS && !seed.data)
		seed = small_image();
	free(image.data);
	*size = seed.size;
	return seed.data;
}

/* Corrects both checksums of a uImage, so that the parser gets to the changed fields. */
void fuzz_repair(uint8_t *data, size_t size)
{
	uint32_t length, sum;

	if (size < 64 || memcmp(data, "\x27\x05\x19\x56", 4))
		return;
	length = (uint32_t)data[12] << 24 | (uint32_t)data[13] << 16 | (uint32_t)data[14] << 8 |
		 data[15];
	if (length <= size - 64) {
		sum = (uint32_t)crc32(0, data + 64, length);
		for (int i = 0; i < 4; i++)
			data[24 + i] = (uint8_t)(sum >> (24 - 8 * i));
	}
	wrap_uimage_sum((struct bytes){ data, size });
}
