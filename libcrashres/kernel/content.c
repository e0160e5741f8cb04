/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* content.c: finds the signatures at the end of a kernel, and copies the bytes before them. */
#include <string.h>

#include "content.h"
#include "modsig.h"
#include "pe.h"

/* A kernel has at least its Image header. Hostile bytes that leave less are no signature. */
#define LEAST	sizeof(struct crs_image_header)

#define DIRECTORY_SIZE	8	/* bytes of an entry in the data directories of PE */

#define CHECKSUM_OFFSET	64	/* in the optional header of PE */

/* The kernel's file without the signatures that were found so far. Offsets are bytes. */
struct content {
	const uint8_t *data;	/* borrowed: the file */
	size_t size;		/* bytes of content */
	uint64_t directory;	/* offset of the entry of the certificate table; 0: no PE signature */
	uint64_t checksum;	/* offset of the checksum; 0: no PE signature */
};

static bool is_zero(const uint8_t *data, uint64_t size)
{
	return size == 0 || (data[0] == 0 && !memcmp(data, data + 1, size - 1));
}

/* The content has at least its Image header, and the fields that copy() clears. */
static uint64_t least_size(const struct content *content)
{
	uint64_t fields_end = content->directory ? content->directory + DIRECTORY_SIZE : 0;

	return fields_end > LEAST ? fields_end : LEAST;
}

/* Removes one appended signature. Returns false if there is none. */
static bool remove_appended(struct crashres_ctx *ctx, struct content *content)
{
	struct crs_modsig modsig;

	if (crs_modsig_parse(ctx, content->data, content->size, &modsig) != CRASHRES_OK ||
	    modsig.content_size < least_size(content))
		return false;
	content->size = modsig.content_size;
	return true;
}

/*
 * Returns where the file ended before it got a certificate table at @offset. The signer adds
 * zeros for the alignment of the table. They are known as such behind the last section and behind
 * an appended signature.
 */
static uint64_t find_unsigned_end(const struct crs_pe *pe, uint64_t offset)
{
	uint64_t sections_end = crs_pe_sections_end(pe);

	for (uint64_t end = offset; offset - end < CRS_PE_TABLE_ALIGNMENT; end--) {
		if (end < LEAST || end < pe->section_table)
			break;
		if (end == sections_end || crs_modsig_is_at(pe->data, end))
			return end;
		if (pe->data[end - 1])
			break;
	}
	return offset;
}

/*
 * Removes the PE signature and the zeros around it. Returns false if there is no table, or if
 * other bytes follow it.
 */
static bool remove_pe(struct content *content)
{
	struct crs_pe_table table;
	struct crs_pe pe;

	if (content->directory || !crs_pe_parse(content->data, content->size, &pe) ||
	    !crs_pe_find_table(&pe, &table) ||
	    !is_zero(content->data + table.offset + table.size,
		     content->size - table.offset - table.size))
		return false;
	if (table.offset < LEAST || table.offset < crs_pe_sections_end(&pe) ||
	    table.offset < pe.section_table)
		return false;
	content->directory = table.directory;
	content->checksum = pe.optional_header + CHECKSUM_OFFSET;
	content->size = find_unsigned_end(&pe, table.offset);
	return true;
}

/* Finds the content. content.size is less than the size of the file if there is a signature. */
static struct content find_content(struct crashres_ctx *ctx, const struct crashres_input *file)
{
	struct content content = { .data = file->data, .size = file->size };

	while (remove_appended(ctx, &content) || remove_pe(&content))
		;
	return content;
}

/* Copies the content to a new @memfd and clears the fields of the PE signature. */
static enum crashres_status copy(struct crashres_ctx *ctx, const struct content *content,
				 struct crs_memfd *memfd)
{
	static const uint8_t zeros[8];
	enum crashres_status status = crs_memfd_open(ctx, memfd);
	const struct { uint64_t offset; size_t size; } fields[] = {
		/* The checksum precedes the directories. */
		{ content->checksum, 4 }, { content->directory, DIRECTORY_SIZE },
	};
	uint64_t done = 0;

	for (int i = 0; i < 2 && status == CRASHRES_OK && content->directory; i++) {
		status = crs_memfd_write(ctx, memfd, content->data + done,
					 fields[i].offset - done);
		if (status == CRASHRES_OK)
			status = crs_memfd_write(ctx, memfd, zeros, fields[i].size);
		done = fields[i].offset + fields[i].size;
	}
	return status == CRASHRES_OK ? crs_memfd_write(ctx, memfd, content->data + done,
						       content->size - done) : status;
}

enum crashres_status crs_kernel_content(struct crashres_ctx *ctx,
					const struct crashres_kernel *kernel,
					struct crashres_input **content)
{
	CRS_CLEANUP(crs_memfd_closep) struct crs_memfd memfd = CRS_MEMFD_CLOSED;
	const struct content found = find_content(ctx, kernel->file);
	enum crashres_status status;

	if (found.size == kernel->file->size) {
		*content = crs_input_ref(kernel->file);
		return CRASHRES_OK;
	}
	status = copy(ctx, &found, &memfd);
	if (status == CRASHRES_OK)
		status = crs_input_from_memfd(ctx, &memfd, kernel->file->name, content);
	if (status != CRASHRES_OK)
		return crs_prefix_error(ctx, status, "%s", kernel->file->name);
	(*content)->mode = kernel->file->mode;
	return CRASHRES_OK;
}
