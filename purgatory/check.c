/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * check.c: is purgatory what was loaded, and is everything else.
 */
#include "purgatory.h"
#include "sha256.h"

_Static_assert(PURGATORY_DIGEST_SIZE == PG_SHA256_DIGEST_SIZE, "leaves are hashed with SHA-256");
_Static_assert(PURGATORY_DIGEST_SIZE % sizeof(uint64_t) == 0, "digests are compared as words");
_Static_assert(PURGATORY_LEAF_SIZE % PG_SHA256_BLOCK_SIZE == 0, "keeps reads aligned");

static enum pg_sha256_method method;	/* portable until this CPU was asked */

struct digest {
	uint64_t words[PURGATORY_DIGEST_SIZE / sizeof(uint64_t)];
};

static bool same_digest(const struct digest *a, const struct digest *b)
{
	uint64_t different = 0;

	for (unsigned int i = 0; i < sizeof(a->words) / sizeof(a->words[0]); i++)
		different |= a->words[i] ^ b->words[i];
	return !different;
}

static const uint8_t *image(void)
{
	return (const uint8_t *)&pg_header;
}

static bool is_leaf_multiple(uint64_t value)
{
	return value % PURGATORY_LEAF_SIZE == 0;
}

/*
 * What must hold before the digest can be worked out at all. A damaged header
 * or size that passes here leads to a wrong digest or to an abort, both of
 * which are noticed; the limit keeps that from taking for ever.
 */
static bool sizes_are_sane(void)
{
	return pg_header.magic == PURGATORY_MAGIC &&
	       pg_header.version == PURGATORY_VERSION &&
	       pg_header.image_size == (uintptr_t)&pg_params - (uintptr_t)image() &&
	       pg_header.scratch_offset < pg_header.image_size &&
	       is_leaf_multiple(pg_header.scratch_offset) &&
	       is_leaf_multiple(pg_params.segment_size) &&
	       pg_params.segment_size >= pg_header.image_size + sizeof(pg_params) &&
	       pg_params.segment_size <= PURGATORY_SEGMENT_SIZE_MAX;
}

/*
 * Both ranges start at a multiple of 4 and the first is whole blocks: whatever
 * the size of params, only the last block can be a part of one.
 */
static void hash_self(void *digest)
{
	uint64_t start = pg_header.image_size + sizeof(pg_params.self_digest);
	struct pg_sha256 sha;

	pg_sha256_init(&sha, method);
	pg_sha256_update(&sha, image(), pg_header.scratch_offset);
	pg_sha256_update(&sha, image() + start, pg_params.segment_size - start);
	pg_sha256_final(&sha, digest);
}

static bool table_fits(uint64_t offset)
{
	uint64_t end = pg_params.segment_size;

	return is_leaf_multiple(offset) &&
	       offset >= pg_header.image_size + sizeof(pg_params) && offset <= end &&
	       pg_params.leaf_count <= (end - offset) / PURGATORY_DIGEST_SIZE;
}

static bool segment_is_sane(const struct purgatory_segment *segment)
{
	uint64_t leaves = segment->size / PURGATORY_LEAF_SIZE;

	return is_leaf_multiple(segment->base) && is_leaf_multiple(segment->size) &&
	       segment->base <= UINT64_MAX - segment->size &&
	       segment->first_leaf <= pg_params.leaf_count &&
	       leaves <= pg_params.leaf_count - segment->first_leaf;
}

/* The digest says that a library wrote this; it may still be a wrong one. */
static bool params_are_sane(void)
{
	if (!table_fits(pg_params.table_offset[0]) || !table_fits(pg_params.table_offset[1]))
		return false;
	if (pg_params.segment_count > PURGATORY_SEGMENTS_MAX)
		return false;
	for (uint32_t i = 0; i < pg_params.segment_count; i++)
		if (!segment_is_sane(&pg_params.segments[i]))
			return false;
	return true;
}

/* Damage may still be in a cache only; all but the scratch, which is in use. */
static void clean_self(void)
{
	pg_cache_clean(image(), image() + pg_header.scratch_offset);
	pg_cache_clean(image() + pg_header.image_size, image() + pg_params.segment_size);
}

bool pg_check_self(void)
{
	const struct digest *expected = (const struct digest *)pg_params.self_digest;
	struct digest found;

	if (!sizes_are_sane())
		return false;
	method = pg_cpu_sha256_method();
	if (method != PG_SHA256_PORTABLE)
		pg_cpu_enable_simd();
	clean_self();
	return sizes_are_sane() && pg_try(hash_self, &found) &&
	       same_digest(&found, expected) && params_are_sane();
}

/* Two leaves, or one leaf twice. */
struct pair {
	const uint8_t *data[2];
	struct digest digest[2];	/* out */
};

static void hash_pair(void *arg)
{
	struct pair *pair = arg;

	pg_sha256_two(method, pair->data[0], pair->data[1], PURGATORY_LEAF_SIZE,
		      (uint8_t *)pair->digest[0].words, (uint8_t *)pair->digest[1].words);
}

static const struct digest *expected_digest(unsigned int table, uint64_t leaf)
{
	return (const struct digest *)(image() + pg_params.table_offset[table]) + leaf;
}

static void note_leaf(const struct purgatory_segment *segment, uint64_t offset,
		      const struct digest *found, struct pg_damage *damage)
{
	uint64_t index = segment->first_leaf + offset / PURGATORY_LEAF_SIZE;

	damage->leaves++;
	if (found && (same_digest(found, expected_digest(0, index)) ||
		      same_digest(found, expected_digest(1, index))))
		return;
	if (!damage->damaged++) {
		damage->segment = segment;
		damage->offset = offset;
	}
}

/*
 * @count is 1 or 2. An abort while it is read (memory that answers no more) is
 * damage as well; of two leaves it does not tell which.
 */
static void check_leaves(const struct purgatory_segment *segment, uint64_t offset,
			 unsigned int count, struct pg_damage *damage)
{
	const uint8_t *data = (const uint8_t *)(segment->base + offset);
	struct pair pair = { .data = { data, data + (count - 1) * PURGATORY_LEAF_SIZE } };

	if (pg_try(hash_pair, &pair)) {
		for (unsigned int i = 0; i < count; i++)
			note_leaf(segment, offset + i * PURGATORY_LEAF_SIZE, &pair.digest[i],
				  damage);
	} else if (count == 1) {
		note_leaf(segment, offset, NULL, damage);
	} else {
		check_leaves(segment, offset, 1, damage);
		check_leaves(segment, offset + PURGATORY_LEAF_SIZE, 1, damage);
	}
}

static void check_segment(const struct purgatory_segment *segment, struct pg_damage *damage)
{
	uint64_t offset = 0;

	for (; segment->size - offset >= 2 * PURGATORY_LEAF_SIZE; offset += 2 * PURGATORY_LEAF_SIZE)
		check_leaves(segment, offset, 2, damage);
	if (offset < segment->size)
		check_leaves(segment, offset, 1, damage);
}

/* Only after pg_check_self: trusts the tables and params. */
void pg_check_segments(struct pg_damage *damage)
{
	*damage = (struct pg_damage){ 0 };
	for (uint32_t i = 0; i < pg_params.segment_count; i++)
		check_segment(&pg_params.segments[i], damage);
}
