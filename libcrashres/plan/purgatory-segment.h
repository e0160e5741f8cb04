/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * purgatory-segment.h: makes the purgatory segment: code, parameters, page tables and digests.
 *
 * purgatory/abi.h has the layout of the segment and defines its structs. From its base on:
 * image, struct purgatory_params, page tables for EL1 and EL2, two copies of the digest table,
 * bitmaps of damaged and repaired blocks. All numbers in the segment are little-endian.
 */
#ifndef CRS_PURGATORY_SEGMENT_H
#define CRS_PURGATORY_SEGMENT_H

#include "../../purgatory/abi.h"
#include "../base/ctx.h"
#include "../machine/firmware.h"

/* The purgatory for kexec_load (see purgatory-image.S). It starts with struct purgatory_header. */
extern const uint8_t crs_purgatory_image[];
extern const uint8_t crs_purgatory_image_end[];
/* The purgatory for a sealed Image, with the same header. */
extern const uint8_t crs_sealed_image[];
extern const uint8_t crs_sealed_image_end[];

/*
 * The input for a purgatory segment. Everything is borrowed. Addresses are physical.
 *
 * If "sealed" is true, the addresses of segments, parity and kernel_entry are offsets from
 * purgatory's base instead, dtb and record are 0, and an initrd is the last segment. Such a
 * purgatory finds its own address, the DTB and the initrd at run time.
 */
struct crs_purgatory_segment {
	/* Range sizes are multiples of a block. The check covers the whole range of each. */
	const struct crashres_segment *segments;
	size_t segment_count;
	bool unchecked;			/* purgatory only cleans the segments to memory */
	uint64_t kernel_entry;		/* first instruction of the kernel */
	uint64_t dtb;			/* of the device tree for the kernel */
	uint64_t record;		/* of struct purgatory_record in the DTB; 0: no record */
	const struct crs_firmware *firmware;	/* the UART, and the way to reset */
	enum purgatory_policy on_damage;
	enum purgatory_policy on_timeout;
	uint32_t seconds;		/* limit for check and repair; 0: no limit */
	uint64_t parity;		/* base of the parity area */
	uint64_t group_count;		/* number of parity groups; 0: no parity */
	bool mapped;			/* true: check with MMU and caches on, and make page
					   tables */
	size_t segments_max;		/* the largest possible segment_count; the room for page
					   tables depends on it */
	uint64_t window;		/* bytes of a range that contains all segments; 0:
					   unknown */
	bool sealed;			/* for a sealed Image; see above */
	uint64_t initrd_size;		/* sealed: size of the initrd in bytes; 0: no initrd */
};

/* Returns CRASHRES_ERR_REQUEST, and sets the member, if a value is unknown. */
enum crashres_status crs_purgatory_check_policy(struct crashres_ctx *ctx,
						enum crashres_on_damage on_damage,
						enum crashres_on_timeout on_timeout);

/* Converts the public enum to purgatory's enum, which has other numbers. */
enum purgatory_policy crs_purgatory_on_timeout(enum crashres_on_timeout on_timeout);

/*
 * Returns the size of the purgatory segment in bytes. @checked: bytes of all checked segments.
 * Reads only mapped, segments_max, window and sealed of @contents.
 */
uint64_t crs_purgatory_segment_size(const struct crs_purgatory_segment *contents, uint64_t checked);

/*
 * Returns CRASHRES_ERR_LIMIT if purgatory cannot check @checked bytes. Call this function before
 * you hash or allocate anything. After a failure, crs_purgatory_segment_size() is meaningless.
 */
enum crashres_status crs_purgatory_segment_check(struct crashres_ctx *ctx,
						 const struct crs_purgatory_segment *contents,
						 uint64_t checked);

/*
 * Makes the segment for the physical address @base (0 for a sealed Image).
 *
 * @data: out; release with free(). @size: out; equal to crs_purgatory_segment_size().
 *
 * Return: CRASHRES_ERR_LIMIT if there are too many segments or bytes to check.
 */
enum crashres_status crs_purgatory_segment_make(struct crashres_ctx *ctx,
						const struct crs_purgatory_segment *contents,
						uint64_t base, uint8_t **data, uint64_t *size);

/*
 * Writes the SHA-256 of each block of @segment to @table, 32 bytes each, over its whole range
 * including the zeros behind its data.
 */
void crs_digest_blocks(const struct crashres_segment *segment, uint8_t *table);

/* Computes the SHA-256 of @size bytes. */
void crs_digest_bytes(const uint8_t *data, uint64_t size, uint8_t digest[PURGATORY_DIGEST_SIZE]);

#endif
