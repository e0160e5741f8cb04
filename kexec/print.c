/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Prints a plan as text, for --dry-run and -d. man/kexec.8 (THE PLAN) shows and explains it, and
 * tests/data holds a plan for each machine snapshot (plan.txt). No script reads the plan.
 */
#include <inttypes.h>

#include "print.h"

/* Prints bytes with one decimal, in a column of 11 characters. */
static void print_size(FILE *out, uint64_t size)
{
	if (size < 1 << 20)
		fprintf(out, "%7.1f KiB", (double)size / (1 << 10));
	else
		fprintf(out, "%7.1f MiB", (double)size / (1 << 20));
}

/* Prints one row: name, first and last physical address, size. No newline. */
static void print_range(FILE *out, const char *name, struct crashres_range range)
{
	fprintf(out, "  %-11s 0x%016" PRIx64 " - 0x%016" PRIx64 "  ", name, range.base,
		range.base + range.size - 1);
	print_size(out, range.size);
}

/* Segments lie completely inside or outside a crash region, so that the start decides. */
static bool starts_in(struct crashres_range inner, struct crashres_range outer)
{
	return inner.base >= outer.base && inner.base - outer.base < outer.size;
}

/*
 * The bytes of @region that no segment covers: the memory in which the capture kernel runs. The
 * Image and the initrd stay in use; the capture kernel also gets the parity segment back.
 */
static uint64_t free_bytes(const struct crashres_attempt *attempt, struct crashres_range region)
{
	uint64_t left = region.size;

	for (size_t i = 0; i < attempt->segment_count; i++)
		if (starts_in(attempt->segments[i].range, region))
			left -= attempt->segments[i].range.size;
	return left;
}

/* Regions beyond the first two are not used, because arm64 kernels read only two. */
static void print_regions(FILE *out, const struct crashres_machine *machine,
			  const struct crashres_attempt *attempt)
{
	static const char *const names[] = { "high", "low" };
	size_t count;
	const struct crashres_range *regions = crashres_machine_regions(machine, &count);

	fprintf(out, "Crash regions\n");
	for (size_t i = 0; i < count; i++) {
		print_range(out, i < 2 ? names[i] : "not used", regions[i]);
		fprintf(out, "  ");
		print_size(out, free_bytes(attempt, regions[i]));
		fprintf(out, " free\n");
	}
}

/*
 * Prints the amount of parity in percent of the checked bytes, the size of one damaged area that
 * parity repairs wherever the area lies, and the reason if the plan has less parity than wanted.
 */
static void print_repair(FILE *out, struct crashres_repair repair)
{
	fprintf(out, "Repair        ");
	if (repair.parity) {
		fprintf(out, "%.2f %% parity", 100.0 * (double)repair.parity / (double)repair.checked);
		fprintf(out, ": one damaged area of up to %" PRIu64 " KiB can be repaired", repair.burst >> 10);
	}
	switch (repair.reason) {
	case CRASHRES_REPAIR_OFF:
		fprintf(out, "%s", repair.checked ? "off" : "off: nothing is checked");
		break;
	case CRASHRES_REPAIR_REQUESTED:
		break;
	case CRASHRES_REPAIR_REDUCED:
		fprintf(out, "; more parity would leave less than half of the crash region free");
		break;
	case CRASHRES_REPAIR_NO_ROOM:
		fprintf(out, "none: parity would leave less than half of the crash region free");
		break;
	}
	fprintf(out, "\n");
}

/* The "Checks" line of an attempt with kexec_file_load: who checks what after the panic. */
static const char *describe_check(enum crashres_check check)
{
	switch (check) {
	case CRASHRES_CHECK_SEALED:
		return "the sealed Image checks the kernel and the initrd";
	case CRASHRES_CHECK_ALREADY_SEALED:
		return "the sealed Image checks itself, with the options it was sealed with";
	case CRASHRES_CHECK_NONE_SIGNATURE:
		return "none: the running kernel demands a signature, and sealing would break the "
		       "signature";
	default:
		return "none: kexec_file_load adds no check on arm64";
	}
}

/* kexec_file_load: the running kernel chooses the addresses, so that the plan has only names. */
static void print_files(FILE *out, const struct crashres_attempt *attempt)
{
	fprintf(out, "Kernel        %s\n", attempt->kernel);
	fprintf(out, "Initrd        %s\n", attempt->initrd ? attempt->initrd : "(none)");
	fprintf(out, "Checks        %s\n", describe_check(attempt->check));
}

/* kexec_load: every address is known. @crash: the plan is for the crash slot. */
static void print_segments(FILE *out, const struct crashres_machine *machine, bool crash,
			   const struct crashres_attempt *attempt)
{
	if (crash)
		print_regions(out, machine, attempt);
	fprintf(out, "Segments\n");
	for (size_t i = 0; i < attempt->segment_count; i++) {
		print_range(out, attempt->segments[i].name, attempt->segments[i].range);
		fprintf(out, "\n");
	}
	if (crash)
		print_repair(out, attempt->repair);
	fprintf(out, "Entry         0x%016" PRIx64 "\n", attempt->entry);
}

static const char *call_name(enum crashres_call call)
{
	return call == CRASHRES_CALL_LOAD ? "kexec_load" : "kexec_file_load";
}

/* The check in the list of attempts. */
static const char *check_name(enum crashres_check check)
{
	static const char *const checks[] = {
		[CRASHRES_CHECK_UNKNOWN] = "unknown",
		[CRASHRES_CHECK_PURGATORY] = "checked by purgatory",
		[CRASHRES_CHECK_SEALED] = "sealed Image, checks itself",
		[CRASHRES_CHECK_ALREADY_SEALED] = "already sealed, checks itself",
		[CRASHRES_CHECK_NONE] = "not checked",
		[CRASHRES_CHECK_NONE_SIGNATURE] = "not sealed because of the signature, not checked",
		[CRASHRES_CHECK_NONE_REFUSED] = "not sealed, not checked",
		[CRASHRES_CHECK_NONE_SEALING_OFF] = "not sealed, not checked",
	};

	return checks[check];
}

/* Prints which attempt follows if the running kernel refuses this one. Numbers start at 1. */
static void print_refusal(FILE *out, const struct crashres_attempt *attempt)
{
	switch (attempt->refusal) {
	case CRASHRES_REFUSAL_CALL:
		fprintf(out, "; if the call is refused, attempt %zu follows", attempt->next + 1);
		break;
	case CRASHRES_REFUSAL_SEALED_IMAGE:
		fprintf(out, "; if the sealed Image is refused, attempt %zu follows", attempt->next + 1);
		break;
	default:
		fprintf(out, "; no attempt follows");
		break;
	}
}

static void print_attempt(FILE *out, size_t number, const struct crashres_attempt *attempt)
{
	fprintf(out, "  %zu %-16s ", number, call_name(attempt->call));
	if (attempt->status != CRASHRES_OK) {
		fprintf(out, "impossible: %s\n", attempt->reason);
		return;
	}
	fprintf(out, "%s", check_name(attempt->check));
	print_refusal(out, attempt);
	fprintf(out, "\n");
}

/* Prints @attempt in full: the first attempt that is possible on this machine. */
static void print_first_possible(FILE *out, const struct crashres_machine *machine,
				 const struct crashres_plan *plan,
				 const struct crashres_attempt *attempt)
{
	const char *command_line = crashres_plan_command_line(plan);
	bool crash = crashres_plan_slot(plan) == CRASHRES_SLOT_CRASH;
	const char *which = crash ? "crash" : "next";

	fprintf(out, "Plan for the %s kernel: %s", which, call_name(attempt->call));
	if (attempt->call == CRASHRES_CALL_FILE_LOAD) {
		fprintf(out, "\n");
		print_files(out, attempt);
	} else {
		fprintf(out, ", pages of %" PRIu64 " KiB\n", crashres_machine_page_size(machine) >> 10);
		print_segments(out, machine, crash, attempt);
	}
	fprintf(out, "Command line  %s\n", *command_line ? command_line : "(none)");
}

enum crashres_status print_plan(FILE *out, struct crashres_ctx *ctx,
				const struct crashres_machine *machine,
				const struct crashres_plan *plan)
{
	struct crashres_attempt attempt = CRASHRES_ATTEMPT_INIT;
	size_t count = crashres_plan_attempt_count(plan), first = 0;
	enum crashres_status status = CRASHRES_OK;

	for (; first < count && status == CRASHRES_OK; first++) {
		status = crashres_plan_attempt(ctx, plan, first, &attempt);
		if (status == CRASHRES_OK && attempt.status == CRASHRES_OK)
			break;
	}
	if (status == CRASHRES_OK && first < count)
		print_first_possible(out, machine, plan, &attempt);
	if (status != CRASHRES_OK || (count == 1 && first == 0))
		return status;
	fprintf(out, "Attempts\n");
	for (size_t i = 0; i < count && status == CRASHRES_OK; i++) {
		status = crashres_plan_attempt(ctx, plan, i, &attempt);
		if (status == CRASHRES_OK)
			print_attempt(out, i + 1, &attempt);
	}
	return status;
}
