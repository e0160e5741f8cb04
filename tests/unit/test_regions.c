/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tests regions (machine/regions.c): crash regions, RAM for the dump, usable RAM and the kernel
 * image, from the resources of /proc/iomem. A wrong program loads into the wrong crash region,
 * or dumps memory that must not be touched.
 */
#include "../../libcrashres/machine/regions.h"
#include "support.h"

static struct crs_regions regions_of(struct unit *unit, const char *text)
{
	struct crs_iomem iomem;
	struct crs_regions regions;

	assert_ok(unit, crs_iomem_parse(unit->ctx, text, strlen(text), &iomem));
	assert_ok(unit, crs_regions_from_iomem(unit->ctx, &iomem, &regions));
	crs_iomem_free(&iomem);
	return regions;
}

/* Asserts the list, written as "base+size base+size ..." in hexadecimal. */
static void check_list(const struct crs_ranges *ranges, const char *wanted)
{
	char got[512] = "";
	size_t used = 0;

	for (size_t i = 0; i < ranges->count; i++)
		used += (size_t)snprintf(got + used, sizeof(got) - used, "%s%" PRIx64 "+%" PRIx64,
					 i ? " " : "", ranges->items[i].base,
					 ranges->items[i].size);
	assert_string_equal(got, wanted);
}

/* Asserts the crash regions for a text of /proc/iomem. */
static void check_crash(struct unit *unit, const char *text, const char *wanted)
{
	struct crs_regions regions = regions_of(unit, text);

	check_list(&regions.crash, wanted);
	crs_regions_free(&regions);
}

static void test_name_and_address_decide_high_and_low(void **state)
{
	/*
	 * Columns: text of /proc/iomem; the regions, the high one first, then the low one, then
	 * the unused ones.
	 */
	static const struct {
		const char *text, *wanted;
	} cases[] = {
		{ "1000-ffff : System RAM\n", "" },
		/* A single region is the high one, at any address and under either name. */
		{ "2000-2fff : Crash kernel\n", "2000+1000" },
		{ "200000000-2000fffff : Crash kernel\n", "200000000+100000" },
		{ "2000-2fff : Crash kernel (low)\n", "2000+1000" },
		/* Two regions of one name: the address decides. */
		{ "2000-2fff : Crash kernel\n200000000-2000fffff : Crash kernel\n",
		  "200000000+100000 2000+1000" },
		{ "200000000-2000fffff : Crash kernel\n2000-2fff : Crash kernel\n",
		  "200000000+100000 2000+1000" },
		/* Three regions: the highest, the lowest, then the unused one. */
		{ "2000-2fff : Crash kernel\n4000-4fff : Crash kernel\n6000-6fff : Crash kernel\n",
		  "6000+1000 2000+1000 4000+1000" },
		/* The name decides before the address. */
		{ "2000-2fff : Crash kernel\n4000-4fff : Crash kernel (low)\n",
		  "2000+1000 4000+1000" },
		{ "2000-2fff : Crash kernel (low)\n4000-4fff : Crash kernel\n",
		  "4000+1000 2000+1000" },
		{ "2000-2fff : Crash kernel\n4000-4fff : Crash kernel (low)\n"
		  "6000-6fff : Crash kernel\n", "6000+1000 4000+1000 2000+1000" },
		{ "2000-2fff : Crash kernel (low)\n4000-4fff : Crash kernel (low)\n",
		  "4000+1000 2000+1000" },
		/* A region that is printed twice counts once. */
		{ "2000-2fff : Crash kernel\n2000-2fff : Crash kernel\n", "2000+1000" },
		/* Similar names are ignored. */
		{ "2000-2fff : Crash kernel2\n4000-4fff : crash kernel\n"
		  "6000-6fff : Old Crash kernel\n", "" },
		/* The region lies deep inside other resources. */
		{ "0-ffff : a\n  0-fffe : b\n    0-fffd : c\n      0-fffc : d\n"
		  "        0-fffb : System RAM\n        2000-2fff : Crash kernel\n", "2000+1000" },
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		check_crash(*state, cases[i].text, cases[i].wanted);
}

static void test_reserved_ram_is_dumped_but_not_usable(void **state)
{
	struct crs_regions regions = regions_of(*state,
		"09000000-09000fff : pl011@9000000\n"
		"40000000-bfffffff : System RAM\n"
		"  40200000-40ffffff : Kernel code\n"
		"  41000000-412fffff : reserved\n"
		"  41300000-414fffff : Kernel data\n"
		"  50000000-5fffffff : Crash kernel\n"
		"  60000000-60000fff : reserved\n"
		"    60000800-60000bff : something\n"
		"c0000000-c0ffffff : reserved\n"
		"c1000000-c1ffffff : System RAM\n");

	check_list(&regions.crash, "50000000+10000000");
	/* RAM for the dump: all RAM except the crash region, with its reserved parts. */
	check_list(&regions.ram, "40000000+10000000 60000000+60000000 c1000000+1000000");
	/*
	 * Usable RAM for a normal load: with the memory of the running kernel, without reserved
	 * parts.
	 */
	check_list(&regions.usable, "40000000+1000000 41300000+ed00000 60001000+5ffff000 "
				    "c1000000+1000000");
	/* Memory for a device tree without memory nodes: all RAM. */
	check_list(&regions.memory, "40000000+80000000 c1000000+1000000");
	assert_range(regions.kernel_image, 0x40200000, 0x41500000 - 0x40200000);
	crs_regions_free(&regions);
}

static void test_adjacent_ram_is_merged(void **state)
{
	struct crs_regions regions = regions_of(*state,
		"1000-1fff : System RAM\n"
		"2000-2fff : System RAM\n"
		"4000-4fff : System RAM\n");

	check_list(&regions.memory, "1000+2000 4000+1000");
	crs_regions_free(&regions);
}

static void test_driver_managed_memory_is_dumped_but_not_usable(void **state)
{
	struct crs_regions regions = regions_of(*state,
		"40000000-4fffffff : System RAM\n"
		"100000000-1ffffffff : CXL Window 0\n"
		"  100000000-17fffffff : region0\n"
		"    100000000-17fffffff : dax0.0\n"
		"      100000000-17fffffff : System RAM (kmem)\n"
		"200000000-20fffffff : System RAM (virtio_mem)\n"
		"300000000-30fffffff : Soft Reserved\n"
		"400000000-40fffffff : Persistent Memory\n"
		"500000000-50fffffff : System RAMdisk\n");

	check_list(&regions.ram, "40000000+10000000 100000000+80000000 200000000+10000000");
	check_list(&regions.usable, "40000000+10000000");
	check_list(&regions.memory, "40000000+10000000");
	crs_regions_free(&regions);
}

static void test_driver_managed_memory_inside_ram_is_not_usable(void **state)
{
	struct crs_regions regions = regions_of(*state,
		"1000-ffff : System RAM\n"
		"  8000-8fff : System RAM (kmem)\n");

	check_list(&regions.ram, "1000+f000");
	check_list(&regions.usable, "1000+7000 9000+7000");
	crs_regions_free(&regions);
}

/* A resource around RAM does not reserve it. */
static void test_ram_inside_a_cxl_window_is_usable(void **state)
{
	struct crs_regions regions = regions_of(*state,
		"1000-ffff : CXL Window 0\n"
		"  2000-8fff : System RAM\n"
		"    3000-3fff : reserved\n");

	check_list(&regions.ram, "2000+7000");
	check_list(&regions.usable, "2000+1000 4000+5000");
	crs_regions_free(&regions);
}

static void test_crash_regions_are_removed_from_each_piece_of_ram(void **state)
{
	struct crs_regions regions = regions_of(*state,
		"1000-ffff : System RAM\n"
		"  1000-1fff : Crash kernel\n"
		"20000-2ffff : System RAM\n"
		"  20000-2ffff : Crash kernel\n"
		"40000-4ffff : System RAM\n"
		"  4f000-4ffff : Crash kernel (low)\n");

	check_list(&regions.crash, "20000+10000 4f000+1000 1000+1000");
	check_list(&regions.ram, "2000+e000 40000+f000");
	check_list(&regions.memory, "1000+f000 20000+10000 40000+10000");
	check_list(&regions.usable, "2000+e000 40000+f000");
	crs_regions_free(&regions);
}

/* On a large machine each CPU has reserved memory. */
static void test_hundreds_of_reservations_are_subtracted(void **state)
{
	char *text = unit_alloc(64 * 1000);
	size_t used = (size_t)snprintf(text, 64, "40000000-7fffffff : System RAM\n");
	struct crs_regions regions;

	for (unsigned int i = 0; i < 800; i++)
		used += (size_t)snprintf(text + used, 64, "  %08x-%08x : reserved\n",
					 0x50000000 + i * 0x20000, 0x5000ffff + i * 0x20000);
	regions = regions_of(*state, text);
	check_list(&regions.ram, "40000000+40000000");
	assert_int_equal(regions.usable.count, 801);
	assert_range(regions.usable.items[0], 0x40000000, 0x10000000);
	assert_range(regions.usable.items[1], 0x50010000, 0x10000);
	crs_regions_free(&regions);
	free(text);
}

static void test_kernel_image_needs_code_below_data(void **state)
{
	static const char *const texts[] = {
		"1000-1fff : Kernel code\n", "1000-1fff : Kernel data\n",
		"1000-1fff : Kernel data\n2000-2fff : Kernel code\n", "",
	};

	for (size_t i = 0; i < COUNT(texts); i++) {
		struct crs_regions regions = regions_of(*state, texts[i]);

		assert_range(regions.kernel_image, 0, 0);
		crs_regions_free(&regions);
	}
}

static void test_hidden_addresses_give_empty_lists(void **state)
{
	struct crs_regions regions = regions_of(*state,
		"00000000-00000000 : System RAM\n"
		"  00000000-00000000 : Kernel code\n"
		"  00000000-00000000 : Kernel data\n"
		"  00000000-00000000 : Crash kernel\n");

	check_list(&regions.crash, "");
	check_list(&regions.ram, "");
	check_list(&regions.usable, "");
	assert_range(regions.kernel_image, 0, 0);
	crs_regions_free(&regions);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT_TEST(test_name_and_address_decide_high_and_low),
		UNIT_TEST(test_reserved_ram_is_dumped_but_not_usable),
		UNIT_TEST(test_adjacent_ram_is_merged),
		UNIT_TEST(test_driver_managed_memory_is_dumped_but_not_usable),
		UNIT_TEST(test_driver_managed_memory_inside_ram_is_not_usable),
		UNIT_TEST(test_ram_inside_a_cxl_window_is_usable),
		UNIT_TEST(test_crash_regions_are_removed_from_each_piece_of_ram),
		UNIT_TEST(test_hundreds_of_reservations_are_subtracted),
		UNIT_TEST(test_kernel_image_needs_code_below_data),
		UNIT_TEST(test_hidden_addresses_give_empty_lists),
	};

	return cmocka_run_group_tests_name("regions", tests, NULL, NULL);
}
