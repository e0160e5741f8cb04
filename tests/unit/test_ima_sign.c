/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_ima_sign.c: requests to sign, digests, and removal, through the public functions. The
 * tests of whole signatures are in test_sign.py and test_signing.py.
 */
#include <sys/stat.h>

#include "../../libcrashres-ima/certificate.h"
#include "support.h"

static const char content[] = "the signed content";

/* A key and its certificate. Both are built here instead of read from files. */
struct signer {
	struct crashres_key key;
	struct crashres_certificate certificate;
};

/* Makes a key on P-256. The certificate needs no signature, because nobody verifies it. */
static struct signer make_signer(void)
{
	EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	X509 *x509 = X509_new();

	assert_non_null(pkey);
	assert_true(X509_set_version(x509, 2));
	assert_true(ASN1_INTEGER_set(X509_get_serialNumber(x509), 1));
	assert_true(X509_set_pubkey(x509, pkey));
	return (struct signer){
		.key = { .pkey = pkey, .name = (char *)(uintptr_t)"unit.key",
			 .type = CRASHRES_KEY_ECDSA, .key_id = 0x1a2b3c4d, .has_public = true },
		.certificate = { .x509 = x509, .pkey = X509_get0_pubkey(x509),
				 .type = CRASHRES_KEY_ECDSA, .subject = "CN = unit" },
	};
}

static void free_signer(struct signer *signer)
{
	X509_free(signer->certificate.x509);
	EVP_PKEY_free(signer->key.pkey);
}

/* Writes the file "Image". */
static void make_file(struct unit *unit)
{
	unit_write(unit, "Image", content, sizeof(content));
}

static void refuse(struct unit *unit, const struct crashres_sign_request *request,
		   const char *sentence)
{
	char *path = unit_path(unit, "none");

	/* The request is checked before the file is opened. */
	assert_fails(unit, crashres_sign(unit->ctx, request, path), CRASHRES_ERR_REQUEST, sentence);
	free(path);
}

static void test_requests_without_a_signer(void **state)
{
	struct signer signer = make_signer();
	struct crashres_sign_request request = CRASHRES_SIGN_REQUEST_INIT;

	request.signature = CRASHRES_SIGNATURE_SIGFILE;
	refuse(*state, &request, "sign: the request has neither a key nor a signature");
	request.given_signature = content;
	request.given_size = sizeof(content);
	refuse(*state, &request, "sign: a given signature needs a certificate");
	request.certificate = &signer.certificate;
	request.key = &signer.key;
	refuse(*state, &request, "sign: a key and a given signature exclude each other");
	request.given_signature = NULL;
	request.certificate = NULL;
	signer.key.has_public = false;
	refuse(*state, &request, "sign: key unit.key has no public key, so only a certificate can "
	       "supply the key id");
	free_signer(&signer);
}

static void test_requests_with_a_wrong_place(void **state)
{
	struct signer signer = make_signer();
	struct crashres_sign_request request = CRASHRES_SIGN_REQUEST_INIT;

	request.key = &signer.key;
	request.output = "x";
	refuse(*state, &request, "sign: a signature in security.ima has no output file");
	request.signature = CRASHRES_SIGNATURE_APPENDED;
	refuse(*state, &request, "sign: an appended signature needs a certificate");
	request.signature = CRASHRES_SIGNATURE_PE;
	refuse(*state, &request,
	       "sign: the library makes no PE signatures: sbsign and pesign make them");
	request.signature = 99;
	refuse(*state, &request, "sign: unknown kind of signature 99");
	request.signature = CRASHRES_SIGNATURE_SIGFILE;
	request.hash = 2;
	refuse(*state, &request, "sign: unknown hash 2");
	free_signer(&signer);
}

static void test_bytes_in_memory_need_an_output(void **state)
{
	struct unit *unit = *state;
	struct signer signer = make_signer();
	struct crashres_sign_request request = CRASHRES_SIGN_REQUEST_INIT;
	char *path = unit_path(unit, "signature");
	struct crashres_input *input;
	struct stat st;

	assert_ok(unit, crashres_input_from_memory(unit->ctx, "bytes", content, sizeof(content),
						   &input));
	request.key = &signer.key;
	assert_fails(unit, crashres_sign_input(unit->ctx, &request, input), CRASHRES_ERR_REQUEST,
		     "sign: the request has no output file");
	request.output = "/dev/null";
	assert_fails(unit, crashres_sign_input(unit->ctx, &request, input), CRASHRES_ERR_OS,
		     "sign bytes: /dev/null: is not a regular file");
	request.signature = CRASHRES_SIGNATURE_SIGFILE;
	request.output = path;
	assert_ok(unit, crashres_sign_input(unit->ctx, &request, input));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	crashres_input_close(input);
	free(path);
	free_signer(&signer);
}

/* A later version can give the reserved bytes a meaning, so today they must be 0. */
static void test_the_request_of_an_older_caller(void **state)
{
	struct unit *unit = *state;
	struct signer signer = make_signer();
	struct crashres_sign_request request = CRASHRES_SIGN_REQUEST_INIT;
	char *path = unit_path(unit, "Image"), *signature = unit_path(unit, "Image.sig");
	struct stat st;

	make_file(unit);
	request.key = &signer.key;
	request.signature = CRASHRES_SIGNATURE_SIGFILE;
	/* The struct ended here before signatures could be given. */
	request.size = offsetof(struct crashres_sign_request, given_signature);
	request.given_signature = UNTOUCHED;
	request.force = true;
	assert_ok(unit, crashres_sign(unit->ctx, &request, path));
	assert_int_equal(stat(signature, &st), 0);
	free(signature);
	free(path);
	free_signer(&signer);
}

static void test_the_digest_needs_no_key(void **state)
{
	static const struct {
		enum crashres_hash hash;
		size_t size;
	} rows[] = {
		{ CRASHRES_HASH_SHA256, 32 }, { CRASHRES_HASH_SHA384, 48 },
		{ CRASHRES_HASH_SHA512, 64 },
	};
	struct unit *unit = *state;
	struct crashres_sign_request request = CRASHRES_SIGN_REQUEST_INIT;
	char *path = unit_path(unit, "Image"), *none = unit_path(unit, "none");
	struct crashres_digest digest;
	struct crs_digest expected;

	make_file(unit);
	for (size_t i = 0; i < COUNT(rows); i++) {
		request.hash = rows[i].hash;
		assert_ok(unit, crashres_sign_digest(unit->ctx, &request, path, &digest));
		assert_int_equal(digest.size, rows[i].size);
		assert_ok(unit, crs_digest_make(unit->ctx, rows[i].hash, content, sizeof(content),
						&expected));
		assert_memory_equal(digest.bytes, expected.bytes, digest.size);
	}
	mark_untouched(digest);
	assert_int_equal(crashres_sign_digest(unit->ctx, &request, none, &digest),
			 CRASHRES_ERR_OS);
	assert_untouched(digest);
	free(path);
	free(none);
}

static void test_key_id(void **state)
{
	struct signer signer = make_signer();
	uint32_t id;

	assert_true(crashres_key_id(&signer.key, &id));
	assert_int_equal(id, 0x1a2b3c4d);
	signer.key.has_public = false;
	id = 1;
	assert_false(crashres_key_id(&signer.key, &id));
	assert_int_equal(id, 1);
	free_signer(&signer);
}

static void refuse_removal(struct unit *unit, enum crashres_signature signature,
			   const char *output, const char *sentence)
{
	char *path = unit_path(unit, "Image");

	assert_fails(unit, crashres_signature_remove(unit->ctx, path, signature, output),
		     CRASHRES_ERR_REQUEST, sentence);
	free(path);
}

static void test_removals_that_are_not_possible(void **state)
{
	struct unit *unit = *state;

	make_file(unit);
	refuse_removal(unit, CRASHRES_SIGNATURE_XATTR, "x",
		       "remove: only the removal of an appended signature has an output file");
	refuse_removal(unit, CRASHRES_SIGNATURE_SIGFILE, "x",
		       "remove: only the removal of an appended signature has an output file");
	refuse_removal(unit, CRASHRES_SIGNATURE_PE, NULL,
		       "remove: the library removes no PE signatures: sbattach and pesign remove "
		       "them");
	refuse_removal(unit, 99, NULL, "remove: unknown kind of signature 99");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT_TEST(test_requests_without_a_signer),
		UNIT_TEST(test_requests_with_a_wrong_place),
		UNIT_TEST(test_bytes_in_memory_need_an_output),
		UNIT_TEST(test_the_request_of_an_older_caller),
		UNIT_TEST(test_the_digest_needs_no_key),
		UNIT_TEST(test_key_id),
		UNIT_TEST(test_removals_that_are_not_possible),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
