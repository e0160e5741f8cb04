/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * self.c: the self-check. Compares code, constants, params and page tables with the
 * digest in the params. entry.S has already compared the sum over the code, so that no
 * damaged code runs here.
 */
#include <stddef.h>

#include "shared/params.h"
#include "access.h"
#include "digest.h"
#include "image.h"
#include "self.h"

/* Offsets in struct purgatory_params, bytes. entry.S defines the same values. */
#define CODE_SUM_AT	0
#define CONDUIT_AT	92

_Static_assert(offsetof(struct purgatory_params, code_sum) == CODE_SUM_AT, "see entry.S");
_Static_assert(offsetof(struct purgatory_params, conduit) == CONDUIT_AT, "see entry.S");
_Static_assert(sizeof(struct purgatory_params) <= PURGATORY_BLOCK_SIZE, "see entry.S");
_Static_assert(PURGATORY_DIGEST_SIZE == PG_SHA256_DIGEST_SIZE, "hashed with SHA-256");

struct self {
	enum pg_sha256_method method;
	struct pg_digest digest;	/* out */
};

static bool is_block_multiple(uint64_t value)
{
	return value % PURGATORY_BLOCK_SIZE == 0;
}

/*
 * Checks the sizes that the computation of the digest uses. A damaged size that passes
 * leads to a wrong digest or to an abort, and the self-check fails. The limit
 * PURGATORY_SELF_SIZE_MAX bounds the time until then.
 */
static bool sizes_are_sane(void)
{
	return pg_header.magic == PURGATORY_MAGIC &&
	       pg_header.version == PURGATORY_VERSION &&
	       pg_header.image_size == (uintptr_t)&pg_params - (uintptr_t)&pg_header &&
	       pg_header.scratch_offset < pg_header.image_size &&
	       is_block_multiple(pg_header.scratch_offset) &&
	       is_block_multiple(pg_params.table_offset[0]) &&
	       pg_params.table_offset[0] >= pg_header.image_size + sizeof(pg_params) &&
	       pg_params.table_offset[0] <= PURGATORY_SELF_SIZE_MAX;
}

/*
 * With the MMU off, sha256.h demands data aligned to 4 bytes, and a multiple of 64 bytes
 * in each update but the last. Both ranges are aligned, and the first is whole pages.
 */
static void hash_self(void *arg)
{
	struct self *self = arg;
	struct pg_range ranges[2];
	struct pg_sha256 sha;

	pg_sha256_init(&sha, self->method);
	pg_params_self_ranges(&pg_params, pg_header.scratch_offset, pg_header.image_size, ranges);
	for (unsigned int i = 0; i < 2; i++)
		pg_sha256_update(&sha, pg_at(ranges[i].base), ranges[i].size);
	pg_sha256_final(&sha, (uint8_t *)self->digest.words);
}

bool pg_is_outside_self_digest(uint64_t offset, uint64_t size)
{
	uint64_t end = pg_params.segment_size;

	return is_block_multiple(offset) && offset >= pg_params.table_offset[0] &&
	       offset <= end && size <= end - offset;
}

static bool segment_is_sane(const struct purgatory_segment *segment)
{
	uint64_t blocks = pg_params.block_count ? segment->size / PURGATORY_BLOCK_SIZE : 0;

	return is_block_multiple(segment->base) && is_block_multiple(segment->size) &&
	       segment->base <= UINT64_MAX - segment->size &&
	       segment->first_block <= pg_params.block_count &&
	       blocks <= pg_params.block_count - segment->first_block;
}

static bool parity_is_sane(void)
{
	uint64_t groups = pg_params.group_count;

	return !groups || (is_block_multiple(pg_params.parity_base) &&
			   groups <= pg_params.block_count &&
			   (pg_params.block_count - 1) / groups < PURGATORY_MEMBERS_MAX &&
			   pg_params.parity_base <= UINT64_MAX - 2 * groups * PURGATORY_BLOCK_SIZE);
}

static bool record_is_sane(void)
{
	if (!pg_params.record)
		return true;
	for (uint32_t i = 0; i < pg_params.segment_count; i++) {
		const struct purgatory_segment *segment = &pg_params.segments[i];
		uint64_t offset = pg_params.record - segment->base;

		if (pg_params.record >= segment->base && offset <= segment->size &&
		    sizeof(struct purgatory_record) <= segment->size - offset)
			return pg_params.record % sizeof(uint32_t) == 0;
	}
	return false;
}

/*
 * The digest is right, so the library wrote these params. A library with a bug can still
 * write wrong values. So check each value that is used as an address or as an index.
 */
static bool params_are_sane(void)
{
	if (pg_params.segment_size > PURGATORY_SEGMENT_SIZE_MAX ||
	    pg_params.block_count > PURGATORY_SEGMENT_SIZE_MAX / PURGATORY_DIGEST_SIZE ||
	    !pg_is_outside_self_digest(pg_params.table_offset[0], pg_table_size()) ||
	    !pg_is_outside_self_digest(pg_params.table_offset[1], pg_table_size()) ||
	    !pg_is_outside_self_digest(pg_params.bitmap_offset,
				       2 * pg_params_bitmap_size(pg_params.block_count)) ||
	    pg_params.segment_count > PURGATORY_SEGMENTS_MAX)
		return false;
	for (uint32_t i = 0; i < pg_params.segment_count; i++)
		if (!segment_is_sane(&pg_params.segments[i]))
			return false;
	return parity_is_sane() && record_is_sane();
}

bool pg_check_self(enum pg_sha256_method method)
{
	const struct pg_digest *expected = (const struct pg_digest *)pg_params.self_digest;
	struct self self = { .method = method };

	if (!sizes_are_sane())
		return false;
	/*
	 * entry.S has cleaned the image and the first page of the params. Clean the rest too,
	 * because a dirty line can hold damage. Cleaning can change the sizes, so check them
	 * again.
	 */
	return pg_clean(pg_at(pg_header.image_size),
			pg_params.table_offset[0] - pg_header.image_size) &&
	       sizes_are_sane() && pg_access(hash_self, &self) &&
	       pg_same_digest(&self.digest, expected) && params_are_sane();
}
