/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every kernel file, with every wrapper around it. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../libcrashres/kernel/kernel.h"
#include "../../libcrashres/base/memfd.h"
#include "fuzz.h"

#define UNTOUCHED ((struct crashres_kernel *)(uintptr_t)0x5a5a5a5a)

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void check_kernel(const struct crashres_kernel *kernel)
{
	uint8_t byte;

	require(crs_image_probe(kernel->file->data, kernel->file->size));
	require(kernel->image.image_size > 0 && kernel->image.image_size <= CRS_IMAGE_LIMIT);
	require(kernel->image.text_offset < CRS_IMAGE_ALIGNMENT);
	require(crashres_kernel_type(kernel)[0]);
	/* What a descriptor gives is what was looked at. */
	require(pread(kernel->file->fd, &byte, 1, (off_t)kernel->file->size - 1) == 1);
	require(byte == kernel->file->data[kernel->file->size - 1]);
	require(!kernel->initrd || kernel->initrd->size > 0);
	require(!kernel->dtb || kernel->dtb->size > 0);
	require(!kernel->command_line || kernel->command_line[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct crashres_kernel *kernel = UNTOUCHED;
	struct crashres_input *file;
	struct crashres_ctx *ctx;
	enum crashres_status status;

	require(crashres_ctx_new(&ctx) == CRASHRES_OK);
	if (crs_memfd_copy(ctx, data, size, "input", &file) == CRASHRES_OK) {
		/* As if from a device: then what is longer than image_size is cut. */
		file->copied = size % 2;
		status = crs_kernel_from_file(ctx, file, &kernel);
		if (status == CRASHRES_OK) {
			check_kernel(kernel);
			crashres_kernel_close(kernel);
		} else {
			require(kernel == UNTOUCHED && crashres_error(ctx)[0]);
		}
	}
	crashres_ctx_free(ctx);
	return 0;
}
