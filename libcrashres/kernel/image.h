/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The arm64 Image: 64 bytes of header (booting.rst, "Call the kernel image"), then the kernel. */
#ifndef CRS_IMAGE_H
#define CRS_IMAGE_H

#include "../base/ctx.h"

/* An Image goes to a base of this alignment, plus text_offset. */
#define CRS_IMAGE_ALIGNMENT	(2ULL << 20)

/* All of an Image lies below this address (booting.rst, flags bit 3). */
#define CRS_IMAGE_LIMIT		(1ULL << 48)

/* All fields are little-endian, whatever the kernel is. */
struct crs_image_header {
	uint32_t code[2];
	uint64_t text_offset;
	uint64_t image_size;
	uint64_t flags;
	uint64_t reserved[3];
	uint8_t magic[4];
	uint32_t pe_offset;
};

#define CRS_IMAGE_MAGIC "ARM\x64"

struct crs_image {
	uint64_t text_offset;
	uint64_t image_size;		/* memory it needs, with its BSS */
	uint64_t page_size;		/* 0: it does not say */
	bool anywhere;			/* else it cannot use memory below itself */
};

/* True where @data starts like an arm64 Image. */
bool crs_image_probe(const void *data, size_t size);

/*
 * Return:
 *   CRASHRES_ERR_FORMAT       no Image, a truncated one, or fields that cannot be
 *   CRASHRES_ERR_UNSUPPORTED  big-endian, or image_size 0 (before Linux 3.17)
 */
enum crashres_status crs_image_parse(struct crashres_ctx *ctx, const void *data, size_t size,
				     struct crs_image *image);

#endif
