/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the unit tests share: a context that remembers what it logged, a
 * directory of its own below the build directory, and exact sentences.
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

/* Tests convert freely between widths, and most need nothing from their state. */
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wunused-parameter"

#define COUNT(array)	(sizeof(array) / sizeof(*(array)))
#define KIB		(1ULL << 10)
#define MIB		(1ULL << 20)
#define GIB		(1ULL << 30)

/* What an out-parameter holds before a call that fails, and must hold after it. */
#define UNTOUCHED	((void *)(uintptr_t)0x5a5a5a5a)

struct unit {
	struct crashres_ctx *ctx;
	char *log;		/* lines "warning: ...", "info: ...", "debug: ..." */
	char *dir;		/* made when first asked for */
};

/* *state becomes a struct unit. */
int unit_setup(void **state);
int unit_teardown(void **state);

#define UNIT_TEST(function) \
	cmocka_unit_test_setup_teardown(function, unit_setup, unit_teardown)

/* Has the context logged exactly this line? */
bool unit_logged(const struct unit *unit, const char *line);

/* The same bytes at every call: the nth of one call is n. */
bool unit_entropy(void *data, void *bytes, size_t size);

/* A relative path inside the test's directory; belongs to the caller. */
char *unit_path(struct unit *unit, const char *name);

/* Makes the file @name, and the directories above it, below the test's directory. */
void unit_write(struct unit *unit, const char *name, const void *data, size_t size);
void unit_write_text(struct unit *unit, const char *name, const char *text);

/* Writes a machine with 2 GiB above 1 GiB and all that is read of one; also my.dtb, its DTB. */
void unit_write_machine(struct unit *unit);

/* malloc() that cannot fail. */
void *unit_alloc(size_t size);

/* Fixed pseudo-random bytes: the same @seed gives the same ones. */
void unit_fill(void *bytes, size_t size, uint32_t seed);
uint32_t unit_random(uint32_t *seed);

void unit_put_le(uint8_t *bytes, size_t width, uint64_t value);
uint64_t unit_get_le(const uint8_t *bytes, size_t width);

struct crashres_range unit_range(uint64_t base, uint64_t size);
void unit_add(struct crs_ranges *ranges, uint64_t base, uint64_t size);

/* Both at once: the status and the sentence. */
#define assert_fails(unit, call, status, sentence) \
	do { \
		assert_int_equal(call, status); \
		assert_string_equal(crashres_error((unit)->ctx), sentence); \
	} while (0)

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

/* Fills @object, so that assert_untouched() can tell. */
#define mark_untouched(object)	memset(&(object), 0xa5, sizeof(object))
#define assert_untouched(object) \
	do { \
		uint8_t mark_[sizeof(object)]; \
		memset(mark_, 0xa5, sizeof(mark_)); \
		assert_memory_equal(&(object), mark_, sizeof(mark_)); \
	} while (0)

#endif
