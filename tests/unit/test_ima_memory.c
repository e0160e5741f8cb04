/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tests the lack of memory in libcrashres-ima. Each allocation of the library fails once: the
 * library must report the failure, leave its results unchanged and write no file;
 * AddressSanitizer sees leaks and double frees. The linker puts the functions below between the
 * library and libc (--wrap).
 *
 * In some steps the allocations of OpenSSL fail, too (CRYPTO_set_mem_functions()). The steps that
 * decode a key or a certificate are left out: the decoders of OpenSSL 3.0 crash without memory.
 */
#include <dirent.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/pem.h>

#include <crashres/ima.h>

#include "../../libcrashres-ima/certificate.h"
#include "keys.h"
#include "signer.h"
#include "support.h"

static unsigned long allocations_until_failure;	/* 0: none fails; 1: the next one fails */
static bool openssl_counts;		/* allocations of OpenSSL can fail, too */

/* Counts an allocation and returns whether it must fail, with errno as malloc(3) sets it. */
static bool fails_now(void)
{
	if (!allocations_until_failure || --allocations_until_failure)
		return false;
	errno = ENOMEM;
	return true;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__real_reallocarray(void *memory, size_t count, size_t size);
char *__real_strdup(const char *text);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void *__wrap_reallocarray(void *memory, size_t count, size_t size);
char *__wrap_strdup(const char *text);
int __wrap_asprintf(char **text, const char *format, ...);

void *__wrap_malloc(size_t size)
{
	return fails_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails_now() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
	return fails_now() ? NULL : __real_realloc(memory, size);
}

void *__wrap_reallocarray(void *memory, size_t count, size_t size)
{
	return fails_now() ? NULL : __real_reallocarray(memory, count, size);
}

char *__wrap_strdup(const char *text)
{
	return fails_now() ? NULL : __real_strdup(text);
}

__attribute__((format(printf, 2, 3)))
int __wrap_asprintf(char **text, const char *format, ...)
{
	va_list args;
	int result;

	/* After a failure *text is undefined (asprintf(3)), so the library must not use it. */
	*text = UNTOUCHED;
	if (fails_now())
		return -1;
	va_start(args, format);
	result = vasprintf(text, format, args);
	va_end(args);
	return result;
}

static void *openssl_malloc(size_t size, const char *file, int line)
{
	return openssl_counts && fails_now() ? NULL : __real_malloc(size);
}

static void *openssl_realloc(void *memory, size_t size, const char *file, int line)
{
	return openssl_counts && fails_now() ? NULL : __real_realloc(memory, size);
}

static void openssl_free(void *memory, const char *file, int line)
{
	free(memory);
}

/* The paths of the test's files, and what one step of the work made. */
struct work {
	struct unit *unit;
	char *key, *certificate, *content, *pe, *appended, *output;	/* owned */
	struct crashres_key *opened_key;	/* opened before the work starts */
	struct crashres_certificate *opened_certificate;	/* likewise */
};

/* One step of the work. Returns the status and asserts that a failure leaves nothing behind. */
typedef enum crashres_status step_fn(struct work *work);

static void write_key(struct unit *unit, EVP_PKEY *key, const char *name)
{
	CRS_CLEANUP(crs_freep) char *path = unit_path(unit, name);
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL));
	assert_int_equal(fclose(file), 0);
}

/* Writes a key, its certificate and signed files, and opens the first two. */
static void make_work(struct unit *unit, struct work *work)
{
	struct crashres_sign_request request = CRASHRES_SIGN_REQUEST_INIT;
	EVP_PKEY *key = signer_key();
	struct bytes certificate = signer_certificate(key), pe = signer_pe(key, certificate);
	struct bytes appended = signer_appended(key, certificate);

	write_key(unit, key, "key");
	unit_write(unit, "certificate", certificate.data, certificate.size);
	unit_write(unit, "pe", pe.data, pe.size);
	unit_write(unit, "appended", appended.data, appended.size);
	unit_write_text(unit, "content", "the content of a file");
	*work = (struct work){
		.unit = unit, .key = unit_path(unit, "key"),
		.certificate = unit_path(unit, "certificate"),
		.content = unit_path(unit, "content"), .pe = unit_path(unit, "pe"),
		.appended = unit_path(unit, "appended"), .output = unit_path(unit, "output"),
	};
	assert_ok(unit, crashres_key_open(unit->ctx, work->key, NULL, NULL, &work->opened_key));
	assert_ok(unit, crashres_certificate_open(unit->ctx, work->certificate,
						  &work->opened_certificate));
	request.key = work->opened_key;
	request.certificate = work->opened_certificate;
	request.signature = CRASHRES_SIGNATURE_SIGFILE;
	assert_ok(unit, crashres_sign(unit->ctx, &request, work->content));
	free(certificate.data);
	free(pe.data);
	free(appended.data);
	EVP_PKEY_free(key);
}

static void free_work(struct work *work)
{
	crashres_key_free(work->opened_key);
	crashres_certificate_free(work->opened_certificate);
	free(work->key);
	free(work->certificate);
	free(work->content);
	free(work->pe);
	free(work->appended);
	free(work->output);
}

static enum crashres_status open_key(struct work *work)
{
	struct crashres_key *key = UNTOUCHED;
	enum crashres_status status = crashres_key_open(work->unit->ctx, work->key, NULL, NULL,
							&key);

	if (status == CRASHRES_OK)
		crashres_key_free(key);
	else
		assert_ptr_equal(key, UNTOUCHED);
	return status;
}

static enum crashres_status open_certificate(struct work *work)
{
	struct crashres_certificate *certificate = UNTOUCHED;
	enum crashres_status status = crashres_certificate_open(work->unit->ctx, work->certificate,
								&certificate);

	if (status == CRASHRES_OK)
		crashres_certificate_free(certificate);
	else
		assert_ptr_equal(certificate, UNTOUCHED);
	return status;
}

/* Returns the number of files in the test's folder. */
static unsigned int count_files(struct unit *unit)
{
	DIR *dir = opendir(unit->dir);
	unsigned int count = 0;

	assert_non_null(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

/* Signs to a new file, and removes it. A failure must leave no file. */
static enum crashres_status sign_to(struct work *work, enum crashres_signature place)
{
	struct crashres_sign_request request = CRASHRES_SIGN_REQUEST_INIT;
	unsigned long until_failure = allocations_until_failure;
	unsigned int files;
	enum crashres_status status;

	allocations_until_failure = 0;
	files = count_files(work->unit);
	allocations_until_failure = until_failure;
	request.key = work->opened_key;
	request.certificate = work->opened_certificate;
	request.signature = place;
	request.output = work->output;
	status = crashres_sign(work->unit->ctx, &request, work->content);
	until_failure = allocations_until_failure;
	allocations_until_failure = 0;
	assert_int_equal(count_files(work->unit), files + (status == CRASHRES_OK));
	allocations_until_failure = until_failure;
	if (status == CRASHRES_OK)
		assert_int_equal(remove(work->output), 0);
	return status;
}

static enum crashres_status sign_file(struct work *work)
{
	return sign_to(work, CRASHRES_SIGNATURE_SIGFILE);
}

static enum crashres_status sign_appended(struct work *work)
{
	return sign_to(work, CRASHRES_SIGNATURE_APPENDED);
}

/*
 * Verifies a valid signature. Without memory it must not become invalid: that is a statement
 * about the file.
 */
static enum crashres_status verify(struct work *work, const char *path,
				   enum crashres_signature place)
{
	struct crashres_certificate *const certificates[] = { work->opened_certificate };
	struct crashres_verification *verification = UNTOUCHED;
	enum crashres_status status = crashres_verify(work->unit->ctx, path, place, certificates, 1,
						      &verification);

	if (status == CRASHRES_OK) {
		/* OpenSSL does not report each lack of memory. */
		if (!verification->valid && !openssl_counts)
			fail_msg("not valid: %s", verification->problem);
		free(verification);
	} else {
		assert_ptr_equal(verification, UNTOUCHED);
	}
	return status;
}

static enum crashres_status verify_pe(struct work *work)
{
	return verify(work, work->pe, CRASHRES_SIGNATURE_PE);
}

static enum crashres_status verify_file(struct work *work)
{
	return verify(work, work->content, CRASHRES_SIGNATURE_SIGFILE);
}

static enum crashres_status verify_appended(struct work *work)
{
	return verify(work, work->appended, CRASHRES_SIGNATURE_APPENDED);
}

/*
 * Runs the step with the first, then the second ... allocation failing, until no allocation fails
 * any more. @least: allocations that the step makes.
 */
static void fail_each_allocation_once(struct work *work, step_fn *step, unsigned int least)
{
	unsigned int failures = 0;

	/* OpenSSL loads and caches what it needs in the first run. */
	assert_ok(work->unit, step(work));
	for (unsigned long nth = 1; ; nth++) {
		enum crashres_status status;
		bool all;

		allocations_until_failure = nth;
		status = step(work);
		all = allocations_until_failure;
		allocations_until_failure = 0;
		if (all) {
			assert_int_equal(status, CRASHRES_OK);
			break;
		}
		failures += status != CRASHRES_OK;
		if (status != CRASHRES_ERR_MEMORY)
			fail_msg("allocation %lu: %d: %s", nth, (int)status,
				 crashres_error(work->unit->ctx));
		assert_non_null(strstr(crashres_error(work->unit->ctx), "out of memory"));
	}
	assert_true(failures >= least);
	/* The failures left nothing behind that breaks the next call. */
	assert_ok(work->unit, step(work));
}

static void run(struct unit *unit, step_fn *step, unsigned int least)
{
	struct work work;

	crashres_ctx_set_log(unit->ctx, NULL, NULL);
	make_work(unit, &work);
	fail_each_allocation_once(&work, step, least);
	free_work(&work);
}

static void test_opening_a_key(void **state)
{
	run(*state, open_key, 2);
}

static void test_opening_a_certificate(void **state)
{
	run(*state, open_certificate, 2);
}

static void test_signing_to_a_file(void **state)
{
	run(*state, sign_file, 2);
}

static void test_signing_with_an_appended_signature(void **state)
{
	run(*state, sign_appended, 2);
}

static void test_verifying_a_pe_signature(void **state)
{
	run(*state, verify_pe, 2);
}

static void test_verifying_an_appended_signature(void **state)
{
	run(*state, verify_appended, 2);
}

static void test_verifying_a_signature_file(void **state)
{
	run(*state, verify_file, 2);
}

/* Removes the appended signature into a new file, and removes that. */
static enum crashres_status remove_appended(struct work *work)
{
	enum crashres_status status = crashres_signature_remove(
		work->unit->ctx, work->appended, CRASHRES_SIGNATURE_APPENDED, work->output);

	assert_int_equal(remove(work->output), status == CRASHRES_OK ? 0 : -1);
	return status;
}

static void test_removing_an_appended_signature(void **state)
{
	run(*state, remove_appended, 2);
}

/* Writes an Image whose signature contains the signer's certificate, and a machine with a rule. */
static void write_machine(struct work *work)
{
	struct unit *unit = work->unit;
	const struct crashres_certificate *certificate = work->opened_certificate;
	struct bytes image = { unit_alloc(4096), 4096 }, file;
	struct bytes der = { NULL, 0 };

	unit_put_le(image.data + 16, 8, 1 << 20);
	memcpy(image.data + 56, "ARM\x64", 4);
	der.size = (size_t)i2d_X509(certificate->x509, &der.data);
	file = signer_append(work->opened_key->pkey, der, image);
	unit_write(unit, "Image", file.data, file.size);
	unit_write_text(unit, "sys/firmware/fdt", "");
	unit_write_text(unit, "proc/sys/kernel/osrelease", "6.12.0\n");
	unit_write_text(unit, "sys/kernel/security/lsm", "lockdown,ima");
	unit_write_text(unit, "sys/kernel/security/lockdown", "[none] integrity confidentiality\n");
	unit_write_text(unit, "sys/kernel/security/ima/policy",
			"appraise func=KEXEC_KERNEL_CHECK appraise_type=imasig|modsig\n");
	unit_write_text(unit, "boot/config-6.12.0", "CONFIG_KEXEC_FILE=y\nCONFIG_KEXEC_SIG=y\n"
			"CONFIG_KEXEC_IMAGE_VERIFY_SIG=y\n");
	OPENSSL_free(der.data);
	free(image.data);
	free(file.data);
}

/* Writes the description of the signer's key in a keyring. @capacity: bytes at @text. */
static void describe_key(const struct crashres_certificate *certificate, char *text,
			 size_t capacity)
{
	const struct crs_bytes id = certificate->fields.key.first;
	size_t used = (size_t)snprintf(text, capacity, "asymmetric;0;0;1f030000;unit: ");

	for (size_t i = 0; i < id.size; i++)
		used += (size_t)snprintf(text + used, capacity - used, "%02x", id.data[i]);
}

/*
 * Asks a machine about a file. Each allocation fails once. A file of /proc that cannot be read for
 * lack of memory makes the answer unknown, but never the opposite.
 */
static void fail_each_question(struct work *work, enum crashres_answer right)
{
	struct crashres_certificate *const certificates[] = { work->opened_certificate };
	char *path = unit_path(work->unit, "Image");
	unsigned int failures = 0;
	bool all = false;

	for (unsigned long nth = 1; !all; nth++) {
		struct crashres_appraisal *appraisal = UNTOUCHED;
		enum crashres_status status;

		allocations_until_failure = nth;
		status = crashres_appraise(work->unit->ctx, path, certificates, 1, &appraisal);
		all = allocations_until_failure;
		allocations_until_failure = 0;
		if (status != CRASHRES_OK) {
			assert_int_equal(status, CRASHRES_ERR_MEMORY);
			assert_ptr_equal(appraisal, UNTOUCHED);
			failures++;
			continue;
		}
		if (appraisal->loads != right && (all || appraisal->loads != CRASHRES_ANSWER_UNKNOWN))
			fail_msg("allocation %lu: answer %d: %s", nth, (int)appraisal->loads,
				 appraisal->checks[0].problem);
		free(appraisal);
	}
	assert_true(failures >= 10);
	free(path);
}

static void test_asking_a_machine(void **state)
{
	struct unit *unit = *state;
	char key[256] = "";
	const struct keys_entry trusting[] = {
		{ 5, "keyring;0;0;1f0b0000;.ima", { 11 } },
		{ 11, key, { 0 } },
		{ 0 },
	};
	const struct keys_entry revoking[] = {
		{ 5, "keyring;0;0;1f0b0000;.ima", { 11 } },
		{ 6, "keyring;0;0;1f0b0000;.blacklist", { 11 } },
		{ 11, key, { 0 } },
		{ 0 },
	};
	struct work work;

	crashres_ctx_set_log(unit->ctx, NULL, NULL);
	make_work(unit, &work);
	write_machine(&work);
	describe_key(work.opened_certificate, key, sizeof(key));
	keys_install_type(unit, trusting, "X509.ecdsa-nist-p256");
	fail_each_question(&work, CRASHRES_ANSWER_YES);
	keys_install_type(unit, revoking, "X509.ecdsa-nist-p256");
	fail_each_question(&work, CRASHRES_ANSWER_NO);
	free_work(&work);
}

/* Signs and verifies with opened keys. OpenSSL reports some lacks of memory as other errors. */
static void test_openssl_without_memory(void **state)
{
	static step_fn *const steps[] = { sign_file, verify_file };
	struct unit *unit = *state;
	struct work work;

	make_work(unit, &work);
	for (size_t i = 0; i < COUNT(steps); i++) {
		unsigned long nth = 1, failures = 0;
		bool all = false;

		assert_ok(unit, steps[i](&work));
		for (; !all; nth++) {
			enum crashres_status status;

			openssl_counts = true;
			allocations_until_failure = nth;
			status = steps[i](&work);
			all = allocations_until_failure;
			allocations_until_failure = 0;
			openssl_counts = false;
			assert_true(status == CRASHRES_OK || crashres_error(unit->ctx)[0]);
			failures += status == CRASHRES_ERR_MEMORY;
		}
		assert_true(nth > 10 && failures > 10);
		assert_ok(unit, steps[i](&work));
	}
	free_work(&work);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT_TEST(test_openssl_without_memory),
		UNIT_TEST(test_opening_a_key),
		UNIT_TEST(test_opening_a_certificate),
		UNIT_TEST(test_signing_to_a_file),
		UNIT_TEST(test_signing_with_an_appended_signature),
		UNIT_TEST(test_verifying_a_pe_signature),
		UNIT_TEST(test_verifying_an_appended_signature),
		UNIT_TEST(test_verifying_a_signature_file),
		UNIT_TEST(test_removing_an_appended_signature),
		UNIT_TEST(test_asking_a_machine),
	};

	/* Before OpenSSL allocates anything. */
	if (!CRYPTO_set_mem_functions(openssl_malloc, openssl_realloc, openssl_free))
		return 1;
	return cmocka_run_group_tests_name("ima_memory", tests, NULL, NULL);
}
