/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A sealed Image: an arm64 Image that checks and repairs what is in it, and its
 * initrd, before it starts the kernel that it holds. For kexec_file_load(2),
 * after which nothing else does.
 *
 *   0                  page: struct crs_seal_header
 *   4096               purgatory, its digests, room for its page tables
 *   ..                 parity, at a multiple of 64 KiB
 *   kernel_offset      the kernel, behind a multiple of 2 MiB, with its BSS as zeros
 *   ..                 what the kernel's file had behind its image_size
 *   ..                 room for a signature, in memory and not in the file
 */
#ifndef CRS_SEAL_H
#define CRS_SEAL_H

#include "../kernel/image.h"

#define CRS_SEAL_MAGIC		0x316c616573737263ULL	/* "crsseal1" */

/* Where purgatory is: behind the page of the header. */
#define CRS_SEAL_PURGATORY_OFFSET 4096

struct crs_seal_header {
	struct crs_image_header image;
	/* For whoever wants the kernel back; no part of the check. Little-endian. */
	uint64_t magic;
	uint64_t kernel_offset;
	uint64_t kernel_size;		/* of the file that was sealed */
};

/* Is this file a sealed Image? Then where its kernel is, and that it is inside. */
bool crs_sealed_find_kernel(const void *data, size_t size, uint64_t *kernel_offset, uint64_t *kernel_size);

#endif
