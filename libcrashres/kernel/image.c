/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Parses and checks the header of the arm64 Image. */
#include <endian.h>
#include <inttypes.h>
#include <string.h>

#include "image.h"
#include "pe.h"

/* Bits of the flags (booting.rst). Page size: 0 unknown, 1 4 KiB, 2 16 KiB, 3 64 KiB. */
#define FLAG_BIG_ENDIAN		(1ULL << 0)
#define FLAG_PAGE_SIZE_SHIFT	1
#define FLAG_ANYWHERE		(1ULL << 3)

_Static_assert(sizeof(struct crs_image_header) == 64, "the header has 64 bytes (booting.rst)");

bool crs_image_probe(const void *data, size_t size)
{
	return size >= sizeof(struct crs_image_header) &&
	       !memcmp((const uint8_t *)data + offsetof(struct crs_image_header, magic),
		       CRS_IMAGE_MAGIC, 4);
}

/*
 * Checks that the file is not truncated. The Image header does not contain the size of the
 * file, because image_size includes the BSS. But a kernel with an EFI stub is also a PE
 * file, and its section table shows where the file must end. Without an EFI stub the
 * library cannot detect a truncation.
 */
static enum crashres_status check_size(struct crashres_ctx *ctx, const uint8_t *data, size_t size)
{
	struct crs_pe pe;
	uint64_t needed = crs_pe_parse(data, size, &pe) ? crs_pe_sections_end(&pe) : 0;

	if (needed > size)
		return crs_fail(ctx, CRASHRES_ERR_FORMAT,
				"truncated: the sections end at byte %" PRIu64
				", the file at byte %zu", needed, size);
	return CRASHRES_OK;
}

enum crashres_status crs_image_parse(struct crashres_ctx *ctx, const void *data, size_t size,
				     struct crs_image *image)
{
	struct crs_image_header header;
	struct crs_image new;
	uint64_t flags, page;

	if (!crs_image_probe(data, size))
		return crs_fail(ctx, CRASHRES_ERR_FORMAT, "no arm64 Image header");
	memcpy(&header, data, sizeof(header));
	flags = le64toh(header.flags);
	if (flags & FLAG_BIG_ENDIAN)
		return crs_fail(ctx, CRASHRES_ERR_UNSUPPORTED,
				"the kernel is big-endian: only little-endian kernels are "
				"supported");
	page = flags >> FLAG_PAGE_SIZE_SHIFT & 3;
	new = (struct crs_image){
		.text_offset = le64toh(header.text_offset),
		.image_size = le64toh(header.image_size),
		.page_size = page ? 1024ULL << 2 * page : 0,	/* 4, 16 or 64 KiB */
		.anywhere = flags & FLAG_ANYWHERE,
	};
	if (!new.image_size)
		return crs_fail(ctx, CRASHRES_ERR_UNSUPPORTED,
				"image_size is 0 (Linux before 3.17): "
				"the memory size of the kernel is unknown");
	if (new.image_size > CRS_IMAGE_LIMIT || new.text_offset >= CRS_IMAGE_ALIGNMENT ||
	    new.text_offset % 4096)
		return crs_fail(ctx, CRASHRES_ERR_FORMAT,
				"the Image header is damaged: text_offset 0x%" PRIx64
				", image_size 0x%" PRIx64,
				new.text_offset, new.image_size);
	if (check_size(ctx, data, size) != CRASHRES_OK)
		return CRASHRES_ERR_FORMAT;
	*image = new;
	return CRASHRES_OK;
}
