/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tests the parser of /proc/iomem (machine/iomem.c). A wrong program puts a resource below the
 * wrong parent, and then dumps or overwrites the wrong memory.
 */
#include <time.h>

#include "../../libcrashres/machine/iomem.h"
#include "support.h"

static struct crs_iomem parse(struct unit *unit, const char *text)
{
	struct crs_iomem iomem;

	assert_ok(unit, crs_iomem_parse(unit->ctx, text, strlen(text), &iomem));
	return iomem;
}

/* Asserts that parsing fails with @sentence. */
static void refuse(struct unit *unit, const char *text, const char *sentence)
{
	struct crs_iomem iomem;

	mark_untouched(iomem);
	assert_fails(unit, crs_iomem_parse(unit->ctx, text, strlen(text), &iomem),
		     CRASHRES_ERR_FORMAT, sentence);
	assert_untouched(iomem);
}

/*
 * Asserts the resources, written as "name<parent" in the order of the list. Resources without a
 * parent end with "<".
 */
static void check_tree(const struct crs_iomem *iomem, const char *wanted)
{
	char got[1024] = "";
	size_t used = 0;

	for (size_t i = 0; i < iomem->count; i++) {
		const struct crs_resource *resource = &iomem->resources[i];

		used += (size_t)snprintf(got + used, sizeof(got) - used, "%s%s<%s", i ? " " : "",
					 resource->name, resource->parent < 0 ? "" :
					 iomem->resources[resource->parent].name);
	}
	assert_string_equal(got, wanted);
}

static void test_resources_nest_by_their_ranges(void **state)
{
	struct crs_iomem iomem = parse(*state,
		"40000000-bfffffff : RAM\n"
		"  40200000-41ffffff : code\n"
		"  b0000000-b00fffff : reserved\n"
		"    b0001000-b0001fff : inner\n"
		"  b0200000-b02fffff : other\n"
		"100000000-1ffffffff : high\n");

	check_tree(&iomem, "RAM< code<RAM reserved<RAM inner<reserved other<RAM high<");
	assert_range(iomem.resources[0].range, 0x40000000, 0x80000000);
	assert_range(iomem.resources[5].range, 0x100000000, 0x100000000);
	assert_false(iomem.hidden);
	crs_iomem_free(&iomem);
}

static void test_ranges_decide_nesting_not_indentation(void **state)
{
	struct crs_iomem iomem = parse(*state,
		"1000-1fff : a\n"
		"1100-11ff : b\n"
		"    3000-3fff : c\n"
		"  2000-2fff : d\n");

	check_tree(&iomem, "a< b<a d< c<");
	crs_iomem_free(&iomem);
}

/*
 * The kernel limits the indentation (MAX_IORES_LEVEL in kernel/resource.c), so e to h look
 * equal.
 */
static void test_nesting_below_the_deepest_indentation_is_found(void **state)
{
	struct crs_iomem iomem = parse(*state,
		"0000-ffff : a\n"
		"  0000-0fff : b\n"
		"    0000-08ff : c\n"
		"      0000-07ff : d\n"
		"        0000-06ff : e\n"
		"        0000-05ff : f\n"
		"        0000-04ff : g\n"
		"        0500-05ff : h\n");

	check_tree(&iomem, "a< b<a c<b d<c e<d f<e g<f h<f");
	crs_iomem_free(&iomem);
}

static void test_equal_ranges_nest_in_printed_order(void **state)
{
	struct crs_iomem iomem = parse(*state,
		"1000-1fff : outer\n"
		"  1000-1fff : inner\n"
		"    1000-1fff : also\n");

	check_tree(&iomem, "outer< inner<outer also<inner");
	crs_iomem_free(&iomem);
}

static void test_resource_printed_twice_is_listed_once(void **state)
{
	struct crs_iomem iomem = parse(*state,
		"1000-ffff : RAM\n"
		"  2000-2fff : Crash kernel\n"
		"  3000-3fff : reserved\n"
		"  2000-2fff : Crash kernel\n"
		"  2000-2fff : other\n"
		"1000-ffff : RAM\n");

	check_tree(&iomem, "RAM< Crash kernel<RAM other<Crash kernel reserved<RAM");
	assert_int_equal(iomem.resources[0].order, 0);
	assert_int_equal(iomem.resources[1].order, 1);
	crs_iomem_free(&iomem);
}

/* Without CAP_SYS_ADMIN the kernel prints 0 for all addresses. */
static void test_all_zero_addresses_mean_hidden(void **state)
{
	struct crs_iomem iomem = parse(*state,
		"00000000-00000000 : System RAM\n"
		"  00000000-00000000 : Kernel code\n"
		"  00000000-00000000 : reserved\n"
		"  00000000-00000000 : reserved\n"
		"00000000-00000000 : PCI Bus 0000:00\n");

	assert_true(iomem.hidden);
	crs_iomem_free(&iomem);
	/* A resource of one byte at address 0 is possible if another resource lies elsewhere. */
	iomem = parse(*state, "00000000-00000000 : a\n00000000-00000001 : b\n");
	assert_false(iomem.hidden);
	crs_iomem_free(&iomem);
	iomem = parse(*state, "00000000-00000000 : a\n00000001-00000001 : b\n");
	assert_false(iomem.hidden);
	crs_iomem_free(&iomem);
}

static void test_empty_text_has_no_resources(void **state)
{
	struct crs_iomem iomem = parse(*state, "");

	assert_int_equal(iomem.count, 0);
	assert_false(iomem.hidden);
	crs_iomem_free(&iomem);
	iomem = parse(*state, "\n\n");
	assert_int_equal(iomem.count, 0);
	assert_false(iomem.hidden);
	crs_iomem_free(&iomem);
	assert_null(iomem.resources);
}

static void test_last_line_needs_no_newline(void **state)
{
	struct unit *unit = *state;
	struct crs_iomem iomem;

	iomem = parse(unit, "1000-1fff : a\n2000-2fff : b");
	check_tree(&iomem, "a< b<");
	crs_iomem_free(&iomem);
	/* The text has no NUL at its end; the size limits it. */
	assert_ok(unit, crs_iomem_parse(unit->ctx, "1000-1fff : abc\n2000", 14, &iomem));
	check_tree(&iomem, "ab<");
	crs_iomem_free(&iomem);
}

/* A range is base and size in 64 bits, so it cannot contain the last byte. */
static void test_last_byte_of_the_address_space_is_cut_off(void **state)
{
	struct crs_iomem iomem = parse(*state,
		"8000000000-ffffffffffffffff : bus\n"
		"  fffffffffffffff0-fffffffffffffffe : a\n"
		"  ffffffffffffffff-ffffffffffffffff : b\n");

	check_tree(&iomem, "bus< a<bus");
	assert_range(iomem.resources[0].range, 0x8000000000, UINT64_MAX - 0x8000000000);
	assert_range(iomem.resources[1].range, UINT64_MAX - 15, 15);
	crs_iomem_free(&iomem);
}

static void test_empty_resource_is_left_out(void **state)
{
	struct crs_iomem iomem = parse(*state, "1000-0fff : none\n1000-1000 : one\n");

	check_tree(&iomem, "one<");
	assert_range(iomem.resources[0].range, 0x1000, 1);
	crs_iomem_free(&iomem);
}

static void test_names_are_kept_unchanged(void **state)
{
	struct crs_iomem iomem = parse(*state,
		"00001000-00001FFF : 9000000.pl011 : x-y \n2000-2fff : \n");

	assert_string_equal(iomem.resources[0].name, "9000000.pl011 : x-y ");
	assert_range(iomem.resources[0].range, 0x1000, 0x1000);
	assert_string_equal(iomem.resources[1].name, "");
	crs_iomem_free(&iomem);
}

static void test_malformed_line_is_refused(void **state)
{
	/* Lines that are not "START-END : NAME" in hexadecimal. */
	static const char *const lines[] = {
		"garbage", "1000-1fff: a", "1000 - 1fff : a", "1000-1fff :a", "-1fff : a",
		"1000- : a", "g000-1fff : a", "\t1000-1fff : a", "0x1000-0x1fff : a", "1000-1fff",
		"10000000000000000-10000000000000001 : a",
	};

	for (size_t i = 0; i < COUNT(lines); i++) {
		char text[128], sentence[160];

		snprintf(text, sizeof(text), "0-fff : ok\n\n%s\n1-2 : ok\n", lines[i]);
		snprintf(sentence, sizeof(sentence),
			 "/proc/iomem: line 3 is not a resource: \"%s\"", lines[i]);
		refuse(*state, text, sentence);
	}
}

static void test_long_malformed_line_is_cut_in_the_message(void **state)
{
	refuse(*state, "0123456789012345678901234567890123456789012345678901234567890123456789",
	       "/proc/iomem: line 1 is not a resource: "
	       "\"012345678901234567890123456789012345678901234567890123456789\"");
}

/* Compares the parents with a slow search, for random resources that never overlap partly. */
static void test_parent_is_the_smallest_enclosing_resource(void **state)
{
	struct unit *unit = *state;
	uint32_t seed = 1;

	for (int round = 0; round < 200; round++) {
		char text[4096];
		size_t used = 0;
		struct crs_iomem iomem;

		/* Aligned powers of two contain each other or are disjoint. */
		for (int i = 0; i < 40; i++) {
			uint32_t size = 1U << unit_random(&seed) % 8;
			uint32_t base = (unit_random(&seed) % 256) & ~(size - 1);

			used += (size_t)snprintf(text + used, sizeof(text) - used, "%x-%x : r\n",
						 base, base + size - 1);
		}
		assert_ok(unit, crs_iomem_parse(unit->ctx, text, used, &iomem));
		for (size_t i = 0; i < iomem.count; i++) {
			ssize_t best = -1;

			for (size_t k = 0; k < iomem.count; k++)
				if (k != i && crs_range_contains(iomem.resources[k].range,
								 iomem.resources[i].range) &&
				    (best < 0 || iomem.resources[k].range.size <
						 iomem.resources[best].range.size))
					best = (ssize_t)k;
			assert_int_equal(iomem.resources[i].parent, best);
		}
		crs_iomem_free(&iomem);
	}
}

/* Returns the CPU time in seconds for a text with @lines resources. */
static double seconds_for(struct unit *unit, size_t lines)
{
	char *text = unit_alloc(lines * 48);
	struct timespec before, after;
	struct crs_iomem iomem;
	size_t used = 0;

	used += (size_t)snprintf(text, 48, "0-ffffffffff : System RAM\n");
	for (size_t i = 1; i < lines; i++)
		used += (size_t)snprintf(text + used, 48, "  %08zx-%08zx : reserved\n", i << 12,
					 (i << 12) + 0x7ff);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
	assert_ok(unit, crs_iomem_parse(unit->ctx, text, used, &iomem));
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
	assert_int_equal(iomem.count, lines);
	for (size_t i = 1; i < lines; i++)
		assert_true(iomem.resources[i].parent == 0);
	crs_iomem_free(&iomem);
	free(text);
	return (double)(after.tv_sec - before.tv_sec) +
	       (double)(after.tv_nsec - before.tv_nsec) / 1e9;
}

/* Ten times the lines at quadratic cost would take 100 times as long; the limit is 40. */
static void test_100000_lines_cost_about_ten_times_10000(void **state)
{
	double small = 1e9;

	for (int i = 0; i < 3; i++) {
		double once = seconds_for(*state, 10000);

		small = once < small ? once : small;
	}
	assert_true(seconds_for(*state, 100000) < 40 * small + 0.05);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT_TEST(test_resources_nest_by_their_ranges),
		UNIT_TEST(test_ranges_decide_nesting_not_indentation),
		UNIT_TEST(test_nesting_below_the_deepest_indentation_is_found),
		UNIT_TEST(test_equal_ranges_nest_in_printed_order),
		UNIT_TEST(test_resource_printed_twice_is_listed_once),
		UNIT_TEST(test_all_zero_addresses_mean_hidden),
		UNIT_TEST(test_empty_text_has_no_resources),
		UNIT_TEST(test_last_line_needs_no_newline),
		UNIT_TEST(test_last_byte_of_the_address_space_is_cut_off),
		UNIT_TEST(test_empty_resource_is_left_out),
		UNIT_TEST(test_names_are_kept_unchanged),
		UNIT_TEST(test_malformed_line_is_refused),
		UNIT_TEST(test_long_malformed_line_is_cut_in_the_message),
		UNIT_TEST(test_parent_is_the_smallest_enclosing_resource),
		UNIT_TEST(test_100000_lines_cost_about_ten_times_10000),
	};

	return cmocka_run_group_tests_name("iomem", tests, NULL, NULL);
}
