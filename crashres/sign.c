/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sign.c: crashres sign. Signs files for appraisal by the kernel's IMA, with a key or with
 * signatures that were made elsewhere, and removes signatures. sign-options.c reads the command
 * line, libcrashres-ima signs, and this file does the task for each file and reports.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "../cli/help.h"
#include "../cli/json-object.h"
#include "../cli/same-file.h"
#include "commands.h"
#include "places.h"
#include "sign-options.h"

/* Everything that do_file() needs besides the file. All members are borrowed. */
struct work {
	struct crashres_ctx *ctx;
	const struct sign_options *options;
	struct crashres_sign_request request;
	struct json_object *results;		/* with --json: an array, one object for each file */
};

/* ---------------------------------------------------------------- results */

/* Returns the path of the file that the task writes, which the caller frees. NULL: no memory. */
static char *output_of(const struct sign_options *options, const char *file)
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
	const struct sign_options *options = work->options;
	struct json_object *object = json_object_new_object();
	bool sign = !options->remove && !options->detached_out;
	char *output = problem ? NULL : output_of(options, file);

	json_add(object, "file", json_object_new_string(file));
	json_add(object, "task", json_object_new_string(options->remove ? "remove" :
							 options->detached_out ? "digest" : "sign"));
	json_add(object, "signed", json_object_new_boolean(sign && !problem));
	json_add(object, "problem", json_string_or_null(problem));
	json_add(object, "signature", json_object_new_string(place_json(options->signature)));
	json_add(object, "hash", options->remove ? NULL :
		 json_object_new_string(crashres_hash_name(options->hash)));
	json_add(object, "key_id", options->remove ? NULL : key_id_to_json(work));
	json_add(object, "output", json_string_or_null(output));
	json_object_array_add(work->results, object);
	free(output);
}

/* Reports a problem on stderr and in the JSON array. @file: NULL if it concerns all files. */
static void report(const struct work *work, const char *file, const char *problem)
{
	const struct sign_options *options = work->options;

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
	const struct sign_options *options = work->options;

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

/* No signature of a key that the kernel knows is longer; a device such as /dev/zero has no end. */
#define SIGNATURE_LIMIT	65536

/* Is the file a device, or too large for a signature? Any other error is found later. */
static bool is_too_large(const char *path)
{
	struct stat st;

	return !stat(path, &st) && (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode) ||
				    st.st_size > SIGNATURE_LIMIT);
}

/* Reports that the file of the signature is too large. Returns the exit status. */
static int refuse_signature(const struct work *work)
{
	char *problem;

	if (asprintf(&problem, "signature: %s: more than %d bytes", work->options->signature_in,
		     SIGNATURE_LIMIT) < 0)
		problem = NULL;
	report(work, NULL, problem ? problem : "out of memory");
	free(problem);
	return EXIT_ERROR;
}

/* Reads the signature that was made elsewhere, does the task, and returns the exit status. */
static int run_with_signature(struct work *work)
{
	struct crashres_input *given = NULL;
	enum crashres_status status = CRASHRES_OK;
	int result = EXIT_ERROR;

	if (work->options->signature_in && is_too_large(work->options->signature_in))
		return refuse_signature(work);
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
	const struct sign_options *options = work->options;
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
static int run(struct crashres_ctx *ctx, struct sign_options *options)
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
	struct sign_options options;
	enum parsed parsed = sign_parse(argc, argv, &options);

	return parsed == PARSED_OK ? run(ctx, &options) :
				     help_end(parsed, "crashres sign", sign_usage, EXIT_ERROR);
}
