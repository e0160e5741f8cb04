/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * purgatory.c: check everything, then start the kernel or say why not.
 */
#include "purgatory.h"

static bool failing;	/* an exception has been reported, or is being */

static void begin_line(struct pg_line *line)
{
	line->size = 0;
	pg_line_text(line, "crashres: purgatory: ");
}

static _Noreturn void give_up(struct pg_line *line)
{
	pg_line_text(line, ": resetting\r\n");
	pg_line_print(line);
	pg_reset(pg_params.conduit);
}

static _Noreturn void report_self(void)
{
	struct pg_line line;

	begin_line(&line);
	pg_line_text(&line, "purgatory itself is damaged");
	give_up(&line);
}

static _Noreturn void report_damage(const struct pg_damage *damage)
{
	struct pg_line line;

	begin_line(&line);
	pg_line_name(&line, damage->segment->name, sizeof(damage->segment->name));
	pg_line_text(&line, " damaged at offset ");
	pg_line_hex(&line, damage->offset);
	pg_line_text(&line, " (");
	pg_line_decimal(&line, damage->damaged);
	pg_line_text(&line, " of ");
	pg_line_decimal(&line, damage->leaves);
	pg_line_text(&line, " leaves)");
	give_up(&line);
}

/* From exception.S, when no pg_try was waiting for it. */
_Noreturn void pg_exception(uint64_t esr, uint64_t elr, uint64_t far)
{
	struct pg_line line;

	if (failing)
		pg_reset(pg_params.conduit);
	failing = true;
	begin_line(&line);
	pg_line_text(&line, "exception ESR ");
	pg_line_hex(&line, esr);
	pg_line_text(&line, " ELR ");
	pg_line_hex(&line, elr);
	pg_line_text(&line, " FAR ");
	pg_line_hex(&line, far);
	give_up(&line);
}

void pg_main(void)
{
	struct pg_damage damage;
	bool mmu;

	if (!pg_check_self())
		report_self();
	/* What a cache still holds for these addresses is what the kernel would get later. */
	pg_clean_segments();
	mmu = pg_mmu_on();
	pg_check_segments(&damage);
	if (damage.damaged)
		report_damage(&damage);
	pg_clean_segments();
	if (mmu)
		pg_mmu_disable();
	pg_start_kernel(pg_params.dtb, pg_params.kernel_entry);
}
