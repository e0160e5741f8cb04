/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * seal.c: the command line of crashres seal. seal-job.c makes a sealed Image, renew.c makes one as
 * seal.conf says, and this file writes the kernel of a sealed Image (--unseal).
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "../cli/bad-option.h"
#include "../cli/help.h"
#include "../cli/same-file.h"
#include "../cli/values.h"
#include "commands.h"
#include "renew.h"
#include "seal-job.h"

/* The command line. Strings belong to argv. */
struct options {
	struct seal_job job;
	struct renew renew;
	bool unseal;
	bool renewing;			/* --renew */
	bool describes;			/* an option that --renew does not take was given */
};

static const char usage[] =
"Usage: crashres seal --kernel=KERNEL [OPTION]... -o OUT\n"
"       crashres seal --renew [--config=FILE] [--kernel-release=V] [--force | --remove]\n"
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
"     --sign-with=COMMAND\n"
"                        Sign the Image with a program for PE signatures, for example\n"
"                        'sbsign --key K --cert C --output %o %i'. No shell is used.\n"
#ifdef HAVE_IMA
"     --key=KEY          Sign the Image with this private key, a file or a URI.\n"
"     --cert=CERT        The certificate of the key.\n"
"     --append           Append the signature to the Image (default with --key).\n"
"     --ima              Set the attribute security.ima of OUT instead.\n"
"     --passphrase-fd=N, --passphrase-file=FILE, --passphrase-env=NAME\n"
"                        Read the passphrase or PIN from file descriptor N, from FILE\n"
"                        or from the environment variable NAME, as crashres sign does.\n"
#endif
"     --renew            Make the sealed Images that seal.conf describes, for all\n"
"                        kernels that have an initrd, unless they are up to date.\n"
"     --config=FILE      Read FILE instead of /etc/crashres/seal.conf.\n"
"     --kernel-release=V Use only this kernel release.\n"
"     --force            Make the Images even if they are up to date.\n"
"     --remove           Remove the sealed Image of the kernel release instead (without\n"
"                        --kernel-release, of the running kernel).\n"
"     --unseal           Write the kernel that was sealed, without its signatures.\n"
" -h, --help             Print this text.\n"
"\n"
"Exit status:\n"
"  0  OUT is complete; with --renew: nothing is left to do\n"
"  4  an error was reported on stderr\n";

/*
 * Values of long options without a letter; 256 is above every letter. Those from OPT_RENEW on are
 * the options of --renew.
 */
enum { OPT_KERNEL = 256, OPT_INITRD, OPT_ON_DAMAGE, OPT_ON_TIMEOUT, OPT_REPAIR, OPT_CHECK_TIME, OPT_SERIAL,
       OPT_ROOT, OPT_UNSEAL, OPT_SIGN_WITH, OPT_KEY, OPT_CERT, OPT_APPEND, OPT_IMA, OPT_PASSPHRASE,
       OPT_RENEW, OPT_CONFIG, OPT_KERNEL_RELEASE, OPT_FORCE, OPT_REMOVE };

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
	{ "sign-with", required_argument, NULL, OPT_SIGN_WITH },
#ifdef HAVE_IMA
	{ "key", required_argument, NULL, OPT_KEY },
	{ "cert", required_argument, NULL, OPT_CERT },
	{ "append", no_argument, NULL, OPT_APPEND },
	{ "ima", no_argument, NULL, OPT_IMA },
	{ "passphrase-fd", required_argument, NULL, OPT_PASSPHRASE },
	{ "passphrase-file", required_argument, NULL, OPT_PASSPHRASE },
	{ "passphrase-env", required_argument, NULL, OPT_PASSPHRASE },
#endif
	{ "renew", no_argument, NULL, OPT_RENEW },
	{ "config", required_argument, NULL, OPT_CONFIG },
	{ "kernel-release", required_argument, NULL, OPT_KERNEL_RELEASE },
	{ "force", no_argument, NULL, OPT_FORCE },
	{ "remove", no_argument, NULL, OPT_REMOVE },
	{ "unseal", no_argument, NULL, OPT_UNSEAL },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/* Stores a kind of signature. Returns false after another kind. */
static bool set_signature(struct options *options, enum seal_signature signature, const char *name)
{
	static const char *const names[] = {
		[SEAL_SIGNATURE_PE] = "sign-with", [SEAL_SIGNATURE_APPEND] = "append",
		[SEAL_SIGNATURE_IMA] = "ima",
	};
	enum seal_signature *chosen = &options->job.signing.signature;

	if (*chosen != SEAL_SIGNATURE_NONE && *chosen != signature) {
		fprintf(stderr, "crashres seal: --%s and --%s exclude each other\n", names[*chosen],
			name);
		return false;
	}
	*chosen = signature;
	return true;
}

/* A release becomes a part of a path. */
static bool set_release(struct options *options, const struct value *value)
{
	options->renew.release = value->text;
	return (*value->text && !strchr(value->text, '/')) ||
	       values_refuse(value, "a kernel release such as 6.12.5");
}

/* Stores an option about the signature. PARSED_BAD: it is none. */
static enum parsed parse_signing(struct options *options, int option, const struct value *value)
{
	struct seal_signing *signing = &options->job.signing;

	switch (option) {
	case OPT_SIGN_WITH:
		signing->sign_with = optarg;
		return parsed_value(set_signature(options, SEAL_SIGNATURE_PE, value->option));
	case OPT_KEY:
		signing->key = optarg;
		return PARSED_OK;
	case OPT_CERT:
		signing->cert = optarg;
		return PARSED_OK;
	case OPT_APPEND:
		return parsed_value(set_signature(options, SEAL_SIGNATURE_APPEND, value->option));
	case OPT_IMA:
		return parsed_value(set_signature(options, SEAL_SIGNATURE_IMA, value->option));
#ifdef HAVE_IMA
	case OPT_PASSPHRASE:
		return parsed_value(passphrase_parse(value, &signing->passphrase));
#endif
	default:
		return PARSED_BAD;
	}
}

/* Stores an option of --renew. Any other option is one about the signature, or unknown. */
static enum parsed parse_renew(struct options *options, int option, const struct value *value)
{
	switch (option) {
	case OPT_RENEW:
		options->renewing = true;
		return PARSED_OK;
	case OPT_CONFIG:
		options->renew.config = optarg;
		return PARSED_OK;
	case OPT_KERNEL_RELEASE:
		return parsed_value(set_release(options, value));
	case OPT_FORCE:
		options->renew.force = true;
		return PARSED_OK;
	case OPT_REMOVE:
		options->renew.remove = true;
		return PARSED_OK;
	default:
		return parse_signing(options, option, value);
	}
}

/*
 * Stores one option. @option: its value in long_options[]. @name: its long name, for
 * messages about a wrong value.
 */
static enum parsed parse_option(struct options *options, int option, const char *name)
{
	const struct value value = { "crashres seal", name, optarg };
	struct seal_job *job = &options->job;

	if (option < OPT_RENEW && option != 'h')
		options->describes = true;
	switch (option) {
	case OPT_KERNEL:
		job->kernel = optarg;
		return PARSED_OK;
	case OPT_INITRD:
		job->initrd = optarg;
		return PARSED_OK;
	case 'o':
		job->output = optarg;
		return PARSED_OK;
	case OPT_ON_DAMAGE:
		return parsed_value(values_on_damage(&value, &job->seal.on_damage));
	case OPT_ON_TIMEOUT:
		return parsed_value(values_on_timeout(&value, &job->seal.on_timeout));
	case OPT_REPAIR:
		return parsed_value(values_repair(&value, &job->seal.repair));
	case OPT_CHECK_TIME:
		return parsed_value(values_seconds(&value, &job->seal.check_seconds));
	case OPT_SERIAL:
		job->serial = optarg;
		return PARSED_OK;
	case OPT_ROOT:
		job->root = optarg;
		return PARSED_OK;
	case OPT_UNSEAL:
		options->unseal = true;
		return PARSED_OK;
	case 'h':
		return PARSED_HELP;
	default:
		return parse_renew(options, option, &value);
	}
}

/* Reports a wrong command line. */
static enum parsed refuse(const char *sentence)
{
	fprintf(stderr, "crashres seal: %s\n", sentence);
	return PARSED_REFUSED;
}

/* Reports a name from seal_signing_find_missing(). */
static enum parsed refuse_missing(const char *name)
{
	fprintf(stderr, "crashres seal: --%s is missing\n", name);
	return PARSED_REFUSED;
}

/* --renew takes everything else from the configuration. */
static enum parsed check_renew(const struct options *options)
{
	if (options->unseal)
		return refuse("--renew and --unseal exclude each other");
	if (options->describes)
		return refuse("--renew reads files, keys and policies from seal.conf, not from options");
	if (options->renew.force && options->renew.remove)
		return refuse("--force and --remove exclude each other");
	return PARSED_OK;
}

/* Checks the options about the signature. --key alone means --append. */
static enum parsed check_signing(struct options *options)
{
	struct seal_signing *signing = &options->job.signing;
	const char *missing;

	if (signing->key && signing->signature == SEAL_SIGNATURE_NONE)
		signing->signature = SEAL_SIGNATURE_APPEND;
	if (signing->cert && !signing->key)
		return refuse_missing("key");
	if (signing->key && signing->signature == SEAL_SIGNATURE_PE)
		return refuse("--key and --sign-with exclude each other");
	if (options->unseal && signing->signature != SEAL_SIGNATURE_NONE)
		return refuse("--unseal writes the kernel, which this command does not sign");
	missing = seal_signing_find_missing(signing);
	return missing ? refuse_missing(missing) : PARSED_OK;
}

/* Checks that the output destroys no other file that the command reads. */
static enum parsed check_output(const struct options *options)
{
	const struct seal_job *job = &options->job;
	const struct read_file files[] = {
		{ "initrd", job->initrd },
		{ "key", job->signing.key },
		{ "cert", job->signing.cert },
#ifdef HAVE_IMA
		{ "passphrase-file", job->signing.passphrase.file },
#endif
	};

	return output_is_other_file("crashres seal", "--output", job->output, files,
				    sizeof(files) / sizeof(*files)) ? PARSED_OK : PARSED_REFUSED;
}

/* Checks the options together. */
static enum parsed check(struct options *options)
{
	const struct renew *renew = &options->renew;

	if (options->renewing)
		return check_renew(options);
	if (renew->config || renew->release || renew->force || renew->remove)
		return refuse("--config, --kernel-release, --force and --remove need --renew");
	if (!options->job.kernel)
		return refuse("--kernel is missing");
	if (!options->job.output)
		return refuse("--output is missing");
	if (check_output(options) != PARSED_OK)
		return PARSED_REFUSED;
	return check_signing(options);
}

/* Reads the command line into @options. Reports a wrong one on stderr. */
static enum parsed parse(int argc, char **argv, struct options *options)
{
	*options = (struct options){ .job.seal = CRASHRES_SEAL_REQUEST_INIT };
#ifdef HAVE_IMA
	options->job.signing.passphrase = (struct passphrase)PASSPHRASE_TERMINAL;
#endif
	opterr = 0;
	for (;;) {
		/* getopt_long() sets the index for long options only; messages use it for these. */
		int index = 0, option = getopt_long(argc, argv, "o:h", long_options, &index);
		enum parsed parsed;

		if (option == -1)
			break;
		if (option == '?')
			bad_option("crashres seal", argv, long_options);
		parsed = parse_option(options, option, long_options[index].name);
		if (parsed != PARSED_OK)
			return parsed;
	}
	if (optind < argc) {
		bad_operand("crashres seal", argv[optind]);
		return PARSED_REFUSED;
	}
	return check(options);
}

/* Writes the kernel of a sealed Image. Returns false after one line on stderr. */
static bool unseal(struct crashres_ctx *ctx, const struct seal_job *job,
		   const struct seal_inputs *inputs)
{
	struct crashres_input *kernel = NULL;
	enum crashres_status status = crashres_unseal(ctx, inputs->kernel, &kernel);

	if (status == CRASHRES_OK)
		status = crashres_input_save(ctx, kernel, job->output);
	if (status != CRASHRES_OK)
		fprintf(stderr, "crashres: %s\n", crashres_error(ctx));
	crashres_input_close(kernel);
	return status == CRASHRES_OK;
}

/* Seals or unseals one file. Returns the exit status. */
static int run(struct crashres_ctx *ctx, const struct options *options)
{
	struct seal_inputs inputs = { 0 };
	bool done = seal_inputs_open(ctx, &options->job, &inputs) == CRASHRES_OK;

	if (!done)
		fprintf(stderr, "crashres: %s\n", crashres_error(ctx));
	else
		done = options->unseal ? unseal(ctx, &options->job, &inputs) :
					 seal_job_run(ctx, &options->job, &inputs);
	seal_inputs_close(&inputs);
	return done ? 0 : EXIT_ERROR;
}

/*
 * Returns false and reports an error if --serial names a port of this machine, and this
 * machine is not arm64: an arm64 kernel will not find this port anywhere.
 */
static bool serial_is_usable(struct crashres_ctx *ctx, const struct seal_job *job)
{
	if (!job->serial || job->root || crashres_can_load(ctx) == CRASHRES_OK)
		return true;
	fprintf(stderr, "crashres: --serial=%s: this machine is not arm64: use --root=DIR with a "
		"copy of /proc and /sys of the machine with this port\n", job->serial);
	return false;
}

int seal_main(struct crashres_ctx *ctx, int argc, char **argv)
{
	struct options options;
	enum parsed parsed = parse(argc, argv, &options);

	if (parsed != PARSED_OK)
		return help_end(parsed, "crashres seal", usage, EXIT_ERROR);
	if (options.renewing)
		return renew_run(ctx, &options.renew);
	return serial_is_usable(ctx, &options.job) ? run(ctx, &options) : EXIT_ERROR;
}
