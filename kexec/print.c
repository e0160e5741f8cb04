/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>

#include "print.h"

static void print_size(FILE *out, uint64_t size)
{
	if (size < 1 << 20)
		fprintf(out, "%7.1f KiB", (double)size / (1 << 10));
	else
		fprintf(out, "%7.1f MiB", (double)size / (1 << 20));
}

static void print_range(FILE *out, const char *name, struct crashres_range range)
{
	fprintf(out, "  %-11s 0x%016" PRIx64 " - 0x%016" PRIx64 "  ", name, range.base,
		range.base + range.size - 1);
	print_size(out, range.size);
}

static bool lies_in(struct crashres_range inner, struct crashres_range outer)
{
	return inner.base >= outer.base && inner.base - outer.base < outer.size;
}

static uint64_t free_bytes(const struct crashres_plan *plan, struct crashres_range region)
{
	size_t count;
	const struct crashres_segment *segments = crashres_plan_segments(plan, &count);
	uint64_t left = region.size;

	for (size_t i = 0; i < count; i++)
		if (lies_in(segments[i].range, region))
			left -= segments[i].range.size;
	return left;
}

static void print_regions(FILE *out, const struct crashres_machine *machine,
			  const struct crashres_plan *plan)
{
	static const char *const names[] = { "high", "low" };
	size_t count;
	const struct crashres_range *regions = crashres_machine_regions(machine, &count);

	fprintf(out, "Crash regions\n");
	for (size_t i = 0; i < count; i++) {
		print_range(out, i < 2 ? names[i] : "left out", regions[i]);
		fprintf(out, "  ");
		print_size(out, free_bytes(plan, regions[i]));
		fprintf(out, " free\n");
	}
}

/* How much adjacent damage purgatory can undo, and why not more. */
static void print_repair(FILE *out, const struct crashres_plan *plan)
{
	const struct crashres_repair repair = crashres_plan_repair(plan);

	fprintf(out, "Repair        ");
	if (repair.parity) {
		fprintf(out, "%.2f %% parity", 100.0 * (double)repair.parity / (double)repair.checked);
		fprintf(out, ": any %" PRIu64 " KiB of damage in one piece", repair.burst >> 10);
	}
	switch (repair.reason) {
	case CRASHRES_REPAIR_OFF:
		fprintf(out, "%s", repair.checked ? "off" : "off, nothing is checked");
		break;
	case CRASHRES_REPAIR_ASKED:
		break;
	case CRASHRES_REPAIR_LESS:
		fprintf(out, "; more would leave less than half of the crash region free");
		break;
	case CRASHRES_REPAIR_NO_ROOM:
		fprintf(out, "none: it would leave less than half of the crash region free");
		break;
	}
	fprintf(out, "\n");
}

static const char *describe_sealed(enum crashres_sealed sealed)
{
	switch (sealed) {
	case CRASHRES_SEALED_YES:
		return "of kernel and initrd, by the kernel as a sealed Image";
	case CRASHRES_SEALED_BEFORE:
		return "as the sealed Image says that it is";
	case CRASHRES_SEALED_NO_SIGNATURE:
		return "none: the running kernel demands a signature, and sealing would break it";
	default:
		return "none: the running kernel places it, and nothing looks at it again";
	}
}

/* Where it goes is not known before it is there. */
static void print_files(FILE *out, const struct crashres_plan *plan)
{
	const struct crashres_files files = crashres_plan_files(plan);

	fprintf(out, "Kernel        %s\n", files.kernel);
	fprintf(out, "Initrd        %s\n", files.initrd ? files.initrd : "(none)");
	fprintf(out, "Checks        %s\n", describe_sealed(crashres_plan_sealed(plan)));
}

static void print_segments(FILE *out, const struct crashres_machine *machine,
			   const struct crashres_plan *plan)
{
	bool crash = crashres_plan_slot(plan) == CRASHRES_SLOT_CRASH;
	size_t count;
	const struct crashres_segment *segments = crashres_plan_segments(plan, &count);

	if (crash)
		print_regions(out, machine, plan);
	fprintf(out, "Segments\n");
	for (size_t i = 0; i < count; i++) {
		print_range(out, segments[i].name, segments[i].range);
		fprintf(out, "\n");
	}
	if (crash)
		print_repair(out, plan);
	fprintf(out, "Entry         0x%016" PRIx64 "\n", crashres_plan_entry(plan));
}

void print_plan(FILE *out, const struct crashres_machine *machine,
		const struct crashres_plan *plan)
{
	const char *which = crashres_plan_slot(plan) == CRASHRES_SLOT_CRASH ? "crash" : "next";
	const char *command_line = crashres_plan_command_line(plan);

	if (crashres_plan_call(plan) == CRASHRES_CALL_FILE_LOAD) {
		fprintf(out, "Plan for the %s kernel, by kexec_file_load\n", which);
		print_files(out, plan);
	} else {
		fprintf(out, "Plan for the %s kernel, by kexec_load, pages of %" PRIu64 " KiB\n", which,
			crashres_machine_page_size(machine) >> 10);
		print_segments(out, machine, plan);
	}
	fprintf(out, "Command line  %s\n", *command_line ? command_line : "(none)");
}
