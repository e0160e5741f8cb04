/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* clock.h: how long it takes. */
#ifndef PURGATORY_CLOCK_H
#define PURGATORY_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

struct pg_clock {
	uint64_t started;		/* CNTVCT */
	uint64_t frequency;		/* ticks a second; 0: unknown */
	uint64_t limit;			/* ticks; 0: none */
};

void pg_clock_start(struct pg_clock *clock, uint32_t seconds);
void pg_clock_start_short(struct pg_clock *clock, uint32_t milliseconds);
uint64_t pg_clock_ticks(const struct pg_clock *clock);	/* since the start */
bool pg_clock_is_over(const struct pg_clock *clock);

#pragma GCC visibility pop

#endif
