/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tests the device tree of a plan (plan/dtb.c): /chosen and the memory reservations. A wrong
 * program leaves stale addresses of an earlier kexec in the tree, or writes a tree that the
 * next kernel cannot read.
 */
#include <libfdt.h>

#include "../../libcrashres/plan/dtb.h"
#include "../../purgatory/abi.h"
#include "support.h"

#define ROOM	(3 * MIB)

/*
 * Physical addresses in stale properties of /chosen. An earlier kexec reserved the memory at
 * these four addresses in the memory reservation block.
 */
#define OLD_INITRD	0x48003000
#define OLD_ELFCOREHDR	0x48005000
#define OLD_IMA_BUFFER	0x48007000
#define OLD_KEYS	0x4800a000

/* Describes the source tree that build() makes. */
struct source {
	uint32_t address_cells, size_cells;	/* 0: no such property */
	bool stub;			/* as on ACPI machines: /chosen is the only child */
	bool no_chosen;
	bool stale;			/* /chosen holds all properties of array stale */
	size_t reserved;		/* bytes reserved at the four addresses; 0: none */
	size_t size;			/* bytes of each of the four, by /chosen */
	bool chosen_at_0;		/* the node is named /chosen@0 */
	size_t padding;			/* bytes in a property of the root */
};

/* Properties of /chosen that an earlier kexec, Linux or crashres wrote. */
static const char *const stale[] = {
	"bootargs", "kaslr-seed", "rng-seed", "linux,initrd-start", "linux,initrd-end",
	"linux,elfcorehdr", "linux,usable-memory-range", "linux,ima-kexec-buffer",
	"linux,kho-fdt", "linux,kho-scratch", "linux,dmcryptkeys", "linux,booted-from-kexec",
	"crashres,record",
};

/* Whether the property holds an address and a size in the cells of the root node. */
static bool is_address_and_size(const char *name)
{
	return !strcmp(name, "linux,elfcorehdr") || !strcmp(name, "linux,ima-kexec-buffer") ||
	       !strcmp(name, "linux,dmcryptkeys") || !strcmp(name, "linux,kho-fdt") ||
	       !strcmp(name, "linux,kho-scratch");
}

/* Writes all properties of stale. Addresses start at 0x48000000, 4 KiB apart. */
static void put_stale(void *dtb, const struct source *source)
{
	for (size_t i = 0; i < COUNT(stale); i++) {
		uint64_t base = 0x48000000 + 0x1000 * i;
		fdt32_t cells[4];
		size_t count = 0;

		if (!is_address_and_size(stale[i])) {
			fdt_property_u64(dtb, stale[i], !strcmp(stale[i], "linux,initrd-end") ?
					 OLD_INITRD + source->size : base);
			continue;
		}
		if (source->address_cells == 2)
			cells[count++] = 0;
		cells[count++] = cpu_to_fdt32(base);
		if (source->size_cells == 2)
			cells[count++] = 0;
		cells[count++] = cpu_to_fdt32(source->size);
		fdt_property(dtb, stale[i], cells, count * 4);
	}
}

static void put_chosen(void *dtb, const struct source *source)
{
	fdt_begin_node(dtb, source->chosen_at_0 ? "chosen@0" : "chosen");
	fdt_property_string(dtb, "stdout-path", "serial0:115200");
	fdt_property_u64(dtb, "linux,uefi-system-table", 0x7c000000);
	if (source->stale)
		put_stale(dtb, source);
	if (source->stale)
		fdt_property_u64(dtb, "linux,kept", 1);
	fdt_end_node(dtb);
}

/* Returns the source tree in a buffer of ROOM bytes. The caller frees it. */
static uint8_t *build(const struct source *source)
{
	uint8_t *dtb = unit_alloc(ROOM);
	char *padding;

	assert_int_equal(fdt_create(dtb, ROOM), 0);
	fdt_add_reservemap_entry(dtb, 0x1000, 0x2000);
	if (source->reserved) {
		fdt_add_reservemap_entry(dtb, OLD_INITRD, source->reserved);
		fdt_add_reservemap_entry(dtb, OLD_KEYS, source->reserved);
		fdt_add_reservemap_entry(dtb, OLD_IMA_BUFFER, source->reserved);
		fdt_add_reservemap_entry(dtb, OLD_ELFCOREHDR, source->reserved);
	}
	fdt_add_reservemap_entry(dtb, 0x7000, 0x1000);
	fdt_finish_reservemap(dtb);
	fdt_begin_node(dtb, "");
	if (source->address_cells)
		fdt_property_u32(dtb, "#address-cells", source->address_cells);
	if (source->size_cells)
		fdt_property_u32(dtb, "#size-cells", source->size_cells);
	assert_int_equal(fdt_property_placeholder(dtb, "padding", source->padding,
						  (void **)&padding), 0);
	memset(padding, 'p', source->padding);
	if (!source->stub) {
		fdt_begin_node(dtb, "memory@40000000");
		fdt_property_string(dtb, "device_type", "memory");
		fdt_end_node(dtb);
	}
	if (!source->no_chosen)
		put_chosen(dtb, source);
	fdt_end_node(dtb);
	assert_int_equal(fdt_finish(dtb), 0);
	return dtb;
}

static const uint8_t seed[CRS_DTB_SEED_SIZE] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, [135] = 0xee };
static const struct crashres_range usable[] = {
	{ 0x40000000, 0x10000000 }, { 0x30000000, 0x04000000 }, { 0x20000000, 0x1000 },
};

/* A request for all properties of /chosen. */
static struct crs_dtb_chosen all_properties(void)
{
	return (struct crs_dtb_chosen){
		.bootargs = "root=/dev/vda1 ro",
		.initrd = { 0x44000000, 0x123456 },
		.elfcorehdr = { 0x4fff0000, 0x1234 },
		.usable = usable,
		.usable_count = 2,
		.seed = seed,
	};
}

/* Returns the tree made from @source, checked by libfdt. The caller frees the tree. */
static uint8_t *make(struct unit *unit, const struct source *source,
		     const struct crs_dtb_chosen *chosen)
{
	uint8_t *dtb = build(source), *result;
	size_t size;

	assert_ok(unit, crs_dtb_make(unit->ctx, "tree", dtb, fdt_totalsize(dtb), chosen, &result,
				     &size));
	assert_int_equal(fdt_check_full(result, size), 0);
	assert_int_equal(fdt_totalsize(result), size);
	free(dtb);
	return result;
}

/* Returns a property of /chosen, or NULL. *@length is in bytes. */
static const void *property(const void *dtb, const char *name, int *length)
{
	int node = fdt_path_offset(dtb, "/chosen");

	assert_true(node >= 0);
	return fdt_getprop(dtb, node, name, length);
}

static void check_property(const void *dtb, const char *name, const void *bytes, size_t size)
{
	int length;
	const void *value = property(dtb, name, &length);

	assert_non_null(value);
	assert_int_equal(length, size);
	assert_memory_equal(value, bytes, size);
}

static void check_no_property(const void *dtb, const char *name)
{
	assert_null(property(dtb, name, NULL));
}

/* Asserts the memory reservations, written as "base+size ..." in hexadecimal. */
static void check_reservations(const void *dtb, const char *wanted)
{
	char got[256] = "";
	size_t used = 0;

	for (int i = 0; i < fdt_num_mem_rsv(dtb); i++) {
		uint64_t base, size;

		assert_int_equal(fdt_get_mem_rsv(dtb, i, &base, &size), 0);
		used += (size_t)snprintf(got + used, sizeof(got) - used, "%s%" PRIx64 "+%" PRIx64,
					 i ? " " : "", base, size);
	}
	assert_string_equal(got, wanted);
}

static void test_all_requested_properties_are_written(void **state)
{
	const struct source source = { .address_cells = 2, .size_cells = 2 };
	const struct crs_dtb_chosen chosen = all_properties();
	uint8_t *dtb = make(*state, &source, &chosen);

	check_property(dtb, "bootargs", "root=/dev/vda1 ro", 18);
	check_property(dtb, "kaslr-seed", seed, 8);
	check_property(dtb, "rng-seed", seed + 8, 128);
	check_property(dtb, "linux,initrd-start", "\0\0\0\0\x44\0\0\0", 8);
	check_property(dtb, "linux,initrd-end", "\0\0\0\0\x44\x12\x34\x56", 8);
	check_property(dtb, "linux,elfcorehdr", "\0\0\0\0\x4f\xff\0\0\0\0\0\0\0\0\x12\x34", 16);
	check_property(dtb, "stdout-path", "serial0:115200", 15);
	check_property(dtb, "linux,uefi-system-table", "\0\0\0\0\x7c\0\0\0", 8);
	check_reservations(dtb, "1000+2000 7000+1000 4fff0000+1234 44000000+123456");
	free(dtb);
}

static void test_usable_memory_has_the_cells_of_the_root(void **state)
{
	static const struct {
		uint32_t address_cells, size_cells;	/* of the root node; 0: no property */
		const char *bytes;			/* expected property: two ranges */
		size_t size;				/* bytes of the property */
	} cases[] = {
		{ 1, 1, "\x40\0\0\0\x10\0\0\0" "\x30\0\0\0\x04\0\0\0", 16 },
		{ 0, 0, "\x40\0\0\0\x10\0\0\0" "\x30\0\0\0\x04\0\0\0", 16 },
		{ 2, 1, "\0\0\0\0\x40\0\0\0\x10\0\0\0" "\0\0\0\0\x30\0\0\0\x04\0\0\0", 24 },
		{ 1, 2, "\x40\0\0\0\0\0\0\0\x10\0\0\0" "\x30\0\0\0\0\0\0\0\x04\0\0\0", 24 },
		{ 2, 2, "\0\0\0\0\x40\0\0\0\0\0\0\0\x10\0\0\0"
			"\0\0\0\0\x30\0\0\0\0\0\0\0\x04\0\0\0", 32 },
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		for (size_t count = 0; count <= 3; count++) {
			const struct source source = {
				.address_cells = cases[i].address_cells,
				.size_cells = cases[i].size_cells,
			};
			struct crs_dtb_chosen chosen = all_properties();
			uint8_t *dtb;

			chosen.usable_count = count;
			dtb = make(*state, &source, &chosen);
			if (count)	/* Linux reads two ranges, so the third is not written */
				check_property(dtb, "linux,usable-memory-range", cases[i].bytes,
					       cases[i].size / (count == 1 ? 2 : 1));
			else
				check_no_property(dtb, "linux,usable-memory-range");
			free(dtb);
		}
}

/* Asserts that crs_dtb_make() fails with @status and @sentence. */
static void refuse(struct unit *unit, const void *dtb, size_t dtb_size,
		   const struct crs_dtb_chosen *chosen, enum crashres_status status,
		   const char *sentence)
{
	uint8_t *result = UNTOUCHED;
	size_t size = 77;

	assert_fails(unit, crs_dtb_make(unit->ctx, "tree", dtb, dtb_size, chosen, &result, &size),
		     status, sentence);
	assert_ptr_equal(result, UNTOUCHED);
	assert_int_equal(size, 77);
}

static void refuse_source(struct unit *unit, struct source source,
			  const struct crs_dtb_chosen *chosen, enum crashres_status status,
			  const char *sentence)
{
	uint8_t *dtb = build(&source);

	refuse(unit, dtb, fdt_totalsize(dtb), chosen, status, sentence);
	free(dtb);
}

static void test_numbers_too_large_for_their_cells_are_refused(void **state)
{
	const struct source one = { .address_cells = 1, .size_cells = 1 };
	const struct source two_one = { .address_cells = 2, .size_cells = 1 };
	struct crashres_range range = { 0xffffffff, 0xffffffff };
	struct crs_dtb_chosen chosen = all_properties();
	uint8_t *dtb;

	chosen.usable = &range;
	chosen.usable_count = 1;
	dtb = make(*state, &one, &chosen);
	check_property(dtb, "linux,usable-memory-range", "\xff\xff\xff\xff\xff\xff\xff\xff", 8);
	free(dtb);
	range.base++;
	refuse_source(*state, one, &chosen, CRASHRES_ERR_LIMIT,
		      "tree: linux,usable-memory-range: 0x100000000 + 0xffffffff does not fit the "
		      "root node's 1 address and 1 size cells");
	dtb = make(*state, &two_one, &chosen);
	check_property(dtb, "linux,usable-memory-range", "\0\0\0\1\0\0\0\0\xff\xff\xff\xff", 12);
	free(dtb);
	range.size++;
	refuse_source(*state, two_one, &chosen, CRASHRES_ERR_LIMIT,
		      "tree: linux,usable-memory-range: 0x100000000 + 0x100000000 does not fit the "
		      "root node's 2 address and 1 size cells");
	chosen.elfcorehdr.base = 1ULL << 32;
	refuse_source(*state, one, &chosen, CRASHRES_ERR_LIMIT,
		      "tree: linux,elfcorehdr: 0x100000000 + 0x1234 does not fit the "
		      "root node's 1 address and 1 size cells");
}

static void test_impossible_cells_are_refused(void **state)
{
	const struct crs_dtb_chosen chosen = all_properties();

	refuse_source(*state, (struct source){ .address_cells = 3, .size_cells = 2 }, &chosen,
		      CRASHRES_ERR_FORMAT,
		      "tree: the root node has 3 address and 2 size cells: only 1 or 2 are "
		      "supported");
	refuse_source(*state, (struct source){ .address_cells = 2, .size_cells = UINT32_MAX }, &chosen,
		      CRASHRES_ERR_FORMAT, "tree: the root node has 2 address and 4294967295 size "
					   "cells: only 1 or 2 are supported");
}

/* All stale properties are gone, except linux,booted-from-kexec, which kexec itself writes. */
static void check_stale_properties_are_gone(const void *dtb)
{
	for (size_t i = 0; i < COUNT(stale); i++)
		if (strcmp(stale[i], "linux,booted-from-kexec"))
			check_no_property(dtb, stale[i]);
	check_property(dtb, "linux,booted-from-kexec", "", 0);
}

static void test_properties_of_an_earlier_kexec_are_removed(void **state)
{
	const struct source source = {
		.address_cells = 2, .size_cells = 2, .stale = true, .size = 0x1000,
	};
	const struct crs_dtb_chosen no_properties = { .bootargs = "" };
	uint8_t *dtb = make(*state, &source, &no_properties);

	check_stale_properties_are_gone(dtb);
	check_property(dtb, "linux,kept", "\0\0\0\0\0\0\0\1", 8);
	check_property(dtb, "stdout-path", "serial0:115200", 15);
	check_reservations(dtb, "1000+2000 7000+1000");
	free(dtb);
}

#define ALL_FOUR(size) "1000+2000 48003000+" size " 4800a000+" size " 48007000+" size \
		       " 48005000+" size " 7000+1000"

/*
 * A reservation is removed if its base is that of a stale initrd, elfcorehdr, IMA buffer or key
 * buffer, and its size is exactly the stale size or this size rounded up to 4 KiB. Columns:
 * stale size and reserved size in bytes, the reservations that remain.
 */
static void test_reservations_of_an_earlier_kexec_are_removed(void **state)
{
	static const struct {
		size_t size, reserved;
		const char *wanted;
	} cases[] = {
		{ 0x1000, 0x1000, "1000+2000 7000+1000" },
		{ 0x1234, 0x1234, "1000+2000 7000+1000" },
		{ 0x1234, 0x2000, "1000+2000 7000+1000" },
		{ 0x1001, 0x2000, "1000+2000 7000+1000" },
		{ 0x1000, 0x2000, ALL_FOUR("2000") },
		{ 0x1234, 0x1235, ALL_FOUR("1235") },
		{ 0x1234, 0x1000, ALL_FOUR("1000") },
		{ 0x2001, 0x2000, ALL_FOUR("2000") },
	};
	const struct crs_dtb_chosen no_properties = { .bootargs = "" };

	for (size_t i = 0; i < COUNT(cases); i++)
		for (uint32_t cells = 1; cells <= 2; cells++) {
			const struct source source = {
				.address_cells = cells, .size_cells = 3 - cells, .stale = true,
				.size = cases[i].size, .reserved = cases[i].reserved,
			};
			uint8_t *dtb = make(*state, &source, &no_properties);

			check_reservations(dtb, cases[i].wanted);
			free(dtb);
		}
}

/* Without the stale property a reservation can belong to the firmware, so it stays. */
static void test_reservations_without_a_property_stay(void **state)
{
	const struct source source = { .address_cells = 2, .size_cells = 2, .reserved = 0x1000 };
	const struct crs_dtb_chosen no_properties = { .bootargs = "" };
	uint8_t *dtb = make(*state, &source, &no_properties);

	check_reservations(dtb, ALL_FOUR("1000"));
	free(dtb);
}

/*
 * Asserts that a reservation stays if /chosen holds @bytes in property @first, and 0x1000 in
 * @second unless @second is NULL.
 */
static void check_reservation_stays(struct unit *unit, const char *first, const void *bytes,
				    size_t size, const char *second)
{
	const struct crs_dtb_chosen no_properties = { .bootargs = "" };
	uint8_t dtb[1024], *result;
	size_t result_size;

	fdt_create(dtb, sizeof(dtb));
	fdt_add_reservemap_entry(dtb, 0x48003000, 0x1000);
	fdt_finish_reservemap(dtb);
	fdt_begin_node(dtb, "");
	fdt_property_u32(dtb, "#address-cells", 2);
	fdt_property_u32(dtb, "#size-cells", 2);
	fdt_begin_node(dtb, "chosen");
	fdt_property(dtb, first, bytes, size);
	if (second)
		fdt_property_u64(dtb, second, 0x1000);
	fdt_end_node(dtb);
	fdt_end_node(dtb);
	assert_int_equal(fdt_finish(dtb), 0);
	assert_ok(unit, crs_dtb_make(unit->ctx, "tree", dtb, sizeof(dtb), &no_properties, &result,
				     &result_size));
	check_reservations(result, "48003000+1000");
	check_no_property(result, first);
	free(result);
}

static void test_unusable_stale_values_remove_no_reservation(void **state)
{
	/*
	 * Value good covers the reservation, below ends in front of it, and wraps ends above
	 * 2^64. An initrd needs two properties of 4 or 8 bytes, and its end must lie above its
	 * start.
	 */
	static const uint8_t good[17] = { [4] = 0x48, [6] = 0x30, [14] = 0x10 };
	static const uint8_t below[16] = { [4] = 0x48, [6] = 0x20, [14] = 0x10 };
	static const uint8_t wraps[16] = { [0] = 0xff, [8] = 0xff };
	static const char initrd[] = "linux,initrd-start";

	check_reservation_stays(*state, "linux,elfcorehdr", good, 15, NULL);
	check_reservation_stays(*state, "linux,elfcorehdr", good, 8, NULL);
	check_reservation_stays(*state, "linux,elfcorehdr", "", 0, NULL);
	check_reservation_stays(*state, "linux,elfcorehdr", wraps, 16, NULL);
	check_reservation_stays(*state, "linux,elfcorehdr", below, 16, NULL);
	check_reservation_stays(*state, initrd, good, 8, NULL);
	check_reservation_stays(*state, initrd, good, 7, "linux,initrd-end");
	check_reservation_stays(*state, initrd, good, 16, "linux,initrd-end");
	check_reservation_stays(*state, initrd, good, 8, "linux,initrd-end");
}

static void test_old_values_are_replaced(void **state)
{
	const struct source source = {
		.address_cells = 2, .size_cells = 2, .stale = true, .size = 0x1000,
		.reserved = 0x1000,
	};
	const struct crs_dtb_chosen chosen = all_properties();
	uint8_t *dtb = make(*state, &source, &chosen);

	check_property(dtb, "bootargs", "root=/dev/vda1 ro", 18);
	check_property(dtb, "kaslr-seed", seed, 8);
	check_property(dtb, "linux,initrd-start", "\0\0\0\0\x44\0\0\0", 8);
	check_reservations(dtb, "1000+2000 7000+1000 4fff0000+1234 44000000+123456");
	free(dtb);
}

static void test_record_is_written_as_an_empty_template(void **state)
{
	const struct source source = { .address_cells = 2, .size_cells = 2, .stale = true };
	const struct crs_dtb_chosen chosen = { .bootargs = "", .record = true };
	uint8_t *dtb = make(*state, &source, &chosen), expected[1104] = {
		'C', 'P', 'R', 'E', 'C', 'O', 'R', 'D', 2, 0, 0, 0, 0x50, 4,
	};

	assert_int_equal(sizeof(struct purgatory_record), sizeof(expected));
	check_property(dtb, "crashres,record", expected, sizeof(expected));
	assert_int_equal(crs_dtb_record_offset(dtb) % 4, 0);
	assert_memory_equal(dtb + crs_dtb_record_offset(dtb), expected, sizeof(expected));
	free(dtb);
}

static void test_properties_not_requested_are_not_written(void **state)
{
	const struct source source = { .address_cells = 2, .size_cells = 2 };
	const struct crs_dtb_chosen no_properties = { .bootargs = "" };
	uint8_t *dtb = make(*state, &source, &no_properties);

	check_stale_properties_are_gone(dtb);
	check_reservations(dtb, "1000+2000 7000+1000");
	free(dtb);
}

/*
 * Linux disables ACPI if the root has a child other than /chosen (dt_is_stub() in
 * arch/arm64/kernel/acpi.c).
 */
static void test_stub_for_acpi_gets_no_second_child(void **state)
{
	for (int no_chosen = 0; no_chosen < 2; no_chosen++) {
		const struct source source = {
			.address_cells = 2, .size_cells = 2, .stub = true, .no_chosen = no_chosen,
		};
		const struct crs_dtb_chosen chosen = all_properties();
		uint8_t *dtb = make(*state, &source, &chosen);
		int node, nodes = 0;

		fdt_for_each_subnode(node, dtb, 0) {
			assert_string_equal(fdt_get_name(dtb, node, NULL), "chosen");
			nodes++;
		}
		assert_int_equal(nodes, 1);
		check_property(dtb, "bootargs", "root=/dev/vda1 ro", 18);
		free(dtb);
	}
}

/* The tree of tests/data/virt-6.12-acpi, a UEFI machine that uses ACPI. */
static void test_stub_of_a_real_machine_keeps_its_uefi_properties(void **state)
{
	static const struct {
		const char *name, *bytes;
		size_t size;
	} kept[] = {
		{ "linux,uefi-secure-boot", "\0\0\0\2", 4 },
		{ "linux,uefi-mmap-desc-ver", "\0\0\0\1", 4 },
		{ "linux,uefi-mmap-desc-size", "\0\0\0\x30", 4 },
		{ "linux,uefi-mmap-size", "\0\0\6\x30", 4 },
		{ "linux,uefi-mmap-start", "\0\0\0\1\xb9\xa1\xe9\xc0", 8 },
		{ "linux,uefi-system-table", "\0\0\0\1\xbf\xfd\0\x18", 8 },
	};
	static const char *const added[] = {
		"bootargs", "kaslr-seed", "rng-seed", "linux,elfcorehdr",
		"linux,usable-memory-range", "linux,initrd-start", "linux,initrd-end",
		"linux,booted-from-kexec", "crashres,record",
	};
	struct crs_dtb_chosen chosen = all_properties();
	struct unit *unit = *state;
	uint8_t source[2048], *dtb;
	int offset, properties = 0;
	size_t size;

	fdt_create(source, sizeof(source));
	fdt_finish_reservemap(source);
	fdt_begin_node(source, "");
	fdt_property_u32(source, "#size-cells", 2);
	fdt_property_u32(source, "#address-cells", 2);
	fdt_begin_node(source, "chosen");
	for (size_t i = 0; i < COUNT(kept); i++)
		fdt_property(source, kept[i].name, kept[i].bytes, kept[i].size);
	fdt_property_string(source, "bootargs", "console=ttyAMA0 initrd=initrd");
	fdt_end_node(source);
	fdt_end_node(source);
	assert_int_equal(fdt_finish(source), 0);
	chosen.record = true;
	assert_ok(unit, crs_dtb_make(unit->ctx, "tree", source, fdt_totalsize(source), &chosen, &dtb,
				     &size));
	for (size_t i = 0; i < COUNT(kept); i++)
		check_property(dtb, kept[i].name, kept[i].bytes, kept[i].size);
	for (size_t i = 0; i < COUNT(added); i++)
		assert_non_null(property(dtb, added[i], NULL));
	/* /chosen holds no other property, and the tree no other node. */
	fdt_for_each_property_offset(offset, dtb, fdt_path_offset(dtb, "/chosen"))
		properties++;
	assert_int_equal(properties, COUNT(kept) + COUNT(added));
	assert_string_equal(fdt_get_name(dtb, fdt_first_subnode(dtb, 0), NULL), "chosen");
	assert_int_equal(fdt_next_subnode(dtb, fdt_first_subnode(dtb, 0)), -FDT_ERR_NOTFOUND);
	assert_int_equal(fdt_first_subnode(dtb, fdt_path_offset(dtb, "/chosen")),
			 -FDT_ERR_NOTFOUND);
	free(dtb);
}

/* libfdt accepts a duplicate property and finds the first one, so both must be removed. */
static void test_duplicate_stale_property_is_removed(void **state)
{
	const struct crs_dtb_chosen no_properties = { .bootargs = "" };
	struct unit *unit = *state;
	uint8_t source[1024], *dtb;
	size_t size;

	fdt_create(source, sizeof(source));
	fdt_finish_reservemap(source);
	fdt_begin_node(source, "");
	fdt_begin_node(source, "chosen");
	fdt_property_string(source, "bootargs", "first");
	fdt_property_string(source, "bootargs", "second");
	fdt_end_node(source);
	fdt_end_node(source);
	assert_int_equal(fdt_finish(source), 0);
	assert_ok(unit, crs_dtb_make(unit->ctx, "tree", source, sizeof(source), &no_properties,
				     &dtb, &size));
	check_no_property(dtb, "bootargs");
	free(dtb);
}

/* Old versions of U-Boot name the node chosen@0. Linux accepts this name too. */
static void test_node_chosen_at_0_is_used(void **state)
{
	const struct source source = {
		.address_cells = 2, .size_cells = 2, .stub = true, .chosen_at_0 = true,
	};
	const struct crs_dtb_chosen chosen = all_properties();
	uint8_t *dtb = make(*state, &source, &chosen);
	int node = fdt_first_subnode(dtb, 0);

	assert_string_equal(fdt_get_name(dtb, node, NULL), "chosen@0");
	assert_int_equal(fdt_next_subnode(dtb, node), -FDT_ERR_NOTFOUND);
	check_property(dtb, "bootargs", "root=/dev/vda1 ro", 18);
	check_property(dtb, "linux,uefi-system-table", "\0\0\0\0\x7c\0\0\0", 8);
	free(dtb);
}

/* The layout places the DTB before its addresses are known, so the size must not change. */
static void test_size_does_not_depend_on_addresses(void **state)
{
	const struct source source = { .address_cells = 2, .size_cells = 2, .stale = true };
	static const uint64_t bases[] = { 0, 0x40000000, 1ULL << 40, (1ULL << 48) - MIB };
	uint32_t wanted = 0;

	for (size_t i = 0; i < COUNT(bases); i++)
		for (size_t k = 0; k < COUNT(bases); k++) {
			struct crs_dtb_chosen chosen = all_properties();
			uint8_t *dtb;

			chosen.initrd.base = bases[i];
			chosen.elfcorehdr.base = bases[k];
			dtb = make(*state, &source, &chosen);
			wanted = wanted ? wanted : fdt_totalsize(dtb);
			assert_int_equal(fdt_totalsize(dtb), wanted);
			free(dtb);
		}
}

static void test_same_input_gives_the_same_bytes(void **state)
{
	const struct source source = { .address_cells = 2, .size_cells = 2, .stale = true };
	const struct crs_dtb_chosen chosen = all_properties();
	uint8_t *a = make(*state, &source, &chosen), *b = make(*state, &source, &chosen);

	assert_int_equal(fdt_totalsize(a), fdt_totalsize(b));
	assert_memory_equal(a, b, fdt_totalsize(a));
	free(a);
	free(b);
}

static void test_damaged_tree_is_refused(void **state)
{
	const struct source source = { .address_cells = 2, .size_cells = 2 };
	const struct crs_dtb_chosen chosen = all_properties();
	uint8_t *dtb = build(&source);
	size_t size = fdt_totalsize(dtb);

	refuse(*state, dtb, size - 1, &chosen, CRASHRES_ERR_FORMAT,
	       "tree: the device tree is damaged: FDT_ERR_TRUNCATED");
	refuse(*state, dtb, 0, &chosen, CRASHRES_ERR_FORMAT,
	       "tree: the device tree is damaged: FDT_ERR_TRUNCATED");
	dtb[0] = 0;
	refuse(*state, dtb, size, &chosen, CRASHRES_ERR_FORMAT,
	       "tree: the device tree is damaged: FDT_ERR_BADMAGIC");
	dtb[0] = 0xd0;
	/* The last token of the structure block (FDT_END) becomes FDT_END_NODE. */
	dtb[fdt_off_dt_struct(dtb) + fdt_size_dt_struct(dtb) - 1] = 2;
	refuse(*state, dtb, size, &chosen, CRASHRES_ERR_FORMAT,
	       "tree: the device tree is damaged: FDT_ERR_BADSTRUCTURE");
	free(dtb);
}

/*
 * Damages each byte in turn. The result is an error or a valid tree; AddressSanitizer sees a
 * read outside the tree.
 */
static void test_one_damaged_byte_gives_an_error_or_a_valid_tree(void **state)
{
	const struct source source = { .address_cells = 2, .size_cells = 2, .stale = true };
	const struct crs_dtb_chosen chosen = all_properties();
	struct unit *unit = *state;
	uint8_t *big = build(&source);
	size_t size = fdt_totalsize(big);
	uint8_t *dtb = malloc(size);

	memcpy(dtb, big, size);
	for (size_t i = 0; i < size; i++) {
		uint8_t *result = UNTOUCHED;
		size_t result_size = 77;

		dtb[i] ^= 0x81;
		if (crs_dtb_make(unit->ctx, "tree", dtb, size, &chosen, &result, &result_size)) {
			assert_ptr_equal(result, UNTOUCHED);
			assert_int_equal(result_size, 77);
		} else {
			assert_int_equal(fdt_check_full(result, result_size), 0);
			free(result);
		}
		dtb[i] ^= 0x81;
	}
	free(dtb);
	free(big);
}

/* Changes one word, bit, byte or 16 bytes of @dtb at random. */
static void damage(uint8_t *dtb, size_t size, uint32_t *random)
{
	static const uint32_t words[] = { 0, 1, 2, 3, 4, 9, 0x7fffffff, 0x80000000, 0xffffffff };
	size_t at = unit_random(random) % (size / 4) * 4;
	fdt32_t word = cpu_to_fdt32(words[unit_random(random) % COUNT(words)]);

	switch (unit_random(random) % 4) {
	case 0:
		memcpy(dtb + at, &word, 4);
		break;
	case 1:
		dtb[at] ^= (uint8_t)(1U << unit_random(random) % 8);
		break;
	case 2:		/* bytes from another part of the tree */
		memmove(dtb + at, dtb + unit_random(random) % (size / 8) * 4,
			size - at < 16 ? size - at : 16);
		break;
	default:
		dtb[unit_random(random) % size] = (uint8_t)(unit_random(random) >> 9);
		break;
	}
}

static bool is_reserved(const void *dtb, struct crashres_range wanted)
{
	for (int i = 0; i < fdt_num_mem_rsv(dtb); i++) {
		uint64_t base, size;

		assert_int_equal(fdt_get_mem_rsv(dtb, i, &base, &size), 0);
		if (base == wanted.base && size == wanted.size)
			return true;
	}
	return false;
}

/* A tree that was made from a damaged source must be valid and hold the requested values. */
static void check_result(const uint8_t *dtb, size_t size, const struct crs_dtb_chosen *chosen)
{
	assert_int_equal(fdt_check_full(dtb, size), 0);
	check_property(dtb, "bootargs", "root=/dev/vda1 ro", 18);
	check_property(dtb, "kaslr-seed", seed, 8);
	check_property(dtb, "linux,initrd-end", "\0\0\0\0\x44\x12\x34\x56", 8);
	check_no_property(dtb, "linux,kho-fdt");
	check_no_property(dtb, "linux,ima-kexec-buffer");
	assert_true(is_reserved(dtb, chosen->initrd) && is_reserved(dtb, chosen->elfcorehdr));
	assert_true(crs_dtb_record_offset(dtb) + sizeof(struct purgatory_record) <= size);
}

static void test_random_damage_gives_an_error_or_a_valid_tree(void **state)
{
	const struct source source = {
		.address_cells = 2, .size_cells = 2, .stale = true, .size = 0x1234,
		.reserved = 0x1234,
	};
	struct crs_dtb_chosen chosen = all_properties();
	struct unit *unit = *state;
	uint8_t *good = build(&source);
	size_t size = fdt_totalsize(good), sound = 0, refused = 0;
	uint32_t random = 20260728;

	chosen.record = true;
	for (size_t i = 0; i < 50000; i++) {
		/*
		 * The allocation has the exact size, so AddressSanitizer sees a read after its
		 * end.
		 */
		size_t cut = i % 16 ? size : size - unit_random(&random) % 64;
		uint8_t *dtb = unit_alloc(cut), *result = UNTOUCHED;
		size_t result_size = 77;

		memcpy(dtb, good, cut);
		for (uint32_t count = 1 + unit_random(&random) % 6; count--;)
			damage(dtb, cut, &random);
		if (crs_dtb_make(unit->ctx, "tree", dtb, cut, &chosen, &result, &result_size)) {
			assert_ptr_equal(result, UNTOUCHED);
			assert_int_equal(result_size, 77);
			refused++;
		} else {
			check_result(result, result_size, &chosen);
			free(result);
			sound++;
		}
		free(dtb);
	}
	/* If one outcome is rare, the damage is too strong or too weak to test anything. */
	assert_true(sound > 5000 && refused > 5000);
	free(good);
}

/* Property values are padded to 4 bytes, so a tree grows in steps of 4 bytes. */
static void test_2_mib_fit_and_a_word_more_does_not(void **state)
{
	const struct crs_dtb_chosen chosen = all_properties();
	struct source source = { .address_cells = 2, .size_cells = 2 };
	uint8_t *dtb = build(&source);
	size_t size;
	char sentence[128];

	refuse(*state, dtb, 2 * MIB + 1, &chosen, CRASHRES_ERR_LIMIT,
	       "tree: the device tree has 2097153 bytes: the limit is 2097152");
	free(dtb);
	/* The source has at most 2 MiB, but the new tree would be larger. */
	dtb = make(*state, &source, &chosen);
	source.padding = crs_align_down(2 * MIB - fdt_totalsize(dtb), 4);
	size = fdt_totalsize(dtb) + source.padding;
	assert_true(size <= 2 * MIB && size + 4 > 2 * MIB);
	free(dtb);
	dtb = make(*state, &source, &chosen);
	assert_int_equal(fdt_totalsize(dtb), size);
	free(dtb);
	source.padding += 4;
	snprintf(sentence, sizeof(sentence), "tree: the device tree has %zu bytes with the new "
					     "/chosen: the limit is 2097152",
		 size + 4);
	refuse_source(*state, source, &chosen, CRASHRES_ERR_LIMIT, sentence);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT_TEST(test_all_requested_properties_are_written),
		UNIT_TEST(test_usable_memory_has_the_cells_of_the_root),
		UNIT_TEST(test_numbers_too_large_for_their_cells_are_refused),
		UNIT_TEST(test_impossible_cells_are_refused),
		UNIT_TEST(test_properties_of_an_earlier_kexec_are_removed),
		UNIT_TEST(test_reservations_of_an_earlier_kexec_are_removed),
		UNIT_TEST(test_reservations_without_a_property_stay),
		UNIT_TEST(test_unusable_stale_values_remove_no_reservation),
		UNIT_TEST(test_old_values_are_replaced),
		UNIT_TEST(test_record_is_written_as_an_empty_template),
		UNIT_TEST(test_properties_not_requested_are_not_written),
		UNIT_TEST(test_stub_for_acpi_gets_no_second_child),
		UNIT_TEST(test_stub_of_a_real_machine_keeps_its_uefi_properties),
		UNIT_TEST(test_duplicate_stale_property_is_removed),
		UNIT_TEST(test_node_chosen_at_0_is_used),
		UNIT_TEST(test_size_does_not_depend_on_addresses),
		UNIT_TEST(test_same_input_gives_the_same_bytes),
		UNIT_TEST(test_damaged_tree_is_refused),
		UNIT_TEST(test_one_damaged_byte_gives_an_error_or_a_valid_tree),
		UNIT_TEST(test_random_damage_gives_an_error_or_a_valid_tree),
		UNIT_TEST(test_2_mib_fit_and_a_word_more_does_not),
	};

	return cmocka_run_group_tests_name("dtb", tests, NULL, NULL);
}
