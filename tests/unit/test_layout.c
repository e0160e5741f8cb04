/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tests the layout of a normal load (plan/layout.c): the places of Image, initrd and purgatory
 * equal those of a search through all places. A wrong program refuses a load that fits, or puts
 * the initrd out of reach of the kernel.
 */
#include "../../libcrashres/plan/layout.h"
#include "support.h"

/*
 * A small address space of WORLD units. Bit n of free_units is set if unit n is free. The
 * kernel reaches an initrd within 32 GiB (booting.rst), that is REACH units.
 */
#define WORLD	10
#define UNIT	(8 * GIB)
#define REACH	4
#define START	(1024 * GIB)

struct places {
	int image, initrd;	/* in units; -1: no place */
};

static bool is_free(uint32_t free_units, int base, int size)
{
	uint32_t units = ((1U << size) - 1) << base;

	return (free_units & units) == units;
}

/*
 * Returns the lowest place of the Image for which an initrd fits, and the lowest place of the
 * initrd above it. @image and @initrd are sizes in units.
 */
static struct places search_all(uint32_t free_units, int image, int initrd)
{
	for (int i = 0; i < WORLD; i++)
		for (int j = i + image; j + initrd <= i + REACH; j++)
			if (is_free(free_units, i, image) && is_free(free_units, j, initrd))
				return (struct places){ i, j };
	return (struct places){ -1, -1 };
}

/* Adds a hole for each free unit, and a hole of 64 KiB below that only purgatory fits in. */
static void add_holes(uint32_t free_units, struct crs_ranges *holes)
{
	unit_add(holes, 64 * KIB, 64 * KIB);
	for (unsigned int i = 0; i < WORLD; i++)
		if (free_units >> i & 1)
			unit_add(holes, START + i * UNIT, UNIT);
	crs_ranges_normalize(holes);
}

/* Asserts the layout for @free_units and these sizes in units. */
static void check_world(struct unit *unit, uint32_t free_units, int image, int initrd)
{
	const struct crashres_machine machine = { .page_size = 4096, .total_ram = 1ULL << 48 };
	const struct crashres_kernel kernel = { .type = "Image" };
	const struct crashres_request request = { .slot = CRASHRES_SLOT_NORMAL, .no_checks = true };
	const struct places wanted = search_all(free_units, image, initrd);
	struct crs_layout layout = {
		.ctx = unit->ctx, .machine = &machine, .kernel = &kernel, .request = &request,
		.window = { 0, UINT64_MAX },
		.image = { .name = "kernel", .range = { 0, (unsigned int)image * UNIT } },
		.initrd = { .name = "initrd", .range = { 0, (unsigned int)initrd * UNIT } },
		.purgatory = { .name = "purgatory", .range = { 0, 64 * KIB } },
	};

	add_holes(free_units, &layout.place.holes);
	if (wanted.image < 0) {
		assert_int_equal(crs_layout_place(&layout), CRASHRES_ERR_NO_SPACE);
	} else {
		assert_ok(unit, crs_layout_place(&layout));
		assert_int_equal(layout.image.range.base, START + (unsigned int)wanted.image * UNIT);
		assert_int_equal(layout.initrd.range.base, START + (unsigned int)wanted.initrd * UNIT);
		assert_range(layout.purgatory.range, 64 * KIB, 64 * KIB);
	}
	crs_layout_free(&layout);
}

/*
 * Tries every set of free units with every size of Image and initrd. An earlier version took
 * the lowest hole for the Image even if no initrd fitted near it.
 */
static void test_image_and_initrd_get_the_lowest_pair_of_places(void **state)
{
	for (uint32_t free_units = 0; free_units < 1U << WORLD; free_units++)
		for (int image = 1; image < REACH; image++)
			for (int initrd = 1; initrd <= REACH - image; initrd++)
				check_world(*state, free_units, image, initrd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT_TEST(test_image_and_initrd_get_the_lowest_pair_of_places),
	};

	return cmocka_run_group_tests_name("layout", tests, NULL, NULL);
}
