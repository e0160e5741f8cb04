/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sign.c: crashres sign. Signs files for appraisal by the kernel's IMA, with a key or with
 * signatures that were made elsewhere, and removes signatures. This file reads the command
 * line; libcrashres-ima signs.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <crashres/ima.h>

#include "../cli/help.h"
#include "../cli/json-object.h"
#include "../cli/same-file.h"
#include "../cli/values.h"
#include "commands.h"
#include "passphrase.h"

/* The command line. Strings belong to argv. */
struct options {
	const char *key;			/* path or URI */
	const char *certificate;		/* path or URI; NULL: none */
	const char *output;			/* path; NULL: the default of @signature */
	const char *detached_out;		/* path for the bytes to be signed; or NULL */
	const char *signature_in;		/* path of a signature made elsewhere; or NULL */
	enum crashres_hash hash;
	enum crashres_signature signature;	/* XATTR without --append and --sigfile */
	bool signature_chosen;			/* --append or --sigfile was given */
	bool remove;
	bool force;
	bool json;
	struct passphrase passphrase;
	char **files;				/* paths; @file_count of them */
	int file_count;
};

/* Everything that sign_file() needs besides the file. All members are borrowed. */
struct work {
	struct crashres_ctx *ctx;
	const struct options *options;
	struct crashres_sign_request request;
	struct json_object *results;		/* with --json: an array, one object for each file */
};

static const char usage[] =
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
"                        signature becomes invalid.\n"
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
"  4  an error was reported on stderr; other files can be done\n";

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

/* Stores an option without a value. */
static enum parsed parse_flag(int option, struct options *options)
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
static const char *find_task_error(const struct options *options)
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
static const char *find_file_error(const struct options *options)
{
	if (!options->file_count)
		return options->remove ? "no file" : "no file to sign";
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
static const char *find_place_error(const struct options *options)
{
	bool append = options->signature == CRASHRES_SIGNATURE_APPENDED;

	if (options->output && options->detached_out)
		return "--output and --detached-out exclude each other";
	if (options->output && options->remove && !append)
		return "--output with --remove needs --append";
	if (options->output && !options->signature_chosen)
		return "--output needs --append or --sigfile";
	if (options->force && (!append || options->remove))
		return "--force is only for signing with --append";
	if (append && !options->certificate && !options->remove)
		return "--append needs --cert";
	return NULL;
}

/* Returns the sentence on missing or contradicting options, or NULL. */
static const char *find_usage_error(const struct options *options)
{
	const char *problem = find_task_error(options);

	if (!problem)
		problem = find_file_error(options);
	return problem ? problem : find_place_error(options);
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

/* ---------------------------------------------------------------- results */

/* Returns the path of the file that the task writes, which the caller frees. NULL: no memory. */
static char *output_of(const struct options *options, const char *file)
{
	char *path;

	if (asprintf(&path, "%s%s",
		     options->detached_out ? options->detached_out :
		     options->output ? options->output : file,
		     options->signature == CRASHRES_SIGNATURE_SIGFILE && !options->detached_out &&
		     !options->output ? ".sig" : "") < 0)
		return NULL;
	return path;
}

/* Returns the key id in a new signature, or null: none is made, or the key was not opened. */
static struct json_object *key_id_to_json(const struct work *work)
{
	const struct crashres_sign_request *request = &work->request;
	uint32_t id = 0;
	char text[16];

	if (request->certificate)
		id = crashres_certificate_key_id(request->certificate);
	else if (!request->key || !crashres_key_id(request->key, &id))
		return NULL;
	snprintf(text, sizeof(text), "%08" PRIx32, id);
	return json_object_new_string(text);
}

/* Adds the object of one file to the array. @problem: the error; NULL: the task is done. */
static void add_result(const struct work *work, const char *file, const char *problem)
{
	static const char *const places[] = {
		[CRASHRES_SIGNATURE_XATTR] = "xattr",
		[CRASHRES_SIGNATURE_SIGFILE] = "sigfile",
		[CRASHRES_SIGNATURE_APPENDED] = "appended",
	};
	const struct options *options = work->options;
	struct json_object *object = json_object_new_object();
	bool sign = !options->remove && !options->detached_out;
	char *output = problem ? NULL : output_of(options, file);

	json_add(object, "file", json_object_new_string(file));
	json_add(object, "task", json_object_new_string(options->remove ? "remove" :
							 options->detached_out ? "digest" : "sign"));
	json_add(object, "signed", json_object_new_boolean(sign && !problem));
	json_add(object, "problem", problem ? json_object_new_string(problem) : NULL);
	json_add(object, "signature", json_object_new_string(places[options->signature]));
	json_add(object, "hash", options->remove ? NULL :
		 json_object_new_string(crashres_hash_name(options->hash)));
	json_add(object, "key_id", options->remove ? NULL : key_id_to_json(work));
	json_add(object, "output", output ? json_object_new_string(output) : NULL);
	json_object_array_add(work->results, object);
	free(output);
}

/* Reports a problem on stderr and in the JSON array. @file: NULL if it concerns all files. */
static void report(const struct work *work, const char *file, const char *problem)
{
	const struct options *options = work->options;

	fprintf(stderr, "crashres: %s\n", problem);
	if (!work->results)
		return;
	for (int i = 0; i < options->file_count; i++)
		if (!file || file == options->files[i])
			add_result(work, options->files[i], problem);
}

/*
 * Reports the error of the library. @prefix: the part of the request that it concerns, or "".
 * The library does not know options, so the one that helps is added here.
 */
static void report_error(const struct work *work, const char *file, const char *prefix,
			 enum crashres_status status)
{
	const char *hint = status == CRASHRES_ERR_PE_SIGNATURE ? "; --force appends it anyway" : "";
	char *problem;

	if (asprintf(&problem, "%s%s%s", prefix, crashres_error(work->ctx), hint) < 0)
		problem = NULL;
	report(work, file, problem ? problem : "out of memory");
	free(problem);
}

/* --------------------------------------------------------------- command */

/* Writes the bytes that a key elsewhere must sign. */
static enum crashres_status write_digest(const struct work *work, const char *file)
{
	struct crashres_digest digest;
	struct crashres_input *input;
	enum crashres_status status = crashres_sign_digest(work->ctx, &work->request, file,
							   &digest);

	if (status == CRASHRES_OK)
		status = crashres_input_from_memory(work->ctx, "digest", digest.bytes, digest.size,
						    &input);
	if (status != CRASHRES_OK)
		return status;
	status = crashres_input_save(work->ctx, input, work->options->detached_out);
	crashres_input_close(input);
	return status;
}

/* Does the task with one file. */
static enum crashres_status do_task(const struct work *work, const char *file)
{
	const struct options *options = work->options;

	if (options->remove)
		return crashres_signature_remove(work->ctx, file, options->signature,
						 options->output);
	if (options->detached_out)
		return write_digest(work, file);
	return crashres_sign(work->ctx, &work->request, file);
}

/* Returns false and reports an error if the digest would replace the file. */
static bool check_output(const struct work *work, const char *file)
{
	const char *output = work->options->detached_out;
	char *problem;

	if (!output || !same_file(output, file))
		return true;
	if (asprintf(&problem, "sign %s: %s: is the file to sign", file, output) < 0)
		problem = NULL;
	report(work, file, problem ? problem : "out of memory");
	free(problem);
	return false;
}

/* Does the task with one file. Returns false after a report. */
static bool do_file(const struct work *work, const char *file)
{
	enum crashres_status status;

	if (!check_output(work, file))
		return false;
	status = do_task(work, file);
	if (status != CRASHRES_OK)
		report_error(work, file, "", status);
	else if (work->results)
		add_result(work, file, NULL);
	return status == CRASHRES_OK;
}

/* Does the task with all files, also after an error with one of them. Returns the exit status. */
static int do_files(const struct work *work)
{
	int result = EXIT_SUCCESS;

	for (int i = 0; i < work->options->file_count; i++)
		if (!do_file(work, work->options->files[i]))
			result = EXIT_ERROR;
	return result;
}

/* Reads the signature that was made elsewhere, does the task, and returns the exit status. */
static int run_with_signature(struct work *work)
{
	struct crashres_input *given = NULL;
	enum crashres_status status = CRASHRES_OK;
	int result = EXIT_ERROR;

	if (work->options->signature_in)
		status = crashres_input_open(work->ctx, work->options->signature_in, &given);
	if (given)
		work->request.given_signature = crashres_input_data(given,
								    &work->request.given_size);
	if (status == CRASHRES_OK)
		result = do_files(work);
	else
		report_error(work, NULL, "signature: ", status);
	crashres_input_close(given);
	return result;
}

/*
 * Opens the certificate and the key, and does the task. The certificate comes first: if it
 * cannot be opened, the user is not asked for a passphrase. Returns the exit status.
 */
static int run_with_key(struct work *work, struct passphrase *passphrase)
{
	const struct options *options = work->options;
	struct crashres_certificate *certificate = NULL;
	struct crashres_key *key = NULL;
	enum crashres_status status = CRASHRES_OK;
	int result = EXIT_ERROR;

	if (options->certificate)
		status = crashres_certificate_open(work->ctx, options->certificate, &certificate);
	work->request.certificate = certificate;
	if (status == CRASHRES_OK && options->key)
		status = crashres_key_open(work->ctx, options->key, passphrase_get, passphrase,
					   &key);
	work->request.key = key;
	if (status == CRASHRES_OK)
		result = run_with_signature(work);
	else
		report_error(work, NULL, "", status);
	crashres_key_free(key);
	crashres_certificate_free(certificate);
	return result;
}

/* Runs the command with a parsed command line. Returns the exit status. */
static int run(struct crashres_ctx *ctx, struct options *options)
{
	struct work work = {
		.ctx = ctx,
		.options = options,
		.request = CRASHRES_SIGN_REQUEST_INIT,
	};
	int result = EXIT_ERROR;
	char *problem;

	work.request.hash = options->hash;
	work.request.signature = options->signature;
	work.request.output = options->output;
	work.request.force = options->force;
	if (options->json)
		work.results = json_object_new_array();
	problem = passphrase_find_problem(&options->passphrase);
	if (problem)
		report(&work, NULL, problem);
	else
		result = run_with_key(&work, &options->passphrase);
	if (work.results)
		json_print(work.results);
	free(problem);
	return result;
}

int sign_main(struct crashres_ctx *ctx, int argc, char **argv)
{
	struct options options;
	enum parsed parsed = parse(argc, argv, &options);

	return parsed == PARSED_OK ? run(ctx, &options) :
				     help_end(parsed, "crashres sign", usage, EXIT_ERROR);
}
