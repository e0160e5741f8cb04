/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"

enum {
	OPT_APPEND = 256,
	OPT_REUSE_CMDLINE,
	OPT_INITRD,
	OPT_DTB,
	OPT_MEM_MIN,
	OPT_MEM_MAX,
	OPT_PRINT_CKR_SIZE,
	OPT_DRY_RUN,
	OPT_ROOT,
	OPT_PURGATORY_MMU,
	OPT_ON_DAMAGE,
	OPT_REPAIR,
	OPT_CHECK_TIME,
	OPT_SERIAL,
};

static const char short_options[] = "hvdlpueicS";

static const struct option long_options[] = {
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'v' },
	{ "debug", no_argument, NULL, 'd' },
	{ "load", no_argument, NULL, 'l' },
	{ "load-panic", no_argument, NULL, 'p' },
	{ "unload", no_argument, NULL, 'u' },
	{ "exec", no_argument, NULL, 'e' },
	{ "kexec-syscall", no_argument, NULL, 'c' },
	{ "status", no_argument, NULL, 'S' },
	{ "append", required_argument, NULL, OPT_APPEND },
	{ "command-line", required_argument, NULL, OPT_APPEND },
	{ "reuse-cmdline", no_argument, NULL, OPT_REUSE_CMDLINE },
	{ "initrd", required_argument, NULL, OPT_INITRD },
	{ "ramdisk", required_argument, NULL, OPT_INITRD },
	{ "dtb", required_argument, NULL, OPT_DTB },
	{ "mem-min", required_argument, NULL, OPT_MEM_MIN },
	{ "mem-max", required_argument, NULL, OPT_MEM_MAX },
	{ "print-ckr-size", no_argument, NULL, OPT_PRINT_CKR_SIZE },
	{ "dry-run", no_argument, NULL, OPT_DRY_RUN },
	{ "root", required_argument, NULL, OPT_ROOT },
	{ "purgatory-mmu", required_argument, NULL, OPT_PURGATORY_MMU },
	{ "no-checks", no_argument, NULL, 'i' },
	{ "on-damage", required_argument, NULL, OPT_ON_DAMAGE },
	{ "repair", required_argument, NULL, OPT_REPAIR },
	{ "check-time", required_argument, NULL, OPT_CHECK_TIME },
	{ "serial", required_argument, NULL, OPT_SERIAL },
	{ NULL, 0, NULL, 0 },
};

/* What getopt cannot hold in struct options: how -l, -p, -u and -e add up. */
struct state {
	struct options *options;
	uint64_t mem_min;
	uint64_t mem_max;
	bool seen_load;
};

static bool bad_value(const char *name, const char *text)
{
	fprintf(stderr, "Bad option value in --%s=%s\n", name, text);
	return false;
}

/* Digits alone: strtoull() would take blanks and a sign too. */
static bool parse_number(const char *text, int base, uint64_t *value, char **end)
{
	errno = 0;
	*value = strtoull(text, end, base);
	return !errno && *text >= '0' && *text <= '9';
}

static bool parse_address(const char *name, const char *text, uint64_t *value)
{
	char *end;

	return (parse_number(text, 0, value, &end) && *end == '\0') || bad_value(name, text);
}

/* A day is far more than anybody waits for a machine. */
static bool parse_seconds(const char *name, const char *text, uint32_t *seconds)
{
	uint64_t value;
	char *end;

	if (!parse_number(text, 10, &value, &end) || *end != '\0' || value > 86400)
		return bad_value(name, text);
	*seconds = (uint32_t)value;
	return true;
}

/* true for "off", false for "on". */
static bool parse_off(const char *name, const char *text, bool *off)
{
	*off = !strcmp(text, "off");
	return *off || !strcmp(text, "on") || bad_value(name, text);
}

static bool parse_on_damage(const char *name, const char *text, enum crashres_on_damage *on_damage)
{
	static const struct {
		const char *name;
		enum crashres_on_damage value;
	} policies[] = {
		{ "reset", CRASHRES_ON_DAMAGE_RESET },
		{ "halt", CRASHRES_ON_DAMAGE_HALT },
		{ "boot", CRASHRES_ON_DAMAGE_BOOT },
	};

	for (size_t i = 0; i < sizeof(policies) / sizeof(*policies); i++) {
		if (!strcmp(text, policies[i].name)) {
			*on_damage = policies[i].value;
			return true;
		}
	}
	return bad_value(name, text);
}

/* "auto", "off", or a percentage with up to two decimals, in 1/100 %. */
static bool parse_repair(const char *name, const char *text, uint32_t *repair)
{
	uint64_t percent, value;
	char *end;

	*repair = !strcmp(text, "auto") ? CRASHRES_REPAIR_AUTO : 0;
	if (*repair || !strcmp(text, "off"))
		return true;
	if (!parse_number(text, 10, &percent, &end) || percent > 100)
		return bad_value(name, text);
	value = percent * 100;
	if (*end == '.') {
		size_t digits = strspn(++end, "0123456789");

		if (digits < 1 || digits > 2)
			return bad_value(name, text);
		value += (uint64_t)(end[0] - '0') * 10 + (digits == 2 ? (uint64_t)(end[1] - '0') : 0);
		end += digits;
	}
	if (*end != '\0' || !value || value > 10000)
		return bad_value(name, text);
	*repair = (uint32_t)value;
	return true;
}

/* The last of -l, -u and -e counts; kexec-tools' -u keeps its effect before a -l. */
static void take_action(struct state *state, int option)
{
	struct options *options = state->options;

	options->load = option == 'l' || option == 'p';
	options->exec = option == 'e';
	if (option == 'u')
		options->unload = true;
	if (option == 'p')
		options->slot = CRASHRES_SLOT_CRASH;
	if (option == 'l') {
		state->seen_load = true;
		options->slot = CRASHRES_SLOT_NORMAL;
	}
}

/* Options whose value has to be understood. */
static bool take_value(struct state *state, int option)
{
	struct options *options = state->options;

	switch (option) {
	case OPT_MEM_MIN:
		return parse_address("mem-min", optarg, &state->mem_min);
	case OPT_MEM_MAX:
		return parse_address("mem-max", optarg, &state->mem_max);
	case OPT_PURGATORY_MMU:
		return parse_off("purgatory-mmu", optarg, &options->purgatory_mmu_off);
	case OPT_ON_DAMAGE:
		return parse_on_damage("on-damage", optarg, &options->on_damage);
	case OPT_REPAIR:
		return parse_repair("repair", optarg, &options->repair);
	case OPT_CHECK_TIME:
		return parse_seconds("check-time", optarg, &options->check_seconds);
	default:
		return false;	/* getopt has said what is wrong with it */
	}
}

static enum options_result take_option(struct state *state, int option)
{
	struct options *options = state->options;

	switch (option) {
	case 'h':
		return OPTIONS_HELP;
	case 'v':
		return OPTIONS_VERSION;
	case 'd':
		options->debug = true;
		break;
	case 'c':
		break;		/* the one system call that there is so far */
	case 'i':
		options->no_checks = true;
		break;
	case 'S':
		options->status = true;
		break;
	case 'l': case 'p': case 'u': case 'e':
		take_action(state, option);
		break;
	case OPT_APPEND:
		options->append = optarg;
		break;
	case OPT_REUSE_CMDLINE:
		options->reuse_cmdline = true;
		break;
	case OPT_INITRD:
		options->initrd = optarg;
		break;
	case OPT_DTB:
		options->dtb = optarg;
		break;
	case OPT_SERIAL:
		options->serial = optarg;
		break;
	case OPT_PRINT_CKR_SIZE:
		options->print_ckr_size = true;
		break;
	case OPT_DRY_RUN:
		options->dry_run = true;
		break;
	case OPT_ROOT:
		options->root = optarg;
		options->dry_run = true;
		break;
	default:
		return take_value(state, option) ? OPTIONS_OK : OPTIONS_BAD;
	}
	return OPTIONS_OK;
}

static enum options_result finish(struct state *state)
{
	struct options *options = state->options;

	/* "-u -p" empties the crash slot as "-p -u" does, unless it names what comes next. */
	if (options->unload && options->slot == CRASHRES_SLOT_CRASH && !options->kernel)
		options->load = false;
	options->status_slot = state->seen_load && options->slot == CRASHRES_SLOT_NORMAL ?
			       CRASHRES_SLOT_NORMAL : CRASHRES_SLOT_CRASH;
	if (state->mem_max < state->mem_min) {
		fprintf(stderr, "--mem-max is below --mem-min\n");
		return OPTIONS_BAD;
	}
	/* Inclusive ends exist only where a person types them; the last byte of all is no RAM. */
	options->window.base = state->mem_min;
	options->window.size = state->mem_max - state->mem_min;
	if (state->mem_max != UINT64_MAX)
		options->window.size++;
	return OPTIONS_OK;
}

enum options_result options_parse(int argc, char **argv, struct options *options)
{
	struct state state = { .options = options, .mem_max = UINT64_MAX };
	int option;

	*options = (struct options){
		.repair = CRASHRES_REPAIR_AUTO,
		.check_seconds = ((struct crashres_request)CRASHRES_REQUEST_INIT).check_seconds,
	};
	optind = 0;	/* GNU: forget an earlier run */
	while ((option = getopt_long(argc, argv, short_options, long_options, NULL)) != -1) {
		enum options_result result = take_option(&state, option);

		if (result != OPTIONS_OK)
			return result;
	}
	if (optind < argc)
		options->kernel = argv[optind];
	return finish(&state);
}
