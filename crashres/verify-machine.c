/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * verify-machine.c: crashres verify --machine. Prints whether this machine would load a file, as
 * text or as JSON. The library finds it out (crashres_appraise()); this file knows the commands
 * that take the next step.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../cli/json-object.h"
#include "commands.h"
#include "places.h"
#include "verify-machine.h"

/* Exit statuses. */
enum {
	EXIT_LOADS = 0,
	EXIT_REFUSED = 1,
	EXIT_UNKNOWN = 2,
};

/* ------------------------------------------------------------------ text */

static const char *answer_text(enum crashres_answer answer)
{
	return answer == CRASHRES_ANSWER_YES ? "yes" : answer == CRASHRES_ANSWER_NO ? "no" :
									  "unknown";
}

/* The command that signs a file for the place. */
static const char *sign_text(const struct crashres_appraisal_check *check)
{
	if (check->signature == CRASHRES_SIGNATURE_PE)
		return "sign the file with sbsign, pesign or systemd-sbsign";
	return check->appended_accepted ?
	       "sign the file with \"crashres sign\", or with \"crashres sign --append\"" :
	       "sign the file with \"crashres sign\"";
}

/*
 * How a certificate gets into the keyrings of IMA (restrict_link_to_ima() in
 * security/integrity/digsig.c), one line each.
 */
static void print_enrol_ima(const struct crashres_appraisal *appraisal)
{
	printf("  Next step   add the certificate to .ima, for example with\n"
	       "              keyctl padd asymmetric '' %%keyring:.ima < CERT.der\n"
	       "              A key in .builtin_trusted_keys%s must have signed it. It needs\n"
	       "              keyUsage digitalSignature, and neither CA:TRUE nor keyCertSign\n",
	       appraisal->ima_secondary == CRASHRES_ANSWER_YES ? " or .secondary_trusted_keys" :
								 "");
}

/*
 * How a certificate gets into .platform or .machine. The kernel puts a certificate of the owner
 * (MOK) that .machine refuses into .platform (add_to_machine_keyring()).
 */
static void print_enrol_pe(const struct crashres_appraisal *appraisal)
{
	printf("  Next step   enrol the certificate with \"mokutil --import CERT.der\", and restart the "
	       "machine\n");
	if (appraisal->ca_keyring == CRASHRES_ANSWER_YES)
		printf("              .machine takes it only with CA:TRUE and keyUsage keyCertSign%s;\n"
		       "              otherwise the kernel adds it to .platform\n",
		       appraisal->ca_keyring_max == CRASHRES_ANSWER_YES ?
		       ", without digitalSignature" : "");
}

static void print_step(const struct crashres_appraisal *appraisal,
		       const struct crashres_appraisal_check *check)
{
	switch (check->step) {
	case CRASHRES_STEP_SIGN:
		printf("  Next step   %s\n", sign_text(check));
		break;
	case CRASHRES_STEP_ENROL:
		if (check->appraiser == CRASHRES_APPRAISER_IMA)
			print_enrol_ima(appraisal);
		else
			print_enrol_pe(appraisal);
		break;
	case CRASHRES_STEP_CERTIFICATE:
		printf("  Next step   name the signer's certificate with --cert\n");
		break;
	case CRASHRES_STEP_PRIVILEGE:
		printf("  Next step   run the command as root on the machine itself\n");
		break;
	case CRASHRES_STEP_REVOKED:
		printf("  Next step   sign another build of the file with another key\n");
		break;
	case CRASHRES_STEP_KERNEL:
		printf("  Next step   start a kernel that has the option\n");
		break;
	default:
		break;
	}
}

static void print_line(const char *name, const char *text)
{
	if (*text)
		printf("  %-11s %s\n", name, text);
}

static void print_check(const struct crashres_appraisal *appraisal,
			const struct crashres_appraisal_check *check)
{
	const char *name = check->appraiser == CRASHRES_APPRAISER_IMA ? "IMA" : "PE";

	if (check->demanded == CRASHRES_ANSWER_NO) {
		printf("%s: demands no signature: %s\n", name, check->reason);
		return;
	}
	printf("%s: %s: %s\n", name, check->demanded == CRASHRES_ANSWER_YES ?
	       "demands a signature" : "unknown whether it demands a signature", check->reason);
	print_line("Looks at", place_text(check->signature));
	print_line("Signer", check->signer);
	print_line("Key", check->key);
	print_line("Keyring", check->keyring);
	print_line("Verified", check->verified ? "yes, with the public key" :
		   *check->key ? "no" : "");
	print_line("Passes", answer_text(check->passes));
	print_line("Problem", check->problem);
	print_step(appraisal, check);
}

/* Does the machine verify nothing? */
static bool demands_nothing(const struct crashres_appraisal *appraisal)
{
	for (size_t i = 0; i < appraisal->check_count; i++)
		if (appraisal->checks[i].demanded != CRASHRES_ANSWER_NO)
			return false;
	return true;
}

/* The first line: the answer. */
static void print_answer(const char *file, const struct crashres_appraisal *appraisal)
{
	switch (appraisal->loads) {
	case CRASHRES_ANSWER_YES:
		printf("%s: yes, this machine loads it%s\n", file,
		       demands_nothing(appraisal) ? ", and verifies nothing" : "");
		break;
	case CRASHRES_ANSWER_NO:
		printf("%s: no, this machine refuses it\n", file);
		break;
	default:
		printf("%s: unknown whether this machine loads it\n", file);
		break;
	}
}

/*
 * Prints the answer, then what each part of the kernel says, for example:
 *
 *   Image: yes, this machine loads it
 *   Secure Boot: yes, lockdown: yes
 *   IMA: demands no signature: no rule of the IMA policy appraises kernels
 *   PE: demands a signature: lockdown
 *     Looks at    PE signature
 *     Signer      CN = kdump
 *     Keyring     .platform
 *     Passes      yes
 */
static void print_text(const char *file, const struct crashres_appraisal *appraisal)
{
	print_answer(file, appraisal);
	printf("Secure Boot: %s, lockdown: %s\n", answer_text(appraisal->secure_boot),
	       answer_text(appraisal->locked_down));
	if (*appraisal->problem)
		printf("Kernel: %s\n", appraisal->problem);
	for (size_t i = 0; i < appraisal->check_count; i++)
		print_check(appraisal, &appraisal->checks[i]);
	if (*appraisal->keyrings_problem)
		printf("Keyrings: unknown: %s\n", appraisal->keyrings_problem);
}

/*
 * ------------------------------------------------------------------ JSON
 *
 * crashres(1) documents the keys. Programs depend on them: keys are added, but never renamed or
 * removed.
 */

/* true, false, or null for UNKNOWN. */
static struct json_object *answer_to_json(enum crashres_answer answer)
{
	return answer == CRASHRES_ANSWER_UNKNOWN ? NULL :
	       json_object_new_boolean(answer == CRASHRES_ANSWER_YES);
}

static struct json_object *step_to_json(enum crashres_step step)
{
	static const char *const names[] = {
		[CRASHRES_STEP_SIGN] = "sign",
		[CRASHRES_STEP_ENROL] = "enrol",
		[CRASHRES_STEP_CERTIFICATE] = "certificate",
		[CRASHRES_STEP_PRIVILEGE] = "privilege",
		[CRASHRES_STEP_REVOKED] = "revoked",
		[CRASHRES_STEP_KERNEL] = "kernel",
	};

	return step == CRASHRES_STEP_NONE || (size_t)step >= sizeof(names) / sizeof(*names) ?
	       NULL : json_object_new_string(names[step]);
}

static struct json_object *check_to_json(const struct crashres_appraisal_check *check)
{
	struct json_object *object = json_object_new_object();
	bool made = check->demanded != CRASHRES_ANSWER_NO;

	json_add(object, "check", json_object_new_string(
		 check->appraiser == CRASHRES_APPRAISER_IMA ? "ima" : "pe"));
	json_add(object, "demanded", answer_to_json(check->demanded));
	json_add(object, "reason", json_string_or_null(check->reason));
	json_add(object, "passes", answer_to_json(check->passes));
	json_add(object, "signature", made ?
		 json_object_new_string(place_json(check->signature)) : NULL);
	json_add(object, "signer", json_string_or_null(check->signer));
	json_add(object, "key", json_string_or_null(check->key));
	json_add(object, "trusted", answer_to_json(check->trusted));
	json_add(object, "verified", json_object_new_boolean(check->verified));
	json_add(object, "keyring", json_string_or_null(check->keyring));
	json_add(object, "keyrings", json_string_or_null(check->keyrings));
	json_add(object, "problem", json_string_or_null(check->problem));
	json_add(object, "step", step_to_json(check->step));
	return object;
}

static void print_json(const char *file, const struct crashres_appraisal *appraisal)
{
	struct json_object *object = json_object_new_object();
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < appraisal->check_count; i++)
		json_object_array_add(list, check_to_json(&appraisal->checks[i]));
	json_add(object, "file", json_object_new_string(file));
	json_add(object, "loads", answer_to_json(appraisal->loads));
	json_add(object, "problem", json_string_or_null(appraisal->problem));
	json_add(object, "secure_boot", answer_to_json(appraisal->secure_boot));
	json_add(object, "lockdown", answer_to_json(appraisal->locked_down));
	json_add(object, "kexec_file", answer_to_json(appraisal->kexec_file));
	json_add(object, "kexec_sig", answer_to_json(appraisal->kexec_sig));
	json_add(object, "kexec_image_verify_sig", answer_to_json(appraisal->image_verify_sig));
	json_add(object, "ima", answer_to_json(appraisal->ima_policy));
	json_add(object, "keyrings_problem", json_string_or_null(appraisal->keyrings_problem));
	json_add(object, "checks", list);
	json_print(object);
}

/* --------------------------------------------------------------- command */

int verify_machine(struct crashres_ctx *ctx, const struct verify_machine *options)
{
	struct crashres_appraisal *appraisal;
	enum crashres_status status = CRASHRES_OK;
	int result;

	if (options->root)
		status = crashres_ctx_set_root(ctx, options->root);
	if (status == CRASHRES_OK)
		status = crashres_appraise(ctx, options->file, options->certificates,
					   options->count, &appraisal);
	if (status != CRASHRES_OK) {
		fprintf(stderr, "crashres: %s\n", crashres_error(ctx));
		return EXIT_ERROR;
	}
	if (options->json)
		print_json(options->file, appraisal);
	else
		print_text(options->file, appraisal);
	result = appraisal->loads == CRASHRES_ANSWER_YES ? EXIT_LOADS :
		 appraisal->loads == CRASHRES_ANSWER_NO ? EXIT_REFUSED : EXIT_UNKNOWN;
	free(appraisal);
	return result;
}
