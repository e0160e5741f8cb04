/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <endian.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef __aarch64__
#include <sys/auxv.h>
#endif

#include "../../purgatory/sha256.h"
#include "../range.h"
#include "handover.h"
#include "pagetables.h"

#define LEAF PURGATORY_LEAF_SIZE

/* What page tables of 48-bit addresses can map. */
#define ADDRESS_LIMIT (1ULL << 48)

static const uint8_t zeros[LEAF] __attribute__((aligned(16)));

/* Offsets inside the segment, as handover.h draws them. */
struct layout {
	uint64_t scratch;
	uint64_t params;
	uint64_t tables[2];
	uint64_t roots[2];	/* of page tables, 0: none */
	uint64_t size;
};

/* What purgatory may reach while the MMU is on: a few ranges, the later winning. */
struct maps {
	struct crs_map list[3];
	size_t count;
};

static uint64_t leaf_up(uint64_t size)
{
	return (size + LEAF - 1) / LEAF * LEAF;
}

static void add_map(struct maps *maps, uint64_t first, uint64_t end, enum crs_mapping mapping)
{
	maps->list[maps->count++] = (struct crs_map){ { first, end - first }, mapping };
}

/* The pages with a UART's registers: one but where those of a 16550 stand across two. */
static void add_uart(struct maps *maps, const struct crs_firmware *firmware)
{
	/* A 16550's last register in use is number 5; a PL011 has no stride. */
	uint64_t last = firmware->uart_base + 5 * (uint64_t)firmware->uart_stride;

	if (firmware->uart == PURGATORY_UART_NONE || firmware->uart_base >= ADDRESS_LIMIT ||
	    last >= ADDRESS_LIMIT)
		return;
	add_map(maps, crs_align_down(firmware->uart_base, LEAF), crs_align_down(last, LEAF) + LEAF,
		CRS_MAP_DEVICE);
}

/* The crash region's whole pages, and those of the UART. */
static struct maps make_maps(const struct crs_handover *handover)
{
	struct maps maps = { 0 };
	uint64_t first;

	if (!handover->region.size || !crs_align_up(handover->region.base, LEAF, &first))
		return maps;
	add_map(&maps, first, crs_align_down(crs_range_end(handover->region), LEAF), CRS_MAP_DATA);
	add_uart(&maps, handover->firmware);
	return maps;
}

/* @leaves is bounded by memory that exists: nothing here can wrap. */
static struct layout make_layout(const struct crs_handover *handover, uint64_t leaves)
{
	struct layout layout = { 0 };
	struct purgatory_header header;
	struct maps maps = make_maps(handover);
	uint64_t table = leaf_up(leaves * PURGATORY_DIGEST_SIZE), roots;

	memcpy(&header, crs_purgatory_image, sizeof(header));
	layout.scratch = le64toh(header.scratch_offset);
	layout.params = le64toh(header.image_size);
	layout.tables[0] = layout.params + leaf_up(sizeof(struct purgatory_params));
	layout.tables[1] = layout.tables[0] + table;
	layout.size = layout.tables[1] + table;
	if (!maps.count)
		return layout;
	/* Wherever the code will lie, it parts two blocks of 2 MiB at most into pages. */
	roots = CRS_TABLE_SIZE * (crs_pagetables_count(maps.list, maps.count) + 2);
	layout.roots[0] = layout.size;
	layout.roots[1] = layout.size + roots;
	layout.size += 2 * roots;
	return layout;
}

uint64_t crs_handover_size(const struct crs_handover *handover, uint64_t checked)
{
	return make_layout(handover, checked / LEAF).size;
}

static void fill_pagetables(const struct crs_handover *handover, const struct layout *layout,
			    uint64_t base, uint8_t *data)
{
	struct maps maps = make_maps(handover);

	if (!layout->roots[0])
		return;
	add_map(&maps, base, base + layout->scratch, CRS_MAP_CODE);
	for (int regime = CRS_REGIME_EL1; regime <= CRS_REGIME_EL2; regime++)
		crs_pagetables_make(maps.list, maps.count, regime, base + layout->roots[regime],
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

/*
 * Where a leaf of @segment stands; in @last, which is zero, where its data ends
 * inside of it. Behind its data a segment is zero, as the kernel leaves it.
 */
static const uint8_t *leaf_data(const struct crashres_segment *segment, uint64_t offset,
				uint8_t last[LEAF])
{
	const uint8_t *data = segment->data;

	if (offset >= segment->data_size)
		return zeros;
	if (segment->data_size - offset >= LEAF)
		return data + offset;
	memcpy(last, data + offset, segment->data_size - offset);
	return last;
}

/* One digest a leaf, four at a time; leaves behind the data share one digest. */
static void digest_segment(const struct crashres_segment *segment, uint8_t *table)
{
	enum pg_sha256_method method = sha256_method();
	uint8_t last[LEAF] __attribute__((aligned(16))) = { 0 };
	uint8_t zero[PURGATORY_DIGEST_SIZE] __attribute__((aligned(16)));
	uint8_t digests[PG_SHA256_LANES][PURGATORY_DIGEST_SIZE] __attribute__((aligned(16)));
	uint64_t leaves = segment->range.size / LEAF;
	uint64_t with_data = (segment->data_size + LEAF - 1) / LEAF;

	pg_sha256_two(method, zeros, zeros, LEAF, zero, zero);
	for (uint64_t leaf = 0; leaf < with_data; leaf += PG_SHA256_LANES) {
		const void *data[PG_SHA256_LANES];

		for (uint64_t i = 0; i < PG_SHA256_LANES; i++)
			data[i] = leaf_data(segment, (leaf + i) * LEAF, last);
		pg_sha256_four(method, data, LEAF, digests);
		for (uint64_t i = 0; i < PG_SHA256_LANES && leaf + i < with_data; i++)
			memcpy(table + (leaf + i) * sizeof(zero), digests[i], sizeof(zero));
	}
	for (uint64_t leaf = with_data; leaf < leaves; leaf++)
		memcpy(table + leaf * sizeof(zero), zero, sizeof(zero));
}

static struct purgatory_segment describe(const struct crashres_segment *segment,
					 uint64_t first_leaf)
{
	struct purgatory_segment entry = {
		.base = htole64(segment->range.base),
		.size = htole64(segment->range.size),
		.first_leaf = htole64(first_leaf),
	};

	snprintf(entry.name, sizeof(entry.name), "%s", segment->name);
	return entry;
}

static void fill_segments(const struct crashres_segment *segments, size_t count,
			  const struct layout *layout, uint8_t *data,
			  struct purgatory_params *params)
{
	uint64_t leaf = 0;

	for (size_t i = 0; i < count; i++) {
		params->segments[i] = describe(&segments[i], leaf);
		digest_segment(&segments[i],
			       data + layout->tables[0] + leaf * PURGATORY_DIGEST_SIZE);
		leaf += segments[i].range.size / LEAF;
	}
	memcpy(data + layout->tables[1], data + layout->tables[0],
	       layout->tables[1] - layout->tables[0]);
	params->segment_count = htole32((uint32_t)count);
	params->leaf_count = htole64(leaf);
}

/* See self_digest in purgatory/handover.h. */
static void digest_self(uint8_t *data, const struct layout *layout)
{
	uint64_t covered = layout->params + PURGATORY_DIGEST_SIZE;
	struct pg_sha256 sha;

	pg_sha256_init(&sha, sha256_method());
	pg_sha256_update(&sha, data, layout->scratch);
	pg_sha256_update(&sha, data + covered, layout->size - covered);
	pg_sha256_final(&sha, data + layout->params);
}

static struct purgatory_params make_params(const struct crs_handover *handover,
					   const struct layout *layout)
{
	const struct crs_firmware *firmware = handover->firmware;

	return (struct purgatory_params){
		.segment_size = htole64(layout->size),
		.kernel_entry = htole64(handover->kernel_entry),
		.dtb = htole64(handover->dtb),
		.uart_base = htole64(firmware->uart_base),
		.uart_type = htole32(firmware->uart),
		.conduit = htole32(firmware->conduit),
		.uart_stride = htole32(firmware->uart_stride),
		.uart_width = htole32(firmware->uart_width),
		.table_offset = { htole64(layout->tables[0]), htole64(layout->tables[1]) },
		.root_offset = { htole64(layout->roots[0]), htole64(layout->roots[1]) },
	};
}

enum crashres_status crs_handover_make(struct crashres_ctx *ctx,
				       const struct crs_handover *handover, uint64_t base,
				       uint8_t **data, uint64_t *size)
{
	struct purgatory_params params;
	struct layout layout;
	uint64_t leaves = 0;
	uint8_t *segment;

	if (handover->segment_count > PURGATORY_SEGMENTS_MAX)
		return crs_fail(ctx, CRASHRES_ERR_LIMIT, "purgatory: %zu segments, at most %d",
				handover->segment_count, PURGATORY_SEGMENTS_MAX);
	for (size_t i = 0; i < handover->segment_count; i++)
		leaves += handover->segments[i].range.size / LEAF;
	layout = make_layout(handover, leaves);
	if (layout.size > PURGATORY_SEGMENT_SIZE_MAX)
		return crs_fail(ctx, CRASHRES_ERR_LIMIT,
				"purgatory: %" PRIu64 " MiB to check need %" PRIu64
				" MiB of digests, at most %u",
				leaves * LEAF >> 20, layout.size >> 20,
				PURGATORY_SEGMENT_SIZE_MAX >> 20);
	segment = calloc(1, layout.size);
	if (!segment)
		return crs_fail_memory(ctx);
	memcpy(segment, crs_purgatory_image, (size_t)(crs_purgatory_image_end - crs_purgatory_image));
	params = make_params(handover, &layout);
	fill_segments(handover->segments, handover->segment_count, &layout, segment, &params);
	fill_pagetables(handover, &layout, base, segment);
	memcpy(segment + layout.params, &params, sizeof(params));
	digest_self(segment, &layout);
	*data = segment;
	*size = layout.size;
	return CRASHRES_OK;
}
