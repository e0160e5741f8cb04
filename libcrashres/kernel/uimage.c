/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <endian.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "decompress.h"
#include "formats.h"
#include "uimage.h"

/* All numbers are big-endian. */
struct uimage_header {
	uint32_t magic;
	uint32_t header_crc;		/* of the header with 0 here */
	uint32_t time;
	uint32_t size;
	uint32_t load;
	uint32_t entry;
	uint32_t data_crc;
	uint8_t os;
	uint8_t arch;
	uint8_t type;
	uint8_t compression;
	char name[32];
};

_Static_assert(sizeof(struct uimage_header) == 64, "the header has 64 bytes");

#define MAGIC			0x27051956U
#define OS_LINUX		5
#define ARCH_ARM64		22
#define TYPE_KERNEL		2
#define TYPE_KERNEL_NOLOAD	14

static const char *const compressions[] = { NULL, "gzip", "bzip2", "lzma", "lzo", "lz4", "zstd" };

#define COMPRESSIONS (sizeof(compressions) / sizeof(*compressions))

bool crs_uimage_probe(const void *data, size_t size)
{
	uint32_t magic;

	if (size < sizeof(magic))
		return false;
	memcpy(&magic, data, sizeof(magic));
	return be32toh(magic) == MAGIC;
}

static uint32_t crc(const void *data, size_t size)
{
	return (uint32_t)crc32(0, data, (uInt)size);
}

static enum crashres_status check_kind(struct crashres_ctx *ctx, const struct uimage_header *header)
{
	if (header->os != OS_LINUX || header->arch != ARCH_ARM64 ||
	    (header->type != TYPE_KERNEL && header->type != TYPE_KERNEL_NOLOAD))
		return crs_fail(ctx, CRASHRES_ERR_UNSUPPORTED,
				"of type %u, system %u, machine %u: not an arm64 Linux kernel (2, 5, 22)",
				header->type, header->os, header->arch);
	if (header->compression >= COMPRESSIONS)
		return crs_fail(ctx, CRASHRES_ERR_UNSUPPORTED, "unknown compression %u",
				header->compression);
	return CRASHRES_OK;
}

static enum crashres_status read_header(struct crashres_ctx *ctx, const struct crashres_input *file,
					struct uimage_header *header)
{
	uint64_t end;
	uint32_t sum;

	if (file->size < sizeof(*header))
		return crs_fail(ctx, CRASHRES_ERR_FORMAT, "truncated: %zu bytes", file->size);
	memcpy(header, file->data, sizeof(*header));
	sum = be32toh(header->header_crc);
	header->header_crc = 0;
	if (crc(header, sizeof(*header)) != sum)
		return crs_fail(ctx, CRASHRES_ERR_FORMAT, "damaged: checksum of its header");
	end = sizeof(*header) + (uint64_t)be32toh(header->size);
	if (end > file->size)
		return crs_fail(ctx, CRASHRES_ERR_FORMAT, "truncated: its kernel ends at byte %" PRIu64
				", the file at byte %zu", end, file->size);
	if (crc(file->data + sizeof(*header), be32toh(header->size)) != be32toh(header->data_crc))
		return crs_fail(ctx, CRASHRES_ERR_FORMAT, "damaged: checksum of its kernel");
	return check_kind(ctx, header);
}

enum crashres_status crs_uimage_open(struct crashres_ctx *ctx, const struct crashres_input *file,
				     struct crashres_input **inner)
{
	CRS_CLEANUP(crs_freep) char *name = NULL;
	struct uimage_header header;
	struct crs_part part = { .type = "uImage", .offset = sizeof(header) };
	enum crashres_status status = read_header(ctx, file, &header);

	if (status != CRASHRES_OK)
		return crs_prefix_error(ctx, status, "%s: uImage", file->name);
	part.size = be32toh(header.size);
	if (compressions[header.compression])
		return crs_decompress_part(ctx, file, &part, compressions[header.compression],
					   inner);
	if (asprintf(&name, "%s (uImage)", file->name) < 0) {
		name = NULL;
		return crs_fail_memory(ctx);
	}
	return crs_input_copy(ctx, file->data + part.offset, part.size, name, inner);
}

const struct crs_container crs_container_uimage = {
	.type = "uImage",
	.probe = crs_uimage_probe,
	.open = crs_uimage_open,
};
