/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "decompress.h"
#include "formats.h"
#include "pe.h"
#include "zboot.h"

#define PAYLOAD_OFFSET	8
#define PAYLOAD_SIZE	12
#define COMPRESSION	24	/* up to 32 bytes with a NUL: newer headers have a magic behind it */
#define NAME_SIZE	32

bool crs_zboot_probe(const void *data, size_t size)
{
	return size >= 8 && !memcmp(data, "MZ\0\0zimg", 8);
}

/* The name is told in messages: one that is no word is none. */
static enum crashres_status read_name(struct crashres_ctx *ctx, const struct crashres_input *file,
				      char name[NAME_SIZE])
{
	size_t length;

	memcpy(name, file->data + COMPRESSION, NAME_SIZE);
	length = strnlen(name, NAME_SIZE);
	for (size_t i = 0; i < length; i++)
		if (!isalnum((unsigned char)name[i]))
			length = 0;
	if (length == 0 || length == NAME_SIZE)
		return crs_fail(ctx, CRASHRES_ERR_FORMAT,
				"damaged: it does not say how it is compressed");
	return CRASHRES_OK;
}

static enum crashres_status find_payload(struct crashres_ctx *ctx, const struct crashres_input *file,
					 struct crs_part *part, char name[NAME_SIZE])
{
	struct crs_pe pe;

	/* A PE file has 64 bytes at least, and so our fields. */
	if (!crs_pe_parse(file->data, file->size, &pe) ||
	    !crs_read_le(file->data, file->size, PAYLOAD_OFFSET, 4, &part->offset) ||
	    !crs_read_le(file->data, file->size, PAYLOAD_SIZE, 4, &part->size))
		return crs_fail(ctx, CRASHRES_ERR_FORMAT, "damaged: it has no PE header");
	if (pe.machine != CRS_PE_ARM64)
		return crs_fail(ctx, CRASHRES_ERR_UNSUPPORTED,
				"for machine 0x%x, not for arm64 (0xaa64)", pe.machine);
	if (part->offset + part->size > file->size)
		return crs_fail(ctx, CRASHRES_ERR_FORMAT,
				"truncated: its payload ends at byte %" PRIu64
				", the file at byte %zu", part->offset + part->size, file->size);
	return read_name(ctx, file, name);
}

/* Linux' names are those of its build rules: "zstd22" is zstd -22. */
static const char *format_of(const char *name)
{
	if (!strncmp(name, "zstd", 4))
		return "zstd";
	if (!strcmp(name, "xzkern"))
		return "xz";
	return name;
}

/*
 * Behind all but gzip, which has it inside, stands the unpacked size. It is not
 * counted in the payload, and lz4's legacy format shows truncation by nothing else.
 */
static enum crashres_status check_size(struct crashres_ctx *ctx, const struct crashres_input *file,
				       const struct crs_part *part, const char *name,
				       const struct crashres_input *inner)
{
	uint64_t told;

	if (!strcmp(name, "gzip") ||
	    !crs_read_le(file->data, file->size, part->offset + part->size, 4, &told) ||
	    !told || told == (uint32_t)inner->size)
		return CRASHRES_OK;
	return crs_fail(ctx, CRASHRES_ERR_FORMAT,
			"damaged: its payload unpacks to %zu bytes, not %" PRIu64, inner->size, told);
}

static bool is_zero(const uint8_t *data, size_t size)
{
	return size == 0 || (data[0] == 0 && !memcmp(data, data + 1, size - 1));
}

/*
 * Since 6.12 the Image is padded to its image_size. Where it is signed, that is
 * behind its signatures, where the kernel's check of them wants nothing.
 */
static enum crashres_status cut_padding(struct crashres_ctx *ctx, struct crashres_input **file)
{
	const struct crashres_input *padded = *file;
	struct crashres_input *cut;
	enum crashres_status status;
	struct crs_pe pe;
	uint64_t end = 0;

	if (crs_pe_parse(padded->data, padded->size, &pe))
		end = crs_pe_signatures_end(&pe);
	if (!end || end == padded->size || !is_zero(padded->data + end, padded->size - end))
		return CRASHRES_OK;
	status = crs_input_copy(ctx, padded->data, end, padded->name, &cut);
	if (status == CRASHRES_OK) {
		crashres_input_close(*file);
		*file = cut;
	}
	return status;
}

enum crashres_status crs_zboot_open(struct crashres_ctx *ctx, const struct crashres_input *file,
				    struct crashres_input **inner)
{
	struct crs_part part = { .type = "vmlinuz" };
	struct crashres_input *image;
	char name[NAME_SIZE];
	enum crashres_status status = find_payload(ctx, file, &part, name);

	if (status != CRASHRES_OK)
		return crs_prefix_error(ctx, status, "%s: vmlinuz", file->name);
	status = crs_decompress_part(ctx, file, &part, format_of(name), &image);
	if (status != CRASHRES_OK)
		return status;
	status = check_size(ctx, file, &part, name, image);
	if (status == CRASHRES_OK)
		status = cut_padding(ctx, &image);
	if (status != CRASHRES_OK) {
		crashres_input_close(image);
		return crs_prefix_error(ctx, status, "%s: vmlinuz", file->name);
	}
	*inner = image;
	return CRASHRES_OK;
}

const struct crs_container crs_container_zboot = {
	.type = "vmlinuz",
	.title = "vmlinuz (EFI zboot)",
	.probe = crs_zboot_probe,
	.open = crs_zboot_open,
};
