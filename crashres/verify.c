/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * verify.c: crashres verify. Verifies the signatures of a file in all four places, and
 * prints the results as text or as JSON.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <crashres/ima.h>

#include "../cli/bad-option.h"
#include "../cli/help.h"
#include "../cli/json-object.h"
#include "commands.h"
#include "places.h"
#include "verify-machine.h"

/* Exit statuses; EXIT_ERROR is 4. Scripts depend on them. */
enum {
	EXIT_VALID = 0,			/* the kernel reads at least one, and all are valid */
	EXIT_INVALID = 1,		/* one is not valid, or there is none that it reads */
};

#define KINDS 4

/* The places of a signature, in the order of the output. */
static const struct kind {
	enum crashres_signature signature;
	const char *absent;		/* the message without such a signature */
} kinds[KINDS] = {
	{ CRASHRES_SIGNATURE_PE, "no PE signature" },
	{ CRASHRES_SIGNATURE_XATTR, "no signature in security.ima" },
	{ CRASHRES_SIGNATURE_SIGFILE, "no signature file" },
	{ CRASHRES_SIGNATURE_APPENDED, "no appended signature" },
};

/* The command line. Strings belong to argv. */
struct options {
	const char **certificates;	/* paths or URIs; the array is owned by verify_main() */
	size_t certificate_count;
	const struct kind *kind;	/* the only place to look at; NULL: all places */
	bool machine;			/* ask whether a machine would load the file */
	const char *root;		/* of that machine; NULL: this machine */
	bool json;
	const char *file;		/* path */
};

/* One result for each of kinds[]; NULL: no signature at this place. verify() frees them. */
struct results {
	struct crashres_verification *verifications[KINDS];
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

/* ------------------------------------------------------------------ text */

/* Returns the word for the digest state, for text and JSON. */
static const char *digest_text(enum crashres_digest_state digest)
{
	switch (digest) {
	case CRASHRES_DIGEST_MATCHES:
		return "matches";
	case CRASHRES_DIGEST_DIFFERS:
		return "differs";
	default:
		return "unknown";
	}
}

/* Writes @time to @text: "2026-11-21 18:40:00 UTC". */
static void format_time(int64_t time, char *text, size_t capacity)
{
	time_t seconds = (time_t)time;
	struct tm tm;

	*text = '\0';
	if (gmtime_r(&seconds, &tm))
		strftime(text, capacity, "%Y-%m-%d %H:%M:%S UTC", &tm);
}

/* Returns the word for the source of the time, for JSON; NULL: unknown. */
static const char *time_source_name(enum crashres_time_source source)
{
	switch (source) {
	case CRASHRES_TIME_SIGNER:
		return "signer";
	case CRASHRES_TIME_COUNTERSIGNATURE:
		return "countersignature";
	default:
		return NULL;
	}
}

/* Prints the signer and its issuers, one in a line. The key id is that of the given certificate. */
static void print_chain(const struct crashres_verification *verification)
{
	const struct crashres_certificate *certificate = verification->certificate;
	const char *subject = verification->chain, *label = "Signer";

	while (*subject) {
		size_t length = strcspn(subject, "\n");
		bool last = !subject[length] || !subject[length + 1];

		printf("  %-8s  %.*s", label, (int)length, subject);
		if (last && certificate)
			printf(" (id:%08" PRIx32 ")", crashres_certificate_key_id(certificate));
		printf("\n");
		subject += length + !!subject[length];
		label = "Issuer";
	}
}

static void print_time(const struct crashres_verification *verification)
{
	char text[64];

	if (verification->time_source == CRASHRES_TIME_UNKNOWN)
		return;
	format_time(verification->time, text, sizeof(text));
	printf("  Time      %s (%s)\n", text,
	       verification->time_source == CRASHRES_TIME_SIGNER ? "set by the signer" :
								   "set by a time server, not verified");
}

/* Returns true for a signature that decides the result of the command. */
static bool counts(const struct options *options, const struct kind *kind)
{
	return kind->signature != CRASHRES_SIGNATURE_SIGFILE || options->kind;
}

/*
 * Returns the warning about a result, or "". A valid FILE.sig makes no file valid, which has
 * its own warning.
 */
static const char *warning_text(const struct options *options, const struct kind *kind,
				const struct crashres_verification *verification)
{
	if (verification->valid && !counts(options, kind))
		return "the kernel reads this signature only after it is set as security.ima";
	return verification->warning;
}

/*
 * Prints one result. Lines with unknown values are left out: a damaged signature has
 * no hash, and without the signer's certificate the digest says nothing.
 */
static void print_verification(const struct options *options, const struct kind *kind,
			       const struct crashres_verification *verification)
{
	const char *warning = warning_text(options, kind, verification);

	printf("%s: %s: ", options->file, place_text(kind->signature));
	if (verification->valid)
		printf("valid\n");
	else
		printf("not valid: %s\n", verification->problem);
	if (*warning)
		printf("  Warning   %s\n", warning);
	print_chain(verification);
	if (verification->type)
		printf("  Signed    %s, %s\n", crashres_key_type_name(verification->type),
		       crashres_hash_name(verification->hash));
	else if (verification->hash)
		printf("  Signed    %s\n", crashres_hash_name(verification->hash));
	print_time(verification);
	if (verification->certificate)
		printf("  Digest    %s\n", digest_text(verification->digest));
	if (*verification->key)
		printf("  Key       %s\n", verification->key);
}

/*
 * Prints all results, each in this form, or one line if there is no signature:
 *
 *   Image: appended signature: valid
 *     Signer    CN = kdump (id:1a2b3c4d)
 *     Signed    rsa, sha256
 *     Digest    matches
 *     Key       issuer CN = kdump, serial 1F2E
 */
static void print_text(const struct options *options, const struct results *results)
{
	size_t count = 0;

	for (size_t i = 0; i < KINDS; i++) {
		if (!results->verifications[i])
			continue;
		print_verification(options, &kinds[i], results->verifications[i]);
		count++;
	}
	if (!count && options->kind)
		printf("%s: %s\n", options->file, options->kind->absent);
	else if (!count)
		printf("%s: no signature\n", options->file);
}

/*
 * ------------------------------------------------------------------ JSON
 *
 * crashres(1) documents the keys. Programs depend on them: keys are added, but never
 * renamed or removed.
 */

/* Returns subject and key id, or null without a certificate. */
static struct json_object *certificate_to_json(const struct crashres_certificate *certificate)
{
	struct json_object *object;
	char id[16];

	if (!certificate)
		return NULL;
	object = json_object_new_object();
	snprintf(id, sizeof(id), "%08" PRIx32, crashres_certificate_key_id(certificate));
	json_add(object, "subject", json_object_new_string(crashres_certificate_subject(certificate)));
	json_add(object, "key_id", json_object_new_string(id));
	return object;
}

/* Returns the subjects from the signer to the given certificate. */
static struct json_object *chain_to_json(const struct crashres_verification *verification)
{
	struct json_object *list = json_object_new_array();
	const char *subject = verification->chain;

	while (*subject) {
		size_t length = strcspn(subject, "\n");

		json_object_array_add(list, json_object_new_string_len(subject, (int)length));
		subject += length + !!subject[length];
	}
	return list;
}

/* Returns the time of signing, or null if it is unknown. */
static struct json_object *time_to_json(const struct crashres_verification *verification)
{
	if (verification->time_source == CRASHRES_TIME_UNKNOWN)
		return NULL;
	return json_object_new_int64(verification->time);
}

/* Returns one result. @kind: the place of the signature. */
static struct json_object *verification_to_json(const struct options *options,
						const struct kind *kind,
						const struct crashres_verification *verification)
{
	struct json_object *object = json_object_new_object();

	json_add(object, "signature", json_object_new_string(place_json(kind->signature)));
	json_add(object, "valid", json_object_new_boolean(verification->valid));
	json_add(object, "problem", json_string_or_null(verification->problem));
	json_add(object, "warning",
		 json_string_or_null(warning_text(options, kind, verification)));
	json_add(object, "key_unknown", json_object_new_boolean(verification->key_unknown));
	json_add(object, "signer", certificate_to_json(verification->certificate));
	json_add(object, "chain", chain_to_json(verification));
	json_add(object, "time", time_to_json(verification));
	json_add(object, "time_source",
		 json_string_or_null(time_source_name(verification->time_source)));
	json_add(object, "key_type", json_string_or_null(crashres_key_type_name(verification->type)));
	json_add(object, "hash", json_string_or_null(crashres_hash_name(verification->hash)));
	json_add(object, "digest", json_object_new_string(digest_text(verification->digest)));
	json_add(object, "key", json_string_or_null(verification->key));
	return object;
}

static void print_json(const struct options *options, const struct results *results, bool valid)
{
	struct json_object *object = json_object_new_object();
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < KINDS; i++)
		if (results->verifications[i])
			json_object_array_add(
				list, verification_to_json(options, &kinds[i],
							   results->verifications[i]));
	json_add(object, "file", json_object_new_string(options->file));
	json_add(object, "valid", json_object_new_boolean(valid));
	json_add(object, "signatures", list);
	json_print(object);
}

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
static bool set_kind(struct options *options, const struct kind *kind)
{
	if (options->kind && options->kind != kind) {
		fprintf(stderr,
			"crashres verify: --pe, --xattr, --sigfile and --appended exclude each other\n");
		return false;
	}
	options->kind = kind;
	return true;
}

static enum parsed parse_option(int option, struct options *options)
{
	switch (option) {
	case 'c':
		options->certificates[options->certificate_count++] = optarg;
		return PARSED_OK;
	case 'p':
		return parsed_value(set_kind(options, &kinds[0]));
	case 'x':
		return parsed_value(set_kind(options, &kinds[1]));
	case 's':
		return parsed_value(set_kind(options, &kinds[2]));
	case 'a':
		return parsed_value(set_kind(options, &kinds[3]));
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
	else if (options->machine && options->kind)
		fprintf(stderr, "crashres verify: --machine and --%s exclude each other\n",
			place_json(options->kind->signature));
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
static enum crashres_status verify_places(struct crashres_ctx *ctx, const struct options *options,
					  const struct crashres_input *file,
					  struct crashres_certificate *const *certificates,
					  struct results *results)
{
	for (size_t i = 0; i < KINDS; i++) {
		enum crashres_status status;

		if (options->kind && options->kind != &kinds[i])
			continue;
		status = crashres_verify_input(ctx, file, kinds[i].signature, certificates,
					       options->certificate_count,
					       &results->verifications[i]);
		if (status != CRASHRES_OK && status != CRASHRES_ERR_NO_SIGNATURE)
			return status;
	}
	return CRASHRES_OK;
}

/* Opens the file once, so that all results are about the same bytes. Else: verify_places(). */
static enum crashres_status verify_all(struct crashres_ctx *ctx, const struct options *options,
				       struct crashres_certificate *const *certificates,
				       struct results *results)
{
	struct crashres_input *file;
	enum crashres_status status = crashres_input_open(ctx, options->file, &file);

	if (status != CRASHRES_OK)
		return status;
	status = verify_places(ctx, options, file, certificates, results);
	crashres_input_close(file);
	return status;
}

/* Returns true if the kernel tries the appended signature because it does not know @xattr's key. */
static bool is_passed_over(const struct crashres_verification *xattr,
			   const struct crashres_verification *appended)
{
	return xattr->key_unknown && appended && appended->valid;
}

/*
 * Returns true if there is at least one signature that the kernel reads, and all signatures are
 * valid. The kernel reads FILE.sig only after it is set as security.ima, so this signature counts
 * only if the user asks for it.
 */
static bool are_all_valid(const struct options *options, const struct results *results)
{
	size_t count = 0;

	for (size_t i = 0; i < KINDS; i++) {
		const struct crashres_verification *verification = results->verifications[i];

		if (!verification)
			continue;
		count += counts(options, &kinds[i]);
		if (!verification->valid &&
		    !(kinds[i].signature == CRASHRES_SIGNATURE_XATTR &&
		      is_passed_over(verification, results->verifications[KINDS - 1])))
			return false;
	}
	return count;
}

/* Verifies and prints. Returns the exit status. */
static int verify(struct crashres_ctx *ctx, const struct options *options,
		  struct crashres_certificate *const *certificates)
{
	struct results results = { { NULL } };
	int result = EXIT_ERROR;

	if (verify_all(ctx, options, certificates, &results) == CRASHRES_OK) {
		bool valid = are_all_valid(options, &results);

		if (options->json)
			print_json(options, &results, valid);
		else
			print_text(options, &results);
		result = valid ? EXIT_VALID : EXIT_INVALID;
	} else {
		fprintf(stderr, "crashres: %s\n", crashres_error(ctx));
	}
	for (size_t i = 0; i < KINDS; i++)
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
