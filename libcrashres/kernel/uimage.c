/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Opens uImages: checks header and checksums, and unpacks the kernel. */
#include <endian.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "decompress.h"
#include "formats.h"
#include "uimage.h"

/* The header in the file (u-boot, include/image.h). All numbers are big-endian. */
struct uimage_header {
	uint32_t magic;
	uint32_t header_crc;		/* CRC-32 of the header with 0 in this field */
	uint32_t time;			/* of the build, seconds since 1970; not used */
	uint32_t size;			/* bytes of the kernel after the header */
	uint32_t load;			/* address for U-Boot; not used */
	uint32_t entry;			/* address for U-Boot; not used */
	uint32_t data_crc;		/* CRC-32 of the kernel */
	uint8_t os;
	uint8_t arch;
	uint8_t type;
	uint8_t compression;		/* index into compressions[] */
	char name[32];			/* for people; not used */
};

_Static_assert(sizeof(struct uimage_header) == 64, "the header has 64 bytes");

#define MAGIC			0x27051956U
/* Values of the fields os, arch and type. A kernel "noload" can run at any address. */
#define OS_LINUX		5
#define ARCH_ARM64		22
#define TYPE_KERNEL		2
#define TYPE_KERNEL_NOLOAD	14

/* Names of crs_compressions[]. NULL: not compressed. The library does not support lzo. */
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

/* CRC-32 as in gzip (IEEE 802.3). */
static uint32_t crc(const void *data, size_t size)
{
	return (uint32_t)crc32(0, data, (uInt)size);
}

static enum crashres_status check_type(struct crashres_ctx *ctx, const struct uimage_header *header)
{
	if (header->os != OS_LINUX || header->arch != ARCH_ARM64 ||
	    (header->type != TYPE_KERNEL && header->type != TYPE_KERNEL_NOLOAD))
		return crs_fail(ctx, CRASHRES_ERR_UNSUPPORTED,
				"is not an arm64 kernel: type %u, system %u, machine %u instead of "
				"2, 5, 22",
				header->type, header->os, header->arch);
	if (header->compression >= COMPRESSIONS)
		return crs_fail(ctx, CRASHRES_ERR_UNSUPPORTED, "unknown compression %u",
				header->compression);
	return CRASHRES_OK;
}

/* Reads the header and checks it, the size of the file, and both checksums. */
static enum crashres_status read_header(struct crashres_ctx *ctx, const struct crashres_input *file,
					struct uimage_header *header)
{
	uint64_t end;
	uint32_t stored_crc;

	if (file->size < sizeof(*header))
		return crs_fail(ctx, CRASHRES_ERR_FORMAT,
				"truncated: the header ends at byte %zu, the file at byte %zu",
				sizeof(*header), file->size);
	memcpy(header, file->data, sizeof(*header));
	stored_crc = be32toh(header->header_crc);
	header->header_crc = 0;
	if (crc(header, sizeof(*header)) != stored_crc)
		return crs_fail(ctx, CRASHRES_ERR_FORMAT, "the checksum of the header is wrong");
	end = sizeof(*header) + (uint64_t)be32toh(header->size);
	if (end > file->size)
		return crs_fail(ctx, CRASHRES_ERR_FORMAT, "truncated: the kernel ends at byte %"
				PRIu64 ", the file at byte %zu", end, file->size);
	if (crc(file->data + sizeof(*header), be32toh(header->size)) != be32toh(header->data_crc))
		return crs_fail(ctx, CRASHRES_ERR_FORMAT, "the checksum of the kernel is wrong");
	return check_type(ctx, header);
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
