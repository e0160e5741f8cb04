/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <endian.h>
#include <inttypes.h>
#include <string.h>

#include "image.h"
#include "pe.h"

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
 * The Image header cannot say where the file must end, for image_size counts
 * the BSS; but a kernel with an EFI stub is also a PE file.
 */
static enum crashres_status check_size(struct crashres_ctx *ctx, const uint8_t *data, size_t size)
{
	struct crs_pe pe;
	uint64_t needed = crs_pe_parse(data, size, &pe) ? crs_pe_sections_end(&pe) : 0;

	if (needed > size)
		return crs_fail(ctx, CRASHRES_ERR_FORMAT,
				"truncated: its sections end at byte %" PRIu64
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
		return crs_fail(ctx, CRASHRES_ERR_FORMAT, "not an arm64 Image");
	memcpy(&header, data, sizeof(header));
	flags = le64toh(header.flags);
	if (flags & FLAG_BIG_ENDIAN)
		return crs_fail(ctx, CRASHRES_ERR_UNSUPPORTED,
				"a big-endian kernel: purgatory and kernel must be little-endian");
	page = flags >> FLAG_PAGE_SIZE_SHIFT & 3;
	new = (struct crs_image){
		.text_offset = le64toh(header.text_offset),
		.image_size = le64toh(header.image_size),
		.page_size = page ? 1024ULL << 2 * page : 0,
		.anywhere = flags & FLAG_ANYWHERE,
	};
	if (!new.image_size)
		return crs_fail(ctx, CRASHRES_ERR_UNSUPPORTED,
				"image_size is 0 (a kernel before Linux 3.17): "
				"how much memory it needs is unknown");
	if (new.image_size > CRS_IMAGE_LIMIT || new.text_offset >= CRS_IMAGE_ALIGNMENT ||
	    new.text_offset % 4096)
		return crs_fail(ctx, CRASHRES_ERR_FORMAT,
				"damaged header: text_offset 0x%" PRIx64 ", image_size 0x%" PRIx64,
				new.text_offset, new.image_size);
	if (check_size(ctx, data, size) != CRASHRES_OK)
		return CRASHRES_ERR_FORMAT;
	*image = new;
	return CRASHRES_OK;
}
