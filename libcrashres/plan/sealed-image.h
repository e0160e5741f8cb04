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
 *   512                PE header (sealed-pe.h), then zeros
 *   4096               purgatory, digests, room for page tables
 *   ..                 entry stub for EFI (sealed-pe.h)
 *   ..                 parity, at a multiple of 64 KiB
 *   kernel_offset      the kernel file, text_offset behind a multiple of 2 MiB, then zeros up
 *                      to its image_size
 *   end of the file
 *   ..                 64 KiB for a signature at the end, counted in image_size only
 *
 * A sealed Image is also a PE file, so it can be signed as an EFI program. The first instruction
 * has the bytes "MZ" and changes only flags.
 */
#ifndef CRS_SEAL_H
#define CRS_SEAL_H

#include "../kernel/image.h"
#include "../kernel/kernel.h"

#define CRS_SEAL_MAGIC		0x326c616573737263ULL	/* "crsseal2" */

/* The byte offset of purgatory: after the page with the header. */
#define CRS_SEAL_PURGATORY_OFFSET 4096

/*
 * The start of a sealed Image. All numbers are little-endian. Purgatory does not read the
 * members after "image". The digests are SHA-256.
 */
struct crs_seal_header {
	struct crs_image_header image;
	uint64_t magic;			/* CRS_SEAL_MAGIC */
	uint64_t kernel_offset;		/* bytes from the start of the file */
	uint64_t kernel_size;		/* bytes of the kernel, without its signatures */
	uint8_t kernel_digest[32];	/* of these bytes */
	uint64_t initrd_size;		/* bytes of the initrd; 0: none */
	uint8_t initrd_digest[32];	/* of the initrd; zeros: none */
};

/*
 * Makes a sealed Image as crashres_seal() does. The only difference: if the kernel is signed,
 * this logs information, not a warning.
 */
enum crashres_status crs_seal(struct crashres_ctx *ctx, const struct crashres_machine *machine,
			      const struct crashres_kernel *kernel,
			      const struct crashres_seal_request *seal,
			      struct crashres_input **sealed);

/*
 * Is @data, hostile bytes, a sealed Image? If true, *@kernel_offset and *@kernel_size are set,
 * and the kernel lies inside @data. If false, both can have any value.
 */
bool crs_sealed_find_kernel(const void *data, size_t size, uint64_t *kernel_offset,
			    uint64_t *kernel_size);

/*
 * Returns the largest number of bytes that a file with this hostile header can have, with a
 * signature. A larger file cannot be loaded.
 */
uint64_t crs_sealed_size_limit(const struct crs_seal_header *header);

/*
 * Computes the digest of the kernel inside the sealed Image @file, and compares it with the header.
 *
 * Return: CRASHRES_ERR_FORMAT if the digest differs, or if @file is not a sealed Image.
 */
enum crashres_status crs_sealed_check_kernel(struct crashres_ctx *ctx,
					     const struct crashres_input *file);

#endif
