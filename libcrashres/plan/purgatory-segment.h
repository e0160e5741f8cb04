/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The purgatory segment: its image, what it is told, and the digests it checks against. */
#ifndef CRS_PURGATORY_SEGMENT_H
#define CRS_PURGATORY_SEGMENT_H

#include "../../purgatory/abi.h"
#include "../base/ctx.h"
#include "../machine/firmware.h"

/* The built image, embedded; purgatory_header at its start. */
extern const uint8_t crs_purgatory_image[];
extern const uint8_t crs_purgatory_image_end[];
/* The one that starts a sealed Image. */
extern const uint8_t crs_sealed_image[];
extern const uint8_t crs_sealed_image_end[];

/* What the purgatory segment is made of. */
struct crs_purgatory_segment {
	/* Multiples of a block, each checked over its whole range. */
	const struct crashres_segment *segments;
	size_t segment_count;
	bool unchecked;			/* no, only cleaned to memory */
	uint64_t kernel_entry;
	uint64_t dtb;
	uint64_t record;		/* where struct purgatory_record goes; 0: nowhere */
	const struct crs_firmware *firmware;
	enum purgatory_policy on_damage;
	enum purgatory_policy on_timeout;
	uint32_t seconds;		/* for check and repair; 0: no limit */
	uint64_t parity;		/* base of the parity area */
	uint64_t group_count;		/* 0: none */
	bool mapped;			/* check with page tables and caches */
	/* How many segments there will be at most; the room for page tables depends on it. */
	size_t segments_max;
	uint64_t window;		/* bytes of a range around all of them; 0: unknown */
	/*
	 * For a sealed Image, which makes its page tables itself: segments, parity and kernel_entry count from purgatory's
	 * base, the initrd is the last segment, and dtb and record are not known.
	 */
	bool sealed;
	uint64_t initrd_size;		/* bytes; 0: none */
};

/* CRASHRES_ERR_REQUEST, with the member, where an enum has no such value. */
enum crashres_status crs_purgatory_check_policy(struct crashres_ctx *ctx,
						enum crashres_on_damage on_damage,
						enum crashres_on_timeout on_timeout);

/* The policy for a check that ran out of time, as purgatory counts policies. */
enum purgatory_policy crs_purgatory_on_timeout(enum crashres_on_timeout on_timeout);

/*
 * Bytes of the segment for @checked bytes of checked segments; of @contents
 * only mapped, segments_max, window and sealed are looked at.
 */
uint64_t crs_purgatory_segment_size(const struct crs_purgatory_segment *contents, uint64_t checked);

/*
 * CRASHRES_ERR_LIMIT if purgatory cannot check so much: to be asked before anything
 * is hashed or allocated. The size above means nothing then.
 */
enum crashres_status crs_purgatory_segment_check(struct crashres_ctx *ctx,
						 const struct crs_purgatory_segment *contents,
						 uint64_t checked);

/*
 * The segment, to be loaded at @base, for free(). Its size is what
 * crs_purgatory_segment_size() said.
 */
enum crashres_status crs_purgatory_segment_make(struct crashres_ctx *ctx,
				       const struct crs_purgatory_segment *contents, uint64_t base,
				       uint8_t **data, uint64_t *size);

/* The digest of each block of @segment, zeros behind its data included, one after the other. */
void crs_digest_blocks(const struct crashres_segment *segment, uint8_t *table);

#endif
