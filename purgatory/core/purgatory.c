/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * purgatory.c: check everything and repair what can be, then start the kernel
 * or do what the policy says.
 */
#include <stdbool.h>

#include "arm64/cpu.h"
#include "arm64/entry.h"
#include "arm64/mmu.h"
#include "arm64/reset.h"
#include "shared/params.h"
#include "access.h"
#include "check.h"
#include "console.h"
#include "find.h"
#include "image.h"
#include "purgatory.h"
#include "record.h"
#include "repair.h"
#include "self.h"
#include "used.h"

static bool exception_reported;	/* an exception has been reported, or is being */

static void begin_line(struct pg_line *line)
{
	line->size = 0;
	pg_line_text(line, "crashres: purgatory: ");
}

static void end_line(struct pg_line *line, const char *next_step)
{
	pg_line_text(line, next_step);
	pg_line_text(line, "\r\n");
	pg_line_print(line);
}

static _Noreturn void print_and_reset(struct pg_line *line)
{
	end_line(line, ": resetting");
	pg_reset(pg_params.conduit);
}

static _Noreturn void fail_self_check(void)
{
	struct pg_line line;

	begin_line(&line);
	pg_line_text(&line, "purgatory itself is damaged");
	print_and_reset(&line);
}

/* From exception.S, when no pg_try was waiting for it. */
_Noreturn void pg_exception(uint64_t esr, uint64_t elr, uint64_t far)
{
	struct pg_line line;

	if (exception_reported)
		pg_reset(pg_params.conduit);
	exception_reported = true;
	begin_line(&line);
	pg_line_text(&line, "exception ESR ");
	pg_line_hex(&line, esr);
	pg_line_text(&line, " ELR ");
	pg_line_hex(&line, elr);
	pg_line_text(&line, " FAR ");
	pg_line_hex(&line, far);
	print_and_reset(&line);
}

static bool has_timed_out(const struct purgatory_record *record)
{
	return record->flags & PURGATORY_FLAG_TIME_OUT;
}

static uint32_t outcome(const struct purgatory_record *record)
{
	if (record->flags & PURGATORY_FLAG_UNCLEAN)
		return PURGATORY_OUTCOME_DAMAGED;
	if (!record->damaged && has_timed_out(record))
		return PURGATORY_OUTCOME_INCOMPLETE;
	if (has_timed_out(record) || record->repaired < record->damaged)
		return PURGATORY_OUTCOME_DAMAGED;
	return record->damaged ? PURGATORY_OUTCOME_REPAIRED : PURGATORY_OUTCOME_INTACT;
}

/* "kernel damaged at offset 0x2345, found 00112233; " */
static void describe_damage(struct pg_line *line, const struct purgatory_damage *damage)
{
	pg_line_name(line, damage->segment, sizeof(damage->segment));
	pg_line_text(line, " damaged at offset ");
	pg_line_hex(line, damage->offset);
	if (damage->found_size) {
		pg_line_text(line, ", found ");
		pg_line_bytes(line, damage->found, damage->found_size);
	} else {
		pg_line_text(line, ", unreadable");
	}
	pg_line_text(line, "; ");
}

/* "11742 blocks intact", "3 of 11742 blocks damaged, 3 repaired" */
static void describe_blocks(struct pg_line *line, const struct purgatory_record *record)
{
	pg_line_decimal(line, record->damaged ? record->damaged : record->blocks);
	if (!record->damaged) {
		pg_line_text(line, " blocks intact");
		return;
	}
	pg_line_text(line, " of ");
	pg_line_decimal(line, record->blocks);
	pg_line_text(line, " blocks damaged, ");
	pg_line_decimal(line, record->repaired);
	pg_line_text(line, " repaired");
}

static void describe_time(struct pg_line *line, const struct purgatory_record *record)
{
	if (record->frequency) {
		pg_line_text(line, ", ");
		pg_line_decimal(line, record->ticks * 1000 / record->frequency);
		pg_line_text(line, " ms");
	}
	if (!has_timed_out(record))
		return;
	pg_line_text(line, ", out of time with ");
	pg_line_decimal(line, pg_params.block_count - record->blocks);
	pg_line_text(line, " blocks to go");
}

/* enum purgatory_policy; what is unknown is a reset. */
static uint32_t policy_of(const struct purgatory_record *record)
{
	switch (record->outcome) {
	case PURGATORY_OUTCOME_DAMAGED:
		return pg_params.on_damage;
	case PURGATORY_OUTCOME_INCOMPLETE:
		return pg_params.on_timeout;
	default:
		return PURGATORY_POLICY_BOOT;
	}
}

static const char *next_step(uint32_t policy)
{
	if (policy == PURGATORY_POLICY_BOOT)
		return ": starting the kernel";
	return policy == PURGATORY_POLICY_HALT ? ": halted" : ": resetting";
}

/* Comes back only to start the kernel. */
static void apply_policy(uint32_t policy)
{
	if (policy == PURGATORY_POLICY_HALT)
		pg_halt();
	if (policy != PURGATORY_POLICY_BOOT)
		pg_reset(pg_params.conduit);
}

static void print_result(const struct purgatory_record *record)
{
	struct pg_line line;

	begin_line(&line);
	if (record->damage_count)
		describe_damage(&line, &record->damage[0]);
	describe_blocks(&line, record);
	describe_time(&line, record);
	if (record->flags & PURGATORY_FLAG_UNCLEAN)
		pg_line_text(&line, ", a cache could not be cleaned");
	end_line(&line, next_step(policy_of(record)));
}

static void start_record(struct pg_check *check, bool mmu)
{
	uint32_t flags = (uint32_t)check->sha256 << PURGATORY_FLAG_SHA256_SHIFT;

	if (mmu)
		flags |= PURGATORY_FLAG_MMU;
	if (pg_at_el2())
		flags |= PURGATORY_FLAG_EL2;
	if (pg_has_e2h())
		flags |= PURGATORY_FLAG_E2H;
	pg_record_init(&check->record);
	check->record.flags = flags;
	check->record.started = check->clock.started;
	check->record.frequency = check->clock.frequency;
}

static void check_and_repair(struct pg_check *check)
{
	struct purgatory_record *record = &check->record;

	pg_check_segments(check);
	if (record->damaged)
		pg_record_runs(record);
	if (record->damaged && !has_timed_out(record))
		pg_repair(check);
	record->ticks = pg_clock_ticks(&check->clock);
}

/* Too much for the stack, and for a memset that nobody calls. */
static struct pg_check check;

/* Comes back only to start the kernel. */
static void print_and_apply_policy(void)
{
	check.record.outcome = outcome(&check.record);
	print_result(&check.record);
	apply_policy(policy_of(&check.record));
}

static void note_cleaning(bool clean)
{
	if (!clean)
		check.record.flags |= PURGATORY_FLAG_UNCLEAN;
}

static uint64_t page_table_root(void)
{
	uint64_t offset = pg_params.root_offset[pg_mmu_regime()];

	return offset ? (uintptr_t)pg_at(offset) : 0;
}

static bool clean_record(void)
{
	return pg_clean((const void *)pg_params.record, sizeof(check.record));
}

/*
 * Written with the MMU off. Before that, speculation may have read the place into
 * a cache again: the kernel would find the old lines.
 */
static void store_record(void)
{
	bool clean;

	if (!pg_params.record)
		return;
	clean = clean_record();
	pg_record_write(&check.record);
	if (clean_record() && clean)
		return;
	note_cleaning(false);
	print_and_apply_policy();
	/* The record says what the console said. */
	pg_record_write(&check.record);
	clean_record();
}

/* @clean: all that is used was cleaned. */
static void check_all(bool clean)
{
	bool mmu = pg_mmu_set_up(page_table_root());

	start_record(&check, mmu);
	check_and_repair(&check);
	/* With the MMU on the check saw what the caches held, so only now it counts. */
	note_cleaning(pg_clean_used(true) && (clean || mmu));
	if (mmu)
		pg_mmu_disable();
	/* As the kernel will find them: past the caches. */
	pg_verify_repaired(&check);
	if (check.record.repaired)
		check.record.ticks = pg_clock_ticks(&check.clock);
	print_and_apply_policy();
	store_record();
}

/* Without a check the kernel still needs its memory clean. */
static void skip_check(bool clean)
{
	note_cleaning(clean);
	if (!clean)
		print_and_apply_policy();
}

void pg_main(uint64_t dtb)
{
	uint64_t hcr = pg_cpu_route_serrors();
	bool simd, clean;

	/* An SError that the old kernel left pending is not ours. */
	pg_drain_serrors();
	pg_clock_start(&check.clock, pg_params.seconds);
	simd = pg_cpu_enable_simd();
	check.sha256 = pg_cpu_sha256_method(simd);
	check.parity = pg_cpu_parity_method(simd);
	if (!pg_check_self(check.sha256) || !pg_complete_params(dtb))
		fail_self_check();
	/* What a cache still holds for these addresses is what the kernel would get later. */
	clean = pg_clean_used(false);
	if (pg_params.block_count)
		check_all(clean);
	else
		skip_check(clean);
	pg_cpu_restore_serrors(hcr);
	pg_start_kernel(pg_params.dtb, pg_params.kernel_entry);
}
