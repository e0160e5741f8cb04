/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tests ranges and lists of ranges (base/range.c), the base of all address arithmetic. A wrong
 * program wraps around at 2^64 and then reads or overwrites other memory.
 */
#include "support.h"

/*
 * A small address space of WORLD bytes. A range becomes a number with a bit for each byte, so
 * that bit operations are the oracle.
 */
#define WORLD 7

static uint32_t bits(struct crashres_range range)
{
	return ((1U << range.size) - 1) << range.base;
}

static uint32_t list_bits(const struct crs_ranges *ranges)
{
	uint32_t all = 0;

	for (size_t i = 0; i < ranges->count; i++)
		all |= bits(ranges->items[i]);
	return all;
}

#define for_each_range(range) \
	for (struct crashres_range range = { 0, 0 }; range.base <= WORLD; range.base++) \
		for (range.size = 0; range.base + range.size <= WORLD; range.size++)

static void test_range_that_wraps_is_refused(void **state)
{
	struct crashres_range range;

	assert_true(crs_range_make(UINT64_MAX - 5, 5, &range));
	assert_range(range, UINT64_MAX - 5, 5);
	assert_true(crs_range_make(0, UINT64_MAX, &range));
	assert_range(range, 0, UINT64_MAX);
	assert_true(crs_range_make(UINT64_MAX, 0, &range));
	assert_range(range, UINT64_MAX, 0);
	mark_untouched(range);
	assert_false(crs_range_make(UINT64_MAX - 5, 6, &range));
	assert_false(crs_range_make(1, UINT64_MAX, &range));
	assert_false(crs_range_make(UINT64_MAX, 1, &range));
	assert_untouched(range);
}

static void test_inclusive_ends_are_converted_or_refused(void **state)
{
	struct crashres_range range;

	assert_true(crs_range_from_inclusive(0, 0, &range));
	assert_range(range, 0, 1);
	assert_true(crs_range_from_inclusive(0x1000, 0x1fff, &range));
	assert_range(range, 0x1000, 0x1000);
	assert_int_equal(crs_range_end(range), 0x2000);
	assert_int_equal(crs_range_last(range), 0x1fff);
	assert_true(crs_range_from_inclusive(0, UINT64_MAX - 1, &range));
	assert_range(range, 0, UINT64_MAX);
	assert_true(crs_range_from_inclusive(UINT64_MAX - 1, UINT64_MAX - 1, &range));
	assert_range(range, UINT64_MAX - 1, 1);
	mark_untouched(range);
	assert_false(crs_range_from_inclusive(1, 0, &range));
	assert_false(crs_range_from_inclusive(0, UINT64_MAX, &range));
	assert_false(crs_range_from_inclusive(UINT64_MAX, UINT64_MAX, &range));
	assert_untouched(range);
}

static void test_align_up_fails_if_it_would_wrap(void **state)
{
	uint64_t result;

	assert_true(crs_align_up(0, 4096, &result));
	assert_int_equal(result, 0);
	assert_true(crs_align_up(1, 4096, &result));
	assert_int_equal(result, 4096);
	assert_true(crs_align_up(4096, 4096, &result));
	assert_int_equal(result, 4096);
	assert_true(crs_align_up(UINT64_MAX, 1, &result));
	assert_int_equal(result, UINT64_MAX);
	assert_true(crs_align_up(UINT64_MAX - 4095, 4096, &result));
	assert_int_equal(result, UINT64_MAX - 4095);
	mark_untouched(result);
	assert_false(crs_align_up(UINT64_MAX - 4094, 4096, &result));
	assert_false(crs_align_up(UINT64_MAX, 2, &result));
	assert_untouched(result);
	assert_int_equal(crs_align_down(8191, 4096), 4096);
	assert_int_equal(crs_align_down(UINT64_MAX, 1ULL << 63), 1ULL << 63);
}

/* Tries every pair of small ranges. */
static void test_relations_match_a_bitmap_for_all_small_ranges(void **state)
{
	for_each_range(a)
		for_each_range(b) {
			struct crashres_range both = crs_range_intersect(a, b);

			assert_int_equal(bits(both), bits(a) & bits(b));
			assert_int_equal(crs_range_overlaps(a, b), (bits(a) & bits(b)) != 0);
			if (b.size)
				assert_int_equal(crs_range_contains(a, b), !(bits(b) & ~bits(a)));
			assert_int_equal(crs_range_equal(a, b), a.base == b.base && a.size == b.size);
		}
}

static void test_relations_hold_at_the_end_of_the_address_space(void **state)
{
	struct crashres_range all = { 0, UINT64_MAX }, last = { UINT64_MAX - 1, 1 };

	assert_true(crs_range_contains(all, last));
	assert_false(crs_range_contains(last, all));
	assert_true(crs_range_overlaps(all, last));
	assert_range(crs_range_intersect(last, all), UINT64_MAX - 1, 1);
	assert_int_equal(crs_range_intersect(last, unit_range(0, UINT64_MAX - 1)).size, 0);
}

/* A normal list has no empty range, is sorted, and its ranges neither overlap nor touch. */
static bool is_normal(const struct crs_ranges *ranges)
{
	for (size_t i = 0; i < ranges->count; i++)
		if (!ranges->items[i].size ||
		    (i && crs_range_end(ranges->items[i - 1]) >= ranges->items[i].base))
			return false;
	return true;
}

/*
 * Tries any three ranges in any order. Afterwards the list is normal and covers the same bytes.
 */
static void test_normalize_matches_a_bitmap_for_all_small_lists(void **state)
{
	for_each_range(a)
		for_each_range(b)
			for_each_range(c) {
				struct crashres_range items[] = { a, b, c };
				struct crs_ranges list = { .items = items, .count = 3 };

				crs_ranges_normalize(&list);
				assert_true(is_normal(&list));
				assert_int_equal(list_bits(&list), bits(a) | bits(b) | bits(c));
			}
}

static void test_clip_matches_a_bitmap_for_all_small_lists(void **state)
{
	for_each_range(a)
		for_each_range(b)
			for_each_range(window) {
				struct crashres_range items[] = { a, b };
				struct crs_ranges list = { .items = items, .count = 2 };

				crs_ranges_clip(&list, window);
				assert_int_equal(list_bits(&list),
						 (bits(a) | bits(b)) & bits(window));
				for (size_t i = 0; i < list.count; i++)
					assert_true(list.items[i].size > 0);
			}
}

static void check_subtract_all(struct crashres_range a, struct crashres_range b,
			       struct crashres_range c, struct crashres_range d)
{
	struct crashres_range hole_items[] = { c, d };
	const struct crs_ranges holes = { .items = hole_items, .count = 2 };
	struct crs_ranges list = { 0 };

	unit_add(&list, a.base, a.size);
	unit_add(&list, b.base, b.size);
	assert_true(crs_ranges_subtract_all(&list, &holes));
	assert_true(is_normal(&list));
	assert_int_equal(list_bits(&list), (bits(a) | bits(b)) & ~(bits(c) | bits(d)));
	/* The call must not change the list of holes. */
	assert_true(crs_range_equal(hole_items[0], c) && crs_range_equal(hole_items[1], d));
	crs_ranges_free(&list);
}

/* Tries two ranges minus two holes: 36^4 cases. */
static void test_subtract_all_matches_a_bitmap_for_all_small_lists(void **state)
{
	for_each_range(a)
		for_each_range(b)
			for_each_range(c)
				for_each_range(d)
					check_subtract_all(a, b, c, d);
}

static void test_subtract_splits_and_empties_a_list(void **state)
{
	struct crs_ranges list = { 0 };

	unit_add(&list, 0, UINT64_MAX);
	assert_true(crs_ranges_subtract(&list, unit_range(0x1000, 0x1000)));
	assert_int_equal(list.count, 2);
	assert_range(list.items[0], 0, 0x1000);
	assert_range(list.items[1], 0x2000, UINT64_MAX - 0x2000);
	assert_true(crs_ranges_subtract(&list, unit_range(0, UINT64_MAX)));
	assert_int_equal(list.count, 0);
	assert_true(crs_ranges_subtract(&list, unit_range(0, UINT64_MAX)));
	assert_int_equal(list.count, 0);
	crs_ranges_free(&list);
}

static void test_copy_is_independent_of_its_source(void **state)
{
	struct crs_ranges list = { 0 }, copy;

	assert_true(crs_ranges_copy(&copy, &list));
	assert_int_equal(copy.count, 0);
	crs_ranges_free(&copy);
	unit_add(&list, 1, 2);
	unit_add(&list, 5, 6);
	assert_true(crs_ranges_copy(&copy, &list));
	list.items[0].base = 9;
	assert_int_equal(copy.count, 2);
	assert_range(copy.items[0], 1, 2);
	assert_range(copy.items[1], 5, 6);
	crs_ranges_free(&copy);
	crs_ranges_free(&list);
	assert_null(list.items);
	assert_int_equal(list.count, 0);
}

/* Each range loses its middle. At quadratic cost the test would take minutes. */
static void test_subtract_all_of_100000_holes_is_cheap(void **state)
{
	struct crs_ranges list = { 0 }, holes = { 0 };

	for (uint64_t i = 100000; i-- > 0;) {
		unit_add(&list, i * 16, 12);
		unit_add(&holes, i * 16 + 4, 4);
	}
	assert_true(crs_ranges_subtract_all(&list, &holes));
	assert_int_equal(list.count, 200000);
	assert_range(list.items[0], 0, 4);
	assert_range(list.items[1], 8, 4);
	assert_range(list.items[199999], 99999 * 16 + 8, 4);
	crs_ranges_free(&list);
	crs_ranges_free(&holes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_range_that_wraps_is_refused),
		cmocka_unit_test(test_inclusive_ends_are_converted_or_refused),
		cmocka_unit_test(test_align_up_fails_if_it_would_wrap),
		cmocka_unit_test(test_relations_match_a_bitmap_for_all_small_ranges),
		cmocka_unit_test(test_relations_hold_at_the_end_of_the_address_space),
		cmocka_unit_test(test_normalize_matches_a_bitmap_for_all_small_lists),
		cmocka_unit_test(test_clip_matches_a_bitmap_for_all_small_lists),
		cmocka_unit_test(test_subtract_all_matches_a_bitmap_for_all_small_lists),
		cmocka_unit_test(test_subtract_splits_and_empties_a_list),
		cmocka_unit_test(test_copy_is_independent_of_its_source),
		cmocka_unit_test(test_subtract_all_of_100000_holes_is_cheap),
	};

	return cmocka_run_group_tests_name("range", tests, NULL, NULL);
}
