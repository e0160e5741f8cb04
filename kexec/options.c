/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Parses the command line of kexec into struct options.
 *
 * kexec-tools reads -l, -p, -u, -e and -f in order, and each one switches parts of its state on
 * and off. Scripts depend on the results, so struct state and combine_actions() reproduce them
 * where they make sense:
 *
 *     kexec IMAGE        load, then "shutdown -r now"
 *     -l IMAGE           load into the normal slot
 *     -p IMAGE           load into the crash slot
 *     -f IMAGE           load, then start
 *     -e                 start the loaded kernel
 *     -l -e IMAGE        start only: the last of -l, -p, -u, -e and -f counts
 *     -u                 unload the normal slot
 *     -p -u, -u -p       unload the crash slot (kexec-tools 2.0.32: -u -p fails)
 *     -u -l IMAGE        unload, then load (kexec-tools 2.0.32: loads nothing, exits with 0)
 *     -S, -S -p          ask for the crash slot
 *     -S -l              ask for the normal slot
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../cli/values.h"
#include "long-options.h"
#include "options.h"

/* The letters of kexec-tools on every architecture. -? prints the usage and exits with 1. */
static const char short_options[] = "h?vdfixyluet:pscaS";

/* The state of the parser that is not part of the result. */
struct state {
	struct options *options;
	uint64_t mem_min;		/* physical address: first byte of the window */
	uint64_t mem_max;		/* last byte of the window, inclusive */
	bool seen_load;			/* -l was given */
	bool seen_exec;			/* -e was given */
	bool seen_action;		/* one of -l, -p, -u, -e, -f was given */
};

/*
 * The last of -l, -p, -u, -e and -f counts, with two exceptions: an unload stays requested when a
 * load follows, and the slot of -p stays selected for an -u that follows.
 */
static void set_action(struct state *state, int option)
{
	struct options *options = state->options;

	state->seen_action = true;
	state->seen_exec = state->seen_exec || option == 'e';
	options->load = option == 'l' || option == 'p' || option == 'f';
	options->exec = option == 'e' || option == 'f';
	if (option == 'u')
		options->unload = true;
	if (option == 'p')
		options->slot = CRASHRES_SLOT_CRASH;
	if (option == 'l') {
		state->seen_load = true;
		options->slot = CRASHRES_SLOT_NORMAL;
	}
}

static bool parse_purgatory_mmu(const struct value *value, bool *off)
{
	static const char *const words[] = { "on", "off", NULL };
	unsigned int index;

	if (!values_word(value, words, &index))
		return false;
	*off = index;
	return true;
}

static bool parse_sealing(const struct value *value, enum crashres_sealing *sealing)
{
	/* The order is that of the enum: the index is the value. */
	static const char *const words[] = { "auto", "always", "never", NULL };
	unsigned int index;

	if (!values_word(value, words, &index))
		return false;
	*sealing = (enum crashres_sealing)index;
	return true;
}

/*
 * Parses an option that purgatory carries out. If a call without purgatory would be used, the load
 * must fail rather than ignore the option: crashres_request.purgatory_required.
 */
static bool parse_purgatory_option(struct options *options, int option, const struct value *value)
{
	snprintf(options->purgatory_option, sizeof(options->purgatory_option), "--%s: ", value->option);
	switch (option) {
	case OPT_PURGATORY_MMU:
		return parse_purgatory_mmu(value, &options->purgatory_mmu_off);
	case OPT_ON_DAMAGE:
		return values_on_damage(value, &options->on_damage);
	case OPT_ON_TIMEOUT:
		return values_on_timeout(value, &options->on_timeout);
	case OPT_REPAIR:
		return values_repair(value, &options->repair);
	case OPT_CHECK_TIME:
		return values_seconds(value, &options->check_seconds);
	default:
		options->serial = value->text;
		return true;
	}
}

/* Parses the value of the long option @name, which getopt_long() stored in optarg. */
static enum parsed parse_value(struct state *state, int option, const char *name)
{
	const struct value value = { "kexec", name, optarg };
	bool ok;

	switch (option) {
	case OPT_MEM_MIN:
		ok = values_address(&value, &state->mem_min);
		break;
	case OPT_MEM_MAX:
		ok = values_address(&value, &state->mem_max);
		break;
	case OPT_SEAL:
		ok = parse_sealing(&value, &state->options->sealing);
		break;
	case OPT_ENTRY:
		ok = values_address(&value, &state->options->entry);
		break;
	default:
		ok = parse_purgatory_option(state->options, option, &value);
		break;
	}
	return parsed_value(ok);
}

/* Prints an error. The parser then stops. */
static enum parsed refuse(const char *sentence)
{
	fprintf(stderr, "kexec: %s\n", sentence);
	return PARSED_REFUSED;
}

/*
 * Handles an option that arm64 cannot carry out. The sentences about Xen are those of kexec-tools.
 * Options of other architectures are ignored with a warning; long-options.c has the reason.
 */
static enum parsed handle_unsupported(int option, const char *name)
{
	switch (option) {
	case OPT_PRESERVE_CONTEXT:
		return refuse("--load-preserve-context: an arm64 kernel cannot return to the previous "
			      "kernel (no KEXEC_JUMP)");
	case OPT_JUMP_BACK:
		return refuse("--load-jump-back-helper: an arm64 kernel cannot return to the previous "
			      "kernel (no KEXEC_JUMP)");
	case OPT_LOAD_LIVE_UPDATE:
		return refuse("--load-live-update can only be used with xen");
	case OPT_EXEC_LIVE_UPDATE:
		return refuse("--exec-live-update only works under xen.");
	default:
		fprintf(stderr, "kexec: warning: --%s is ignored: the option is for another "
			"architecture\n", name);
		return PARSED_OK;
	}
}

/* Options without a value that concern a load. Returns false for every other option. */
static bool set_flag(struct options *options, int option)
{
	switch (option) {
	case 'a':
		options->call = CRASHRES_CALL_AUTO;
		return true;
	case 'c':
		options->call = CRASHRES_CALL_LOAD;
		return true;
	case 's':
		options->call = CRASHRES_CALL_FILE_LOAD;
		return true;
	case 'i':
		options->no_checks = true;
		return true;
	case OPT_REUSE_CMDLINE:
		options->reuse_cmdline = true;
		return true;
	case OPT_REUSE_INITRD:
		options->reuse_initrd = true;
		return true;
	case OPT_HOTPLUG:
		options->hotplug = true;
		return true;
	case OPT_NO_CMA:
		options->no_cma = true;
		return true;
	case OPT_FORCE_DTB:
		options->force_dtb = true;
		return true;
	default:
		return false;
	}
}

/* Options whose value is any string. Returns false for every other option. */
static bool set_string(struct options *options, int option)
{
	switch (option) {
	case 't':
		options->type = optarg;
		return true;
	case OPT_APPEND:
		options->append = optarg;
		return true;
	case OPT_INITRD:
		options->initrd = optarg;
		return true;
	case OPT_DTB:
		options->dtb = optarg;
		return true;
	case OPT_ROOT:
		options->root = optarg;
		options->dry_run = true;
		return true;
	default:
		return false;
	}
}

/*
 * Applies one option. @option: as returned by getopt_long(). @name: the name of a long option,
 * written out even if the user abbreviated it.
 */
static enum parsed apply_option(struct state *state, int option, const char *name)
{
	struct options *options = state->options;

	if (set_flag(options, option) || set_string(options, option))
		return PARSED_OK;
	switch (option) {
	case 'h':
		return PARSED_HELP;
	case 'v':
		return PARSED_VERSION;
	case 'd':
		options->debug = true;
		return PARSED_OK;
	case 'x':
		options->no_ifdown = true;
		return PARSED_OK;
	case 'y':
		options->no_sync = true;
		return PARSED_OK;
	case 'S':
		options->status = true;
		return PARSED_OK;
	case 'l': case 'p': case 'u': case 'e': case 'f':
		set_action(state, option);
		return PARSED_OK;
	case OPT_PRINT_CKR_SIZE:
		options->print_ckr_size = true;
		return PARSED_OK;
	case OPT_DRY_RUN:
		options->dry_run = true;
		return PARSED_OK;
	case OPT_PRESERVE_CONTEXT: case OPT_JUMP_BACK: case OPT_LOAD_LIVE_UPDATE:
	case OPT_EXEC_LIVE_UPDATE: case OPT_FOREIGN:
		return handle_unsupported(option, name);
	case '?':
		return PARSED_BAD;	/* -?, or an error that getopt_long() has printed */
	default:
		return parse_value(state, option, name);
	}
}

/*
 * Ignores --dtb with -s, because kexec_file_load takes no device tree. petitboot passes both and
 * expects success. kexec-tools does not read the file then, so it need not exist.
 */
static void ignore_dtb(struct options *options)
{
	if (!options->load || !options->dtb || options->call != CRASHRES_CALL_FILE_LOAD)
		return;
	fprintf(stderr, "kexec: warning: --dtb=%s is ignored: with -s the new kernel gets the "
			"running kernel's device tree\n", options->dtb);
	options->dtb = NULL;
}

/*
 * Ignores all operands of a load but the first, as kexec-tools does. Such an operand is often the
 * rest of a command line that a script did not quote, so the new kernel gets only a part of it.
 */
static void ignore_operands(const struct options *options, int argc, char *const argv[])
{
	if (!options->load)
		return;
	for (int i = optind + 1; i < argc; i++)
		fprintf(stderr, "kexec: warning: the operand \"%s\" is ignored: the kernel is "
				"\"%s\"\n", argv[i], options->kernel);
}

/* Derives the actions after the last word, when it is known whether a kernel is named. */
static enum parsed combine_actions(struct state *state)
{
	struct options *options = state->options;

	/* "kexec IMAGE" */
	if (!state->seen_action)
		options->load = options->shutdown = true;
	/* "-u -p" without a kernel means the same as "-p -u". With a kernel, the load follows. */
	if (options->unload && options->slot == CRASHRES_SLOT_CRASH && !options->kernel)
		options->load = false;
	/* "-e -f" without a kernel starts the loaded kernel: petitboot calls kexec so. */
	if (state->seen_exec && options->exec && !options->kernel)
		options->load = false;
	if (options->load && options->exec && options->slot == CRASHRES_SLOT_CRASH)
		return refuse("-f and -p exclude each other: -f starts the kernel now, -p keeps it "
			      "for a panic");
	options->status_slot = state->seen_load && options->slot == CRASHRES_SLOT_NORMAL ?
			       CRASHRES_SLOT_NORMAL : CRASHRES_SLOT_CRASH;
	if (options->initrd && options->reuse_initrd)
		return refuse("--initrd and --reuseinitrd exclude each other");
	ignore_dtb(options);
	return PARSED_OK;
}

/* Checks and converts the values that depend on several options. */
static enum parsed finish(struct state *state)
{
	struct options *options = state->options;

	if (state->mem_max < state->mem_min)
		return refuse("--mem-max is below --mem-min");
	/*
	 * --mem-max is inclusive, as in kexec-tools; the library counts bytes. Without --mem-max
	 * the size leaves out the last byte of the address space, or else it would wrap to 0.
	 */
	options->window.base = state->mem_min;
	options->window.size = state->mem_max - state->mem_min;
	if (state->mem_max != UINT64_MAX)
		options->window.size++;
	return combine_actions(state);
}

enum parsed options_parse(int argc, char **argv, struct options *options)
{
	struct state state = { .options = options, .mem_max = UINT64_MAX };
	enum parsed result;

	*options = (struct options){
		.repair = CRASHRES_REPAIR_AUTO,
		.check_seconds = ((struct crashres_request)CRASHRES_REQUEST_INIT).check_seconds,
	};
	optind = 0;	/* GNU getopt: start again; the tests parse several command lines */
	for (;;) {
		const struct option *table = long_options_next(argc, argv);
		int option, index = 0;

		option = getopt_long(argc, argv, short_options, table, &index);
		if (option == -1)
			break;
		result = apply_option(&state, option, table[index].name);
		if (result != PARSED_OK)
			return result;
	}
	if (optind < argc)
		options->kernel = argv[optind];
	result = finish(&state);
	if (result == PARSED_OK)
		ignore_operands(options, argc, argv);
	return result;
}
