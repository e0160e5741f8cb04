/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Opens kernels: removes the wrappers one after another until an Image remains, and
 * implements the public functions for kernels (crashres.h).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decompress.h"
#include "formats.h"
#include "kernel.h"
#include "pe.h"

/*
 * Wrappers can be nested, for example gzip in a UKI in gzip. No kernel has more wrappers
 * than this. A hostile file could: each wrapper can unpack to 4 GiB and takes time.
 */
#define MAX_WRAPPERS 4

/* Type of a kernel without a container. */
#define IMAGE_TYPE "Image"

/*
 * Opens the container in kernel->file. Sets *inner to the kernel in it, and gives the other
 * files in it to @kernel.
 */
static enum crashres_status open_container(struct crashres_ctx *ctx,
					   const struct crs_container *container,
					   struct crashres_kernel *kernel,
					   struct crashres_input **inner)
{
	struct crs_contents contents = { 0 };
	enum crashres_status status;

	if (container->outermost && kernel->type)
		return crs_fail(ctx, CRASHRES_ERR_FORMAT, "%s: a %s cannot contain a %s",
				kernel->file->name, kernel->type, container->type);
	if (!kernel->type)
		kernel->type = container->type;
	if (container->open)
		return container->open(ctx, kernel->file, inner);
	status = container->open_contents(ctx, kernel->file, &contents);
	if (status != CRASHRES_OK)
		return status;
	kernel->initrd = contents.initrd;
	kernel->dtb = contents.dtb;
	kernel->command_line = contents.command_line;
	*inner = contents.kernel;
	return CRASHRES_OK;
}

/* Opens the wrapper in kernel->file. Sets *inner to its content; NULL: not a wrapper. */
static enum crashres_status open_wrapper(struct crashres_ctx *ctx, struct crashres_kernel *kernel,
					 struct crashres_input **inner)
{
	const struct crashres_input *file = kernel->file;

	*inner = NULL;
	if (crs_image_probe(file->data, file->size))
		return CRASHRES_OK;
	for (const struct crs_container *const *row = crs_containers; *row; row++)
		if ((*row)->probe(file->data, file->size))
			return open_container(ctx, *row, kernel, inner);
	return crs_decompress(ctx, file, inner);
}

/* Replaces kernel->file by the content of its innermost wrapper. */
static enum crashres_status remove_wrappers(struct crashres_ctx *ctx,
					    struct crashres_kernel *kernel)
{
	for (int depth = 0; depth < MAX_WRAPPERS; depth++) {
		struct crashres_input *inner;
		enum crashres_status status = open_wrapper(ctx, kernel, &inner);

		if (status != CRASHRES_OK || !inner)
			return status;
		crs_log(ctx, CRASHRES_LOG_DEBUG, "%s: %zu bytes", inner->name, inner->size);
		inner->mode = kernel->file->mode;
		crashres_input_close(kernel->file);
		kernel->file = inner;
	}
	return crs_fail(ctx, CRASHRES_ERR_FORMAT, "%s: wrapped more than %d times",
			kernel->file->name, MAX_WRAPPERS - 1);
}

/* Checks that kernel->file is an Image, and parses its header. */
static enum crashres_status parse_image(struct crashres_ctx *ctx, struct crashres_kernel *kernel)
{
	const struct crashres_input *file = kernel->file;

	/* The magic of a DTB. A FIT image has the format of a DTB. */
	if (file->size >= 4 && !memcmp(file->data, "\xd0\x0d\xfe\xed", 4))
		return crs_fail(ctx, CRASHRES_ERR_UNSUPPORTED,
				"%s: is a FIT image or a device tree, not a kernel (dumpimage of "
				"u-boot-tools extracts the kernel of a FIT image)", file->name);
	if (!crs_image_probe(file->data, file->size))
		return crs_fail(ctx, CRASHRES_ERR_FORMAT,
				"Cannot determine the file type of %s: it is neither an arm64 "
				"kernel nor a known wrapper", file->name);
	return crs_prefix_error(ctx, crs_image_parse(ctx, file->data, file->size, &kernel->image),
				"kernel %s", file->name);
}

/*
 * Returns the end of the kernel in the content of a device, where other data can follow it:
 * image_size, or the end of the PE signature, to which the header points.
 */
static uint64_t find_end(const struct crashres_kernel *kernel)
{
	uint64_t end = kernel->image.image_size, signatures_end;
	struct crs_pe pe;

	if (!crs_pe_parse(kernel->file->data, kernel->file->size, &pe))
		return end;
	signatures_end = crs_pe_signatures_end(&pe);
	return signatures_end > end ? signatures_end : end;
}

/* Cuts off what follows the kernel in the content of a device. */
static enum crashres_status trim_stream(struct crashres_ctx *ctx, struct crashres_kernel *kernel)
{
	struct crashres_input *cut;
	uint64_t end = find_end(kernel);
	enum crashres_status status;

	if (!kernel->file->stream || kernel->file->size <= end)
		return CRASHRES_OK;
	status = crs_input_copy(ctx, kernel->file->data, (size_t)end, kernel->file->name, &cut);
	if (status == CRASHRES_OK) {
		cut->mode = kernel->file->mode;
		crashres_input_close(kernel->file);
		kernel->file = cut;
	}
	return status;
}

/* Makes a kernel from @file. Takes over the reference to @file, and closes it on failure. */
static enum crashres_status open_file(struct crashres_ctx *ctx, struct crashres_input *file,
				      struct crashres_kernel **kernel)
{
	struct crashres_kernel *new = calloc(1, sizeof(*new));
	enum crashres_status status;

	if (!new) {
		crashres_input_close(file);
		return crs_fail_memory(ctx);
	}
	new->file = file;
	status = remove_wrappers(ctx, new);
	if (!new->type)
		new->type = IMAGE_TYPE;
	if (status == CRASHRES_OK)
		status = parse_image(ctx, new);
	if (status == CRASHRES_OK)
		status = trim_stream(ctx, new);
	if (status != CRASHRES_OK) {
		crashres_kernel_close(new);
		return status;
	}
	*kernel = new;
	return CRASHRES_OK;
}

enum crashres_status crashres_kernel_open(struct crashres_ctx *ctx, const char *path,
					  struct crashres_kernel **kernel)
{
	struct crashres_input *file;
	enum crashres_status status = crashres_input_open(ctx, path, &file);

	return status == CRASHRES_OK ? open_file(ctx, file, kernel) : status;
}

enum crashres_status crashres_kernel_from_input(struct crashres_ctx *ctx,
						struct crashres_input *input,
						struct crashres_kernel **kernel)
{
	return open_file(ctx, crs_input_ref(input), kernel);
}

void crashres_kernel_close(struct crashres_kernel *kernel)
{
	if (!kernel)
		return;
	crashres_input_close(kernel->file);
	crashres_input_close(kernel->initrd);
	crashres_input_close(kernel->dtb);
	free(kernel->command_line);
	free(kernel);
}

/*
 * Appends @separator and @word to the text of @length bytes, as far as they fit into @size
 * bytes. Returns the length that the text has without truncation.
 */
static size_t append(char *text, size_t size, size_t length, const char *separator,
		     const char *word)
{
	if (length < size)
		snprintf(text + length, size - length, "%s%s", separator, word);
	return length + strlen(separator) + strlen(word);
}

size_t crashres_kernel_formats(char *text, size_t size)
{
	size_t length = append(text, size, 0, "arm64 ", IMAGE_TYPE);
	const char *separator = "; unpacks ";

	for (const struct crs_container *const *row = crs_containers; *row; row++)
		length = append(text, size, length, ", ",
				(*row)->title ? (*row)->title : (*row)->type);
	for (const struct crs_compression *const *row = crs_compressions; *row; row++) {
		if (!(*row)->unpack)
			continue;
		length = append(text, size, length, separator,
				(*row)->title ? (*row)->title : (*row)->name);
		separator = ", ";
	}
	return length;
}

uint64_t crashres_kernel_page_size(const struct crashres_kernel *kernel)
{
	return kernel->image.page_size;
}

uint64_t crashres_kernel_text_offset(const struct crashres_kernel *kernel)
{
	return kernel->image.text_offset;
}

uint64_t crashres_kernel_image_size(const struct crashres_kernel *kernel)
{
	return kernel->image.image_size;
}

bool crashres_kernel_runs_anywhere(const struct crashres_kernel *kernel)
{
	return kernel->image.anywhere;
}

const char *crashres_kernel_type(const struct crashres_kernel *kernel)
{
	return kernel->type;
}

/* Is @type a type that crashres_kernel_type() can return? */
static bool is_type(const char *type)
{
	const struct crs_container *const *row = crs_containers;

	while (*row && strcmp((*row)->type, type))
		row++;
	return *row || !strcmp(type, IMAGE_TYPE);
}

enum crashres_status crashres_kernel_check_type(struct crashres_ctx *ctx,
						const struct crashres_kernel *kernel,
						const char *type)
{
	if (!strcmp(type, kernel->type))
		return CRASHRES_OK;
	if (is_type(type))
		return crs_fail(ctx, CRASHRES_ERR_FORMAT,
				"Wrong file type %s, file matches type %s", type, kernel->type);
	return crs_fail(ctx, CRASHRES_ERR_FORMAT, "Unsupported kernel type %s", type);
}
