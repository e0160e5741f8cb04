/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sign.c: crashres sign. Signs files for appraisal by the kernel's IMA, with a key or with
 * signatures that were made elsewhere, and removes signatures. sign-options.c reads the command
 * line, libcrashres-ima signs, and this file does the task for each file and reports.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
 * Reports the error of the library. @file: NULL if it concerns all files. The library does not
 * know options, so the one that helps is added here.
 */
static void report_error(const struct work *work, const char *file, enum crashres_status status)
{
	const char *hint = status == CRASHRES_ERR_PE_SIGNATURE ? "; --force appends it anyway" : "";
	char *problem;

	if (asprintf(&problem, "%s%s", crashres_error(work->ctx), hint) < 0)
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
		report_error(work, file, status);
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

/*
 * Bytes. No signature of a key that the kernel knows is longer; a device such as /dev/zero and a
 * FIFO can have no end.
 */
#define SIGNATURE_LIMIT	65536

/* Reads until the end of the file or until the buffer is full. Returns the bytes, -1: errno. */
static ssize_t read_all(int fd, uint8_t *buffer, size_t capacity)
{
	size_t used = 0;

	while (used < capacity) {
		ssize_t got = read(fd, buffer + used, capacity - used);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		used += (size_t)got;
	}
	return (ssize_t)used;
}

/*
 * Reads the signature that was made elsewhere. @buffer: SIGNATURE_LIMIT + 1 bytes. Returns NULL, or
 * a sentence that the caller frees; NULL with @size 0: no memory for the sentence.
 */
static char *read_signature(const char *path, uint8_t *buffer, size_t *size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	ssize_t got = fd < 0 ? -1 : read_all(fd, buffer, SIGNATURE_LIMIT + 1);
	char *problem = NULL;
	int result = 0;

	if (got < 0)
		result = asprintf(&problem, "signature: %s: cannot %s: %s", path,
				  fd < 0 ? "open" : "read", strerror(errno));
	else if (!got)
		result = asprintf(&problem, "signature: %s: the file is empty", path);
	else if (got > SIGNATURE_LIMIT)
		result = asprintf(&problem, "signature: %s: more than %d bytes", path,
				  SIGNATURE_LIMIT);
	*size = got > 0 && got <= SIGNATURE_LIMIT ? (size_t)got : 0;
	if (fd >= 0)
		close(fd);
	return result < 0 ? NULL : problem;
}

/* Does the task with a signature that was made elsewhere, or without. Returns the exit status. */
static int run_with_signature(struct work *work)
{
	uint8_t buffer[SIGNATURE_LIMIT + 1];
	char *problem;

	if (!work->options->signature_in)
		return do_files(work);
	problem = read_signature(work->options->signature_in, buffer, &work->request.given_size);
	work->request.given_signature = buffer;
	if (!problem && work->request.given_size)
		return do_files(work);
	report(work, NULL, problem ? problem : "out of memory");
	free(problem);
	return EXIT_ERROR;
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
		report_error(work, NULL, status);
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
