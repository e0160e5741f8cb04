/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <endian.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef __aarch64__
#include <sys/auxv.h>
#endif

#include "../../purgatory/shared/pagetables.h"
#include "../../purgatory/shared/sha256.h"
#include "../base/range.h"
#include "purgatory-segment.h"
#include "blocks.h"

#define BLOCK PURGATORY_BLOCK_SIZE

/* What page tables of 48-bit addresses can map. */
#define ADDRESS_LIMIT (1ULL << 48)

/*
 * What a sealed Image gets for the page tables of one regime: root, level 1, a
 * table for each GiB of the region and some for its ragged ends and the code. Of
 * a larger region the check goes on with the MMU off.
 */
#define SEALED_ROOTS_SIZE (16 * PG_TABLE_SIZE)

/* Offsets inside the segment, as abi.h draws them. */
struct layout {
	uint64_t scratch;
	uint64_t params;
	uint64_t roots[2];	/* of page tables, 0: none */
	uint64_t tables[2];
	uint64_t table_size;
	uint64_t bitmap;
	uint64_t roots_size;	/* of a sealed Image, which fills them itself */
	uint64_t size;
};

/* What purgatory may reach while the MMU is on: a few ranges, the later winning. */
struct maps {
	struct pg_map list[3];
	size_t count;
};

static uint64_t block_up(uint64_t size)
{
	return (size + BLOCK - 1) / BLOCK * BLOCK;
}

static void add_map(struct maps *maps, uint64_t first, uint64_t end, enum pg_mapping mapping)
{
	maps->list[maps->count++] = (struct pg_map){ first, end - first, mapping };
}

/* The pages with a UART's registers: one but where those of a 16550 stand across two. */
static void add_uart(struct maps *maps, const struct crs_firmware *firmware)
{
	/* A 16550's last register in use is number 5; a PL011 has no stride. */
	uint64_t last = firmware->uart_base + 5 * (uint64_t)firmware->uart_stride;

	if (firmware->uart == PURGATORY_UART_NONE || firmware->uart_base >= ADDRESS_LIMIT ||
	    last >= ADDRESS_LIMIT)
		return;
	add_map(maps, crs_align_down(firmware->uart_base, BLOCK), crs_align_down(last, BLOCK) + BLOCK,
		PG_MAP_DEVICE);
}

/* The crash region's whole pages, and those of the UART. */
static struct maps make_maps(const struct crs_purgatory_segment *contents)
{
	struct maps maps = { 0 };
	uint64_t first;

	if (!contents->region.size || !crs_align_up(contents->region.base, BLOCK, &first))
		return maps;
	add_map(&maps, first, crs_align_down(crs_range_end(contents->region), BLOCK), PG_MAP_DATA);
	add_uart(&maps, contents->firmware);
	return maps;
}

/* Bytes of the page tables of one regime. */
static uint64_t roots_size(const struct maps *maps)
{
	if (!maps->count)
		return 0;
	/* Wherever the code will lie, it parts two blocks of 2 MiB at most into pages. */
	return PG_TABLE_SIZE * (pg_pagetables_count(maps->list, maps->count) + 2);
}

/* @blocks is bounded by memory that exists: nothing here can wrap. */
static struct layout make_layout(const struct crs_purgatory_segment *contents, uint64_t blocks)
{
	struct layout layout = { 0 };
	struct purgatory_header header;
	struct maps maps = make_maps(contents);
	uint64_t roots = roots_size(&maps), next;

	memcpy(&header, contents->sealed ? crs_sealed_image : crs_purgatory_image, sizeof(header));
	layout.scratch = le64toh(header.scratch_offset);
	layout.params = le64toh(header.image_size);
	next = layout.params + block_up(sizeof(struct purgatory_params));
	if (roots) {
		layout.roots[0] = next;
		layout.roots[1] = next + roots;
		next += 2 * roots;
	}
	layout.table_size = block_up(blocks * PURGATORY_DIGEST_SIZE);
	layout.tables[0] = next;
	layout.tables[1] = layout.tables[0] + layout.table_size;
	layout.bitmap = layout.tables[1] + layout.table_size;
	layout.size = layout.bitmap + block_up((blocks + 7) / 8);
	if (contents->sealed) {
		layout.roots_size = SEALED_ROOTS_SIZE;
		layout.roots[0] = layout.size;
		layout.roots[1] = layout.size + SEALED_ROOTS_SIZE;
		layout.size += 2 * SEALED_ROOTS_SIZE;
	}
	return layout;
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

static enum crashres_status check_layout(struct crashres_ctx *ctx, const struct layout *layout,
					 uint64_t blocks)
{
	if (layout->size <= PURGATORY_SEGMENT_SIZE_MAX &&
	    layout->tables[0] <= PURGATORY_SELF_SIZE_MAX)
		return CRASHRES_OK;
	return crs_fail(ctx, CRASHRES_ERR_LIMIT,
			"purgatory: %" PRIu64 " MiB to check need %" PRIu64
			" MiB of digests and page tables, at most %u",
			blocks * BLOCK >> 20, layout->size >> 20,
			PURGATORY_SEGMENT_SIZE_MAX >> 20);
}

enum crashres_status crs_purgatory_segment_check(struct crashres_ctx *ctx,
						 const struct crs_purgatory_segment *contents,
						 uint64_t checked)
{
	const struct layout layout = make_layout(contents, checked / BLOCK);

	return check_layout(ctx, &layout, checked / BLOCK);
}

uint64_t crs_purgatory_segment_size(const struct crs_purgatory_segment *contents, uint64_t checked)
{
	return make_layout(contents, checked / BLOCK).size;
}

static void fill_pagetables(const struct crs_purgatory_segment *contents, const struct layout *layout,
			    uint64_t base, uint8_t *data)
{
	struct maps maps = make_maps(contents);

	if (!layout->roots[0] || contents->sealed)
		return;
	add_map(&maps, base, base + layout->scratch, PG_MAP_CODE);
	for (int regime = PG_REGIME_EL1; regime <= PG_REGIME_EL2; regime++)
		pg_pagetables_make(maps.list, maps.count, regime, base + layout->roots[regime],
				    data + layout->roots[regime]);
}

/* The same code as in purgatory, with the instructions where this machine has them. */
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

/* Four at a time; blocks behind the data share one digest. */
void crs_digest_blocks(const struct crashres_segment *segment, uint8_t *table)
{
	static const struct crs_block zeros;
	enum pg_sha256_method method = sha256_method();
	uint8_t zero[PURGATORY_DIGEST_SIZE] __attribute__((aligned(16)));
	uint8_t digests[PG_SHA256_LANES][PURGATORY_DIGEST_SIZE] __attribute__((aligned(16)));
	uint64_t blocks = segment->range.size / BLOCK, with_data = crs_block_count(segment);

	pg_sha256_two(method, &zeros, &zeros, BLOCK, zero, zero);
	for (uint64_t block = 0; block < with_data; block += PG_SHA256_LANES) {
		struct crs_block rooms[PG_SHA256_LANES];
		const void *data[PG_SHA256_LANES];

		for (uint64_t i = 0; i < PG_SHA256_LANES; i++) {
			data[i] = crs_block(segment, block + i, &rooms[i]);
			if (!data[i])
				data[i] = &zeros;
		}
		pg_sha256_four(method, data, BLOCK, digests);
		for (uint64_t i = 0; i < PG_SHA256_LANES && block + i < with_data; i++)
			memcpy(table + (block + i) * sizeof(zero), digests[i], sizeof(zero));
	}
	for (uint64_t block = with_data; block < blocks; block++)
		memcpy(table + block * sizeof(zero), zero, sizeof(zero));
}

static struct purgatory_segment describe(const struct crashres_segment *segment,
					 uint64_t first_block)
{
	struct purgatory_segment entry = {
		.base = htole64(segment->range.base),
		.size = htole64(segment->range.size),
		.first_block = htole64(first_block),
	};

	snprintf(entry.name, sizeof(entry.name), "%s", segment->name);
	return entry;
}

static void digest_bytes(const uint8_t *data, uint64_t size, uint8_t *digest)
{
	struct pg_sha256 sha;

	pg_sha256_init(&sha, sha256_method());
	pg_sha256_update(&sha, data, size);
	pg_sha256_final(&sha, digest);
}

static void fill_segments(const struct crs_purgatory_segment *contents, const struct layout *layout,
			  uint8_t *data, struct purgatory_params *params)
{
	uint64_t block = 0;

	for (size_t i = 0; i < contents->segment_count; i++) {
		const struct crashres_segment *segment = &contents->segments[i];

		params->segments[i] = describe(segment, block);
		if (contents->unchecked)
			continue;
		crs_digest_blocks(segment, data + layout->tables[0] + block * PURGATORY_DIGEST_SIZE);
		block += segment->range.size / BLOCK;
	}
	memcpy(data + layout->tables[1], data + layout->tables[0], layout->table_size);
	params->segment_count = htole32((uint32_t)contents->segment_count);
	params->block_count = htole64(block);
	digest_bytes(data + layout->tables[0], layout->table_size, params->table_digest);
}

/* See self_digest in purgatory/abi.h. */
static void digest_self(uint8_t *data, const struct layout *layout)
{
	uint64_t digest = layout->params + offsetof(struct purgatory_params, self_digest);
	uint64_t covered = digest + PURGATORY_DIGEST_SIZE;
	struct pg_sha256 sha;

	pg_sha256_init(&sha, sha256_method());
	pg_sha256_update(&sha, data, layout->scratch);
	pg_sha256_update(&sha, data + covered, layout->tables[0] - covered);
	pg_sha256_final(&sha, data + digest);
}

/* The carry goes round: without that, two flips of bit 63 would make up for each other. */
static uint64_t add_round(uint64_t a, uint64_t b)
{
	uint64_t sum = a + b;

	return sum + (sum < a);
}

/* See code_sum in purgatory/abi.h. */
static void sum_code(const uint8_t *data, const struct layout *layout,
		     struct purgatory_params *params)
{
	uint64_t sum = 0, sum_of_sums = 0;

	for (uint64_t i = 0; i < layout->scratch; i += sizeof(uint64_t)) {
		uint64_t word;

		memcpy(&word, data + i, sizeof(word));
		sum = add_round(sum, le64toh(word));
		sum_of_sums = add_round(sum_of_sums, sum);
	}
	params->code_sum[0] = htole64(sum);
	params->code_sum[1] = htole64(sum_of_sums);
}

/* See uart_sum in purgatory/abi.h. */
static uint64_t sum_uart(const struct crs_firmware *firmware)
{
	uint64_t sum = PURGATORY_MAGIC + firmware->uart_base;

	sum += (uint64_t)firmware->conduit << 32 | firmware->uart;
	return sum + ((uint64_t)firmware->uart_width << 32 | firmware->uart_stride);
}

static struct purgatory_params make_params(const struct crs_purgatory_segment *contents,
					   const struct layout *layout)
{
	const struct crs_firmware *firmware = contents->firmware;

	return (struct purgatory_params){
		.segment_size = htole64(layout->size),
		.kernel_entry = htole64(contents->kernel_entry),
		.dtb = htole64(contents->dtb),
		.record = htole64(contents->record),
		.uart_base = htole64(firmware->uart_base),
		.uart_type = htole32(firmware->uart),
		.conduit = htole32(firmware->conduit),
		.uart_stride = htole32(firmware->uart_stride),
		.uart_width = htole32(firmware->uart_width),
		.uart_sum = htole64(sum_uart(firmware)),
		.on_damage = htole32(contents->on_damage),
		.on_timeout = htole32(contents->on_timeout),
		.seconds = htole32(contents->seconds),
		.bitmap_offset = htole64(layout->bitmap),
		.parity_base = htole64(contents->group_count ? contents->parity : 0),
		.group_count = htole64(contents->group_count),
		.table_offset = { htole64(layout->tables[0]), htole64(layout->tables[1]) },
		.root_offset = { htole64(layout->roots[0]), htole64(layout->roots[1]) },
		.roots_size = htole64(layout->roots_size),
		.initrd_size = htole64(contents->initrd_size),
	};
}

enum crashres_status crs_purgatory_segment_make(struct crashres_ctx *ctx,
				       const struct crs_purgatory_segment *contents, uint64_t base,
				       uint8_t **data, uint64_t *size)
{
	struct purgatory_params params;
	enum crashres_status status;
	struct layout layout;
	uint64_t blocks = 0;
	uint8_t *segment;

	if (contents->segment_count > PURGATORY_SEGMENTS_MAX)
		return crs_fail(ctx, CRASHRES_ERR_LIMIT, "purgatory: %zu segments, at most %d",
				contents->segment_count, PURGATORY_SEGMENTS_MAX);
	for (size_t i = 0; i < contents->segment_count && !contents->unchecked; i++)
		blocks += contents->segments[i].range.size / BLOCK;
	layout = make_layout(contents, blocks);
	status = check_layout(ctx, &layout, blocks);
	if (status != CRASHRES_OK)
		return status;
	segment = calloc(1, layout.size);
	if (!segment)
		return crs_fail_memory(ctx);
	if (contents->sealed)
		memcpy(segment, crs_sealed_image, (size_t)(crs_sealed_image_end - crs_sealed_image));
	else
		memcpy(segment, crs_purgatory_image,
		       (size_t)(crs_purgatory_image_end - crs_purgatory_image));
	params = make_params(contents, &layout);
	fill_segments(contents, &layout, segment, &params);
	fill_pagetables(contents, &layout, base, segment);
	sum_code(segment, &layout, &params);
	memcpy(segment + layout.params, &params, sizeof(params));
	digest_self(segment, &layout);
	*data = segment;
	*size = layout.size;
	return CRASHRES_OK;
}
