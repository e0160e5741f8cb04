/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "../cli/values.h"

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
	OPT_ENTRY,
	OPT_REUSE_INITRD,
	OPT_HOTPLUG,
	OPT_NO_CMA,
	OPT_FORCE_DTB,
	OPT_PRESERVE_CONTEXT,
	OPT_JUMP_BACK,
	OPT_LOAD_LIVE_UPDATE,
	OPT_EXEC_LIVE_UPDATE,
	OPT_SEAL,
	OPT_FOREIGN,
};

static const char short_options[] = "h?vdfixyluet:pscaS";

static const struct option long_options[] = {
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'v' },
	{ "debug", no_argument, NULL, 'd' },
	{ "load", no_argument, NULL, 'l' },
	{ "load-panic", no_argument, NULL, 'p' },
	{ "unload", no_argument, NULL, 'u' },
	{ "exec", no_argument, NULL, 'e' },
	{ "force", no_argument, NULL, 'f' },
	{ "no-sync", no_argument, NULL, 'y' },
	{ "no-ifdown", no_argument, NULL, 'x' },
	{ "kexec-syscall", no_argument, NULL, 'c' },
	{ "kexec-file-syscall", no_argument, NULL, 's' },
	{ "kexec-syscall-auto", no_argument, NULL, 'a' },
	{ "status", no_argument, NULL, 'S' },
	{ "type", required_argument, NULL, 't' },
	{ "entry", required_argument, NULL, OPT_ENTRY },
	{ "reuseinitrd", no_argument, NULL, OPT_REUSE_INITRD },
	{ "hotplug", no_argument, NULL, OPT_HOTPLUG },
	{ "no-cma", no_argument, NULL, OPT_NO_CMA },
	{ "force-dtb", no_argument, NULL, OPT_FORCE_DTB },
	{ "load-preserve-context", no_argument, NULL, OPT_PRESERVE_CONTEXT },
	{ "load-jump-back-helper", no_argument, NULL, OPT_JUMP_BACK },
	{ "load-live-update", no_argument, NULL, OPT_LOAD_LIVE_UPDATE },
	{ "exec-live-update", no_argument, NULL, OPT_EXEC_LIVE_UPDATE },
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
	{ "seal", required_argument, NULL, OPT_SEAL },
	/* Those of kexec-tools for other architectures: scripts and pages give them everywhere. */
	{ "args-elf", no_argument, NULL, OPT_FOREIGN },
	{ "args-linux", no_argument, NULL, OPT_FOREIGN },
	{ "args-none", no_argument, NULL, OPT_FOREIGN },
	{ "atags", no_argument, NULL, OPT_FOREIGN },
	{ "console-serial", no_argument, NULL, OPT_FOREIGN },
	{ "console-vga", no_argument, NULL, OPT_FOREIGN },
	{ "devicetreeblob", required_argument, NULL, OPT_FOREIGN },
	{ "dt-no-old-root", no_argument, NULL, OPT_FOREIGN },
	{ "elf32-core-headers", no_argument, NULL, OPT_FOREIGN },
	{ "elf64-core-headers", no_argument, NULL, OPT_FOREIGN },
	{ "entry-32bit", no_argument, NULL, OPT_FOREIGN },
	{ "image-size", required_argument, NULL, OPT_FOREIGN },
	{ "module", required_argument, NULL, OPT_FOREIGN },
	{ "no-dtb", no_argument, NULL, OPT_FOREIGN },
	{ "noefi", no_argument, NULL, OPT_FOREIGN },
	{ "noio", no_argument, NULL, OPT_FOREIGN },
	{ "page-offset", required_argument, NULL, OPT_FOREIGN },
	{ "pass-memmap-cmdline", no_argument, NULL, OPT_FOREIGN },
	{ "real-mode", no_argument, NULL, OPT_FOREIGN },
	{ "reset-vga", no_argument, NULL, OPT_FOREIGN },
	{ "reuse-video-type", no_argument, NULL, OPT_FOREIGN },
	{ "serial-baud", required_argument, NULL, OPT_FOREIGN },
	{ NULL, 0, NULL, 0 },
};

/* What getopt cannot hold in struct options: how -l, -p, -u, -e and -f add up. */
struct state {
	struct options *options;
	uint64_t mem_min;
	uint64_t mem_max;
	bool seen_load;
	bool seen_exec;
	bool seen_action;
};

/* true for "off", false for "on". */
static bool parse_off(const char *name, const char *text, bool *off)
{
	*off = !strcmp(text, "off");
	return *off || !strcmp(text, "on") || values_bad(name, text);
}

/* The last of -l, -p, -u, -e and -f counts; kexec-tools' -u keeps its effect before a -l. */
static void take_action(struct state *state, int option)
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

static bool parse_sealing(const char *name, const char *text, enum crashres_sealing *sealing)
{
	static const char *const values[] = { "auto", "always", "never" };

	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
		if (!strcmp(text, values[i])) {
			*sealing = (enum crashres_sealing)i;
			return true;
		}
	}
	return values_bad(name, text);
}

/* Options about purgatory, which no other loader has. */
static bool take_purgatory(struct options *options, int option)
{
	options->purgatory_required = true;
	switch (option) {
	case OPT_SERIAL:
		options->serial = optarg;
		return true;
	case OPT_PURGATORY_MMU:
		return parse_off("purgatory-mmu", optarg, &options->purgatory_mmu_off);
	case OPT_ON_DAMAGE:
		return values_on_damage("on-damage", optarg, &options->on_damage);
	case OPT_REPAIR:
		return values_repair("repair", optarg, &options->repair);
	case OPT_CHECK_TIME:
		return values_seconds("check-time", optarg, &options->check_seconds);
	default:
		return false;	/* getopt has said what is wrong with it */
	}
}

static enum options_result take_value(struct state *state, int option)
{
	bool ok;

	switch (option) {
	case OPT_MEM_MIN:
		ok = values_address("mem-min", optarg, &state->mem_min);
		break;
	case OPT_MEM_MAX:
		ok = values_address("mem-max", optarg, &state->mem_max);
		break;
	case OPT_SEAL:
		ok = parse_sealing("seal", optarg, &state->options->sealing);
		break;
	case OPT_ENTRY:
		ok = values_address("entry", optarg, &state->options->entry);
		break;
	default:
		ok = take_purgatory(state->options, option);
		break;
	}
	return ok ? OPTIONS_OK : OPTIONS_BAD;
}

static enum options_result refuse(const char *sentence)
{
	fprintf(stderr, "kexec: %s\n", sentence);
	return OPTIONS_REFUSED;
}

/* What arm64 does not have, in kexec-tools' words where it has some. */
static enum options_result take_absent(int option, int index)
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
			long_options[index].name);
		return OPTIONS_OK;
	}
}

/* Switches about the kernel that is loaded and the call that does it. */
static bool take_switch(struct options *options, int option)
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
static bool take_name(struct options *options, int option)
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

static enum options_result take_option(struct state *state, int option, int index)
{
	struct options *options = state->options;

	if (take_switch(options, option) || take_name(options, option))
		return OPTIONS_OK;
	switch (option) {
	case 'h':
		return OPTIONS_HELP;
	case 'v':
		return OPTIONS_VERSION;
	case 'd':
		options->debug = true;
		return OPTIONS_OK;
	case 'x':
		options->no_ifdown = true;
		return OPTIONS_OK;
	case 'y':
		options->no_sync = true;
		return OPTIONS_OK;
	case 'S':
		options->status = true;
		return OPTIONS_OK;
	case 'l': case 'p': case 'u': case 'e': case 'f':
		take_action(state, option);
		return OPTIONS_OK;
	case OPT_PRINT_CKR_SIZE:
		options->print_ckr_size = true;
		return OPTIONS_OK;
	case OPT_DRY_RUN:
		options->dry_run = true;
		return OPTIONS_OK;
	case OPT_PRESERVE_CONTEXT: case OPT_JUMP_BACK: case OPT_LOAD_LIVE_UPDATE:
	case OPT_EXEC_LIVE_UPDATE: case OPT_FOREIGN:
		return take_absent(option, index);
	default:
		return take_value(state, option);
	}
}

/* What the actions given come to, once it is known whether there is a kernel. */
static enum options_result combine(struct state *state)
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
	return OPTIONS_OK;
}

static enum options_result finish(struct state *state)
{
	struct options *options = state->options;

	if (state->mem_max < state->mem_min) {
		fprintf(stderr, "--mem-max is below --mem-min\n");
		return OPTIONS_BAD;
	}
	/* Inclusive ends exist only where a person types them; the last byte of all is no RAM. */
	options->window.base = state->mem_min;
	options->window.size = state->mem_max - state->mem_min;
	if (state->mem_max != UINT64_MAX)
		options->window.size++;
	return combine(state);
}

enum options_result options_parse(int argc, char **argv, struct options *options)
{
	struct state state = { .options = options, .mem_max = UINT64_MAX };
	int option, index = 0;

	*options = (struct options){
		.repair = CRASHRES_REPAIR_AUTO,
		.check_seconds = ((struct crashres_request)CRASHRES_REQUEST_INIT).check_seconds,
	};
	optind = 0;	/* GNU: forget an earlier run */
	while ((option = getopt_long(argc, argv, short_options, long_options, &index)) != -1) {
		enum options_result result = take_option(&state, option, index);

		if (result != OPTIONS_OK)
			return result;
	}
	if (optind < argc)
		options->kernel = argv[optind];
	return finish(&state);
}
