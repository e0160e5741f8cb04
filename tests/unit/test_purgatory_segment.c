/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tests the purgatory segment (plan/purgatory-segment.c): code, parameters, digest tables, page
 * tables. A wrong program makes purgatory report damage that is none, miss damage, or die of a
 * page fault.
 */
#include <openssl/evp.h>

#include "../../libcrashres/plan/purgatory-segment.h"
#include "../../purgatory/shared/params.h"
#include "support.h"

#define BLOCK	PURGATORY_BLOCK_SIZE
#define DIGEST	PURGATORY_DIGEST_SIZE

/* A finished segment and its parameters, found as purgatory finds them: by the header alone. */
struct view {
	uint8_t *data;
	uint64_t size;		/* bytes of data */
	uint64_t scratch_offset, image_size;	/* bytes, from the header */
	struct purgatory_params params;
};

static const struct crs_firmware firmware = {
	.uart = PURGATORY_UART_PL011, .uart_base = 0x9000000, .conduit = PURGATORY_CONDUIT_HVC,
	.uart_stride = 4, .uart_width = 1,
};

/*
 * Returns a 16550 whose last used register (LSR, number 5) begins @distance bytes after the end
 * of a page.
 */
static struct crs_firmware uart_16550(uint64_t distance)
{
	return (struct crs_firmware){
		.uart = PURGATORY_UART_16550, .uart_base = 0x9001000 + distance - 5 * 4,
		.uart_stride = 4, .uart_width = 1,
	};
}

#define BASE 0x4f000000ULL	/* physical address of the segment */

/* Returns the inputs of a segment that checks these segments. */
static struct crs_purgatory_segment make_input(const struct crashres_segment *segments,
					       size_t count)
{
	return (struct crs_purgatory_segment){
		.segments = segments,
		.segment_count = count,
		.segments_max = PURGATORY_SEGMENTS_MAX,
		.kernel_entry = 0x40200000,
		.dtb = 0x4fe00000,
		.firmware = &firmware,
	};
}

/* Returns the size of the segment in bytes if @checked bytes have digests. */
static uint64_t size_for(uint64_t checked)
{
	const struct crs_purgatory_segment no_segments = make_input(NULL, 0);

	return crs_purgatory_segment_size(&no_segments, checked);
}

/* Makes a segment. The caller frees view.data. */
static struct view view_of(struct unit *unit, const struct crs_purgatory_segment *input)
{
	struct view view;

	assert_ok(unit, crs_purgatory_segment_make(unit->ctx, input, BASE, &view.data, &view.size));
	view.scratch_offset = unit_get_le(view.data +
					  offsetof(struct purgatory_header, scratch_offset), 8);
	view.image_size = unit_get_le(view.data + offsetof(struct purgatory_header, image_size), 8);
	memcpy(&view.params, view.data + view.image_size, sizeof(view.params));
	return view;
}

static struct view make(struct unit *unit, const struct crashres_segment *segments, size_t count)
{
	const struct crs_purgatory_segment input = make_input(segments, count);

	return view_of(unit, &input);
}

static void sha256(const void *data, size_t size, uint8_t *digest)
{
	assert_int_equal(EVP_Digest(data, size, digest, NULL, EVP_sha256(), NULL), 1);
}

static struct crashres_segment segment(const char *name, const void *data, uint64_t data_size,
				       uint64_t base, uint64_t size)
{
	return (struct crashres_segment){ name, data, data_size, { base, size } };
}

static void test_header_describes_the_built_image(void **state)
{
	struct purgatory_header header;
	size_t size = (size_t)(crs_purgatory_image_end - crs_purgatory_image);

	memcpy(&header, crs_purgatory_image, sizeof(header));
	assert_int_equal(unit_get_le(crs_purgatory_image +
				     offsetof(struct purgatory_header, magic), 8), PURGATORY_MAGIC);
	assert_int_equal(unit_get_le(crs_purgatory_image +
				     offsetof(struct purgatory_header, version), 4),
			 PURGATORY_VERSION);
	assert_int_equal(header.scratch_offset % BLOCK, 0);
	assert_int_equal(header.image_size % BLOCK, 0);
	assert_true(header.scratch_offset > 0);
	assert_true(header.scratch_offset <= header.image_size);
	assert_true(size <= header.image_size);
	assert_true(sizeof(header) <= size);
}

static void test_segment_is_image_params_tables_and_bitmap(void **state)
{
	uint8_t data[3 * BLOCK];
	const struct crashres_segment segments[] = {
		segment("kernel", data, sizeof(data), 0x40200000, 200 * BLOCK),
		segment("dtb", data, 100, 0x4fe00000, BLOCK),
	};
	struct view view = make(*state, segments, 2);
	size_t image = (size_t)(crs_purgatory_image_end - crs_purgatory_image);

	/* 201 digests of 32 bytes take 6432 bytes: two blocks. */
	assert_int_equal(view.params.table_offset[0], view.image_size + BLOCK);
	assert_int_equal(view.params.table_offset[1], view.image_size + 3 * BLOCK);
	assert_int_equal(view.params.bitmap_offset, view.image_size + 5 * BLOCK);
	assert_int_equal(view.params.segment_size, view.image_size + 6 * BLOCK);
	assert_int_equal(view.size, view.params.segment_size);
	assert_int_equal(view.size, size_for(201 * BLOCK));
	assert_memory_equal(view.data, crs_purgatory_image, image);
	/* Memory that purgatory writes to is zero, even if the linked file is shorter. */
	for (uint64_t i = view.scratch_offset; i < view.image_size; i++)
		assert_int_equal(view.data[i], 0);
	free(view.data);
}

static void test_size_grows_with_each_block_of_digests(void **state)
{
	const uint64_t fixed = size_for(0);

	/*
	 * A block holds 128 digests, and there are two tables; or it holds two bits each for
	 * 16384 blocks.
	 */
	assert_int_equal(size_for(BLOCK), fixed + 3 * BLOCK);
	assert_int_equal(size_for(128 * BLOCK), fixed + 3 * BLOCK);
	assert_int_equal(size_for(129 * BLOCK), fixed + 5 * BLOCK);
	assert_int_equal(size_for(64 * MIB), fixed + MIB + BLOCK);
	assert_int_equal(size_for(64 * MIB + BLOCK), fixed + MIB + 4 * BLOCK);
	assert_int_equal(size_for(GIB), fixed + 2 * 8 * MIB + 16 * BLOCK);
}

static void test_params_describe_segments_and_uart(void **state)
{
	uint8_t data[BLOCK] = { 1 };
	const struct crashres_segment segments[] = {
		segment("kernel", data, BLOCK, 0x40200000, 3 * BLOCK),
		segment("a name of 16 or more", data, 1, 0x123456789000, 2 * BLOCK),
	};
	static const uint8_t zeros[sizeof(struct purgatory_segment)];
	struct view view = make(*state, segments, 2);

	assert_int_equal(view.params.kernel_entry, 0x40200000);
	assert_int_equal(view.params.dtb, 0x4fe00000);
	assert_int_equal(view.params.uart_base, 0x9000000);
	assert_int_equal(view.params.uart_type, PURGATORY_UART_PL011);
	assert_int_equal(view.params.conduit, PURGATORY_CONDUIT_HVC);
	assert_int_equal(view.params.uart_stride, 4);
	assert_int_equal(view.params.uart_width, 1);
	assert_int_equal(view.params.uart_sum,
			 PURGATORY_MAGIC + 0x9000000 + 0x200000001 + 0x100000004);
	assert_int_equal(view.params.block_count, 5);
	assert_int_equal(view.params.segment_count, 2);
	assert_int_equal(view.params.on_timeout, PURGATORY_POLICY_RESET);
	assert_int_equal(view.params.record, 0);
	assert_int_equal(view.params.on_damage, PURGATORY_POLICY_RESET);
	assert_int_equal(view.params.seconds, 0);
	assert_int_equal(view.params.parity_base, 0);
	assert_int_equal(view.params.group_count, 0);
	assert_int_equal(view.params.segments[0].base, 0x40200000);
	assert_int_equal(view.params.segments[0].size, 3 * BLOCK);
	assert_int_equal(view.params.segments[0].first_block, 0);
	assert_string_equal(view.params.segments[0].name, "kernel");
	assert_int_equal(view.params.segments[1].base, 0x123456789000);
	assert_int_equal(view.params.segments[1].size, 2 * BLOCK);
	assert_int_equal(view.params.segments[1].first_block, 3);
	assert_string_equal(view.params.segments[1].name, "a name of 16 or");
	for (size_t i = 2; i < PURGATORY_SEGMENTS_MAX; i++)
		assert_memory_equal(&view.params.segments[i], zeros, sizeof(zeros));
	free(view.data);
}

/*
 * Asserts each digest of a segment with @data_size bytes in @blocks blocks; OpenSSL is the
 * oracle.
 */
static void check_digests(struct unit *unit, size_t data_size, size_t blocks)
{
	const struct crashres_segment first = segment("first", "x", 1, 0x1000, BLOCK);
	uint8_t *data = malloc(data_size ? data_size : 1);	/* exact size for ASan */
	uint8_t *memory = unit_alloc(blocks * BLOCK), digest[DIGEST];
	struct crashres_segment segments[] = {
		first, segment("second", data, data_size, 0x40000000, blocks * BLOCK),
	};
	struct view view;
	const uint8_t *table;

	unit_fill(data, data_size, (uint32_t)data_size + 1);
	memcpy(memory, data, data_size);
	view = make(unit, segments, 2);
	table = view.data + view.params.table_offset[0];
	for (size_t i = 0; i < blocks; i++) {
		sha256(memory + i * BLOCK, BLOCK, digest);
		assert_memory_equal(table + (view.params.segments[1].first_block + i) * DIGEST,
				    digest, DIGEST);
	}
	assert_memory_equal(view.data + view.params.table_offset[1], table,
			    view.params.bitmap_offset - view.params.table_offset[1]);
	sha256(table, view.params.table_offset[1] - view.params.table_offset[0], digest);
	assert_memory_equal(view.params.table_digest, digest, DIGEST);
	for (uint64_t i = view.params.bitmap_offset; i < view.size; i++)
		assert_int_equal(view.data[i], 0);
	/* After the last digest the table is zero. */
	for (const uint8_t *byte = table + (blocks + 1) * DIGEST;
	     byte < view.data + view.params.table_offset[1]; byte++)
		assert_int_equal(*byte, 0);
	free(view.data);
	free(memory);
	free(data);
}

static void test_digests_cover_the_data_and_its_zero_padding(void **state)
{
	static const size_t sizes[] = {
		0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 3 * BLOCK - 1, 3 * BLOCK,
		3 * BLOCK + 1, 4 * BLOCK, 4 * BLOCK + 1, 5 * BLOCK, 7 * BLOCK - 1, 8 * BLOCK,
	};

	for (size_t i = 0; i < COUNT(sizes); i++) {
		uint64_t blocks = (sizes[i] + BLOCK - 1) / BLOCK;

		check_digests(*state, sizes[i], blocks > 3 ? blocks : 3);
		check_digests(*state, sizes[i], 300);
	}
}

/*
 * The self-digest covers the code, and the parameters after the digest up to the digest
 * tables, so also the page tables.
 */
static void check_self_digest(struct unit *unit, const struct crs_purgatory_segment *input)
{
	struct view view = view_of(unit, input);
	uint64_t rest = view.image_size + offsetof(struct purgatory_params, self_digest) + DIGEST;
	EVP_MD_CTX *hash = EVP_MD_CTX_new();
	uint8_t digest[DIGEST];

	assert_int_equal(EVP_DigestInit(hash, EVP_sha256()), 1);
	assert_int_equal(EVP_DigestUpdate(hash, view.data, view.scratch_offset), 1);
	assert_int_equal(EVP_DigestUpdate(hash, view.data + rest,
					  view.params.table_offset[0] - rest), 1);
	assert_int_equal(EVP_DigestFinal(hash, digest, NULL), 1);
	assert_memory_equal(view.params.self_digest, digest, DIGEST);
	EVP_MD_CTX_free(hash);
	free(view.data);
}

static void test_self_digest_covers_code_params_and_page_tables(void **state)
{
	uint8_t data[5 * BLOCK];
	const struct crashres_segment segments[] = {
		segment("kernel", data, sizeof(data), 0x40200000, 8 * BLOCK),
	};
	struct crs_purgatory_segment input = make_input(segments, 1);

	unit_fill(data, sizeof(data), 4);
	check_self_digest(*state, &input);
	/* The digest also covers the page tables. */
	input.mapped = true;
	check_self_digest(*state, &input);
}

static void test_code_sum_matches_a_second_formula(void **state)
{
	const struct crashres_segment segments[] = { segment("kernel", "abc", 3, 0x40200000, BLOCK) };
	struct view view = make(*state, segments, 1);
	/*
	 * The sums in closed form, modulo 2^64 - 1: word i counts (words - i) times in the sum
	 * of sums.
	 */
	const unsigned __int128 modulus = UINT64_MAX;
	unsigned __int128 sum = 0, sum_of_sums = 0;
	uint64_t words = view.scratch_offset / 8;

	for (uint64_t i = 0; i < words; i++) {
		uint64_t word = unit_get_le(view.data + 8 * i, 8);

		sum = (sum + word) % modulus;
		sum_of_sums = (sum_of_sums + (unsigned __int128)(words - i) * word) % modulus;
	}
	assert_int_equal(view.params.code_sum[0], (uint64_t)sum);
	assert_int_equal(view.params.code_sum[1], (uint64_t)sum_of_sums);
	free(view.data);
}

static void test_record_policy_and_parity_reach_the_params(void **state)
{
	const struct crashres_segment segments[] = { segment("kernel", "abc", 3, 0x40200000, BLOCK) };
	struct crs_purgatory_segment input = make_input(segments, 1);
	struct view view;

	input.record = 0x4fe00104;
	input.on_damage = PURGATORY_POLICY_BOOT;
	input.seconds = 12;
	input.parity = 0x48000000;
	input.group_count = 1;
	view = view_of(*state, &input);
	assert_int_equal(view.params.record, 0x4fe00104);
	assert_int_equal(view.params.on_damage, PURGATORY_POLICY_BOOT);
	assert_int_equal(view.params.seconds, 12);
	assert_int_equal(view.params.parity_base, 0x48000000);
	assert_int_equal(view.params.group_count, 1);
	free(view.data);
}

static void test_unchecked_segments_have_no_digests(void **state)
{
	const struct crashres_segment segments[] = { segment("kernel", "abc", 3, 0x40200000, BLOCK) };
	struct crs_purgatory_segment input = make_input(segments, 1);
	struct view view;

	input.unchecked = true;
	view = view_of(*state, &input);
	assert_int_equal(view.params.segment_count, 1);
	assert_int_equal(view.params.segments[0].size, BLOCK);
	assert_int_equal(view.params.block_count, 0);
	assert_int_equal(view.params.table_offset[0], view.image_size + BLOCK);
	assert_int_equal(view.params.segment_size, view.image_size + BLOCK);
	free(view.data);
}

static void test_16_segments_fit_and_17_do_not(void **state)
{
	struct unit *unit = *state;
	struct crashres_segment segments[17];
	uint8_t *data = UNTOUCHED;
	uint64_t size = 77;
	struct crs_purgatory_segment input;
	struct view view;

	for (size_t i = 0; i < COUNT(segments); i++)
		segments[i] = segment("s", "abc", 3, 0x40000000 + i * BLOCK, BLOCK);
	view = make(unit, segments, 16);
	assert_int_equal(view.params.segment_count, 16);
	assert_int_equal(view.params.segments[15].first_block, 15);
	free(view.data);
	input = make_input(segments, 17);
	assert_fails(unit, crs_purgatory_segment_make(unit->ctx, &input, BASE, &data, &size),
		     CRASHRES_ERR_LIMIT, "purgatory: 17 segments: the limit is 16");
	assert_ptr_equal(data, UNTOUCHED);
	assert_int_equal(size, 77);
}

static void test_segment_above_256_mib_is_refused(void **state)
{
	struct unit *unit = *state;
	const struct crashres_segment huge = segment("kernel", "abc", 3, 0x40000000, 16 * GIB);
	const struct crs_purgatory_segment input = make_input(&huge, 1);
	uint8_t *data = UNTOUCHED;
	uint64_t size = 77;

	assert_fails(unit, crs_purgatory_segment_make(unit->ctx, &input, BASE, &data, &size),
		     CRASHRES_ERR_LIMIT,
		     "purgatory: 16384 MiB of segments need 257 MiB of digests and page tables: "
		     "the limit is 256 MiB");
	assert_ptr_equal(data, UNTOUCHED);
	assert_int_equal(size, 77);
}

static void test_largest_allowed_segment_is_made(void **state)
{
	struct crashres_segment large = segment("kernel", "abc", 3, 0x40000000, 16 * GIB);
	struct view view;

	while (size_for(large.range.size) > PURGATORY_SEGMENT_SIZE_MAX)
		large.range.size -= BLOCK;
	/* At this size the two tables grow by a block each and the bitmap does not. */
	assert_true(size_for(large.range.size) > PURGATORY_SEGMENT_SIZE_MAX - 2 * BLOCK);
	view = make(*state, &large, 1);
	assert_int_equal(view.params.segment_size, size_for(large.range.size));
	assert_int_equal(view.params.block_count, large.range.size / BLOCK);
	free(view.data);
}

/*
 * Returns the descriptor that maps @address, found as the MMU finds it (VMSAv8-64, 4 KiB
 * granule, 48 bits); 0: not mapped. @regime 0: EL1 or E2H=1; 1: EL2 with E2H=0.
 */
static uint64_t walk(const struct view *view, int regime, uint64_t address)
{
	uint64_t table = BASE + view->params.root_offset[regime];

	for (int shift = 39; shift >= 12; shift -= 9) {
		uint64_t entry = unit_get_le(view->data + table - BASE + 8 * (address >> shift & 511), 8);

		if (!(entry & 1) || shift == 12 || !(entry & 2))
			return entry;
		table = entry & 0x0000fffffffff000;
		assert_in_range(table, BASE + view->params.root_offset[regime],
				BASE + view->size - 4096);
	}
	return 0;
}

/*
 * Memory between the used ranges must not be mapped, because the CPU can read mapped memory
 * speculatively.
 */
static void test_page_tables_map_only_used_ranges(void **state)
{
	const struct crashres_segment segments[] = {
		segment("kernel", "abc", 3, 0x40200000, 4 * MIB + BLOCK),
		segment("initrd", "abc", 3, 0x3ffff3fff000, 3 * BLOCK),
	};
	struct crs_purgatory_segment input = make_input(segments, 2);
	struct view view;

	input.mapped = true;
	input.parity = 0x60000000;
	input.group_count = 5;
	view = view_of(*state, &input);
	assert_int_equal(view.size, crs_purgatory_segment_size(&input, 4 * MIB + 4 * BLOCK));
	for (int regime = 0; regime < 2; regime++) {
		/*
		 * Attributes of descriptors (VMSAv8-64): 0x40 AP[1], which is RES1 if E2H is 0;
		 * bit 53 PXN; bit 54 UXN, or XN if E2H is 0.
		 */
		uint64_t ap = regime ? 0x40 : 0, never = regime ? 1ULL << 54 : 3ULL << 53;
		uint64_t code = regime ? 0 : 1ULL << 54;

		/* Whole multiples of 2 MiB are mapped as blocks, the rest as pages. */
		assert_int_equal(walk(&view, regime, 0x401ff000), 0);
		assert_int_equal(walk(&view, regime, 0x40200000), 0x40200705 | ap | never);
		assert_int_equal(walk(&view, regime, 0x405fffff), 0x40400705 | ap | never);
		assert_int_equal(walk(&view, regime, 0x40600000), 0x40600707 | ap | never);
		assert_int_equal(walk(&view, regime, 0x40601000), 0);
		/* A segment across the end of a 2 MiB block, far away. */
		assert_int_equal(walk(&view, regime, 0x3ffff3ffe000), 0);
		assert_int_equal(walk(&view, regime, 0x3ffff3fff000), 0x3ffff3fff707 | ap | never);
		assert_int_equal(walk(&view, regime, 0x3ffff4001000), 0x3ffff4001707 | ap | never);
		assert_int_equal(walk(&view, regime, 0x3ffff4002000), 0);
		/* Each group has two blocks of parity. */
		assert_int_equal(walk(&view, regime, 0x60009000), 0x60009707 | ap | never);
		assert_int_equal(walk(&view, regime, 0x6000a000), 0);
		/*
		 * Code is executable and read-only; all other memory is writable and not
		 * executable.
		 */
		assert_int_equal(walk(&view, regime, BASE - BLOCK), 0);
		assert_int_equal(walk(&view, regime, BASE), BASE | 0x787 | ap | code);
		assert_int_equal(walk(&view, regime, BASE + view.scratch_offset - 1),
				 (BASE + view.scratch_offset - BLOCK) | 0x787 | ap | code);
		assert_int_equal(walk(&view, regime, BASE + view.scratch_offset),
				 (BASE + view.scratch_offset) | 0x707 | ap | never);
		assert_int_equal(walk(&view, regime, BASE + view.params.bitmap_offset),
				 (BASE + view.params.bitmap_offset) | 0x707 | ap | never);
		assert_int_equal(walk(&view, regime, BASE + view.size), 0);
		/* Only the page of the UART is mapped, as device memory. */
		assert_int_equal(walk(&view, regime, 0x8fff000), 0);
		assert_int_equal(walk(&view, regime, 0x9000000), 0x9000403 | ap | never);
		assert_int_equal(walk(&view, regime, 0x9001000), 0);
		assert_int_equal(walk(&view, regime, 0xffff00000000), 0);
	}
	free(view.data);
}

/*
 * An earlier version mapped everything between the segments, so distant segments needed many
 * tables.
 */
static void test_distance_between_segments_costs_a_table_per_level(void **state)
{
	struct crashres_segment segments[] = {
		segment("kernel", "abc", 3, 0x40200000, 32 * MIB),
		segment("dtb", "abc", 3, 0x50000000, BLOCK),
	};
	struct crs_purgatory_segment input = make_input(segments, 2);
	uint64_t tables[3];

	input.mapped = true;
	for (size_t i = 0; i < COUNT(tables); i++) {
		struct view view = view_of(*state, &input);

		tables[i] = view.params.root_offset[1] - view.params.root_offset[0];
		free(view.data);
		segments[1].range.base += 0x4000000000ULL;
	}
	/* The second distance adds a table of level 2, the third one also a table of level 1. */
	assert_int_equal(tables[1], tables[0] + BLOCK);
	assert_int_equal(tables[2], tables[1] + BLOCK);
}

static void test_16550_across_two_pages_has_both_mapped(void **state)
{
	const struct crashres_segment segments[] = { segment("kernel", "abc", 3, 0x40200000, BLOCK) };
	struct crs_purgatory_segment input = make_input(segments, 1);

	input.mapped = true;
	for (uint64_t distance = 0; distance <= 1; distance++) {
		/* -1: the last byte of the page */
		const struct crs_firmware uart = uart_16550(distance - 1);
		struct view view;

		input.firmware = &uart;
		view = view_of(*state, &input);
		assert_int_equal(view.params.uart_type, PURGATORY_UART_16550);
		assert_int_equal(view.params.uart_stride, 4);
		assert_int_equal(view.params.uart_width, 1);
		assert_int_equal(walk(&view, 0, 0x8fff000), 0);
		assert_int_equal(walk(&view, 0, 0x9000000), 0x9000403 | 3ULL << 53);
		assert_int_equal(walk(&view, 0, 0x9001000), distance ? 0x9001403 | 3ULL << 53 : 0);
		assert_int_equal(walk(&view, 0, 0x9002000), 0);
		free(view.data);
	}
}

/* Returns the bytes of one set of page tables if the machine has this UART. */
static uint64_t tables_with(struct unit *unit, const struct crs_firmware *uart)
{
	const struct crashres_segment segments[] = { segment("kernel", "abc", 3, 0x40200000, BLOCK) };
	struct crs_purgatory_segment input = make_input(segments, 1);
	struct view view;

	input.mapped = true;
	input.firmware = uart;
	view = view_of(unit, &input);
	free(view.data);
	return view.params.root_offset[1] - view.params.root_offset[0];
}

static void test_uart_above_2_to_the_48_is_not_mapped(void **state)
{
	struct crs_firmware uart = uart_16550(0);
	uint64_t without;

	uart.uart = PURGATORY_UART_NONE;
	without = tables_with(*state, &uart);
	uart.uart = PURGATORY_UART_16550;
	uart.uart_base = (1ULL << 48) - 5 * 4;
	assert_int_equal(tables_with(*state, &uart), without);
	uart.uart_base--;
	assert_int_equal(tables_with(*state, &uart), without + 3 * BLOCK);
	uart.uart_base = UINT64_MAX;
	assert_int_equal(tables_with(*state, &uart), without);
}

static void test_uart_inside_a_segment_is_not_used(void **state)
{
	const struct crashres_segment segments[] = { segment("kernel", "abc", 3, 0x9000000, BLOCK) };
	struct view view = make(*state, segments, 1);

	assert_int_equal(view.params.uart_type, PURGATORY_UART_NONE);
	assert_int_equal(view.params.uart_sum,
			 PURGATORY_MAGIC + 0x9000000 + 0x200000000 + 0x100000004);
	free(view.data);
}

static void test_segment_above_2_to_the_48_removes_the_page_tables(void **state)
{
	const struct crashres_segment segments[] = {
		segment("kernel", "abc", 3, (1ULL << 48) - BLOCK, 2 * BLOCK),
	};
	struct crs_purgatory_segment input = make_input(segments, 1);
	struct view view;

	input.mapped = true;
	view = view_of(*state, &input);
	assert_int_equal(view.params.root_offset[0], 0);
	assert_int_equal(view.params.root_offset[1], 0);
	free(view.data);
}

static void test_without_mapping_there_are_no_page_tables(void **state)
{
	const struct crashres_segment segments[] = { segment("kernel", "abc", 3, 0x40200000, BLOCK) };
	struct view view = make(*state, segments, 1);

	assert_int_equal(view.params.root_offset[0], 0);
	assert_int_equal(view.params.root_offset[1], 0);
	free(view.data);
}

/* AddressSanitizer sees a table too many. The size equals the size that was computed before. */
static void test_code_across_two_2_mib_blocks_fits_the_tables(void **state)
{
	const struct crashres_segment segments[] = { segment("kernel", "abc", 3, 0x40200000, BLOCK) };
	struct crs_purgatory_segment input = make_input(segments, 1);
	struct unit *unit = *state;
	uint8_t *data;
	uint64_t size;

	input.mapped = true;
	for (uint64_t base = 0x40180000; base <= 0x401ff000; base += BLOCK) {
		const struct crashres_segment kernel =
			segment("kernel", "abc", 3, 0x40400000, BLOCK);

		input.segments = &kernel;
		assert_ok(unit, crs_purgatory_segment_make(unit->ctx, &input, base, &data, &size));
		assert_int_equal(size, crs_purgatory_segment_size(&input, BLOCK));
		free(data);
	}
}

/* Returns the next random number below @limit (Knuth's MMIX generator). */
static uint64_t random_below(uint64_t *seed, uint64_t limit)
{
	*seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (*seed >> 11) % limit;
}

/*
 * A sealed Image learns the place of its initrd only after the panic, so the room for page
 * tables must do for every place. Tried with initrds of up to 4 GiB.
 */
static void test_number_of_page_tables_stays_below_its_bound(void **state)
{
	uint64_t seed = 1;

	for (int turn = 0; turn < 300; turn++) {
		const uint64_t initrd = turn % 3 ? 4 * GIB : 3 * BLOCK;
		struct purgatory_params params = {
			.table_offset = { 64 * BLOCK }, .segment_size = 256 * MIB,
			.uart_type = PURGATORY_UART_16550, .uart_stride = 4,
			.group_count = initrd / BLOCK / 4 + 1, .segment_count = 2,
			.segments = { { .size = 64 * MIB }, { .size = initrd } },
		};
		struct pg_place place = { .scratch_offset = 8 * BLOCK, .tree = { .size = 2 * MIB } };
		struct pg_used used;
		const uint64_t limit = turn % 2 ? (1ULL << 48) - 8 * GIB : 12 * GIB;

		/* Ranges lie across the end of a 512 GiB table (the worst case) or anywhere. */
		place.base = random_below(&seed, limit / BLOCK) * BLOCK;
		place.tree.base = random_below(&seed, limit);
		params.uart_base = random_below(&seed, limit);
		params.parity_base = (random_below(&seed, limit) >> 39 << 39) + 512 * GIB - 7 * BLOCK;
		params.segments[0].base = random_below(&seed, limit / BLOCK) * BLOCK;
		params.segments[1].base = (random_below(&seed, limit) >> 39 << 39) + 512 * GIB - BLOCK;
		pg_params_list_used(&params, &place, &used);
		if (!pg_used_is_mappable(&used))
			continue;
		assert_in_range(pg_pagetables_count(used.maps, used.count), 1,
				pg_params_tables_max(2, 64 * MIB + initrd, 0));

	}
}

/* Tries overlaps of each pair of used ranges, and none. */
static void test_overlap_of_two_used_ranges_is_found(void **state)
{
	const struct purgatory_params right = {
		.table_offset = { 16 * BLOCK }, .segment_size = 20 * BLOCK,
		.parity_base = 0x60000000, .group_count = 1, .segment_count = 2,
		.segments = { { 0x40000000, 4 * BLOCK, 0, "a" }, { 0x40004000, 2 * BLOCK, 4, "b" } },
	};
	const struct pg_place place = {
		.base = 0x50000000, .scratch_offset = 8 * BLOCK, .tree = { 0x70000ff0, 32 },
	};
	/*
	 * Addresses at which segment b overlaps segment a, purgatory, parity or the device tree
	 * by at least a byte.
	 */
	const uint64_t wrong[] = {
		0x3ffff000, 0x40003000, 0x4ffff000, 0x50000000, 0x50013000, 0x5ffff000, 0x60001000,
		0x6ffff000, 0x70000000, 0x70001000,
	};
	struct purgatory_params params = right;
	struct pg_used used;

	pg_params_list_used(&params, &place, &used);
	assert_true(pg_used_is_disjoint(&used));
	for (size_t i = 0; i < COUNT(wrong); i++) {
		params.segments[1].base = wrong[i];
		pg_params_list_used(&params, &place, &used);
		assert_false(pg_used_is_disjoint(&used));
	}
	params.segments[1].base = PG_NOWHERE;
	pg_params_list_used(&params, &place, &used);
	assert_true(pg_used_is_disjoint(&used));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT_TEST(test_header_describes_the_built_image),
		UNIT_TEST(test_segment_is_image_params_tables_and_bitmap),
		UNIT_TEST(test_size_grows_with_each_block_of_digests),
		UNIT_TEST(test_params_describe_segments_and_uart),
		UNIT_TEST(test_digests_cover_the_data_and_its_zero_padding),
		UNIT_TEST(test_self_digest_covers_code_params_and_page_tables),
		UNIT_TEST(test_code_sum_matches_a_second_formula),
		UNIT_TEST(test_record_policy_and_parity_reach_the_params),
		UNIT_TEST(test_unchecked_segments_have_no_digests),
		UNIT_TEST(test_16_segments_fit_and_17_do_not),
		UNIT_TEST(test_segment_above_256_mib_is_refused),
		UNIT_TEST(test_largest_allowed_segment_is_made),
		UNIT_TEST(test_page_tables_map_only_used_ranges),
		UNIT_TEST(test_distance_between_segments_costs_a_table_per_level),
		UNIT_TEST(test_uart_inside_a_segment_is_not_used),
		UNIT_TEST(test_segment_above_2_to_the_48_removes_the_page_tables),
		UNIT_TEST(test_number_of_page_tables_stays_below_its_bound),
		UNIT_TEST(test_overlap_of_two_used_ranges_is_found),
		UNIT_TEST(test_16550_across_two_pages_has_both_mapped),
		UNIT_TEST(test_uart_above_2_to_the_48_is_not_mapped),
		UNIT_TEST(test_without_mapping_there_are_no_page_tables),
		UNIT_TEST(test_code_across_two_2_mib_blocks_fits_the_tables),
	};

	return cmocka_run_group_tests_name("purgatory_segment", tests, NULL, NULL);
}
