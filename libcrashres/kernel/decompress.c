/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Finds the compression of a file, and unpacks a file or a part of it into a sealed memfd.
 * The libraries are called in unpack-NAME.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decompress.h"
#include "unpack.h"

enum crashres_status crs_unpack_truncated(struct crs_unpack *unpack)
{
	return crs_fail(unpack->ctx, CRASHRES_ERR_FORMAT, "the compressed data is truncated");
}

enum crashres_status crs_unpack_damaged(struct crs_unpack *unpack, const char *reason)
{
	return crs_fail(unpack->ctx, CRASHRES_ERR_FORMAT, "the compressed data is damaged: %s",
			reason);
}

void crs_unpack_advance(struct crs_unpack *unpack, size_t count)
{
	unpack->input += count;
	unpack->left -= count;
}

/* Unpacks members of @format as long as another one follows directly. */
static enum crashres_status unpack_members(const struct crs_compression *format,
					   struct crs_unpack *unpack)
{
	enum crashres_status status;

	do {
		status = format->unpack(unpack);
	} while (status == CRASHRES_OK && format->can_repeat &&
		 format->probe(unpack->input, unpack->left));
	return status;
}

/* Unpacks @data into @output. @data can be hostile and need not be of @format. */
static enum crashres_status unpack_to(struct crashres_ctx *ctx, const struct crs_compression *format,
				      const uint8_t *data, size_t size, struct crs_memfd *output)
{
	CRS_CLEANUP(crs_freep) uint8_t *chunk = malloc(CRS_UNPACK_CHUNK);
	struct crs_unpack unpack = { ctx, data, size, chunk, output };

	if (!chunk)
		return crs_fail_memory(ctx);
	if (!format->unpack)
		return crs_fail(ctx, CRASHRES_ERR_UNSUPPORTED,
				"this build has no %s support (configure %s)", format->name,
				format->option);
	if (!format->probe(data, size))
		return crs_fail(ctx, CRASHRES_ERR_FORMAT, "no %s header", format->name);
	return unpack_members(format, &unpack);
}

/* Unpacks @data into a new input with the name @name. */
static enum crashres_status unpack_file(struct crashres_ctx *ctx, const struct crs_compression *format,
					const uint8_t *data, size_t size, const char *name,
					struct crashres_input **inner)
{
	CRS_CLEANUP(crs_memfd_closep) struct crs_memfd memfd = CRS_MEMFD_CLOSED;
	enum crashres_status status = crs_memfd_open(ctx, &memfd);

	if (status == CRASHRES_OK)
		status = unpack_to(ctx, format, data, size, &memfd);
	if (status != CRASHRES_OK)
		return crs_prefix_error(ctx, status, "%s", format->name);
	status = crs_input_from_memfd(ctx, &memfd, name, inner);
	return crs_prefix_error(ctx, status, "%s", format->name);
}

/* Returns the first format in formats.c that matches. NULL: @data is not compressed. */
static const struct crs_compression *find_compression(const uint8_t *data, size_t size)
{
	const struct crs_compression *const *row = crs_compressions;

	while (*row && !(*row)->probe(data, size))
		row++;
	return *row;
}

enum crashres_status crs_decompress(struct crashres_ctx *ctx, const struct crashres_input *file,
				    struct crashres_input **inner)
{
	const struct crs_compression *format = find_compression(file->data, file->size);
	CRS_CLEANUP(crs_freep) char *name = NULL;

	if (!format) {
		*inner = NULL;
		return CRASHRES_OK;
	}
	if (asprintf(&name, "%s (%s)", file->name, format->name) < 0) {
		name = NULL;
		return crs_fail_memory(ctx);
	}
	return crs_prefix_error(ctx, unpack_file(ctx, format, file->data, file->size, name, inner),
				"%s", file->name);
}

enum crashres_status crs_decompress_part(struct crashres_ctx *ctx, const struct crashres_input *file,
					 const struct crs_part *part, const char *format,
					 struct crashres_input **inner)
{
	const struct crs_compression *const *row = crs_compressions;
	CRS_CLEANUP(crs_freep) char *name = NULL;
	enum crashres_status status;

	while (*row && strcmp((*row)->name, format))
		row++;
	if (!*row)
		return crs_fail(ctx, CRASHRES_ERR_UNSUPPORTED, "%s: %s: unknown compression \"%s\"",
				file->name, part->type, format);
	if (asprintf(&name, "%s (%s)", file->name, part->type) < 0) {
		name = NULL;
		return crs_fail_memory(ctx);
	}
	status = unpack_file(ctx, *row, file->data + part->offset, part->size, name, inner);
	return crs_prefix_error(ctx, status, "%s: %s", file->name, part->type);
}
