/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tests parity (purgatory/shared/parity.c, plan/parity.c, plan/blocks.c). Parity is RAID-6 over
 * groups of blocks: P is the XOR of all members, Q the sum of member j times 2^j in GF(2^8). A
 * wrong program repairs a block with wrong bytes, or asks for more parity than fits.
 */
#include "../../libcrashres/plan/blocks.h"
#include "../../libcrashres/plan/parity.h"
#include "../../purgatory/shared/parity.h"
#include "support.h"

#define BLOCK	PURGATORY_BLOCK_SIZE

static const enum pg_parity_method methods[] = { PG_PARITY_PORTABLE, PG_PARITY_VECTORS };

/* The product in GF(2^8), polynomial 0x11d, bit by bit: the oracle of the tests. */
static uint8_t slow_product(uint8_t a, uint8_t b)
{
	unsigned int product = 0;

	for (unsigned int i = 0; i < 8; i++)
		if (b >> i & 1)
			product ^= (unsigned int)a << i;
	for (int bit = 14; bit >= 8; bit--)
		if (product >> bit & 1)
			product ^= 0x11dU << (bit - 8);
	return product;
}

/* Returns 2^n in the field. */
static uint8_t slow_power(unsigned int n)
{
	uint8_t value = 1;

	while (n--)
		value = slow_product(value, 2);
	return value;
}

/* Adds @factor times @from to @to, byte by byte. */
static void add_multiple(struct crs_block *to, uint8_t factor, const struct crs_block *from)
{
	uint8_t products[256];

	for (unsigned int i = 0; i < 256; i++)
		products[i] = slow_product(factor, i);
	for (size_t i = 0; i < BLOCK; i++)
		to->bytes[i] ^= products[from->bytes[i]];
}

/* A group of blocks with its correct P and Q. */
struct group {
	struct crs_block *members;
	size_t count;
	struct crs_block p, q;
};

/* Returns a group of @count random blocks and its parity, computed by the oracle. */
static struct group group_new(size_t count, uint32_t seed)
{
	struct group group = { .count = count };

	assert_int_equal(posix_memalign((void **)&group.members, 64,
					count * sizeof(*group.members)), 0);
	unit_fill(group.members, count * BLOCK, seed);
	for (size_t j = 0; j < count; j++) {
		add_multiple(&group.p, 1, &group.members[j]);
		add_multiple(&group.q, slow_power(j), &group.members[j]);
	}
	return group;
}

static void group_free(struct group *group)
{
	free(group->members);
}

/*
 * Computes what repair starts from: P and Q over all members but @x and @y, plus the stored P
 * and Q.
 */
static void syndrome(enum pg_parity_method method, const struct group *group, size_t x, size_t y,
		     struct crs_block *p, struct crs_block *q)
{
	memset(p, 0, BLOCK);
	memset(q, 0, BLOCK);
	for (size_t j = group->count; j-- > 0;)
		pg_parity_fold(method, p->bytes, q->bytes,
			       j == x || j == y ? NULL : group->members[j].bytes);
	for (size_t i = 0; i < BLOCK; i++) {
		p->bytes[i] ^= group->p.bytes[i];
		q->bytes[i] ^= group->q.bytes[i];
	}
}

/* Asserts that folding all members gives P and Q, by each method. */
static void check_fold(const struct group *group)
{
	struct crs_block p, q;

	for (size_t m = 0; m < COUNT(methods); m++) {
		memset(&p, 0, BLOCK);
		memset(&q, 0, BLOCK);
		for (size_t j = group->count; j-- > 0;)
			pg_parity_fold(methods[m], p.bytes, q.bytes, group->members[j].bytes);
		assert_memory_equal(&p, &group->p, BLOCK);
		assert_memory_equal(&q, &group->q, BLOCK);
	}
}

/* Asserts that member @x is repaired by P alone and by Q alone. */
static void check_one_loss(const struct group *group, size_t x)
{
	struct crs_block p, q;

	for (size_t m = 0; m < COUNT(methods); m++) {
		syndrome(methods[m], group, x, x, &p, &q);
		assert_memory_equal(&p, &group->members[x], BLOCK);
		pg_parity_solve_q(methods[m], q.bytes, x);
		assert_memory_equal(&q, &group->members[x], BLOCK);
	}
}

/* Asserts that members @x and @y are repaired together by P and Q. */
static void check_two_losses(const struct group *group, size_t x, size_t y)
{
	struct crs_block p, q;

	for (size_t m = 0; m < COUNT(methods); m++) {
		syndrome(methods[m], group, x, y, &p, &q);
		pg_parity_solve_two(methods[m], p.bytes, q.bytes, x, y);
		assert_memory_equal(&p, &group->members[x], BLOCK);
		assert_memory_equal(&q, &group->members[y], BLOCK);
	}
}

static void test_every_loss_in_small_groups_is_repaired(void **state)
{
	for (size_t count = 1; count <= 6; count++) {
		struct group group = group_new(count, count);

		check_fold(&group);
		for (size_t x = 0; x < count; x++) {
			check_one_loss(&group, x);
			for (size_t y = x + 1; y < count; y++)
				check_two_losses(&group, x, y);
		}
		group_free(&group);
	}
}

static void test_losses_in_the_largest_group_are_repaired(void **state)
{
	static const size_t places[] = { 0, 1, 7, 8, 127, 128, 253, 254 };
	struct group group = group_new(PURGATORY_MEMBERS_MAX, 9);

	check_fold(&group);
	for (size_t a = 0; a < COUNT(places); a++) {
		check_one_loss(&group, places[a]);
		for (size_t b = a + 1; b < COUNT(places); b++)
			check_two_losses(&group, places[a], places[b]);
	}
	group_free(&group);
}

/* Tries every member number, and so every power of 2 and its inverse. */
static void test_q_repairs_every_member_number(void **state)
{
	struct crs_block q, expected;

	for (unsigned int x = 0; x < PURGATORY_MEMBERS_MAX; x++) {
		unit_fill(&expected, BLOCK, x + 1);
		for (size_t m = 0; m < COUNT(methods); m++) {
			memset(&q, 0, BLOCK);
			add_multiple(&q, slow_power(x), &expected);
			pg_parity_solve_q(methods[m], q.bytes, x);
			assert_memory_equal(&q, &expected, BLOCK);
		}
	}
}

/* ------------------------------------------------------ parity of segments */

/*
 * Asserts each block of a segment with @data_size bytes of data in @blocks blocks of memory.
 * Blocks without data have no address (NULL).
 */
static void check_blocks(size_t data_size, uint64_t blocks)
{
	uint8_t *data = unit_alloc(data_size + 1), *memory = calloc(blocks, BLOCK);
	struct crashres_segment segment = { "s", data, data_size, { 0, blocks * BLOCK } };
	struct crs_block room;

	unit_fill(data, data_size, 3);
	memcpy(memory, data, data_size);
	assert_int_equal(crs_block_count(&segment), (data_size + BLOCK - 1) / BLOCK);
	for (uint64_t i = 0; i < blocks; i++) {
		const void *block = crs_block(&segment, i, &room);

		if (i < crs_block_count(&segment)) {
			assert_int_equal((uintptr_t)block % 16, 0);
			assert_memory_equal(block, memory + i * BLOCK, BLOCK);
		} else {
			assert_null(block);
		}
	}
	free(memory);
	free(data);
}

static void test_blocks_hold_the_data_and_then_zeros(void **state)
{
	static const size_t sizes[] = { 0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 2 * BLOCK + 5 };

	for (size_t i = 0; i < COUNT(sizes); i++)
		check_blocks(sizes[i], 4);
}

static void test_unaligned_data_is_copied_to_the_buffer(void **state)
{
	uint8_t *data = unit_alloc(2 * BLOCK + 1);
	const struct crashres_segment segment = { "s", data + 1, 2 * BLOCK, { 0, 2 * BLOCK } };
	struct crs_block room;

	unit_fill(data, 2 * BLOCK + 1, 5);
	assert_ptr_equal(crs_block(&segment, 1, &room), room.bytes);
	assert_memory_equal(room.bytes, data + 1 + BLOCK, BLOCK);
	free(data);
}

/*
 * Computes the parity of two segments and repairs every burst of 2 * @groups adjacent blocks.
 * Groups are interleaved, so each group loses two members.
 */
static void check_bursts(uint64_t groups)
{
	enum { FIRST = 7, SECOND = 12, ALL = FIRST + SECOND };
	uint8_t *first = unit_alloc(FIRST * BLOCK), *second = unit_alloc(5 * BLOCK + 77);
	const struct crashres_segment segments[] = {
		{ "first", first, FIRST * BLOCK, { 0, FIRST * BLOCK } },
		{ "second", second, 5 * BLOCK + 77, { 0, SECOND * BLOCK } },
	};
	struct crs_block memory[ALL] = { 0 }, *parity = NULL, p, q;

	unit_fill(first, FIRST * BLOCK, 1);
	unit_fill(second, 5 * BLOCK + 77, 2);
	memcpy(memory, first, FIRST * BLOCK);
	memcpy(memory + FIRST, second, 5 * BLOCK + 77);
	assert_int_equal(posix_memalign((void **)&parity, 64, crs_parity_size(groups)), 0);
	unit_fill(parity, crs_parity_size(groups), 3);
	crs_parity_make(segments, 2, groups, parity->bytes);
	for (uint64_t start = 0; start + 2 * groups <= ALL; start++) {
		for (uint64_t number = 0; number < groups; number++) {
			uint64_t x = (start + groups - 1 - number) / groups, y = x + 1;
			struct group group = { .p = parity[number], .q = parity[groups + number] };
			struct crs_block members[ALL];

			for (uint64_t i = number; i < ALL; i += groups)
				members[group.count++] = memory[i];
			group.members = members;
			syndrome(PG_PARITY_VECTORS, &group, x, y, &p, &q);
			pg_parity_solve_two(PG_PARITY_VECTORS, p.bytes, q.bytes, x, y);
			assert_memory_equal(&p, &memory[x * groups + number], BLOCK);
			assert_memory_equal(&q, &memory[y * groups + number], BLOCK);
		}
	}
	free(parity);
	free(second);
	free(first);
}

static void test_burst_of_twice_the_groups_is_repaired(void **state)
{
	for (uint64_t groups = 1; groups <= 9; groups++)
		check_bursts(groups);
}

/* -------------------------------------------------------- number of groups */

/* @blocks: blocks to protect. @ask: parity in 1/10000 of the blocks. @room: free bytes. */
static void check_groups(uint64_t blocks, uint32_t ask, uint64_t room, uint64_t expected,
			 enum crashres_repair_reason expected_reason)
{
	enum crashres_repair_reason reason;

	assert_int_equal(crs_parity_groups(blocks, ask, room, &reason), expected);
	assert_int_equal(reason, expected_reason);
}

static void test_request_decides_the_number_of_groups(void **state)
{
	const uint64_t unlimited = UINT64_MAX;

	assert_int_equal(crs_parity_size(3), 6 * BLOCK);
	check_groups(3200, 0, unlimited, 0, CRASHRES_REPAIR_OFF);
	/* 6.25 % of 3200 blocks are 200 blocks: 100 P and 100 Q. */
	check_groups(3200, CRASHRES_REPAIR_AUTO, unlimited, 100, CRASHRES_REPAIR_REQUESTED);
	check_groups(3201, CRASHRES_REPAIR_AUTO, unlimited, 101, CRASHRES_REPAIR_REQUESTED);
	check_groups(3200, 625, 0, 100, CRASHRES_REPAIR_REQUESTED);
	check_groups(1, CRASHRES_REPAIR_AUTO, unlimited, 1, CRASHRES_REPAIR_REQUESTED);
	check_groups(1, 10000, unlimited, 1, CRASHRES_REPAIR_REQUESTED);
	check_groups(10, 10000, unlimited, 5, CRASHRES_REPAIR_REQUESTED);
	/* A group has at most 255 members. */
	check_groups(255 * 4, 1, unlimited, 4, CRASHRES_REPAIR_REQUESTED);
	check_groups(255 * 4 + 1, 1, unlimited, 5, CRASHRES_REPAIR_REQUESTED);
}

static void test_free_memory_limits_the_number_of_groups(void **state)
{
	const uint64_t group = 2 * BLOCK;

	check_groups(3200, CRASHRES_REPAIR_AUTO, 100 * group, 100, CRASHRES_REPAIR_REQUESTED);
	check_groups(3200, CRASHRES_REPAIR_AUTO, 100 * group - 1, 99, CRASHRES_REPAIR_REDUCED);
	/* 3200 blocks need 13 groups of up to 255. */
	check_groups(3200, CRASHRES_REPAIR_AUTO, 13 * group, 13, CRASHRES_REPAIR_REDUCED);
	check_groups(3200, CRASHRES_REPAIR_AUTO, 13 * group - 1, 0, CRASHRES_REPAIR_NO_ROOM);
	check_groups(3200, CRASHRES_REPAIR_AUTO, 0, 0, CRASHRES_REPAIR_NO_ROOM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT_TEST(test_every_loss_in_small_groups_is_repaired),
		UNIT_TEST(test_losses_in_the_largest_group_are_repaired),
		UNIT_TEST(test_q_repairs_every_member_number),
		UNIT_TEST(test_blocks_hold_the_data_and_then_zeros),
		UNIT_TEST(test_unaligned_data_is_copied_to_the_buffer),
		UNIT_TEST(test_burst_of_twice_the_groups_is_repaired),
		UNIT_TEST(test_request_decides_the_number_of_groups),
		UNIT_TEST(test_free_memory_limits_the_number_of_groups),
	};

	return cmocka_run_group_tests_name("parity", tests, NULL, NULL);
}
