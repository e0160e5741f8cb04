/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * verify.c: crashres verify. Reads the command line and verifies the signatures of a file in all
 * four places. verify-results.c prints the results, verify-machine.c answers --machine.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "../cli/bad-option.h"
#include "../cli/help.h"
#include "commands.h"
#include "places.h"
#include "verify-machine.h"
#include "verify-results.h"

/* Exit statuses; EXIT_ERROR is 4. Scripts depend on them. */
enum {
	EXIT_VALID = 0,			/* the kernel reads at least one, and all are valid */
	EXIT_INVALID = 1,		/* one is not valid, or there is none that it reads */
};

/* The command line. Strings belong to argv. */
struct options {
	const char **certificates;	/* paths or URIs; the array is owned by verify_main() */
	size_t certificate_count;
	const struct verify_place *only;	/* the only place to look at; NULL: all places */
	bool machine;			/* ask whether a machine would load the file */
	const char *root;		/* of that machine; NULL: this machine */
	bool json;
	const char *file;		/* path */
};

static const char usage[] =
"Usage: crashres verify --cert=CERT [--cert=CERT]... [OPTION]... FILE\n"
"       crashres verify --machine [--root=DIR] [--cert=CERT]... [--json] FILE\n"
"Verify the signatures of FILE: inside FILE if it is a PE file, in the attribute\n"
"security.ima, in FILE.sig and appended to FILE. Print the signer and the result\n"
"for each signature. With --machine, print whether this machine would load FILE:\n"
"which signature its kernel demands, and whether a keyring of the kernel has the key.\n"
"\n"
"     --cert=CERT        The certificate of a possible signer, or of an issuer in the\n"
"                        chain of the signer: a file or a URI. Can be given often.\n"
"     --pe               Verify only the PE signature.\n"
"     --xattr            Verify only the signature in security.ima.\n"
"     --sigfile          Verify only the signature in FILE.sig.\n"
"     --appended         Verify only the appended signature.\n"
"     --machine          Ask whether this machine would load FILE.\n"
"     --root=DIR         With --machine: read /proc, /sys and /boot below DIR. The\n"
"                        keyrings of the kernel are unknown then.\n"
"     --json             Print one JSON object instead of text.\n"
" -h, --help             Print this text.\n"
"\n"
"Exit status:\n"
"  0  at least one signature was found, and all of them are valid; FILE.sig alone\n"
"     counts only with --sigfile\n"
"  1  a signature is not valid, or no signature was found\n"
"  4  an error was reported on stderr\n"
"With --machine:\n"
"  0  the machine loads FILE\n"
"  1  the machine refuses FILE\n"
"  2  unknown\n"
"  4  an error was reported on stderr\n";

/* --------------------------------------------------------------- command */

/* tests/unit/test_completions.py compares these names with the shell completions. */
static const struct option long_options[] = {
	{ "cert", required_argument, NULL, 'c' },
	{ "pe", no_argument, NULL, 'p' },
	{ "xattr", no_argument, NULL, 'x' },
	{ "sigfile", no_argument, NULL, 's' },
	{ "appended", no_argument, NULL, 'a' },
	{ "machine", no_argument, NULL, 'm' },
	{ "root", required_argument, NULL, 'r' },
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/* Stores --pe, --xattr, --sigfile or --appended. Returns false after another one of them. */
static bool set_place(struct options *options, enum crashres_signature signature)
{
	if (options->only && options->only->signature != signature) {
		fprintf(stderr,
			"crashres verify: --pe, --xattr, --sigfile and --appended exclude each other\n");
		return false;
	}
	for (size_t i = 0; i < VERIFY_PLACES; i++)
		if (verify_places[i].signature == signature)
			options->only = &verify_places[i];
	return true;
}

static enum parsed parse_option(int option, struct options *options)
{
	switch (option) {
	case 'c':
		options->certificates[options->certificate_count++] = optarg;
		return PARSED_OK;
	case 'p':
		return parsed_value(set_place(options, CRASHRES_SIGNATURE_PE));
	case 'x':
		return parsed_value(set_place(options, CRASHRES_SIGNATURE_XATTR));
	case 's':
		return parsed_value(set_place(options, CRASHRES_SIGNATURE_SIGFILE));
	case 'a':
		return parsed_value(set_place(options, CRASHRES_SIGNATURE_APPENDED));
	case 'm':
		options->machine = true;
		return PARSED_OK;
	case 'r':
		options->root = optarg;
		return PARSED_OK;
	case 'j':
		options->json = true;
		return PARSED_OK;
	case 'h':
		return PARSED_HELP;
	default:
		return PARSED_BAD;
	}
}

/* Checks the options together, and stores the operand. Reports a wrong command line. */
static enum parsed check(int argc, char **argv, struct options *options)
{
	if (!options->certificate_count && !options->machine)
		fprintf(stderr, "crashres verify: --cert is missing\n");
	else if (options->machine && options->only)
		fprintf(stderr, "crashres verify: --machine and --%s exclude each other\n",
			place_json(options->only->signature));
	else if (options->root && !options->machine)
		fprintf(stderr, "crashres verify: --machine is missing: --root needs it\n");
	else if (optind == argc)
		fprintf(stderr, "crashres verify: no file to verify\n");
	else if (argc - optind > 1)
		bad_operand("crashres verify", argv[optind + 1]);
	else if (is_key_uri(argv[optind]))
		fprintf(stderr, "crashres verify: a pkcs11: URI is not a file to verify\n");
	else
		options->file = argv[optind];
	return options->file ? PARSED_OK : PARSED_REFUSED;
}

/*
 * Reads the command line into @options. Reports a wrong one on stderr.
 *
 * @options->certificates: in: room for @argc pointers; out: the values of --cert.
 */
static enum parsed parse(int argc, char **argv, struct options *options)
{
	int option;

	opterr = 0;
	while ((option = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
		enum parsed parsed = parse_option(option, options);

		if (option == '?')
			bad_option("crashres verify", argv, long_options);
		if (parsed != PARSED_OK)
			return parsed;
	}
	return check(argc, argv, options);
}

/*
 * Verifies the signatures of @file in all places, or in the chosen place. A place without a
 * signature leaves NULL. Stops at the first error; the caller frees the results.
 */
static enum crashres_status verify_each(struct crashres_ctx *ctx, const struct options *options,
					const struct crashres_input *file,
					struct crashres_certificate *const *certificates,
					struct verify_results *results)
{
	for (size_t i = 0; i < VERIFY_PLACES; i++) {
		enum crashres_status status;

		if (options->only && options->only != &verify_places[i])
			continue;
		status = crashres_verify_input(ctx, file, verify_places[i].signature, certificates,
					       options->certificate_count,
					       &results->verifications[i]);
		if (status != CRASHRES_OK && status != CRASHRES_ERR_NO_SIGNATURE)
			return status;
	}
	return CRASHRES_OK;
}

/* Opens the file once, so that all results are about the same bytes. Else: verify_each(). */
static enum crashres_status verify_all(struct crashres_ctx *ctx, const struct options *options,
				       struct crashres_certificate *const *certificates,
				       struct verify_results *results)
{
	struct crashres_input *file;
	enum crashres_status status = crashres_input_open(ctx, options->file, &file);

	if (status != CRASHRES_OK)
		return status;
	status = verify_each(ctx, options, file, certificates, results);
	crashres_input_close(file);
	return status;
}

/* Verifies and prints. Returns the exit status. */
static int verify(struct crashres_ctx *ctx, const struct options *options,
		  struct crashres_certificate *const *certificates)
{
	struct verify_results results = { .file = options->file, .only = options->only };
	int result = EXIT_ERROR;

	if (verify_all(ctx, options, certificates, &results) == CRASHRES_OK) {
		if (options->json)
			verify_results_print_json(&results);
		else
			verify_results_print(&results);
		result = verify_results_are_valid(&results) ? EXIT_VALID : EXIT_INVALID;
	} else {
		fprintf(stderr, "crashres: %s\n", crashres_error(ctx));
	}
	for (size_t i = 0; i < VERIFY_PLACES; i++)
		free(results.verifications[i]);
	return result;
}

/* Asks whether a machine would load the file. Returns the exit status. */
static int verify_for_machine(struct crashres_ctx *ctx, const struct options *options,
			      struct crashres_certificate *const *certificates)
{
	const struct verify_machine question = {
		.file = options->file,
		.root = options->root,
		.json = options->json,
		.certificates = certificates,
		.count = options->certificate_count,
	};

	return verify_machine(ctx, &question);
}

/* Opens all certificates and verifies the file. Returns the exit status. */
static int run(struct crashres_ctx *ctx, const struct options *options)
{
	struct crashres_certificate **certificates = calloc(options->certificate_count + 1,
							    sizeof(struct crashres_certificate *));
	size_t opened = 0;
	int result = EXIT_ERROR;

	if (!certificates) {
		perror("crashres");
		return EXIT_ERROR;
	}
	while (opened < options->certificate_count &&
	       crashres_certificate_open(ctx, options->certificates[opened],
					 &certificates[opened]) == CRASHRES_OK)
		opened++;
	if (opened == options->certificate_count)
		result = options->machine ? verify_for_machine(ctx, options, certificates) :
					    verify(ctx, options, certificates);
	else
		fprintf(stderr, "crashres: %s\n", crashres_error(ctx));
	while (opened)
		crashres_certificate_free(certificates[--opened]);
	free(certificates);
	return result;
}

int verify_main(struct crashres_ctx *ctx, int argc, char **argv)
{
	/* There are fewer certificates than arguments. */
	struct options options = { .certificates = calloc((size_t)argc, sizeof(char *)) };
	enum parsed parsed;
	int result;

	if (!options.certificates) {
		perror("crashres");
		return EXIT_ERROR;
	}
	parsed = parse(argc, argv, &options);
	result = parsed == PARSED_OK ? run(ctx, &options) :
				       help_end(parsed, "crashres verify", usage, EXIT_ERROR);
	free(options.certificates);
	return result;
}
