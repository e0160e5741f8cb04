/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * clock.c: measures time with the virtual counter (CNTVCT), and limits it. The hardware
 * watchdog of the old kernel still counts, so the check must not run for minutes.
 */
#include "clock.h"
#include "registers.h"

static uint64_t now(void)
{
	return pg_read_register("CNTVCT_EL0");
}

static void start(struct pg_clock *clock)
{
	clock->started = now();
	/* Firmware must set CNTFRQ. If it is 0, the limit is 0 too: no limit. */
	clock->frequency = (uint32_t)pg_read_register("CNTFRQ_EL0");
}

void pg_clock_start(struct pg_clock *clock, uint32_t seconds)
{
	start(clock);
	clock->limit = seconds * clock->frequency;
}

void pg_clock_start_short(struct pg_clock *clock, uint32_t milliseconds)
{
	start(clock);
	clock->limit = milliseconds * clock->frequency / 1000;
}

/* Some counters step back at times (Linux, Documentation/arch/arm64/silicon-errata.rst). */
uint64_t pg_clock_ticks(const struct pg_clock *clock)
{
	uint64_t ticks = now() - clock->started;

	return ticks >> 63 ? 0 : ticks;
}

bool pg_clock_is_over(const struct pg_clock *clock)
{
	return clock->limit && pg_clock_ticks(clock) > clock->limit;
}
