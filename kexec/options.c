/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../cli/values.h"
#include "long-options.h"
#include "options.h"

static const char short_options[] = "h?vdfixyluet:pscaS";

/* What getopt cannot hold in struct options: how -l, -p, -u, -e and -f add up. */
struct state {
	struct options *options;
	uint64_t mem_min;
	uint64_t mem_max;
	bool seen_load;
	bool seen_exec;
	bool seen_action;
};

/* The last of -l, -p, -u, -e and -f counts; kexec-tools' -u keeps its effect before a -l. */
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
	/* In the order of the enum. */
	static const char *const words[] = { "auto", "always", "never", NULL };
	unsigned int index;

	if (!values_word(value, words, &index))
		return false;
	*sealing = (enum crashres_sealing)index;
	return true;
}

/* Options about purgatory, which no other loader has. */
static bool parse_purgatory_option(struct options *options, int option, const struct value *value)
{
	options->purgatory_required = true;
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

static enum parsed refuse(const char *sentence)
{
	fprintf(stderr, "kexec: %s\n", sentence);
	return PARSED_REFUSED;
}

/* What arm64 does not have, in kexec-tools' words where it has some. */
static enum parsed handle_unsupported(int option, const char *name)
{
	switch (option) {
	case OPT_PRESERVE_CONTEXT:
		return refuse("--load-preserve-context: no arm64 kernel can come back from another "
			      "one (there is no KEXEC_JUMP)");
	case OPT_JUMP_BACK:
		return refuse("--load-jump-back-helper: no arm64 kernel can come back from another "
			      "one (there is no KEXEC_JUMP)");
	case OPT_LOAD_LIVE_UPDATE:
		return refuse("--load-live-update can only be used with xen");
	case OPT_EXEC_LIVE_UPDATE:
		return refuse("--exec-live-update only works under xen.");
	default:
		fprintf(stderr, "kexec: warning: --%s is an option of another architecture: ignored\n",
			name);
		return PARSED_OK;
	}
}

/* Switches about the kernel that is loaded and the call that does it. */
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

/* Names that stand as they are. */
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

/* @name: of a long option. */
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
		return PARSED_BAD;	/* -?, or getopt_long() has said why */
	default:
		return parse_value(state, option, name);
	}
}

/* petitboot gives both to every kernel. kexec-tools does not read the file then. */
static void ignore_dtb(struct options *options)
{
	if (!options->load || !options->dtb || options->call != CRASHRES_CALL_FILE_LOAD)
		return;
	fprintf(stderr, "kexec: warning: --dtb=%s is ignored: with -s the new kernel gets the "
			"running kernel's device tree\n", options->dtb);
	options->dtb = NULL;
}

/* What the actions given come to, once it is known whether there is a kernel. */
static enum parsed combine_actions(struct state *state)
{
	struct options *options = state->options;

	/* "kexec IMAGE" */
	if (!state->seen_action)
		options->load = options->shutdown = true;
	/* "-u -p" empties the crash slot as "-p -u" does, unless it names what comes next. */
	if (options->unload && options->slot == CRASHRES_SLOT_CRASH && !options->kernel)
		options->load = false;
	/* "-e -f" without a kernel starts what is loaded, whatever force may mean. */
	if (state->seen_exec && options->exec && !options->kernel)
		options->load = false;
	if (options->load && options->exec && options->slot == CRASHRES_SLOT_CRASH)
		return refuse("-f starts the kernel at once, -p keeps it for a panic: "
			      "it is one or the other");
	options->status_slot = state->seen_load && options->slot == CRASHRES_SLOT_NORMAL ?
			       CRASHRES_SLOT_NORMAL : CRASHRES_SLOT_CRASH;
	if (options->initrd && options->reuse_initrd)
		return refuse("--initrd and --reuseinitrd: it is one or the other");
	ignore_dtb(options);
	return PARSED_OK;
}

static enum parsed finish(struct state *state)
{
	struct options *options = state->options;

	if (state->mem_max < state->mem_min)
		return refuse("--mem-max is below --mem-min");
	/* Inclusive ends exist only where a person types them; the last byte of all is no RAM. */
	options->window.base = state->mem_min;
	options->window.size = state->mem_max - state->mem_min;
	if (state->mem_max != UINT64_MAX)
		options->window.size++;
	return combine_actions(state);
}

enum parsed options_parse(int argc, char **argv, struct options *options)
{
	struct state state = { .options = options, .mem_max = UINT64_MAX };

	*options = (struct options){
		.repair = CRASHRES_REPAIR_AUTO,
		.check_seconds = ((struct crashres_request)CRASHRES_REQUEST_INIT).check_seconds,
	};
	optind = 0;	/* GNU: forget an earlier run */
	for (;;) {
		const struct option *table = long_options_next(argc, argv);
		enum parsed result;
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
	return finish(&state);
}
