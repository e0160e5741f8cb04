/* SPDX-License-Identifier: GPL-2.0-or-later */
/* crashres seal: an Image that checks and repairs itself, and its initrd. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../cli/help.h"
#include "../cli/values.h"
#include "commands.h"

struct options {
	const char *kernel;
	const char *initrd;
	const char *output;
	const char *serial;
	const char *root;
	struct crashres_seal_request seal;
	bool unseal;
};

static const char usage[] =
"Usage: crashres seal --kernel=KERNEL [OPTION]... -o OUT\n"
"       crashres seal --unseal --kernel=IMAGE -o OUT\n"
"Make an arm64 Image that checks and repairs the kernel in it, and its initrd,\n"
"before it starts; or take the kernel out again.\n"
"\n"
"     --kernel=KERNEL    The kernel, in any format that kexec opens.\n"
"     --initrd=INITRD    The initrd that it will be loaded with.\n"
" -o, --output=OUT       Write the Image to OUT.\n"
"     --on-damage=reset|halt|boot\n"
"                        What to do about damage that cannot be repaired: reset the\n"
"                        machine (default), halt it, or start the kernel anyway.\n"
"     --repair=auto|off|PERCENT\n"
"                        Keep parity of PERCENT of what is checked (default: 6.25).\n"
"     --check-time=SECONDS\n"
"                        Check and repair no longer than this (default: 30;\n"
"                        0: no limit).\n"
"     --on-timeout=boot|reset|halt\n"
"                        What to do if this time runs out before any damage is found:\n"
"                        start the kernel (default), reset the machine, or halt it.\n"
"     --root=DIR         For the machine of which DIR holds a copy of /proc and /sys:\n"
"                        report to its console, reset it the way its firmware\n"
"                        says. DIR may be /, for this machine.\n"
"     --serial=TTY       Report to the serial port TTY of that machine, such as\n"
"                        ttyAMA0; without --root, of this machine.\n"
"                        Without --root and --serial the Image has no console.\n"
"     --unseal           Write the kernel that was sealed, byte for byte.\n"
" -h, --help             Print this text.\n"
"\n"
"Exit status: 0 done, 4 trouble.\n";

enum { OPT_KERNEL = 256, OPT_INITRD, OPT_ON_DAMAGE, OPT_ON_TIMEOUT, OPT_REPAIR, OPT_CHECK_TIME, OPT_SERIAL,
       OPT_ROOT, OPT_UNSEAL };

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

/* @name: of a long option. */
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

static enum parsed refuse(const char *sentence)
{
	fprintf(stderr, "crashres seal: %s\n", sentence);
	return PARSED_REFUSED;
}

static enum parsed parse(int argc, char **argv, struct options *options)
{
	*options = (struct options){ .seal = CRASHRES_SEAL_REQUEST_INIT };
	for (;;) {
		int index = 0, option = getopt_long(argc, argv, "o:h", long_options, &index);
		enum parsed parsed;

		if (option == -1)
			break;
		parsed = parse_option(options, option, long_options[index].name);
		if (parsed != PARSED_OK)
			return parsed;
	}
	if (optind < argc) {
		fprintf(stderr, "crashres seal: \"%s\": no operand is wanted\n", argv[optind]);
		return PARSED_REFUSED;
	}
	if (!options->kernel)
		return refuse("--kernel is missing");
	return options->output ? PARSED_OK : refuse("-o is missing");
}

static bool write_all(int fd, const uint8_t *data, size_t size)
{
	while (size) {
		ssize_t written = write(fd, data, size);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return false;
		data += written;
		size -= (size_t)written;
	}
	return true;
}

/* What was begun and could not be finished does not stay. */
static int write_file(const char *path, const struct crashres_input *file)
{
	size_t size;
	const void *data = crashres_input_data(file, &size);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644), error = 0;
	struct stat st = { 0 };

	if (fd < 0) {
		fprintf(stderr, "crashres: %s: %s\n", path, strerror(errno));
		return EXIT_ERROR;
	}
	if (fstat(fd, &st) < 0 || !write_all(fd, data, size) || (S_ISREG(st.st_mode) && fsync(fd) < 0))
		error = errno;
	if (close(fd) < 0 && !error)
		error = errno;
	if (!error)
		return 0;
	fprintf(stderr, "crashres: %s: %s\n", path, strerror(error));
	if (S_ISREG(st.st_mode))
		unlink(path);
	return EXIT_ERROR;
}

struct inputs {
	struct crashres_machine *machine;
	struct crashres_kernel *kernel;
	struct crashres_input *initrd;
	struct crashres_input *output;
};

/*
 * The Image may start on other machines than the one that seals it, and there
 * the address of this machine's UART may belong to any device. So this machine
 * is read only if an option asks for it.
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

static int run(struct crashres_ctx *ctx, const struct options *options)
{
	struct inputs inputs = { 0 };
	enum crashres_status status = crashres_kernel_open(ctx, options->kernel, &inputs.kernel);
	int result = EXIT_ERROR;

	if (status == CRASHRES_OK)
		status = options->unseal ? crashres_unseal(ctx, inputs.kernel, &inputs.output) :
					   seal(ctx, options, &inputs);
	if (status == CRASHRES_OK)
		result = write_file(options->output, inputs.output);
	else
		fprintf(stderr, "crashres: %s\n", crashres_error(ctx));
	crashres_input_close(inputs.output);
	crashres_input_close(inputs.initrd);
	crashres_kernel_close(inputs.kernel);
	crashres_machine_free(inputs.machine);
	return result;
}

/* A port of this machine is of no use to an arm64 kernel if this is none. */
static bool serial_is_usable(struct crashres_ctx *ctx, const struct options *options)
{
	if (!options->serial || options->root || crashres_can_load(ctx) == CRASHRES_OK)
		return true;
	fprintf(stderr, "crashres: --serial=%s: this machine is not arm64; --root=DIR takes a copy "
		"of the machine that has the port\n", options->serial);
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
