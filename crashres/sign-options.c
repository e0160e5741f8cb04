/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sign-options.c: reads the command line of crashres sign. */
#include <getopt.h>
#include <stdio.h>

#include "../cli/bad-option.h"
#include "../cli/same-file.h"
#include "../cli/values.h"
#include "sign-options.h"

const char sign_usage[] =
"Usage: crashres sign --key=KEY [OPTION]... FILE...\n"
"       crashres sign --detached-out=OUT [OPTION]... FILE\n"
"       crashres sign --signature-in=SIG --cert=CERT [OPTION]... FILE\n"
"       crashres sign --remove [--append|--sigfile] FILE...\n"
"Sign kernels, initrds and other files for appraisal by the kernel's IMA. Without\n"
"--append and --sigfile, set the attribute security.ima of each FILE.\n"
"\n"
"     --key=KEY          The private key: a file (PEM or DER), or a URI (pkcs11:...).\n"
"     --cert=CERT        The certificate of the key: a file or a URI. It supplies the\n"
"                        key id. --append and --signature-in need it.\n"
"     --hash=HASH        sha256 (default), sha384 or sha512.\n"
"     --append           Append the signature to FILE. An appended signature that\n"
"                        FILE already has is replaced.\n"
"     --sigfile          Write the bytes for security.ima to FILE.sig.\n"
" -o, --output=OUT       With --append or --sigfile: write to OUT instead.\n"
"     --force            With --append: sign a file with a PE signature too. The PE\n"
"                        signature becomes invalid. With --sigfile: replace a FILE.sig\n"
"                        that is not a signature file.\n"
"     --detached-out=OUT Sign nothing: write the digest that a key elsewhere must sign.\n"
"     --signature-in=SIG Use this signature of the digest, made elsewhere.\n"
"     --remove           Remove the signature: security.ima, with --append the appended\n"
"                        signatures, with --sigfile the file FILE.sig.\n"
"     --passphrase-fd=N  Read the passphrase or PIN from file descriptor N, one line,\n"
"                        instead of asking on the terminal.\n"
"     --passphrase-file=FILE\n"
"                        Read the passphrase or PIN from FILE, one line.\n"
"     --passphrase-env=NAME\n"
"                        Take the passphrase or PIN from the environment variable NAME.\n"
"     --json             Print a JSON array with one object for each FILE.\n"
" -h, --help             Print this text.\n"
"\n"
"Exit status:\n"
"  0  all files are done\n"
"  4  an error was reported on stderr; the files without an error are done\n";

/* tests/unit/test_completions.py compares these names with the shell completions. */
static const struct option long_options[] = {
	{ "key", required_argument, NULL, 'k' },
	{ "cert", required_argument, NULL, 'c' },
	{ "hash", required_argument, NULL, 'H' },
	{ "append", no_argument, NULL, 'a' },
	{ "sigfile", no_argument, NULL, 's' },
	{ "output", required_argument, NULL, 'o' },
	{ "force", no_argument, NULL, 'f' },
	{ "detached-out", required_argument, NULL, 'd' },
	{ "signature-in", required_argument, NULL, 'i' },
	{ "remove", no_argument, NULL, 'r' },
	{ "passphrase-fd", required_argument, NULL, 'p' },
	{ "passphrase-file", required_argument, NULL, 'P' },
	{ "passphrase-env", required_argument, NULL, 'E' },
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

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

/* Stores --append or --sigfile. Returns false after the other one. */
static bool set_signature(struct sign_options *options, enum crashres_signature signature)
{
	if (options->signature_chosen && options->signature != signature) {
		fprintf(stderr, "crashres sign: --append and --sigfile exclude each other\n");
		return false;
	}
	options->signature = signature;
	options->signature_chosen = true;
	return true;
}

/* Stores an option without a value. */
static enum parsed parse_flag(int option, struct sign_options *options)
{
	switch (option) {
	case 'a':
		return parsed_value(set_signature(options, CRASHRES_SIGNATURE_APPENDED));
	case 's':
		return parsed_value(set_signature(options, CRASHRES_SIGNATURE_SIGFILE));
	case 'r':
		options->remove = true;
		return PARSED_OK;
	case 'f':
		options->force = true;
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

/* Stores one option. @name: its long name, for messages about a wrong value. */
static enum parsed parse_option(int option, const char *name, struct sign_options *options)
{
	const struct value value = { "crashres sign", name, optarg };

	switch (option) {
	case 'k':
		options->key = optarg;
		return PARSED_OK;
	case 'c':
		options->certificate = optarg;
		return PARSED_OK;
	case 'o':
		options->output = optarg;
		return PARSED_OK;
	case 'd':
		options->detached_out = optarg;
		return PARSED_OK;
	case 'i':
		options->signature_in = optarg;
		return PARSED_OK;
	case 'H':
		return parsed_value(parse_hash(&value, &options->hash));
	case 'p':
	case 'P':
	case 'E':
		return parsed_value(passphrase_parse(&value, &options->passphrase));
	default:
		return parse_flag(option, options);
	}
}

/* Returns the sentence on options that do not fit the task: sign, write a digest, remove. */
static const char *find_task_error(const struct sign_options *options)
{
	if (options->remove && (options->key || options->certificate))
		return "--remove needs neither --key nor --cert";
	if (options->remove && (options->detached_out || options->signature_in))
		return "--remove, --detached-out and --signature-in exclude each other";
	if (options->detached_out && options->signature_in)
		return "--remove, --detached-out and --signature-in exclude each other";
	if (options->key && options->detached_out)
		return "--key and --detached-out exclude each other";
	if (options->key && options->signature_in)
		return "--key and --signature-in exclude each other";
	if (options->signature_in && !options->certificate)
		return "--signature-in needs --cert";
	if (!options->key && !options->remove && !options->detached_out && !options->signature_in)
		return "--key is missing";
	return NULL;
}

/* Returns the sentence on a wrong number of files, or NULL. */
static const char *find_file_error(const struct sign_options *options)
{
	if (!options->file_count)
		return options->remove ? "no file" : "no file to sign";
	for (int i = 0; i < options->file_count; i++)
		if (is_key_uri(options->files[i]))
			return "a pkcs11: URI is not a file to sign";
	if (options->file_count == 1)
		return NULL;
	if (options->output)
		return "--output accepts only one file to sign";
	if (options->detached_out)
		return "--detached-out accepts only one file to sign";
	if (options->signature_in)
		return "--signature-in accepts only one file to sign";
	return NULL;
}

/* Returns the sentence on options that do not fit the place of the signature, or NULL. */
static const char *find_place_error(const struct sign_options *options)
{
	bool append = options->signature == CRASHRES_SIGNATURE_APPENDED;

	if (options->output && options->detached_out)
		return "--output and --detached-out exclude each other";
	if (options->output && options->remove && !append)
		return "--output with --remove needs --append";
	if (options->output && !options->signature_chosen)
		return "--output needs --append or --sigfile";
	if (options->force && (!options->signature_chosen || options->remove))
		return "--force is only for signing with --append or --sigfile";
	if (append && !options->certificate && !options->remove)
		return "--append needs --cert";
	return NULL;
}

/* Returns the sentence on missing or contradicting options, or NULL. */
static const char *find_usage_error(const struct sign_options *options)
{
	const char *problem = find_task_error(options);

	if (!problem)
		problem = find_file_error(options);
	return problem ? problem : find_place_error(options);
}

/*
 * Checks that no output destroys a key, a certificate or another file that the command reads. An
 * appended signature without --output changes FILE itself. Returns false after one line on stderr.
 */
static bool check_outputs(const struct sign_options *options)
{
	bool changes_files = options->signature == CRASHRES_SIGNATURE_APPENDED &&
			     !options->output && !options->detached_out;
	const struct read_file files[] = {
		{ "key", options->key },
		{ "cert", options->certificate },
		{ "signature-in", options->signature_in },
		{ "passphrase-file", options->passphrase.file },
	};
	const size_t count = sizeof(files) / sizeof(*files);

	for (int i = 0; changes_files && i < options->file_count; i++)
		if (!output_is_other_file("crashres sign", "FILE", options->files[i], files, count))
			return false;
	return output_is_other_file("crashres sign", "--output", options->output, files, count) &&
	       output_is_other_file("crashres sign", "--detached-out", options->detached_out, files,
				    count);
}

enum parsed sign_parse(int argc, char **argv, struct sign_options *options)
{
	const char *problem;

	*options = (struct sign_options){ .hash = CRASHRES_HASH_SHA256,
					  .passphrase = PASSPHRASE_TERMINAL };
	opterr = 0;
	for (;;) {
		/* getopt_long() sets the index for long options only; messages use it for these. */
		int index = 0, option = getopt_long(argc, argv, "o:h", long_options, &index);
		enum parsed parsed;

		if (option == -1)
			break;
		if (option == '?')
			bad_option("crashres sign", argv, long_options);
		parsed = parse_option(option, long_options[index].name, options);
		if (parsed != PARSED_OK)
			return parsed;
	}
	options->files = argv + optind;
	options->file_count = argc - optind;
	problem = find_usage_error(options);
	if (!problem)
		return check_outputs(options) ? PARSED_OK : PARSED_REFUSED;
	fprintf(stderr, "crashres sign: %s\n", problem);
	return PARSED_REFUSED;
}
