/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* access.c: access to memory that can abort, with a second attempt. */
#include "abi.h"
#include "arm64/cache.h"
#include "arm64/exception.h"
#include "access.h"

/* An interconnect can report several SErrors. If they never end, purgatory still goes on. */
#define SERRORS_MAX	16

static void do_nothing(void *unused)
{
	(void)unused;
}

void pg_drain_serrors(void)
{
	for (unsigned int i = 0; i < SERRORS_MAX && !pg_try(do_nothing, 0); i++)
		;
}

bool pg_access(void (*function)(void *arg), void *arg)
{
	if (pg_try(function, arg))
		return true;
	pg_drain_serrors();
	return pg_try(function, arg);
}

struct span {
	const uint8_t *start;
	const uint8_t *end;
};

static void clean_span(void *arg)
{
	const struct span *span = arg;

	pg_cache_clean(span->start, span->end);
}

/* Goes on after a failure. Returns false if a block could not be cleaned. */
static bool clean_blocks(const uint8_t *start, uint64_t size)
{
	bool clean = true;

	for (uint64_t at = 0; at < size; at += PURGATORY_BLOCK_SIZE) {
		uint64_t left = size - at;
		struct span block = { start + at, start + at + PURGATORY_BLOCK_SIZE };

		if (left < PURGATORY_BLOCK_SIZE)
			block.end = start + size;
		if (!pg_access(clean_span, &block))
			clean = false;
	}
	return clean;
}

bool pg_clean(const void *start, uint64_t size)
{
	struct span span = { start, (const uint8_t *)start + size };

	if (!size || pg_try(clean_span, &span))
		return true;
	pg_drain_serrors();
	return clean_blocks(start, size);
}
