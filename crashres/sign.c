/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sign.c: crashres sign. Signs files for appraisal by the kernel's IMA. This file reads the
 * command line; passphrase.c reads the passphrase, and libcrashres-ima signs.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include <crashres/ima.h>

#include "../cli/help.h"
#include "../cli/values.h"
#include "commands.h"
#include "passphrase.h"

/* The command line. Strings belong to argv. */
struct options {
	const char *key;			/* path or URI */
	const char *certificate;		/* path or URI; NULL: none */
	const char *output;			/* path; NULL: the default of @signature */
	enum crashres_hash hash;
	enum crashres_signature signature;	/* XATTR without --append and --sigfile */
	bool signature_chosen;			/* --append or --sigfile was given */
	struct passphrase passphrase;
	char **files;				/* paths; @file_count of them */
	int file_count;
};

static const char usage[] =
"Usage: crashres sign --key=KEY [OPTION]... FILE...\n"
"Sign kernels, initrds and other files for appraisal by the kernel's IMA. Without\n"
"--append and --sigfile, set the attribute security.ima of each FILE.\n"
"\n"
"     --key=KEY          The private key: a file (PEM or DER), or a URI (pkcs11:...).\n"
"     --cert=CERT        The certificate of the key: a file or a URI. It supplies the\n"
"                        key id. --append needs it.\n"
"     --hash=HASH        sha256 (default), sha384 or sha512.\n"
"     --append           Append the signature to FILE. An appended signature that\n"
"                        FILE already has is replaced.\n"
"     --sigfile          Write the bytes for security.ima to FILE.sig.\n"
" -o, --output=OUT       With --append or --sigfile: write to OUT instead.\n"
"     --passphrase-fd=N  Read the passphrase or PIN from file descriptor N, one line,\n"
"                        instead of asking on the terminal.\n"
" -h, --help             Print this text.\n"
"\n"
"Exit status:\n"
"  0  all files are signed\n"
"  4  an error was reported on stderr; other files can be signed\n";

/* --------------------------------------------------------------- options */

/* Reads the value of --hash. */
static bool parse_hash(const struct value *value, enum crashres_hash *hash)
{
	static const char *const words[] = { "sha256", "sha384", "sha512", NULL };
	static const enum crashres_hash hashes[] = {
		CRASHRES_HASH_SHA256, CRASHRES_HASH_SHA384, CRASHRES_HASH_SHA512,
	};
	unsigned int index;

	if (!values_word(value, words, &index))
		return false;
	*hash = hashes[index];
	return true;
}

/* Reads the value of --passphrase-fd. The upper limit keeps it in an int. */
static bool parse_fd(const struct value *value, int *fd)
{
	char *end;
	long number;

	errno = 0;
	number = strtol(value->text, &end, 10);
	if (errno || end == value->text || *end || number < 0 || number > 1 << 20)
		return values_refuse(value, "the number of a file descriptor");
	*fd = (int)number;
	return true;
}

/* Stores --append or --sigfile. Returns false after the other one. */
static bool set_signature(struct options *options, enum crashres_signature signature)
{
	if (options->signature_chosen && options->signature != signature) {
		fprintf(stderr, "crashres sign: --append and --sigfile exclude each other\n");
		return false;
	}
	options->signature = signature;
	options->signature_chosen = true;
	return true;
}

/* Stores one option. @name: its long name, for messages about a wrong value. */
static enum parsed parse_option(int option, const char *name, struct options *options)
{
	const struct value value = { "crashres sign", name, optarg };

	switch (option) {
	case 'k':
		options->key = optarg;
		return PARSED_OK;
	case 'c':
		options->certificate = optarg;
		return PARSED_OK;
	case 'H':
		return parsed_value(parse_hash(&value, &options->hash));
	case 'a':
		return parsed_value(set_signature(options, CRASHRES_SIGNATURE_APPENDED));
	case 's':
		return parsed_value(set_signature(options, CRASHRES_SIGNATURE_SIGFILE));
	case 'o':
		options->output = optarg;
		return PARSED_OK;
	case 'p':
		return parsed_value(parse_fd(&value, &options->passphrase.fd));
	case 'h':
		return PARSED_HELP;
	default:
		return PARSED_BAD;
	}
}

/* Returns the sentence on missing or contradicting options, or NULL. */
static const char *find_usage_error(const struct options *options)
{
	if (!options->key)
		return "--key is missing";
	if (!options->file_count)
		return "no file to sign";
	if (options->output && options->signature == CRASHRES_SIGNATURE_XATTR)
		return "--output needs --append or --sigfile";
	if (options->output && options->file_count > 1)
		return "--output accepts only one file to sign";
	if (options->signature == CRASHRES_SIGNATURE_APPENDED && !options->certificate)
		return "--append needs --cert";
	return NULL;
}

/* Reads the command line into @options. Reports a wrong one on stderr. */
static enum parsed parse(int argc, char **argv, struct options *options)
{
	static const struct option long_options[] = {
		{ "key", required_argument, NULL, 'k' },
		{ "cert", required_argument, NULL, 'c' },
		{ "hash", required_argument, NULL, 'H' },
		{ "append", no_argument, NULL, 'a' },
		{ "sigfile", no_argument, NULL, 's' },
		{ "output", required_argument, NULL, 'o' },
		{ "passphrase-fd", required_argument, NULL, 'p' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	const char *problem;

	*options = (struct options){ .hash = CRASHRES_HASH_SHA256,
				     .passphrase = PASSPHRASE_TERMINAL };
	for (;;) {
		/* getopt_long() sets the index for long options only; messages use it for these. */
		int index = 0, option = getopt_long(argc, argv, "o:h", long_options, &index);
		enum parsed parsed;

		if (option == -1)
			break;
		parsed = parse_option(option, long_options[index].name, options);
		if (parsed != PARSED_OK)
			return parsed;
	}
	options->files = argv + optind;
	options->file_count = argc - optind;
	problem = find_usage_error(options);
	if (!problem)
		return PARSED_OK;
	fprintf(stderr, "crashres sign: %s\n", problem);
	return PARSED_REFUSED;
}

/* --------------------------------------------------------------- command */

/* Signs all files, also after an error with one of them. Returns the exit status. */
static int sign_files(struct crashres_ctx *ctx, const struct options *options,
		      const struct crashres_key *key,
		      const struct crashres_certificate *certificate)
{
	struct crashres_sign_request request = CRASHRES_SIGN_REQUEST_INIT;
	int result = EXIT_SUCCESS;

	request.key = key;
	request.certificate = certificate;
	request.hash = options->hash;
	request.signature = options->signature;
	request.output = options->output;
	for (int i = 0; i < options->file_count; i++) {
		if (crashres_sign(ctx, &request, options->files[i]) == CRASHRES_OK)
			continue;
		fprintf(stderr, "crashres: %s\n", crashres_error(ctx));
		result = EXIT_ERROR;
	}
	return result;
}

/*
 * Opens the certificate and the key, and signs. The certificate comes first: if it cannot be
 * opened, the user is not asked for a passphrase. Returns the exit status.
 */
static int run(struct crashres_ctx *ctx, struct options *options)
{
	struct crashres_certificate *certificate = NULL;
	struct crashres_key *key = NULL;
	enum crashres_status status = CRASHRES_OK;
	int result = EXIT_ERROR;

	if (options->certificate)
		status = crashres_certificate_open(ctx, options->certificate, &certificate);
	if (status == CRASHRES_OK)
		status = crashres_key_open(ctx, options->key, passphrase_get, &options->passphrase,
					   &key);
	if (status == CRASHRES_OK)
		result = sign_files(ctx, options, key, certificate);
	else
		fprintf(stderr, "crashres: %s\n", crashres_error(ctx));
	crashres_key_free(key);
	crashres_certificate_free(certificate);
	return result;
}

int sign_main(struct crashres_ctx *ctx, int argc, char **argv)
{
	struct options options;
	enum parsed parsed = parse(argc, argv, &options);

	return parsed == PARSED_OK ? run(ctx, &options) :
				     help_end(parsed, "crashres sign", usage, EXIT_ERROR);
}
