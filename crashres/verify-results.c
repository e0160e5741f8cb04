/* SPDX-License-Identifier: GPL-2.0-or-later */
/* verify-results.c: judges and prints the results of crashres verify, as text or as JSON. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "../cli/json-object.h"
#include "places.h"
#include "verify-results.h"

const struct verify_place verify_places[VERIFY_PLACES] = {
	{ CRASHRES_SIGNATURE_PE, "no PE signature" },
	{ CRASHRES_SIGNATURE_XATTR, "no signature in security.ima" },
	{ CRASHRES_SIGNATURE_SIGFILE, "no signature file" },
	{ CRASHRES_SIGNATURE_APPENDED, "no appended signature" },
};

/* Returns true for a signature that decides the result of the command. */
static bool counts(const struct verify_results *results, const struct verify_place *place)
{
	return place->signature != CRASHRES_SIGNATURE_SIGFILE || results->only;
}

/* Returns true if the kernel tries the appended signature because it does not know @xattr's key. */
static bool is_passed_over(const struct crashres_verification *xattr,
			   const struct crashres_verification *appended)
{
	return xattr->key_unknown && appended && appended->valid;
}

bool verify_results_are_valid(const struct verify_results *results)
{
	size_t count = 0;

	for (size_t i = 0; i < VERIFY_PLACES; i++) {
		const struct crashres_verification *verification = results->verifications[i];

		if (!verification)
			continue;
		count += counts(results, &verify_places[i]);
		if (!verification->valid &&
		    !(verify_places[i].signature == CRASHRES_SIGNATURE_XATTR &&
		      is_passed_over(verification, results->verifications[VERIFY_PLACES - 1])))
			return false;
	}
	return count;
}

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

/*
 * Returns the warning about a result, or "". A valid FILE.sig does not make the file valid, and
 * has its own warning.
 */
static const char *warning_text(const struct verify_results *results,
				const struct verify_place *place,
				const struct crashres_verification *verification)
{
	if (verification->valid && !counts(results, place))
		return "the kernel reads this signature only after it is set as security.ima";
	return verification->warning;
}

/*
 * Prints one result. Lines with unknown values are left out: a damaged signature has
 * no hash, and without the signer's certificate the digest says nothing.
 */
static void print_verification(const struct verify_results *results,
			       const struct verify_place *place,
			       const struct crashres_verification *verification)
{
	const char *warning = warning_text(results, place, verification);

	printf("%s: %s: ", results->file, place_text(place->signature));
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
 * Each result has this form:
 *
 *   Image: appended signature: valid
 *     Signer    CN = kdump (id:1a2b3c4d)
 *     Signed    rsa, sha256
 *     Digest    matches
 *     Key       issuer CN = kdump, serial 1F2E
 */
void verify_results_print(const struct verify_results *results)
{
	size_t count = 0;

	for (size_t i = 0; i < VERIFY_PLACES; i++) {
		if (!results->verifications[i])
			continue;
		print_verification(results, &verify_places[i], results->verifications[i]);
		count++;
	}
	if (!count && results->only)
		printf("%s: %s\n", results->file, results->only->absent);
	else if (!count)
		printf("%s: no signature\n", results->file);
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

/* Returns one result. @place: the place of the signature. */
static struct json_object *verification_to_json(const struct verify_results *results,
						const struct verify_place *place,
						const struct crashres_verification *verification)
{
	struct json_object *object = json_object_new_object();

	json_add(object, "signature", json_object_new_string(place_json(place->signature)));
	json_add(object, "valid", json_object_new_boolean(verification->valid));
	json_add(object, "problem", json_string_or_null(verification->problem));
	json_add(object, "warning",
		 json_string_or_null(warning_text(results, place, verification)));
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

void verify_results_print_json(const struct verify_results *results)
{
	struct json_object *object = json_object_new_object();
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < VERIFY_PLACES; i++)
		if (results->verifications[i])
			json_object_array_add(
				list, verification_to_json(results, &verify_places[i],
							   results->verifications[i]));
	json_add(object, "file", json_object_new_string(results->file));
	json_add(object, "valid", json_object_new_boolean(verify_results_are_valid(results)));
	json_add(object, "signatures", list);
	json_print(object);
}
