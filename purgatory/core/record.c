/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* record.c: fills in the record and writes it to the device tree for the next kernel. */
#include <stdbool.h>
#include <stddef.h>

#include "access.h"
#include "blocks.h"
#include "image.h"
#include "record.h"

_Static_assert(sizeof(struct purgatory_record) % sizeof(uint32_t) == 0, "written in words of 32 bits");

struct copy {
	uint8_t *to;
	const uint8_t *from;
	size_t size;
};

/* Copies single bytes, because damage starts at any offset. */
static void copy_bytes(void *arg)
{
	const struct copy *copy = arg;

	for (size_t i = 0; i < copy->size; i++)
		copy->to[i] = copy->from[i];
}

/* Stores up to @limit bytes from @from in the run. found_size is 0 if they cannot be read. */
static void save_found_bytes(struct purgatory_damage *damage, const uint8_t *from, uint64_t limit)
{
	struct copy copy = { damage->found, from, PURGATORY_FOUND_MAX };

	for (size_t i = 0; i < PURGATORY_FOUND_MAX; i++)
		damage->found[i] = 0;
	if (copy.size > limit)
		copy.size = limit;
	damage->found_size = from && pg_access(copy_bytes, &copy) ? (uint32_t)copy.size : 0;
}

static void start_run(struct purgatory_damage *damage, const struct purgatory_segment *segment,
		      uint64_t block)
{
	uint64_t offset = (block - segment->first_block) * PURGATORY_BLOCK_SIZE;

	for (size_t i = 0; i < sizeof(damage->segment); i++)
		damage->segment[i] = segment->name[i];
	damage->offset = offset;
	save_found_bytes(damage, pg_block_data(block), PURGATORY_BLOCK_SIZE);
}

static void record_segment(struct purgatory_record *record,
			   const struct purgatory_segment *segment)
{
	uint64_t end = segment->first_block + segment->size / PURGATORY_BLOCK_SIZE;
	bool in_run = false;

	for (uint64_t block = segment->first_block; block < end; block++) {
		bool damaged = pg_was_damaged(block);

		if (damaged && !in_run && record->damage_count++ < PURGATORY_DAMAGE_MAX)
			start_run(&record->damage[record->damage_count - 1], segment, block);
		if (damaged && record->damage_count <= PURGATORY_DAMAGE_MAX)
			record->damage[record->damage_count - 1].blocks++;
		in_run = damaged;
	}
}

void pg_record_runs(struct purgatory_record *record)
{
	for (uint32_t i = 0; i < pg_params.segment_count; i++)
		record_segment(record, &pg_params.segments[i]);
}

static bool same_name(const char *a, const char *b)
{
	for (size_t i = 0; i < sizeof(((struct purgatory_damage *)0)->segment); i++)
		if (a[i] != b[i])
			return false;
	return true;
}

/*
 * Returns the run that contains the block at @offset of @segment. Returns NULL if the
 * record had no room for this run.
 */
static struct purgatory_damage *find_run(struct purgatory_record *record,
					 const struct purgatory_segment *segment, uint64_t offset)
{
	uint64_t count = record->damage_count;

	for (uint64_t i = 0; i < count && i < PURGATORY_DAMAGE_MAX; i++) {
		struct purgatory_damage *damage = &record->damage[i];
		uint64_t first = damage->offset / PURGATORY_BLOCK_SIZE;

		if (same_name(damage->segment, segment->name) &&
		    offset / PURGATORY_BLOCK_SIZE >= first &&
		    offset / PURGATORY_BLOCK_SIZE - first < damage->blocks)
			return damage;
	}
	return NULL;
}

struct difference {
	const uint64_t *found, *right;
	unsigned int at;		/* out: offset of the first byte that differs */
};

static void find_difference(void *arg)
{
	struct difference *difference = arg;
	unsigned int word = 0;
	uint64_t bits;

	while (word < PURGATORY_BLOCK_SIZE / sizeof(uint64_t) - 1 &&
	       difference->found[word] == difference->right[word])
		word++;
	bits = difference->found[word] ^ difference->right[word];
	difference->at = word * (unsigned int)sizeof(uint64_t);
	for (; bits && !(bits & 0xff); bits >>= 8)
		difference->at++;
}

void pg_record_first_difference(struct purgatory_record *record, uint64_t block, const void *right)
{
	const struct purgatory_segment *segment = pg_segment_of(block);
	uint64_t offset = (block - segment->first_block) * PURGATORY_BLOCK_SIZE;
	struct purgatory_damage *damage = find_run(record, segment, offset);
	struct difference difference = {
		.found = (const uint64_t *)pg_block_data(block), .right = right,
	};

	if (!damage || damage->offset != offset || !pg_access(find_difference, &difference))
		return;
	damage->offset += difference.at;
	save_found_bytes(damage, (const uint8_t *)difference.found + difference.at,
			 PURGATORY_BLOCK_SIZE - difference.at);
}

void pg_record_repaired(struct purgatory_record *record, uint64_t block)
{
	const struct purgatory_segment *segment = pg_segment_of(block);
	struct purgatory_damage *damage =
		find_run(record, segment, (block - segment->first_block) * PURGATORY_BLOCK_SIZE);

	record->repaired++;
	if (damage)
		damage->repaired++;
}

void pg_record_lost_again(struct purgatory_record *record, uint64_t block)
{
	const struct purgatory_segment *segment = pg_segment_of(block);
	struct purgatory_damage *damage =
		find_run(record, segment, (block - segment->first_block) * PURGATORY_BLOCK_SIZE);

	record->repaired--;
	if (damage)
		damage->repaired--;
}

/*
 * Writes words of 32 bits, because the value of a property is aligned to 4 bytes only.
 * If the policy starts the kernel with a damaged device tree, other data can lie in the
 * record's place. So write only if the template is there: magic, version and size.
 */
static void write_words(void *arg)
{
	const struct purgatory_record *record = arg;
	const uint32_t *from = (const uint32_t *)record;
	volatile uint32_t *to = (volatile uint32_t *)pg_params.record;
	const unsigned int template_words = offsetof(struct purgatory_record, outcome) / sizeof(*to);

	for (unsigned int i = 0; i < template_words; i++)
		if (to[i] != from[i])
			return;
	for (unsigned int i = template_words; i < sizeof(*record) / sizeof(*to); i++)
		to[i] = from[i];
}

void pg_record_write(struct purgatory_record *record)
{
	if (pg_params.record)
		pg_access(write_words, record);
}
