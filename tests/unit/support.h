/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Helpers of all unit tests: a library context that stores its log lines, a temporary folder
 * for each test, and assertions that compare a status and its message exactly.
 */
#ifndef UNIT_SUPPORT_H
#define UNIT_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../libcrashres/base/ctx.h"
#include "../../libcrashres/base/range.h"

/* Tests convert between integer widths without casts, and most ignore their state. */
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wunused-parameter"

#define COUNT(array)	(sizeof(array) / sizeof(*(array)))
#define KIB		(1ULL << 10)
#define MIB		(1ULL << 20)
#define GIB		(1ULL << 30)

/* Value of a pointer before a call that must fail. The call must leave the pointer unchanged. */
#define UNTOUCHED	((void *)(uintptr_t)0x5a5a5a5a)

/* State of one test. unit_teardown() frees all members and removes the folder. */
struct unit {
	struct crashres_ctx *ctx;
	char *log;		/* lines "LEVEL: TEXT\n"; warning, info or debug */
	char *dir;		/* temporary folder; NULL until unit_path() needs it */
};

/* cmocka calls these before and after each test. *state is a struct unit. */
int unit_setup(void **state);
int unit_teardown(void **state);

#define UNIT_TEST(function) \
	cmocka_unit_test_setup_teardown(function, unit_setup, unit_teardown)

/* Returns whether the context has logged exactly @line ("LEVEL: TEXT", without a newline). */
bool unit_logged(const struct unit *unit, const char *line);

/* Entropy source of all tests. Byte n of each call is n, so plans are reproducible. */
bool unit_entropy(void *data, void *bytes, size_t size);

/* Returns the path of @name in the test's folder. The caller frees the path. */
char *unit_path(struct unit *unit, const char *name);

/* Writes the file @name in the test's folder and creates the folders above the file. */
void unit_write(struct unit *unit, const char *name, const void *data, size_t size);
void unit_write_text(struct unit *unit, const char *name, const char *text);

/*
 * Writes the /proc and /sys files of a machine into the test's folder: 2 GiB of RAM at 1 GiB, 4
 * GiB at 4 GiB, two crash regions, two CPUs, VMCOREINFO and a 16550 UART as ttyS0. my.dtb is a
 * copy of the machine's DTB.
 */
void unit_write_machine(struct unit *unit);

/* Returns @size zero bytes, at least one. The test fails if there is no memory. */
void *unit_alloc(size_t size);

/*
 * unit_fill() writes pseudo-random bytes; the same @seed gives the same bytes. unit_random()
 * returns the next number and changes *@seed, which must not be 0.
 */
void unit_fill(void *bytes, size_t size, uint32_t seed);
uint32_t unit_random(uint32_t *seed);

/* Little-endian numbers of @width bytes (1 to 8), at any alignment. */
void unit_put_le(uint8_t *bytes, size_t width, uint64_t value);
uint64_t unit_get_le(const uint8_t *bytes, size_t width);

struct crashres_range unit_range(uint64_t base, uint64_t size);
void unit_add(struct crs_ranges *ranges, uint64_t base, uint64_t size);

/* Asserts that @call returns @status and that the context's error message is @sentence. */
#define assert_fails(unit, call, status, sentence) \
	do { \
		assert_int_equal(call, status); \
		assert_string_equal(crashres_error((unit)->ctx), sentence); \
	} while (0)

/* Asserts that @call returns CRASHRES_OK; prints the context's error message if not. */
#define assert_ok(unit, call) \
	do { \
		if ((call) != CRASHRES_OK) \
			fail_msg("%s", crashres_error((unit)->ctx)); \
	} while (0)

#define assert_range(range, wanted_base, wanted_size) \
	do { \
		assert_int_equal((range).base, wanted_base); \
		assert_int_equal((range).size, wanted_size); \
	} while (0)

/* mark_untouched() fills @object with 0xa5; assert_untouched() asserts that it is unchanged. */
#define mark_untouched(object)	memset(&(object), 0xa5, sizeof(object))
#define assert_untouched(object) \
	do { \
		uint8_t mark_[sizeof(object)]; \
		memset(mark_, 0xa5, sizeof(mark_)); \
		assert_memory_equal(&(object), mark_, sizeof(mark_)); \
	} while (0)

#endif
