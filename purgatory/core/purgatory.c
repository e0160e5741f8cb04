/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * purgatory.c: the steps of purgatory in their order, and the policy.
 *
 *   1. Route SErrors to this exception level, start the clock, enable vector registers.
 *   2. Self-check: compare purgatory's own bytes with their digest.
 *   3. Find the segments, and list the used ranges: all memory that purgatory accesses
 *      from now on (shared/params.h).
 *   4. Clean the segments, the digests and the device tree: write dirty cache lines to
 *      memory, and invalidate the lines.
 *   5. Switch the MMU and the caches on.
 *   6. Check every block, and repair the damaged blocks from parity.
 *   7. Repeat step 4, then switch the MMU and the caches off.
 *   8. Check the repaired blocks again, without caches.
 *   9. Print the console line. The policy decides: start the kernel, reset or halt.
 *  10. If the policy is to start the kernel: write the record, and start the kernel.
 *
 * If the MMU cannot be switched on, steps 6 and 7 run with the MMU off.
 * Without blocks to check (block_count is 0), purgatory leaves out steps 5 to 8 and writes
 * no record. It then does step 9 only if step 4 failed.
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

/*
 * True after the first unexpected exception, which prints a line and resets the machine. If
 * printing the line causes another exception, that one resets at once.
 */
static bool exception_reported;

static void begin_line(struct pg_line *line)
{
	line->size = 0;
	pg_line_text(line, "crashres: purgatory: ");
}

/* Appends @next_step, such as ": resetting", to @line, and prints the line. */
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

/*
 * Called if pg_check_self() or pg_complete_params() fails. Always resets: the policy for
 * damage is one of the params, and the params can be damaged.
 */
static _Noreturn void fail_self_check(void)
{
	struct pg_line line;

	begin_line(&line);
	pg_line_text(&line, "purgatory itself is damaged");
	print_and_reset(&line);
}

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

/* Returns the enum purgatory_outcome that follows from the flags and counts of @record. */
static uint32_t find_outcome(const struct purgatory_record *record)
{
	/* A dirty line that stays in a cache can overwrite a checked block later. */
	if (record->flags & PURGATORY_FLAG_UNCLEAN)
		return PURGATORY_OUTCOME_DAMAGED;
	if (!record->damaged && has_timed_out(record))
		return PURGATORY_OUTCOME_INCOMPLETE;
	if (has_timed_out(record) || record->repaired < record->damaged)
		return PURGATORY_OUTCOME_DAMAGED;
	return record->damaged ? PURGATORY_OUTCOME_REPAIRED : PURGATORY_OUTCOME_INTACT;
}

/* Appends "kernel damaged at offset 0x2345, found 00112233; ". */
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

/* Appends "11742 blocks intact" or "3 of 11742 blocks damaged, 3 repaired". */
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

/*
 * Appends ", 97 ms". After a timeout, also appends ", out of time with 512 blocks to go": 512
 * blocks were not checked.
 */
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

/* Returns the enum purgatory_policy for the outcome of @record. */
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

/* Returns the end of the console line, which says how apply_policy() acts for @policy. */
static const char *next_step_text(uint32_t policy)
{
	if (policy == PURGATORY_POLICY_BOOT)
		return ": starting the kernel";
	return policy == PURGATORY_POLICY_HALT ? ": halted" : ": resetting";
}

/* Halts or resets. Returns if @policy is to start the kernel. An unknown policy resets. */
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
	end_line(&line, next_step_text(policy_of(record)));
}

/* Initialises the record. @mmu: the check runs with MMU and caches on. */
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

/*
 * The state of the check. Static, because it is too large for the small stack. entry.S has
 * set all static variables to zero.
 */
static struct pg_check check;

/* Sets the outcome, prints the console line and applies the policy; can reset or halt. */
static void print_and_apply_policy(void)
{
	check.record.outcome = find_outcome(&check.record);
	print_result(&check.record);
	apply_policy(policy_of(&check.record));
}

/* Sets PURGATORY_FLAG_UNCLEAN if @clean is false. find_outcome() then returns DAMAGED. */
static void note_cleaning(bool clean)
{
	if (!clean)
		check.record.flags |= PURGATORY_FLAG_UNCLEAN;
}

/* Returns the physical address of the page tables for this exception level; 0: no tables. */
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
 * Writes the record to the device tree. The MMU is off, so the stores go to memory and not
 * to the caches. But a cache can still hold old lines of the record. So purgatory cleans and
 * invalidates these lines twice:
 *
 *   before the stores   so that no old line can be written over the record later
 *   after the stores    so that the kernel cannot read an old line instead of the record
 *
 * If a cleaning fails, the outcome becomes DAMAGED. Purgatory then prints a second console
 * line and applies the policy for damage.
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
	/* The policy is to start the kernel. Write the record again, with the new outcome. */
	pg_record_write(&check.record);
	clean_record();
}

/* Steps 5 to 9, and the record of step 10. @clean: step 4 succeeded. */
static void check_all(bool clean)
{
	bool mmu = pg_mmu_set_up(page_table_root());

	start_record(&check, mmu);
	check_and_repair(&check);
	/*
	 * The used ranges were cleaned in step 4 (@clean), and are cleaned again here.
	 * With the MMU off, both cleanings must succeed, because the check read memory and not
	 * the caches. A line that stayed in a cache can hide a checked block, or be written
	 * over it.
	 * With the MMU on, only the cleaning here must succeed. The check read through the
	 * caches, and the cleaning writes the same bytes to memory.
	 */
	note_cleaning(pg_clean_used(true) && (clean || mmu));
	if (mmu)
		pg_mmu_disable();
	/*
	 * Check the repaired blocks again without caches, as the kernel will read them. This
	 * proves that the cleaning has written the repaired blocks to memory.
	 */
	pg_verify_repaired(&check);
	if (check.record.repaired)
		check.record.ticks = pg_clock_ticks(&check.clock);
	print_and_apply_policy();
	store_record();
}

/*
 * Called instead of check_all() if block_count is 0. booting.rst demands that the Image is
 * cleaned to the point of coherency. So if step 4 failed, the outcome is DAMAGED, and the
 * policy for damage decides. @clean: step 4 succeeded.
 */
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

	/* A pending SError of the old kernel must not look like a failed access of purgatory. */
	pg_drain_serrors();
	pg_clock_start(&check.clock, pg_params.seconds);
	simd = pg_cpu_enable_simd();
	check.sha256 = pg_cpu_sha256_method(simd);
	check.parity = pg_cpu_parity_method(simd);
	if (!pg_check_self(check.sha256) || !pg_complete_params(dtb))
		fail_self_check();
	/*
	 * A wrong store of the old kernel can still be in a cache, as a dirty line. The
	 * cleaning writes this line to memory, so that the check finds the damage.
	 */
	clean = pg_clean_used(false);
	if (pg_params.block_count)
		check_all(clean);
	else
		skip_check(clean);
	pg_cpu_restore_serrors(hcr);
	pg_start_kernel(pg_params.dtb, pg_params.kernel_entry);
}
