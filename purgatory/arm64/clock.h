/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* clock.h: measures time and limits it. One tick is one step of the virtual counter. */
#ifndef PURGATORY_CLOCK_H
#define PURGATORY_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

struct pg_clock {
	uint64_t started;		/* CNTVCT at the start */
	uint64_t frequency;		/* ticks per second; 0: unknown */
	uint64_t limit;			/* ticks; 0: no limit */
};

/*
 * Start the clock with a limit; 0 means no limit. Without a known frequency there is no
 * limit either.
 */
void pg_clock_start(struct pg_clock *clock, uint32_t seconds);
void pg_clock_start_short(struct pg_clock *clock, uint32_t milliseconds);

/* Returns the ticks since the start; 0 if the counter has stepped back. */
uint64_t pg_clock_ticks(const struct pg_clock *clock);

/* Returns true if more ticks than the limit have passed. */
bool pg_clock_is_over(const struct pg_clock *clock);

#pragma GCC visibility pop

#endif
