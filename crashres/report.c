/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * report.c: crashres report. Prints the record that purgatory left in the device tree,
 * as text or as JSON. It runs in the capture kernel.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "../cli/help.h"
#include "../cli/json-object.h"
#include "commands.h"

/* Exit statuses; EXIT_ERROR is 4. Scripts depend on them. */
enum {
	EXIT_INTACT = 0,		/* every block was intact */
	EXIT_REPAIRED = 1,		/* some blocks were damaged, all are repaired */
	EXIT_DAMAGED = 2,		/* started with damage, or the check is incomplete */
	EXIT_NO_RECORD = 3,		/* no purgatory of crashres started this kernel */
};

struct options {
	const char *root;		/* NULL: the context's default, "/" */
	bool json;
};

static const char usage[] =
"Usage: crashres report [--json] [--root=DIR]\n"
"Print the damage that purgatory found and repaired before it started this kernel.\n"
"\n"
"     --json             Print one JSON object instead of text.\n"
"     --root=DIR         Read /sys/firmware/fdt below DIR instead of below /.\n"
" -h, --help             Print this text.\n"
"\n"
"Exit status:\n"
"  0  all blocks were intact\n"
"  1  damaged blocks were found, and all of them were repaired\n"
"  2  this kernel was started with damage, or the check is incomplete\n"
"  3  there is no record: no purgatory of crashres started this kernel\n"
"  4  an error was reported on stderr\n";

/* ------------------------------------------------------------------ text */

/* Returns the ending of a plural: "1 block", "2 blocks". */
static const char *plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}

/* Returns the word for the implementation of SHA-256, for text and JSON. */
static const char *sha256_name(enum crashres_sha256 method)
{
	switch (method) {
	case CRASHRES_SHA256_PORTABLE:
		return "portable";
	case CRASHRES_SHA256_INSTRUCTIONS:
		return "instructions";
	case CRASHRES_SHA256_VECTORS:
		return "vectors";
	}
	return "unknown";
}

/*
 * Prints one sentence on the outcome, and one on each problem that is not damage. If
 * no block is damaged and the outcome still is DAMAGED, purgatory could not clean the cache.
 */
static void print_verdict(const struct crashres_report *report)
{
	uint64_t left = report->damaged - report->repaired;

	if (report->outcome == CRASHRES_OUTCOME_INTACT)
		printf("This kernel was intact when it was started.\n");
	else if (report->outcome == CRASHRES_OUTCOME_REPAIRED)
		printf("This kernel was damaged, and repaired before it was started.\n");
	else if (left)
		printf("This kernel was started damaged: %" PRIu64 " block%s could not be repaired.\n",
		       left, plural(left));
	if (report->outcome == CRASHRES_OUTCOME_INCOMPLETE)
		printf("No damage was found before this kernel was started.\n");
	if (report->timed_out)
		printf("The time limit was reached before the check and the repair were "
		       "complete.\n");
	if (report->unclean)
		printf("Parts of the data cache could not be cleaned before this kernel was "
		       "started.\n");
}

/* Prints the size, the duration and the method of the check, and the sums. */
static void print_check(const struct crashres_report *report)
{
	printf("Checked   %" PRIu64 " block%s of %" PRIu64 " KiB", report->blocks,
	       plural(report->blocks), report->block_size >> 10);
	/* The duration is 0 if the firmware does not give the rate of the counter. */
	if (report->nanoseconds)
		printf(" in %.1f ms", (double)report->nanoseconds / 1e6);
	printf(", at EL%u%s, caches %s, SHA-256 by %s\n", report->exception_level,
	       report->vhe ? " with VHE" : "", report->mmu ? "on" : "off",
	       sha256_name(report->sha256));
	printf("Damaged   %" PRIu64 " block%s, %" PRIu64 " repaired\n", report->damaged,
	       plural(report->damaged), report->repaired);
	/* Purgatory has two copies of the digest table and needs one. */
	for (int i = 0; i < 2; i++)
		if (report->table_damaged[i])
			printf("          digest table %d is damaged too, which is harmless\n",
			       i + 1);
}

/*
 * Prints one run of adjacent damaged blocks in one line. The wrong bytes help to
 * recognise the data that overwrote the kernel, such as text or a network header.
 */
static void print_damage(const struct crashres_damage *damage)
{
	printf("  %-10s at 0x%" PRIx64 ": %" PRIu64 " block%s, %" PRIu64 " repaired; ",
	       damage->segment, damage->offset, damage->blocks, plural(damage->blocks),
	       damage->repaired);
	if (!damage->found_size)
		printf("unreadable\n");
	else
		printf("found");
	for (size_t i = 0; i < damage->found_size; i++)
		printf(" %02x%s", damage->found[i], i + 1 == damage->found_size ? "\n" : "");
}

/*
 * Prints the report in this form:
 *
 *   This kernel was damaged, and repaired before it was started.
 *   Checked   11742 blocks of 4 KiB in 46.2 ms, at EL2 with VHE, caches on, SHA-256 by ...
 *   Damaged   1 block, 1 repaired
 *     kernel     at 0x2345: 1 block, 1 repaired; found 6d 6f 64 20 61 20 65 72 ...
 */
static void print_text(const struct crashres_report *report)
{
	print_verdict(report);
	print_check(report);
	for (size_t i = 0; i < report->listed; i++)
		print_damage(&report->damage[i]);
	/* The record has room for a limited number of runs. */
	if (report->listed < report->damage_count)
		printf("  and %" PRIu64 " more places\n", report->damage_count - report->listed);
}

/*
 * ------------------------------------------------------------------ JSON
 *
 * crashres(1) documents the keys. Programs depend on them: keys are added, but never
 * renamed or removed. json_add() gives the value to the object, so json_print() frees
 * everything.
 */

/* Returns one run of damaged blocks. "found" is null if the memory could not be read. */
static struct json_object *damage_to_json(const struct crashres_damage *damage)
{
	struct json_object *object = json_object_new_object();
	char found[2 * sizeof(damage->found) + 1] = "";

	for (size_t i = 0; i < damage->found_size; i++)
		snprintf(found + 2 * i, 3, "%02x", damage->found[i]);
	json_add(object, "segment", json_object_new_string(damage->segment));
	json_add(object, "offset", json_object_new_uint64(damage->offset));
	json_add(object, "blocks", json_object_new_uint64(damage->blocks));
	json_add(object, "repaired", json_object_new_uint64(damage->repaired));
	json_add(object, "found", damage->found_size ? json_object_new_string(found) : NULL);
	return object;
}

/* Returns the value of the key "outcome". An outcome that this command does not know is damage. */
static const char *outcome_name(enum crashres_outcome outcome)
{
	switch (outcome) {
	case CRASHRES_OUTCOME_INTACT:
		return "intact";
	case CRASHRES_OUTCOME_REPAIRED:
		return "repaired";
	case CRASHRES_OUTCOME_INCOMPLETE:
		return "incomplete";
	case CRASHRES_OUTCOME_DAMAGED:
		break;
	}
	return "damaged";
}

static struct json_object *report_to_json(const struct crashres_report *report)
{
	struct json_object *object = json_object_new_object();
	struct json_object *tables = json_object_new_array(), *list = json_object_new_array();

	for (int i = 0; i < 2; i++)
		json_object_array_add(tables, json_object_new_boolean(report->table_damaged[i]));
	for (size_t i = 0; i < report->listed; i++)
		json_object_array_add(list, damage_to_json(&report->damage[i]));
	json_add(object, "outcome", json_object_new_string(outcome_name(report->outcome)));
	json_add(object, "timed_out", json_object_new_boolean(report->timed_out));
	json_add(object, "unclean", json_object_new_boolean(report->unclean));
	json_add(object, "exception_level", json_object_new_int((int32_t)report->exception_level));
	json_add(object, "vhe", json_object_new_boolean(report->vhe));
	json_add(object, "mmu", json_object_new_boolean(report->mmu));
	json_add(object, "sha256", json_object_new_string(sha256_name(report->sha256)));
	json_add(object, "started_ticks", json_object_new_uint64(report->started));
	json_add(object, "nanoseconds", json_object_new_uint64(report->nanoseconds));
	json_add(object, "block_size", json_object_new_uint64(report->block_size));
	json_add(object, "blocks", json_object_new_uint64(report->blocks));
	json_add(object, "damaged", json_object_new_uint64(report->damaged));
	json_add(object, "repaired", json_object_new_uint64(report->repaired));
	json_add(object, "digest_tables_damaged", tables);
	json_add(object, "damage_count", json_object_new_uint64(report->damage_count));
	json_add(object, "damage", list);
	return object;
}

static void print_json(const struct crashres_report *report)
{
	json_print(report_to_json(report));
}

/* --------------------------------------------------------------- command */

/* Reads the command line into @options. Reports a wrong one on stderr. */
static enum parsed parse(int argc, char **argv, struct options *options)
{
	static const struct option long_options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "root", required_argument, NULL, 'r' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	*options = (struct options){ 0 };
	while ((option = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
		switch (option) {
		case 'j':
			options->json = true;
			break;
		case 'r':
			options->root = optarg;
			break;
		case 'h':
			return PARSED_HELP;
		default:
			return PARSED_BAD;
		}
	}
	if (optind >= argc)
		return PARSED_OK;
	fprintf(stderr, "crashres report: unexpected operand \"%s\"\n", argv[optind]);
	return PARSED_REFUSED;
}

/* Returns the exit status for the outcome. DAMAGED and INCOMPLETE share one status. */
static int exit_status(const struct crashres_report *report)
{
	switch (report->outcome) {
	case CRASHRES_OUTCOME_INTACT:
		return EXIT_INTACT;
	case CRASHRES_OUTCOME_REPAIRED:
		return EXIT_REPAIRED;
	default:
		return EXIT_DAMAGED;
	}
}

/* Reads the record and prints it. Returns the exit status. */
static int run(struct crashres_ctx *ctx, const struct options *options)
{
	enum crashres_status status = CRASHRES_OK;
	struct crashres_report *report;
	int result;

	if (options->root)
		status = crashres_ctx_set_root(ctx, options->root);
	if (status == CRASHRES_OK)
		status = crashres_report_read(ctx, &report);
	if (status != CRASHRES_OK) {
		fprintf(stderr, "crashres: %s\n", crashres_error(ctx));
		return status == CRASHRES_ERR_NO_RECORD ? EXIT_NO_RECORD : EXIT_ERROR;
	}
	if (options->json)
		print_json(report);
	else
		print_text(report);
	result = exit_status(report);
	crashres_report_free(report);
	return result;
}

int report_main(struct crashres_ctx *ctx, int argc, char **argv)
{
	struct options options;
	enum parsed parsed = parse(argc, argv, &options);

	return parsed == PARSED_OK ? run(ctx, &options) :
				     help_end(parsed, "crashres report", usage, EXIT_ERROR);
}
