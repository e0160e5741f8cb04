/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tests the search for free memory (plan/place.c) beside a slow search of all places. A wrong
 * program misses memory that fits, or returns overlapping places.
 */
#include "../../libcrashres/plan/place.h"
#include "support.h"

/* A small address space of WORLD bytes. Bit n of free_bytes is set if byte n is free. */
#define WORLD 12

/* Returns the holes that @free_bytes describes. */
static struct crs_place place_of(uint32_t free_bytes)
{
	struct crs_place place = { 0 };

	for (unsigned int i = 0; i < WORLD; i++)
		if (free_bytes >> i & 1)
			unit_add(&place.holes, i, 1);
	crs_ranges_normalize(&place.holes);
	return place;
}

/* Returns the free bytes as bits: the reverse of place_of(). */
static uint32_t bits_of(const struct crs_place *place)
{
	uint32_t bits = 0;

	for (size_t i = 0; i < place->holes.count; i++)
		bits |= ((1U << place->holes.items[i].size) - 1) << place->holes.items[i].base;
	return bits;
}

/* Whether @need fits at @base: alignment, offset, window and free bytes. */
static bool suits(uint32_t free_bytes, struct crs_need need, struct crashres_range window,
		  uint64_t base)
{
	uint32_t bytes = ((1U << need.size) - 1) << base;

	return base >= need.offset && (base - need.offset) % need.alignment == 0 &&
	       base >= window.base && base + need.size <= crs_range_end(window) &&
	       (free_bytes & bytes) == bytes;
}

static bool fits(uint32_t free_bytes, struct crs_need need, struct crashres_range window)
{
	for (uint64_t base = 0; base < 32 - need.size; base++)
		if (suits(free_bytes, need, window, base))
			return true;
	return false;
}

/* Returns how many free bytes must be added after the window until @need fits. */
static uint64_t shortage(uint32_t free_bytes, struct crs_need need, struct crashres_range window)
{
	const uint64_t end = crs_range_end(window), before = window.size;

	free_bytes &= (1U << end) - 1;
	for (; !fits(free_bytes, need, window); window.size++)
		free_bytes |= 1U << crs_range_end(window);
	return window.size - before;
}

typedef enum crashres_status place_fn(struct crs_place *place, struct crs_need need,
				      struct crashres_range window, struct crashres_range *taken);

/* Asserts the place that @function returns; @wanted < 0: no place. */
static void check_place(place_fn *function, uint32_t free_bytes, struct crs_need need,
			struct crashres_range window, int wanted)
{
	struct crs_place place = place_of(free_bytes);
	struct crashres_range taken;
	enum crashres_status status;

	mark_untouched(taken);
	status = function(&place, need, window, &taken);
	if (wanted < 0) {
		assert_int_equal(status, CRASHRES_ERR_NO_SPACE);
		assert_untouched(taken);
		assert_int_equal(bits_of(&place), free_bytes);
	} else {
		assert_int_equal(status, CRASHRES_OK);
		assert_range(taken, (uint64_t)wanted, need.size);
		assert_int_equal(bits_of(&place),
				 free_bytes & ~(((1U << need.size) - 1) << wanted));
	}
	crs_ranges_free(&place.holes);
}

/* Asserts the results of all four functions for these arguments. */
static void check_all(uint32_t free_bytes, struct crs_need need, struct crashres_range window)
{
	struct crs_place place = place_of(free_bytes);
	int lowest = -1, highest = -1;
	uint64_t largest = 0;

	for (int base = 0; base < WORLD; base++) {
		struct crs_need other = need;

		if (suits(free_bytes, need, window, (uint64_t)base)) {
			lowest = lowest < 0 ? base : lowest;
			highest = base;
		}
		for (other.size = 1; other.size <= WORLD; other.size++)
			if (suits(free_bytes, other, window, (uint64_t)base) &&
			    other.size > largest)
				largest = other.size;
	}
	assert_int_equal(crs_place_largest(&place, need, window), largest);
	assert_int_equal(crs_place_shortage(&place, need, window),
			 shortage(free_bytes, need, window));
	crs_ranges_free(&place.holes);
	check_place(crs_place_lowest, free_bytes, need, window, lowest);
	check_place(crs_place_highest, free_bytes, need, window, highest);
}

/* Tries every set of free bytes with every size, alignment and offset. */
static void test_places_match_a_full_search_of_all_patterns(void **state)
{
	const struct crashres_range world = { 0, WORLD };
	struct crs_need need;

	for (uint32_t free_bytes = 0; free_bytes < 1U << WORLD; free_bytes++)
		for (need.size = 1; need.size <= 4; need.size++)
			for (need.alignment = 1; need.alignment <= 4; need.alignment *= 2)
				for (need.offset = 0; need.offset < 3; need.offset++)
					check_all(free_bytes, need, world);
}

/* Tries every window over a few patterns with holes of different sizes. */
static void test_places_match_a_full_search_in_every_window(void **state)
{
	static const uint32_t patterns[] = { 0xfff, 0x7fe, 0xe7c, 0xdb7, 0xf0f, 0x3f9, 0 };
	struct crashres_range window;
	struct crs_need need;

	for (size_t i = 0; i < COUNT(patterns); i++)
		for (window.base = 0; window.base <= WORLD; window.base++)
			for (window.size = 0; window.base + window.size <= WORLD; window.size++)
				for (need.size = 1; need.size <= WORLD; need.size += 2)
					for (need.alignment = 1; need.alignment <= 8;
					     need.alignment *= 2)
						for (need.offset = 0; need.offset < 4; need.offset++)
							check_all(patterns[i], need, window);
}

static void test_end_of_the_address_space_does_not_wrap(void **state)
{
	const struct crashres_range all = { 0, UINT64_MAX };
	const struct crs_need need = { 0x1000, 0x1000, 0 };
	struct crs_place place = { 0 };
	struct crashres_range taken;

	unit_add(&place.holes, UINT64_MAX - 0x1fff, 0x1fff);
	assert_int_equal(crs_place_largest(&place, need, all), 0x1fff);
	assert_int_equal(crs_place_highest(&place, need, all, &taken), CRASHRES_OK);
	assert_range(taken, UINT64_MAX - 0x1fff, 0x1000);
	mark_untouched(taken);
	/* Only 0xfff bytes are left, and rounding up would wrap. */
	assert_int_equal(crs_place_lowest(&place, need, all, &taken), CRASHRES_ERR_NO_SPACE);
	assert_int_equal(crs_place_highest(&place, need, all, &taken), CRASHRES_ERR_NO_SPACE);
	assert_int_equal(crs_place_largest(&place, (struct crs_need){ 1, 1ULL << 63, 0 }, all), 0);
	assert_int_equal(crs_place_shortage(&place, need, all), UINT64_MAX);
	assert_untouched(taken);
	crs_ranges_free(&place.holes);
}

static void test_places_taken_in_turn_do_not_overlap(void **state)
{
	const struct crashres_range all = { 0, UINT64_MAX };
	struct crs_place place = place_of(0xfff);
	struct crashres_range a, b, c;

	assert_int_equal(crs_place_lowest(&place, (struct crs_need){ 3, 2, 1 }, all, &a),
			 CRASHRES_OK);
	assert_int_equal(crs_place_highest(&place, (struct crs_need){ 3, 4, 0 }, all, &b),
			 CRASHRES_OK);
	assert_int_equal(crs_place_lowest(&place, (struct crs_need){ 2, 1, 0 }, all, &c),
			 CRASHRES_OK);
	assert_range(a, 1, 3);
	assert_range(b, 8, 3);
	assert_range(c, 4, 2);
	assert_int_equal(bits_of(&place), 0xfff & ~0x73e);
	crs_ranges_free(&place.holes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_places_match_a_full_search_of_all_patterns),
		cmocka_unit_test(test_places_match_a_full_search_in_every_window),
		cmocka_unit_test(test_end_of_the_address_space_does_not_wrap),
		cmocka_unit_test(test_places_taken_in_turn_do_not_overlap),
	};

	return cmocka_run_group_tests_name("place", tests, NULL, NULL);
}
