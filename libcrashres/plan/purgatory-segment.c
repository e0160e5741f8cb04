/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * purgatory-segment.c: makes the purgatory segment.
 *
 * The steps: fill the parameters, find the final number of page tables, hash the blocks, make
 * the page tables, and last the sums over code and parameters (the self-check).
 */
#include <endian.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef __aarch64__
#include <sys/auxv.h>
#endif

#include "../../purgatory/shared/pagetables.h"
#include "../../purgatory/shared/params.h"
#include "../../purgatory/shared/sha256.h"
#include "../base/range.h"
#include "purgatory-segment.h"
#include "blocks.h"

#define BLOCK PURGATORY_BLOCK_SIZE

/* Byte offsets from the start of the segment, in the order that abi.h draws. */
struct layout {
	uint64_t scratch;	/* memory that purgatory writes; not part of the self-check */
	uint64_t params;	/* struct purgatory_params */
	uint64_t roots[2];	/* page tables for EL1 and for EL2; 0: none */
	uint64_t tables[2];	/* both copies of the digest table */
	uint64_t table_size;	/* bytes of one copy */
	uint64_t bitmap;	/* two bits for each block */
	uint64_t roots_size;	/* sealed: bytes for page tables, which purgatory makes at run
				   time */
	uint64_t size;		/* bytes of the segment */
};

static uint64_t block_up(uint64_t size)
{
	return (size + BLOCK - 1) / BLOCK * BLOCK;
}

/*
 * Computes the offsets. @blocks: number of checked blocks; it comes from memory that exists, so
 * the sums cannot wrap. @roots: bytes of the page tables of one exception level.
 *
 * A sealed Image has one set of page tables, at the end: purgatory knows its exception level
 * when it makes the tables, and the self-check must not cover them.
 */
static struct layout make_layout(const struct crs_purgatory_segment *contents, uint64_t blocks,
				 uint64_t roots)
{
	struct layout layout = { 0 };
	struct purgatory_header header;
	uint64_t next;

	memcpy(&header, contents->sealed ? crs_sealed_image : crs_purgatory_image, sizeof(header));
	layout.scratch = le64toh(header.scratch_offset);
	layout.params = le64toh(header.image_size);
	next = layout.params + block_up(sizeof(struct purgatory_params));
	if (roots && !contents->sealed) {
		layout.roots[0] = next;
		layout.roots[1] = next + roots;
		next += 2 * roots;
	}
	layout.table_size = block_up(blocks * PURGATORY_DIGEST_SIZE);
	layout.tables[0] = next;
	layout.tables[1] = layout.tables[0] + layout.table_size;
	layout.bitmap = layout.tables[1] + layout.table_size;
	layout.size = layout.bitmap + block_up(2 * pg_params_bitmap_size(blocks));
	if (contents->sealed) {
		layout.roots_size = roots;
		layout.roots[0] = layout.size;
		layout.roots[1] = layout.size;
		layout.size += roots;
	}
	return layout;
}

/* An upper bound for the page tables of one exception level in bytes, for any addresses. */
static uint64_t max_roots_size(const struct crs_purgatory_segment *contents, uint64_t checked)
{
	if (!contents->mapped && !contents->sealed)
		return 0;
	return PG_TABLE_SIZE * (uint64_t)pg_params_tables_max(contents->segments_max, checked,
							  contents->window);
}

enum crashres_status crs_purgatory_check_policy(struct crashres_ctx *ctx,
						enum crashres_on_damage on_damage,
						enum crashres_on_timeout on_timeout)
{
	if ((unsigned int)on_damage > CRASHRES_ON_DAMAGE_BOOT)
		return crs_fail_member(ctx, CRASHRES_ERR_REQUEST, CRASHRES_MEMBER_ON_DAMAGE,
				       "unknown policy %d for damage", (int)on_damage);
	if ((unsigned int)on_timeout > CRASHRES_ON_TIMEOUT_HALT)
		return crs_fail_member(ctx, CRASHRES_ERR_REQUEST, CRASHRES_MEMBER_ON_TIMEOUT,
				       "unknown policy %d for a timeout",
				       (int)on_timeout);
	return CRASHRES_OK;
}

enum purgatory_policy crs_purgatory_on_timeout(enum crashres_on_timeout on_timeout)
{
	switch (on_timeout) {
	case CRASHRES_ON_TIMEOUT_BOOT:
		return PURGATORY_POLICY_BOOT;
	case CRASHRES_ON_TIMEOUT_HALT:
		return PURGATORY_POLICY_HALT;
	case CRASHRES_ON_TIMEOUT_RESET:
		break;
	}
	return PURGATORY_POLICY_RESET;
}

/* Checks the limits of purgatory (abi.h): the segment, and the part that the self-check covers. */
static enum crashres_status check_layout(struct crashres_ctx *ctx, const struct layout *layout,
					 uint64_t blocks)
{
	if (layout->size <= PURGATORY_SEGMENT_SIZE_MAX &&
	    layout->tables[0] <= PURGATORY_SELF_SIZE_MAX)
		return CRASHRES_OK;
	return crs_fail(ctx, CRASHRES_ERR_LIMIT,
			"purgatory: %" PRIu64 " MiB of segments need %" PRIu64
			" MiB of digests and page tables: the limit is %u MiB",
			blocks * BLOCK >> 20, layout->size >> 20,
			PURGATORY_SEGMENT_SIZE_MAX >> 20);
}

enum crashres_status crs_purgatory_segment_check(struct crashres_ctx *ctx,
						 const struct crs_purgatory_segment *contents,
						 uint64_t checked)
{
	const struct layout layout =
		make_layout(contents, checked / BLOCK, max_roots_size(contents, checked));

	return check_layout(ctx, &layout, checked / BLOCK);
}

uint64_t crs_purgatory_segment_size(const struct crs_purgatory_segment *contents, uint64_t checked)
{
	return make_layout(contents, checked / BLOCK, max_roots_size(contents, checked)).size;
}

/* Chooses the fastest SHA-256 of this CPU. All of them are purgatory's own code. */
static enum pg_sha256_method sha256_method(void)
{
#ifdef __aarch64__
	if (getauxval(AT_HWCAP) & HWCAP_SHA2)
		return PG_SHA256_INSTRUCTIONS;
	if (getauxval(AT_HWCAP) & HWCAP_ASIMD)
		return PG_SHA256_VECTORS;
#endif
	return PG_SHA256_PORTABLE;
}

/* Hashes four blocks at a time. The digest of a zero block is computed only once. */
void crs_digest_blocks(const struct crashres_segment *segment, uint8_t *table)
{
	static const struct crs_block zeros;
	enum pg_sha256_method method = sha256_method();
	uint8_t zero[PURGATORY_DIGEST_SIZE] __attribute__((aligned(16)));
	uint8_t digests[PG_SHA256_LANES][PURGATORY_DIGEST_SIZE] __attribute__((aligned(16)));
	uint64_t blocks = segment->range.size / BLOCK, data_blocks = crs_block_count(segment);

	pg_sha256_two(method, &zeros, &zeros, BLOCK, zero, zero);
	for (uint64_t block = 0; block < data_blocks; block += PG_SHA256_LANES) {
		struct crs_block rooms[PG_SHA256_LANES];
		const void *data[PG_SHA256_LANES];

		for (uint64_t i = 0; i < PG_SHA256_LANES; i++) {
			data[i] = crs_block(segment, block + i, &rooms[i]);
			if (!data[i])
				data[i] = &zeros;
		}
		pg_sha256_four(method, data, BLOCK, digests);
		for (uint64_t i = 0; i < PG_SHA256_LANES && block + i < data_blocks; i++)
			memcpy(table + (block + i) * sizeof(zero), digests[i], sizeof(zero));
	}
	for (uint64_t block = data_blocks; block < blocks; block++)
		memcpy(table + block * sizeof(zero), zero, sizeof(zero));
}

/* Describes @segment for the parameters. @first_block: number of its first block. */
static struct purgatory_segment make_segment_entry(const struct crashres_segment *segment,
						   uint64_t first_block)
{
	struct purgatory_segment entry = {
		.base = segment->range.base,
		.size = segment->range.size,
		.first_block = first_block,
	};

	snprintf(entry.name, sizeof(entry.name), "%s", segment->name);
	return entry;
}

void crs_digest_bytes(const uint8_t *data, uint64_t size, uint8_t digest[PURGATORY_DIGEST_SIZE])
{
	struct pg_sha256 sha;

	pg_sha256_init(&sha, sha256_method());
	pg_sha256_update(&sha, data, size);
	pg_sha256_final(&sha, digest);
}

/* Fills the list of segments in @params, and numbers their blocks one after the other. */
static void describe_segments(const struct crs_purgatory_segment *contents,
			      struct purgatory_params *params)
{
	uint64_t block = 0;

	for (size_t i = 0; i < contents->segment_count; i++) {
		params->segments[i] = make_segment_entry(&contents->segments[i], block);
		if (!contents->unchecked)
			block += contents->segments[i].range.size / BLOCK;
	}
	params->segment_count = (uint32_t)contents->segment_count;
	params->block_count = block;
}

/* Writes both copies of the digest table, and the digest over one copy. */
static void fill_tables(const struct crs_purgatory_segment *contents, const struct layout *layout,
			uint8_t *data, struct purgatory_params *params)
{
	for (size_t i = 0; i < contents->segment_count && !contents->unchecked; i++)
		crs_digest_blocks(&contents->segments[i], data + layout->tables[0] +
			       params->segments[i].first_block * PURGATORY_DIGEST_SIZE);
	memcpy(data + layout->tables[1], data + layout->tables[0], layout->table_size);
	crs_digest_bytes(data + layout->tables[0], layout->table_size, params->table_digest);
}

/*
 * Writes the digest of purgatory's own bytes into the parameters at @data. The digest does not
 * cover the scratch memory and itself. This must be the last step.
 */
static void digest_self(uint8_t *data, const struct layout *layout,
			const struct purgatory_params *params)
{
	struct pg_range ranges[2];
	struct pg_sha256 sha;

	pg_params_self_ranges(params, layout->scratch, layout->params, ranges);
	pg_sha256_init(&sha, sha256_method());
	for (size_t i = 0; i < 2; i++)
		pg_sha256_update(&sha, data + ranges[i].base, ranges[i].size);
	pg_sha256_final(&sha, data + layout->params +
				      offsetof(struct purgatory_params, self_digest));
}

/* Fills the parameters that do not depend on the layout, in host byte order. */
static struct purgatory_params make_params(const struct crs_purgatory_segment *contents)
{
	const struct crs_firmware *firmware = contents->firmware;
	struct purgatory_params params = {
		.kernel_entry = contents->kernel_entry,
		.dtb = contents->dtb,
		.record = contents->record,
		.uart_base = firmware->uart_base,
		.uart_type = firmware->uart,
		.conduit = firmware->conduit,
		.uart_stride = firmware->uart_stride,
		.uart_width = firmware->uart_width,
		.on_damage = contents->on_damage,
		.on_timeout = contents->on_timeout,
		.seconds = contents->seconds,
		.parity_base = contents->group_count ? contents->parity : 0,
		.group_count = contents->group_count,
		.initrd_size = contents->initrd_size,
	};

	params.uart_sum = pg_params_uart_sum(&params);
	describe_segments(contents, &params);
	return params;
}

/* Copies the offsets to @params. @size: bytes of the whole segment. */
static void add_layout(const struct layout *layout, uint64_t size, struct purgatory_params *params)
{
	params->segment_size = size;
	params->bitmap_offset = layout->bitmap;
	params->roots_size = layout->roots_size;
	for (int i = 0; i < 2; i++) {
		params->table_offset[i] = layout->tables[i];
		params->root_offset[i] = layout->roots[i];
	}
}

/* Converts all numbers of @params from host byte order. Byte arrays stay. */
static void to_little_endian(struct purgatory_params *params)
{
	uint64_t *const words[] = {
		&params->code_sum[0], &params->code_sum[1], &params->segment_size,
		&params->kernel_entry, &params->dtb, &params->record, &params->uart_base,
		&params->uart_sum, &params->root_offset[0], &params->root_offset[1],
		&params->block_count, &params->table_offset[0], &params->table_offset[1],
		&params->bitmap_offset, &params->parity_base, &params->group_count,
		&params->roots_size, &params->initrd_size,
	};
	uint32_t *const halves[] = {
		&params->uart_type, &params->conduit, &params->uart_stride, &params->uart_width,
		&params->on_damage, &params->seconds, &params->segment_count, &params->on_timeout,
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		*words[i] = htole64(*words[i]);
	for (size_t i = 0; i < sizeof(halves) / sizeof(halves[0]); i++)
		*halves[i] = htole32(*halves[i]);
	for (size_t i = 0; i < PURGATORY_SEGMENTS_MAX; i++) {
		params->segments[i].base = htole64(params->segments[i].base);
		params->segments[i].size = htole64(params->segments[i].size);
		params->segments[i].first_block = htole64(params->segments[i].first_block);
	}
}

/* The state of crs_purgatory_segment_make(). */
struct draft {
	const struct crs_purgatory_segment *contents;
	struct layout layout;
	struct purgatory_params params;	/* in host byte order */
	struct pg_used used;		/* the used ranges that purgatory maps */
	uint64_t base;			/* physical address of the segment */
	uint64_t size;			/* bytes; equal to crs_purgatory_segment_size() */
};

/* Computes the layout with @roots bytes of page tables, and the list of used ranges. */

static void lay_out_with(struct draft *draft, uint64_t roots)
{
	struct pg_place place = { .base = draft->base };

	draft->layout = make_layout(draft->contents, draft->params.block_count, roots);
	add_layout(&draft->layout, draft->size, &draft->params);
	place.scratch_offset = draft->layout.scratch;
	pg_params_list_used(&draft->params, &place, &draft->used);
}

/* The bytes of page tables that the used ranges need now, for one exception level. 0: no tables. */
static uint64_t find_roots_size(const struct draft *draft)
{
	if (!draft->contents->mapped || !pg_used_is_mappable(&draft->used))
		return 0;
	return PG_TABLE_SIZE *
	       (uint64_t)pg_pagetables_count(draft->used.maps, draft->used.count);
}

/*
 * Removes the UART if its registers overlap a segment. Wrong firmware tables can cause this.
 * Purgatory refuses overlapping ranges, and must not write characters into a segment.
 */
static void silence_uart(struct draft *draft)
{
	if (pg_used_is_disjoint(&draft->used))
		return;
	draft->params.uart_type = PURGATORY_UART_NONE;
	draft->params.uart_sum = pg_params_uart_sum(&draft->params);
}

/*
 * Finds the final layout. The size of the segment comes from the upper bound for page tables.
 * But the self-check also hashes the page tables, with caches off, which is slow. So the
 * segment contains only the tables that purgatory needs. The unused rest is at the end.
 *
 * The loop is needed because the page tables map the segment itself: fewer tables move the parts
 * behind them, and that can change the number of tables.
 */
static void lay_out(struct draft *draft)
{
	const struct crs_purgatory_segment *contents = draft->contents;
	uint64_t room = max_roots_size(contents, draft->params.block_count * BLOCK), roots;

	draft->size = make_layout(contents, draft->params.block_count, room).size;
	lay_out_with(draft, room);
	if (contents->sealed)
		return;
	silence_uart(draft);
	do {
		roots = find_roots_size(draft);
		lay_out_with(draft, roots);
	} while (find_roots_size(draft) > roots);
}

/* Makes one set of page tables for EL1 and one for EL2. Purgatory uses the set of its level. */
static void fill_pagetables(const struct draft *draft, uint8_t *data)
{
	const struct layout *layout = &draft->layout;

	if (draft->contents->sealed || !layout->roots[0])
		return;
	for (enum pg_regime regime = PG_REGIME_EL1; regime <= PG_REGIME_EL2; regime++)
		pg_pagetables_make(draft->used.maps, draft->used.count, regime,
				   draft->base + layout->roots[regime],
				   data + layout->roots[regime]);
}

static void fill_image(bool sealed, uint8_t *data)
{
	const uint8_t *first = sealed ? crs_sealed_image : crs_purgatory_image;
	const uint8_t *end = sealed ? crs_sealed_image_end : crs_purgatory_image_end;

	memcpy(data, first, (size_t)(end - first));
}

/* Writes the segment to @data, which is zero. The order matters: each sum covers earlier bytes. */
static void fill(struct draft *draft, uint8_t *data)
{
	struct purgatory_params params;

	fill_image(draft->contents->sealed, data);
	fill_tables(draft->contents, &draft->layout, data, &draft->params);
	fill_pagetables(draft, data);
	pg_params_code_sum(data, draft->layout.scratch, draft->params.code_sum);
	params = draft->params;
	to_little_endian(&params);
	memcpy(data + draft->layout.params, &params, sizeof(params));
	digest_self(data, &draft->layout, &draft->params);
}

enum crashres_status crs_purgatory_segment_make(struct crashres_ctx *ctx,
						const struct crs_purgatory_segment *contents,
						uint64_t base, uint8_t **data, uint64_t *size)
{
	struct draft draft = { .contents = contents, .base = base };
	enum crashres_status status;
	uint8_t *segment;

	if (contents->segment_count > contents->segments_max)
		return crs_fail(ctx, CRASHRES_ERR_LIMIT, "purgatory: %zu segments: the limit is %zu",
				contents->segment_count, contents->segments_max);
	draft.params = make_params(contents);
	status = crs_purgatory_segment_check(ctx, contents, draft.params.block_count * BLOCK);
	if (status != CRASHRES_OK)
		return status;
	lay_out(&draft);
	/* Never seen in a test: the upper bound for page tables was too low. */
	if (draft.layout.size > draft.size)
		return crs_fail(ctx, CRASHRES_ERR_LIMIT, "purgatory: no room for its page tables");
	segment = calloc(1, draft.size);
	if (!segment)
		return crs_fail_memory(ctx);
	fill(&draft, segment);
	*data = segment;
	*size = draft.size;
	return CRASHRES_OK;
}
