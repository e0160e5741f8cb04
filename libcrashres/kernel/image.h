/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Parses the header of the arm64 Image (Linux, Documentation/arch/arm64/booting.rst,
 * section 4, "Call the kernel image"). The header is the first 64 bytes of the Image.
 */
#ifndef CRS_IMAGE_H
#define CRS_IMAGE_H

#include "../base/ctx.h"

/* Bytes. The address of an Image is a multiple of this, plus text_offset (booting.rst). */
#define CRS_IMAGE_ALIGNMENT	(2ULL << 20)

/* The whole Image must lie below this physical address (booting.rst, flags bit 3). */
#define CRS_IMAGE_LIMIT		(1ULL << 48)

/* The header in the file. All fields are little-endian, also for a big-endian kernel. */
struct crs_image_header {
	uint32_t code[2];		/* the first instructions; "MZ" in a kernel with EFI stub */
	uint64_t text_offset;		/* bytes from a 2 MiB boundary to the Image */
	uint64_t image_size;		/* bytes of memory, with BSS; 0 before Linux 3.17 */
	uint64_t flags;			/* bit 0 big-endian, bits 1-2 page size, bit 3 placement */
	uint64_t reserved[3];
	uint8_t magic[4];		/* CRS_IMAGE_MAGIC, offset 56 */
	uint32_t pe_offset;		/* offset of the PE header in a kernel with EFI stub */
};

#define CRS_IMAGE_MAGIC "ARM\x64"

/* Fields of the header, converted to host byte order. */
struct crs_image {
	uint64_t text_offset;		/* bytes; below CRS_IMAGE_ALIGNMENT, a multiple of 4 KiB */
	uint64_t image_size;		/* bytes of memory, with BSS; never 0 */
	uint64_t page_size;		/* bytes; 0: the header does not contain it */
	bool anywhere;			/* can lie at any 2 MiB boundary in RAM; false (before Linux
					   4.6): the kernel cannot use RAM below the Image */
};

/* Does @data start with the header of an arm64 Image? Checks size and magic only. */
bool crs_image_probe(const void *data, size_t size);

/*
 * Parses and checks the header. Also checks that the file has all bytes of its sections,
 * if it is a PE file too.
 *
 * Return:
 *   CRASHRES_ERR_FORMAT       not an Image, a truncated Image, or impossible values
 *   CRASHRES_ERR_UNSUPPORTED  a big-endian kernel, or image_size is 0
 */
enum crashres_status crs_image_parse(struct crashres_ctx *ctx, const void *data, size_t size,
				     struct crs_image *image);

#endif
