/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * seal.c: crashres seal. Makes a sealed Image, or writes the kernel of a sealed Image
 * (--unseal). The library does the work; this file opens the inputs and writes the output.
 */
#include <getopt.h>
#include <stdio.h>

#include "../cli/help.h"
#include "../cli/values.h"
#include "commands.h"

/* The command line. Strings belong to argv. */
struct options {
	const char *kernel;			/* path */
	const char *initrd;			/* path; NULL: none, purgatory checks none */
	const char *output;			/* path */
	const char *serial;			/* name of a tty; NULL: chosen from the firmware */
	const char *root;			/* path; NULL: this machine with @serial, no
						   machine without */
	struct crashres_seal_request seal;	/* policies; its initrd is set later */
	bool unseal;
};

static const char usage[] =
"Usage: crashres seal --kernel=KERNEL [OPTION]... -o OUT\n"
"       crashres seal --unseal --kernel=IMAGE -o OUT\n"
"Make a sealed Image: an arm64 Image that checks and repairs its kernel and the\n"
"initrd before the kernel starts. With --unseal, write the kernel of a sealed Image.\n"
"\n"
"     --kernel=KERNEL    The kernel, in any format that kexec opens.\n"
"     --initrd=INITRD    The initrd that will be loaded with this Image. Without\n"
"                        this option the Image does not check an initrd.\n"
" -o, --output=OUT       Write the Image to OUT.\n"
"     --on-damage=reset|halt|boot\n"
"                        If damage cannot be repaired: reset the machine (default),\n"
"                        halt it, or start the kernel anyway.\n"
"     --repair=auto|off|PERCENT\n"
"                        Size of the parity, in percent of the checked bytes\n"
"                        (default: auto, which is 6.25).\n"
"     --check-time=SECONDS\n"
"                        Stop the check and the repair after this time (default: 30;\n"
"                        0: no limit).\n"
"     --on-timeout=boot|reset|halt\n"
"                        If this time ends before damage is found: start the kernel\n"
"                        (default), reset the machine, or halt it.\n"
"     --root=DIR         Make the Image for one machine: DIR contains a copy of its\n"
"                        /proc and /sys. DIR can be / for this machine. The Image\n"
"                        then uses the console and the reset method of the machine.\n"
"     --serial=TTY       Use the serial port TTY of that machine as the console, such\n"
"                        as ttyAMA0. Without --root, this machine is meant.\n"
"                        Without --root and --serial the Image has no console.\n"
"     --unseal           Write the kernel that was sealed, without its signatures.\n"
" -h, --help             Print this text.\n"
"\n"
"Exit status:\n"
"  0  OUT is complete\n"
"  4  an error was reported on stderr\n";

/* Values of long options without a letter; 256 is above every letter. */
enum { OPT_KERNEL = 256, OPT_INITRD, OPT_ON_DAMAGE, OPT_ON_TIMEOUT, OPT_REPAIR, OPT_CHECK_TIME, OPT_SERIAL,
       OPT_ROOT, OPT_UNSEAL };

/* tests/unit/test_completions.py compares these names with the shell completions. */
static const struct option long_options[] = {
	{ "kernel", required_argument, NULL, OPT_KERNEL },
	{ "initrd", required_argument, NULL, OPT_INITRD },
	{ "output", required_argument, NULL, 'o' },
	{ "on-damage", required_argument, NULL, OPT_ON_DAMAGE },
	{ "on-timeout", required_argument, NULL, OPT_ON_TIMEOUT },
	{ "repair", required_argument, NULL, OPT_REPAIR },
	{ "check-time", required_argument, NULL, OPT_CHECK_TIME },
	{ "serial", required_argument, NULL, OPT_SERIAL },
	{ "root", required_argument, NULL, OPT_ROOT },
	{ "unseal", no_argument, NULL, OPT_UNSEAL },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/*
 * Stores one option. @option: its value in long_options[]. @name: its long name, for
 * messages about a wrong value.
 */
static enum parsed parse_option(struct options *options, int option, const char *name)
{
	const struct value value = { "crashres seal", name, optarg };

	switch (option) {
	case OPT_KERNEL:
		options->kernel = optarg;
		return PARSED_OK;
	case OPT_INITRD:
		options->initrd = optarg;
		return PARSED_OK;
	case 'o':
		options->output = optarg;
		return PARSED_OK;
	case OPT_ON_DAMAGE:
		return parsed_value(values_on_damage(&value, &options->seal.on_damage));
	case OPT_ON_TIMEOUT:
		return parsed_value(values_on_timeout(&value, &options->seal.on_timeout));
	case OPT_REPAIR:
		return parsed_value(values_repair(&value, &options->seal.repair));
	case OPT_CHECK_TIME:
		return parsed_value(values_seconds(&value, &options->seal.check_seconds));
	case OPT_SERIAL:
		options->serial = optarg;
		return PARSED_OK;
	case OPT_ROOT:
		options->root = optarg;
		return PARSED_OK;
	case OPT_UNSEAL:
		options->unseal = true;
		return PARSED_OK;
	case 'h':
		return PARSED_HELP;
	default:
		return PARSED_BAD;
	}
}

/* Reports a wrong command line. */
static enum parsed refuse(const char *sentence)
{
	fprintf(stderr, "crashres seal: %s\n", sentence);
	return PARSED_REFUSED;
}

/* Reads the command line into @options. Reports a wrong one on stderr. */
static enum parsed parse(int argc, char **argv, struct options *options)
{
	*options = (struct options){ .seal = CRASHRES_SEAL_REQUEST_INIT };
	for (;;) {
		/* getopt_long() sets the index for long options only; messages use it for these. */
		int index = 0, option = getopt_long(argc, argv, "o:h", long_options, &index);
		enum parsed parsed;

		if (option == -1)
			break;
		parsed = parse_option(options, option, long_options[index].name);
		if (parsed != PARSED_OK)
			return parsed;
	}
	if (optind < argc) {
		fprintf(stderr, "crashres seal: unexpected operand \"%s\"\n", argv[optind]);
		return PARSED_REFUSED;
	}
	if (!options->kernel)
		return refuse("--kernel is missing");
	return options->output ? PARSED_OK : refuse("--output is missing");
}

/* The objects of one run. run() releases them; NULL members are allowed. */
struct inputs {
	struct crashres_machine *machine;	/* NULL: the Image is for any machine */
	struct crashres_kernel *kernel;
	struct crashres_input *initrd;		/* NULL: none */
	struct crashres_input *output;		/* the bytes to write */
};

/*
 * Reads the machine that the Image is for, if an option names one. The Image can start on
 * another machine than the one that seals it. The address of this machine's UART can
 * belong to any device there, so this machine is not the default.
 *
 * @machine: out; unchanged if no option names a machine.
 */
static enum crashres_status read_machine(struct crashres_ctx *ctx, const struct options *options,
					 struct crashres_machine **machine)
{
	enum crashres_status status = CRASHRES_OK;

	if (!options->root && !options->serial)
		return CRASHRES_OK;
	if (options->root)
		status = crashres_ctx_set_root(ctx, options->root);
	if (status == CRASHRES_OK)
		status = crashres_machine_read(ctx, machine);
	if (status == CRASHRES_OK && options->serial)
		status = crashres_machine_set_serial(ctx, *machine, options->serial);
	return status;
}

/* Opens the initrd and the machine, and seals the kernel. The objects stay in @inputs. */
static enum crashres_status seal(struct crashres_ctx *ctx, const struct options *options,
				 struct inputs *inputs)
{
	struct crashres_seal_request seal = options->seal;
	enum crashres_status status = read_machine(ctx, options, &inputs->machine);

	if (status == CRASHRES_OK && options->initrd)
		status = crashres_input_open(ctx, options->initrd, &inputs->initrd);
	seal.initrd = inputs->initrd;
	if (status == CRASHRES_OK)
		status = crashres_seal(ctx, inputs->machine, inputs->kernel, &seal, &inputs->output);
	return status;
}

/* Seals or unseals, and writes the result. Returns the exit status. */
static int run(struct crashres_ctx *ctx, const struct options *options)
{
	struct inputs inputs = { 0 };
	enum crashres_status status = crashres_kernel_open(ctx, options->kernel, &inputs.kernel);

	if (status == CRASHRES_OK)
		status = options->unseal ? crashres_unseal(ctx, inputs.kernel, &inputs.output) :
					   seal(ctx, options, &inputs);
	if (status == CRASHRES_OK)
		status = crashres_input_save(ctx, inputs.output, options->output);
	if (status != CRASHRES_OK)
		fprintf(stderr, "crashres: %s\n", crashres_error(ctx));
	crashres_input_close(inputs.output);
	crashres_input_close(inputs.initrd);
	crashres_kernel_close(inputs.kernel);
	crashres_machine_free(inputs.machine);
	return status == CRASHRES_OK ? 0 : EXIT_ERROR;
}

/*
 * Returns false and reports an error if --serial names a port of this machine, and this
 * machine is not arm64: an arm64 kernel will not find this port anywhere.
 */
static bool serial_is_usable(struct crashres_ctx *ctx, const struct options *options)
{
	if (!options->serial || options->root || crashres_can_load(ctx) == CRASHRES_OK)
		return true;
	fprintf(stderr, "crashres: --serial=%s: this machine is not arm64: use --root=DIR with a "
		"copy of /proc and /sys of the machine with this port\n", options->serial);
	return false;
}

int seal_main(struct crashres_ctx *ctx, int argc, char **argv)
{
	struct options options;
	enum parsed parsed = parse(argc, argv, &options);

	if (parsed != PARSED_OK)
		return help_end(parsed, "crashres seal", usage, EXIT_ERROR);
	return serial_is_usable(ctx, &options) ? run(ctx, &options) : EXIT_ERROR;
}
