/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sealed-image.h: the format of a sealed Image.
 *
 * A sealed Image is an arm64 Image (booting.rst) that contains purgatory and a kernel. Purgatory
 * checks and repairs the kernel and the initrd before it starts the kernel. kexec_file_load(2)
 * needs this format, because with that call the running kernel adds no purgatory on arm64.
 *
 * Byte offsets in the file, which are the same in memory:
 *
 *   0                  struct crs_seal_header, then zeros
 *   4096               purgatory, digests, room for page tables
 *   ..                 parity, at a multiple of 64 KiB
 *   kernel_offset      the kernel file, text_offset behind a multiple of 2 MiB, then zeros up
 *                      to its image_size
 *   end of the file
 *   ..                 64 KiB for an appended signature, counted in image_size only
 */
#ifndef CRS_SEAL_H
#define CRS_SEAL_H

#include "../kernel/image.h"

#define CRS_SEAL_MAGIC		0x316c616573737263ULL	/* "crsseal1" */

/* The byte offset of purgatory: after the page with the header. */
#define CRS_SEAL_PURGATORY_OFFSET 4096

/*
 * The start of a sealed Image. All numbers are little-endian. The members after "image" only
 * serve crashres_unseal(); purgatory does not read them.
 */
struct crs_seal_header {
	struct crs_image_header image;
	uint64_t magic;			/* CRS_SEAL_MAGIC */
	uint64_t kernel_offset;		/* bytes from the start of the file */
	uint64_t kernel_size;		/* bytes of the kernel file that was sealed */
};

/*
 * Is @data, hostile bytes, a sealed Image? If true, *@kernel_offset and *@kernel_size are set,
 * and the kernel lies inside @data. If false, both can have any value.
 */
bool crs_sealed_find_kernel(const void *data, size_t size, uint64_t *kernel_offset,
			    uint64_t *kernel_size);

#endif
