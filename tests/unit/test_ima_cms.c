/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_ima_cms.c: CMS structures made by the library and by OpenSSL, whole and damaged; the
 * parser (signed-data.c) and the search for a trusted certificate (trust.c).
 */
#include "../../libcrashres-ima/cms.h"
#include "../../libcrashres-ima/trust.h"
#include "support.h"

#define DETACHED	(CMS_BINARY | CMS_DETACHED | CMS_NOCERTS)

static const char content[] = "the signed content";

/* A key and its certificate. Both are built here instead of read from files. */
struct signer {
	struct crashres_key key;
	struct crashres_certificate *certificate;
};

/* Takes over @pkey. The certificate is self-signed and valid for an hour. */
static struct signer make_signer(EVP_PKEY *pkey, enum crashres_key_type type, long serial)
{
	struct signer signer = { .key = { pkey, (char *)(uintptr_t)"unit.key", type, 0, true } };
	X509 *x509 = X509_new();
	X509_NAME *name = X509_get_subject_name(x509);
	struct crashres_ctx *ctx;
	uint8_t *der = NULL;
	int size;

	assert_non_null(pkey);
	assert_true(X509_set_version(x509, 2));
	assert_true(ASN1_INTEGER_set(X509_get_serialNumber(x509), serial));
	assert_non_null(X509_gmtime_adj(X509_getm_notBefore(x509), 0));
	assert_non_null(X509_gmtime_adj(X509_getm_notAfter(x509), 3600));
	assert_true(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const uint8_t *)"unit",
					       -1, -1, 0));
	assert_true(X509_set_issuer_name(x509, name));
	assert_true(X509_set_pubkey(x509, pkey));
	assert_true(X509_sign(x509, pkey, EVP_sha256()));
	size = i2d_X509(x509, &der);
	assert_true(size > 0);
	assert_int_equal(crashres_ctx_new(&ctx), CRASHRES_OK);
	assert_int_equal(crs_certificate_from_der(ctx, (struct crs_bytes){ der, (size_t)size },
						  &signer.certificate), CRASHRES_OK);
	crashres_ctx_free(ctx);
	OPENSSL_free(der);
	X509_free(x509);
	return signer;
}

static struct signer make_ec(long serial)
{
	return make_signer(EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256"), CRASHRES_KEY_ECDSA,
			   serial);
}

static struct signer make_rsa(long serial)
{
	return make_signer(EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048), CRASHRES_KEY_RSA,
			   serial);
}

static void free_signer(struct signer *signer)
{
	crashres_certificate_free(signer->certificate);
	EVP_PKEY_free(signer->key.pkey);
}

/* Signs @size bytes at @data and builds the structure. The caller frees *@der. */
static enum crashres_status sign_by_us(struct unit *unit, const struct signer *signer,
				       enum crashres_hash hash, const void *data, size_t size,
				       uint8_t **der, size_t *der_size)
{
	CRS_CLEANUP(crs_freep) uint8_t *signature = NULL;
	struct crs_digest digest;
	size_t length;

	assert_ok(unit, crs_digest_make(unit->ctx, hash, data, size, &digest));
	assert_ok(unit, crs_key_sign(unit->ctx, &signer->key, &digest, &signature, &length));
	return crs_cms_format(unit->ctx, signer->certificate, hash, signature, length, der,
			      der_size);
}

/*
 * Returns the DER of a structure that OpenSSL makes with these flags. @first and @second
 * can be NULL. The caller frees it with OPENSSL_free().
 */
static uint8_t *sign_by_openssl(const struct signer *first, const struct signer *second,
				const EVP_MD *md, unsigned int flags, unsigned int signer_flags,
				size_t *size)
{
	BIO *bio = BIO_new_mem_buf(content, sizeof(content));
	CMS_ContentInfo *cms = CMS_sign(NULL, NULL, NULL, NULL, flags | CMS_PARTIAL);
	uint8_t *der = NULL;
	int length;

	assert_non_null(cms);
	if (first)
		assert_non_null(CMS_add1_signer(cms, first->certificate->x509, first->key.pkey, md,
						signer_flags));
	if (second)
		assert_non_null(CMS_add1_signer(cms, second->certificate->x509, second->key.pkey,
						md, signer_flags));
	if (first)
		assert_true(CMS_final(cms, bio, NULL, flags));
	length = i2d_CMS_ContentInfo(cms, &der);
	assert_true(length > 0);
	*size = (size_t)length;
	CMS_ContentInfo_free(cms);
	BIO_free(bio);
	return der;
}

/* Verifies @data for the content @content. NULL as @trusted: none of the given certificates. */
static enum crs_key_result check_parsed(struct unit *unit, const struct signer *signer,
					const struct crs_signed_data *data, const void *bytes,
					size_t size, bool *trusted)
{
	CRS_CLEANUP(crs_trust_clear) struct crs_trust trust = CRS_TRUST_NONE;
	struct crashres_certificate *const certificates[] = { signer->certificate };
	const struct crs_trusted list = { certificates, 1 };
	struct crs_digest digest;
	bool matches;

	assert_ok(unit, crs_signed_data_digest(unit->ctx, data, (struct crs_bytes){ bytes, size },
					       &digest, &matches));
	assert_ok(unit, crs_trust_check(unit->ctx, data, &digest, &list, &trust));
	*trusted = trust.trusted;
	assert_null(trust.problem);
	return matches ? trust.check : CRS_KEY_OTHER_DIGEST;
}

/* Parses @der and verifies it for the content @data. */
static enum crs_key_result check(struct unit *unit, const struct signer *signer, const void *der,
				 size_t size, const void *data, size_t data_size)
{
	CRS_CLEANUP(crs_signed_data_clear) struct crs_signed_data parsed = CRS_SIGNED_DATA_NONE;
	enum crs_key_result result;
	bool trusted;

	assert_ok(unit, crs_signed_data_parse(unit->ctx, der, size, &parsed));
	result = check_parsed(unit, signer, &parsed, data, data_size, &trusted);
	assert_true(trusted);
	return result;
}

/* Expects that parsing fails with @status and @sentence, and leaves the result untouched. */
static void refuse(struct unit *unit, const void *der, size_t size, enum crashres_status status,
		   const char *sentence)
{
	struct crs_signed_data data;

	mark_untouched(data);
	assert_fails(unit, crs_signed_data_parse(unit->ctx, der, size, &data), status, sentence);
	assert_untouched(data);
}

/* Signs with each hash. @changed: the expected result for a changed content. */
static void check_signs(struct unit *unit, struct signer signer, enum crs_key_result changed)
{
	static const enum crashres_hash hashes[] = {
		CRASHRES_HASH_SHA256, CRASHRES_HASH_SHA384, CRASHRES_HASH_SHA512,
	};

	for (size_t i = 0; i < COUNT(hashes); i++) {
		uint8_t *der;
		size_t size;

		assert_ok(unit, sign_by_us(unit, &signer, hashes[i],
					     content, sizeof(content), &der, &size));
		assert_int_equal(check(unit, &signer, der, size, content, sizeof(content)),
				 CRS_KEY_VALID);
		assert_int_equal(check(unit, &signer, der, size, content, sizeof(content) - 1),
				 changed);
		free(der);
	}
	free_signer(&signer);
}

static void test_ecdsa(void **state)
{
	check_signs(*state, make_ec(1), CRS_KEY_NO_MATCH);
}

static void test_rsa_recognises_a_changed_file(void **state)
{
	check_signs(*state, make_rsa(1), CRS_KEY_OTHER_DIGEST);
}

static void test_equals_openssl_without_attributes(void **state)
{
	struct unit *unit = *state;
	struct signer signer = make_rsa(1);
	uint8_t *ours, *theirs;
	size_t our_size, their_size;

	/* RSA signatures are deterministic, so all bytes must be equal. */
	theirs = sign_by_openssl(&signer, NULL, EVP_sha384(), DETACHED, DETACHED | CMS_NOATTR,
				 &their_size);
	assert_ok(unit, sign_by_us(unit, &signer,
				     CRASHRES_HASH_SHA384, content, sizeof(content), &ours,
				     &our_size));
	assert_int_equal(our_size, their_size);
	assert_memory_equal(ours, theirs, our_size);
	OPENSSL_free(theirs);
	free(ours);
	free_signer(&signer);
}

static void test_signed_attributes(void **state)
{
	struct unit *unit = *state;
	struct signer signer = make_ec(1);
	uint8_t *der;
	size_t size;

	der = sign_by_openssl(&signer, NULL, EVP_sha256(), DETACHED, DETACHED | CMS_NOSMIMECAP,
			      &size);
	assert_int_equal(check(unit, &signer, der, size, content, sizeof(content)), CRS_KEY_VALID);
	/* The digest is an attribute, so a changed content is recognised for ECDSA, too. */
	assert_int_equal(check(unit, &signer, der, size, content, sizeof(content) - 1),
			 CRS_KEY_OTHER_DIGEST);
	OPENSSL_free(der);
	free_signer(&signer);
}

static void test_another_key(void **state)
{
	struct unit *unit = *state;
	struct signer signer = make_ec(1), same_name = make_ec(1), other_serial = make_ec(2);
	CRS_CLEANUP(crs_signed_data_clear) struct crs_signed_data data = CRS_SIGNED_DATA_NONE;
	char text[100];
	uint8_t *der;
	bool trusted;
	size_t size;

	assert_ok(unit, sign_by_us(unit, &signer,
				     CRASHRES_HASH_SHA256, content, sizeof(content), &der, &size));
	assert_int_equal(check(unit, &same_name, der, size, content, sizeof(content)),
			 CRS_KEY_NO_MATCH);
	assert_ok(unit, crs_signed_data_parse(unit->ctx, der, size, &data));
	check_parsed(unit, &other_serial, &data, content, sizeof(content), &trusted);
	assert_false(trusted);
	crs_signed_data_signer_text(&data, text, sizeof(text));
	assert_string_equal(text, "issuer CN = unit, serial 01");
	crs_signed_data_signer_text(&data, text, 11);
	assert_string_equal(text, "issuer CN ");
	free(der);
	free_signer(&signer);
	free_signer(&same_name);
	free_signer(&other_serial);
}

static void test_signatures_that_the_kernel_refuses(void **state)
{
	struct unit *unit = *state;
	struct signer one = make_rsa(1), two = make_ec(2);
	uint8_t *der;
	size_t size;

	der = sign_by_openssl(&one, &two, EVP_sha256(), DETACHED, DETACHED | CMS_NOATTR, &size);
	refuse(unit, der, size, CRASHRES_ERR_UNSUPPORTED,
	       "the CMS structure has 2 signers, not one");
	OPENSSL_free(der);
	der = sign_by_openssl(NULL, NULL, NULL, DETACHED, 0, &size);
	refuse(unit, der, size, CRASHRES_ERR_FORMAT, "the CMS structure is damaged");
	OPENSSL_free(der);
	der = sign_by_openssl(&one, NULL, EVP_sha256(), DETACHED, DETACHED, &size);
	refuse(unit, der, size, CRASHRES_ERR_FORMAT,
	       "a signed attribute is for Authenticode only");
	OPENSSL_free(der);
	der = sign_by_openssl(&one, NULL, EVP_sha1(), DETACHED, DETACHED | CMS_NOATTR, &size);
	refuse(unit, der, size, CRASHRES_ERR_UNSUPPORTED,
	       "the hash is neither sha256, sha384 nor sha512");
	OPENSSL_free(der);
	free_signer(&one);
	free_signer(&two);
}

static void test_a_cms_that_is_not_a_signature(void **state)
{
	BIO *bio = BIO_new_mem_buf(content, sizeof(content));
	CMS_ContentInfo *cms = CMS_data_create(bio, CMS_BINARY);
	uint8_t *der = NULL;
	int size = i2d_CMS_ContentInfo(cms, &der);

	assert_true(size > 0);
	refuse(*state, der, (size_t)size, CRASHRES_ERR_FORMAT,
	       "the CMS structure is not a signature");
	OPENSSL_free(der);
	CMS_ContentInfo_free(cms);
	BIO_free(bio);
}

static void test_every_truncation_and_one_byte_more(void **state)
{
	struct unit *unit = *state;
	struct signer signer = make_ec(1);
	uint8_t *der, *longer;
	size_t size;

	assert_ok(unit, sign_by_us(unit, &signer,
				     CRASHRES_HASH_SHA256, content, sizeof(content), &der, &size));
	for (size_t part = 0; part < size; part++) {
		uint8_t *copy = malloc(part ? part : 1);

		memcpy(copy, der, part);
		refuse(unit, copy, part, CRASHRES_ERR_FORMAT, "the CMS structure is damaged");
		free(copy);
	}
	/* The kernel ignores bytes after the structure. */
	longer = unit_alloc(size + 1);
	memcpy(longer, der, size);
	assert_int_equal(check(unit, &signer, longer, size + 1, content, sizeof(content)),
			 CRS_KEY_VALID);
	free(longer);
	free(der);
	free_signer(&signer);
}

/* The same bytes together, cut at another place: the kernel compares issuer and number joined. */
static void test_a_byte_of_the_issuer_in_the_serial_number(void **state)
{
	static const uint8_t name[] = "\x30\x0f\x31\x0d\x30\x0b\x06\x03\x55\x04\x03\x0c\x04" "unit"
				      "\x02\x01\x01";
	static const uint8_t cut[] = "\x30\x0e\x0d\x30\x0b\x06\x03\x55\x04\x03\x0c\x04" "unit"
				     "\x02\x02\x01\x31";
	struct unit *unit = *state;
	struct signer signer = make_ec(1);
	uint8_t *der, *at;
	size_t size;

	assert_ok(unit, sign_by_us(unit, &signer, CRASHRES_HASH_SHA256, content, sizeof(content),
				   &der, &size));
	at = memmem(der, size, name, sizeof(name) - 1);
	assert_non_null(at);
	assert_int_equal(sizeof(name), sizeof(cut));
	memcpy(at, cut, sizeof(cut) - 1);
	refuse(unit, der, size, CRASHRES_ERR_FORMAT, "the CMS structure is damaged");
	free(der);
	free_signer(&signer);
}

/* The kernel takes the first certificate with the name that it finds, in an unknown order. */
static void test_two_trusted_certificates_of_one_name(void **state)
{
	struct unit *unit = *state;
	struct signer one = make_ec(1), two = make_ec(1);
	CRS_CLEANUP(crs_signed_data_clear) struct crs_signed_data data = CRS_SIGNED_DATA_NONE;
	struct crashres_certificate *const lists[][2] = {
		{ one.certificate, two.certificate }, { two.certificate, one.certificate },
		{ one.certificate, one.certificate },
	};
	struct crs_digest digest;
	uint8_t *der;
	size_t size;
	bool matches;

	assert_ok(unit, sign_by_us(unit, &one, CRASHRES_HASH_SHA256, content, sizeof(content),
				   &der, &size));
	assert_ok(unit, crs_signed_data_parse(unit->ctx, der, size, &data));
	assert_ok(unit, crs_signed_data_digest(unit->ctx, &data, (struct crs_bytes){
		(const uint8_t *)content, sizeof(content) }, &digest, &matches));
	for (size_t i = 0; i < COUNT(lists); i++) {
		CRS_CLEANUP(crs_trust_clear) struct crs_trust trust = CRS_TRUST_NONE;
		const struct crs_trusted list = { lists[i], 2 };

		assert_ok(unit, crs_trust_check(unit->ctx, &data, &digest, &list, &trust));
		assert_ptr_equal(trust.trusted, one.certificate);
		assert_null(trust.problem);
		assert_int_equal(trust.check, CRS_KEY_VALID);
		assert_int_equal(trust.ambiguous, i < 2);
	}
	free(der);
	free_signer(&one);
	free_signer(&two);
}

/* Anybody can add the time of a time server, so it does not replace the time that is signed. */
static void test_times(void **state)
{
	/* A SignerInfo: version, [0] with the attribute signingTime. */
	static const char signer[] = "\x30\x23\x02\x01\x01\xa0\x1e\x30\x1c\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01"
				     "\x09\x05\x31\x0f\x17\x0d" "200101000000Z";
	struct crs_signed_data data = {
		.countersignature = { (const uint8_t *)signer, sizeof(signer) - 1 },
	};
	int64_t time = 0;

	(void)state;
	assert_int_equal(crs_signed_data_time(&data, &time), CRASHRES_TIME_COUNTERSIGNATURE);
	assert_int_equal(time, 1577836800);
	data.has_time = true;
	data.time = 1700000000;
	assert_int_equal(crs_signed_data_time(&data, &time), CRASHRES_TIME_SIGNER);
	assert_int_equal(time, 1700000000);
	assert_int_equal(crs_signed_data_time(&(struct crs_signed_data){ .time = 1 }, &time),
			 CRASHRES_TIME_UNKNOWN);
	assert_int_equal(time, 1700000000);
}

/*
 * Flips every bit once. Some fields are not signed, such as the list of hash algorithms, so not
 * every change makes the signature invalid. A change in s, the last bytes, always does.
 */
static void test_every_bit(void **state)
{
	struct unit *unit = *state;
	struct signer signer = make_ec(1);
	size_t size, checked = 0;
	uint8_t *der;
	bool trusted;

	assert_ok(unit, sign_by_us(unit, &signer,
				     CRASHRES_HASH_SHA256, content, sizeof(content), &der, &size));
	for (size_t bit = 0; bit < 8 * size; bit++) {
		CRS_CLEANUP(crs_signed_data_clear) struct crs_signed_data data =
			CRS_SIGNED_DATA_NONE;
		enum crs_key_result result;

		der[bit / 8] ^= 1 << bit % 8;
		if (crs_signed_data_parse(unit->ctx, der, size, &data) == CRASHRES_OK) {
			result = check_parsed(unit, &signer, &data, content, sizeof(content),
					      &trusted);
			if (bit / 8 >= size - 30)
				assert_int_equal(result, CRS_KEY_NO_MATCH);
			checked++;
		}
		der[bit / 8] ^= 1 << bit % 8;
	}
	assert_true(checked > 30 * 8 - 1);
	free(der);
	free_signer(&signer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT_TEST(test_ecdsa),
		UNIT_TEST(test_rsa_recognises_a_changed_file),
		UNIT_TEST(test_equals_openssl_without_attributes),
		UNIT_TEST(test_signed_attributes),
		UNIT_TEST(test_another_key),
		UNIT_TEST(test_signatures_that_the_kernel_refuses),
		UNIT_TEST(test_a_cms_that_is_not_a_signature),
		UNIT_TEST(test_every_truncation_and_one_byte_more),
		UNIT_TEST(test_a_byte_of_the_issuer_in_the_serial_number),
		UNIT_TEST(test_two_trusted_certificates_of_one_name),
		UNIT_TEST(test_times),
		UNIT_TEST(test_every_bit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
