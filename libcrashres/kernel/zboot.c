/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Opens EFI zboot files: finds the payload, unpacks it, and checks its size. */
#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "decompress.h"
#include "formats.h"
#include "number.h"
#include "pe.h"
#include "zboot.h"

/* Offsets of the fields in the file. */
#define PAYLOAD_OFFSET	8
#define PAYLOAD_SIZE	12
#define NAME_OFFSET	24
#define NAME_SIZE	32	/* bytes with NUL; newer headers have a magic at offset 56 */

bool crs_zboot_probe(const void *data, size_t size)
{
	return size >= 8 && !memcmp(data, "MZ\0\0zimg", 8);
}

/* Reads the name of the compression. It appears in messages, so reject other characters. */
static enum crashres_status read_name(struct crashres_ctx *ctx, const struct crashres_input *file,
				      char name[NAME_SIZE])
{
	size_t length;

	memcpy(name, file->data + NAME_OFFSET, NAME_SIZE);
	length = strnlen(name, NAME_SIZE);
	for (size_t i = 0; i < length; i++)
		if (!isalnum((unsigned char)name[i]))
			length = 0;
	if (length == 0 || length == NAME_SIZE)
		return crs_fail(ctx, CRASHRES_ERR_FORMAT,
				"the header names no compression");
	return CRASHRES_OK;
}

/* Finds the payload and the name of its compression. Checks that the payload is in the file. */
static enum crashres_status find_payload(struct crashres_ctx *ctx, const struct crashres_input *file,
					 struct crs_part *part, char name[NAME_SIZE])
{
	struct crs_pe pe;

	/* A PE file has at least 64 bytes, so read_name() can read its field. */
	if (!crs_pe_parse(file->data, file->size, &pe) ||
	    !crs_read_le(file->data, file->size, PAYLOAD_OFFSET, 4, &part->offset) ||
	    !crs_read_le(file->data, file->size, PAYLOAD_SIZE, 4, &part->size))
		return crs_fail(ctx, CRASHRES_ERR_FORMAT, "no PE header");
	if (pe.machine != CRS_PE_ARM64)
		return crs_fail(ctx, CRASHRES_ERR_UNSUPPORTED,
				"is for machine 0x%x, not for arm64 (0xaa64)", pe.machine);
	if (part->offset + part->size > file->size)
		return crs_fail(ctx, CRASHRES_ERR_FORMAT,
				"truncated: the payload ends at byte %" PRIu64
				", the file at byte %zu", part->offset + part->size, file->size);
	return read_name(ctx, file, name);
}

/*
 * Converts the name in the header to a name of crs_compressions[]. The header has the name of
 * a build rule of Linux (scripts/Makefile.lib): "zstd22" is zstd -22, "xzkern" is xz with
 * settings for kernels.
 */
static const char *find_compression_name(const char *name)
{
	if (!strncmp(name, "zstd", 4))
		return "zstd";
	if (!strcmp(name, "xzkern"))
		return "xz";
	return name;
}

/*
 * Compares the unpacked size with the size that Linux appends to the payload (4 bytes,
 * little-endian, not counted in the size of the payload). gzip data contains this size
 * itself, so nothing is appended to it. A truncated stream in the legacy format of lz4
 * shows no other sign of truncation.
 */
static enum crashres_status check_size(struct crashres_ctx *ctx, const struct crashres_input *file,
				       const struct crs_part *part, const char *name,
				       const struct crashres_input *inner)
{
	uint64_t expected_size;

	if (!strcmp(name, "gzip") ||
	    !crs_read_le(file->data, file->size, part->offset + part->size, 4, &expected_size) ||
	    !expected_size || expected_size == (uint32_t)inner->size)
		return CRASHRES_OK;
	return crs_fail(ctx, CRASHRES_ERR_FORMAT,
			"the payload unpacks to %zu bytes, not %" PRIu64, inner->size,
			expected_size);
}

static bool is_zero(const uint8_t *data, size_t size)
{
	return size == 0 || (data[0] == 0 && !memcmp(data, data + 1, size - 1));
}

/*
 * Removes zeros after the signatures of the Image. Since Linux 6.12 the build pads the
 * Image to image_size. In a signed Image the padding follows the signatures. The signature
 * check of the kernel fails if data follows the signatures.
 */
static enum crashres_status trim_padding(struct crashres_ctx *ctx, struct crashres_input **file)
{
	const struct crashres_input *padded = *file;
	struct crashres_input *trimmed;
	enum crashres_status status;
	struct crs_pe pe;
	uint64_t end = 0;

	if (crs_pe_parse(padded->data, padded->size, &pe))
		end = crs_pe_signatures_end(&pe);
	if (!end || end == padded->size || !is_zero(padded->data + end, padded->size - end))
		return CRASHRES_OK;
	status = crs_input_copy(ctx, padded->data, end, padded->name, &trimmed);
	if (status == CRASHRES_OK) {
		crashres_input_close(*file);
		*file = trimmed;
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
	status = crs_decompress_part(ctx, file, &part, find_compression_name(name), &image);
	if (status != CRASHRES_OK)
		return status;
	status = check_size(ctx, file, &part, name, image);
	if (status == CRASHRES_OK)
		status = trim_padding(ctx, &image);
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
