/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_ima_appraisal.c: would this machine load this file? A wrong program says yes although
 * the kernel refuses the file, and the crash kernel is missing at the panic. The keyrings and the
 * files of the machine are made here; tests/vm/test_verify_machine.py asks real kernels.
 */
#include <openssl/x509v3.h>
#include <zlib.h>

#include "../../libcrashres-ima/trusted-keys.h"
#include "keys.h"
#include "signer.h"

#define YES	CRASHRES_ANSWER_YES
#define NO	CRASHRES_ANSWER_NO
#define UNKNOWN	CRASHRES_ANSWER_UNKNOWN
#define IMAGE_SIZE	8192		/* bytes of the file before it is signed */

/* SubjectKeyIdentifier of the signer, and the descriptions that the kernel makes of it. */
#define SKID	"00112233445566778899aabbccddeeff0a0b0c0d"
#define SIGNER	"asymmetric;0;0;1f030000;unit: " SKID
#define OTHER	"asymmetric;0;0;1f030000;other: 00112233445566778899aabbccddeeff0a0b0cff"

static struct crashres_key key;
static struct crashres_certificate *certificate, *other_subject;

static void set_name(X509_NAME *name, const char *text)
{
	assert_true(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const uint8_t *)text, -1,
					       -1, 0));
}

/*
 * Makes the certificate of @pkey. @issuer: the key of "CN = unit", whose SubjectKeyIdentifier is
 * SKID; NULL: @pkey itself. The caller frees the DER with OPENSSL_free().
 */
static struct bytes make_certificate(EVP_PKEY *pkey, const char *subject, const char *id,
				     long number, EVP_PKEY *issuer)
{
	X509 *x509 = X509_new();
	X509_EXTENSION *skid = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_key_identifier, id);
	struct bytes der = { NULL, 0 };
	int size;

	X509_set_version(x509, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x509), number);
	X509_gmtime_adj(X509_getm_notBefore(x509), 0);
	X509_gmtime_adj(X509_getm_notAfter(x509), 3600);
	set_name(X509_get_subject_name(x509), subject);
	set_name(X509_get_issuer_name(x509), issuer ? "unit" : subject);
	X509_set_pubkey(x509, pkey);
	X509_add_ext(x509, skid, -1);
	if (issuer) {
		AUTHORITY_KEYID *authority = AUTHORITY_KEYID_new();
		X509_EXTENSION *of_issuer = X509V3_EXT_conf_nid(NULL, NULL,
								NID_subject_key_identifier, SKID);

		authority->keyid = X509V3_EXT_d2i(of_issuer);
		X509_EXTENSION_free(of_issuer);
		assert_true(X509_add1_ext_i2d(x509, NID_authority_key_identifier, authority, 0, 0));
		AUTHORITY_KEYID_free(authority);
	}
	assert_true(X509_sign(x509, issuer ? issuer : pkey, EVP_sha256()));
	size = i2d_X509(x509, &der.data);
	assert_true(size > 0);
	der.size = (size_t)size;
	X509_EXTENSION_free(skid);
	X509_free(x509);
	return der;
}

static struct crashres_certificate *open_certificate(struct bytes der)
{
	struct crashres_certificate *opened = NULL;
	struct crashres_ctx *ctx;

	assert_int_equal(crashres_ctx_new(&ctx), CRASHRES_OK);
	assert_int_equal(crs_certificate_from_der(ctx, (struct crs_bytes){ der.data, der.size },
						  &opened), CRASHRES_OK);
	crashres_ctx_free(ctx);
	return opened;
}

static int make_signer(void **state)
{
	EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
	struct bytes der = make_certificate(pkey, "unit", SKID, 77, NULL);

	key = (struct crashres_key){ pkey, (char *)(uintptr_t)"unit.key", CRASHRES_KEY_RSA, 0, true };
	certificate = open_certificate(der);
	OPENSSL_free(der.data);
	der = make_certificate(pkey, "forger", SKID, 77, NULL);
	other_subject = open_certificate(der);
	OPENSSL_free(der.data);
	return 0;
}

static int free_signer(void **state)
{
	crashres_certificate_free(certificate);
	crashres_certificate_free(other_subject);
	EVP_PKEY_free(key.pkey);
	return 0;
}

/* The keyrings of a machine whose .ima has the signer's key. */
static const struct keys_entry trusting[] = {
	{ 1, "keyring;0;0;1f0b0000;.builtin_trusted_keys", { 10 } },
	{ 5, "keyring;0;0;1f0b0000;.ima", { 11 } },
	{ 10, OTHER, { 0 } },
	{ 11, SIGNER, { 0 } },
	{ 0 },
};

/* .ima and .platform have another key. */
static const struct keys_entry strange[] = {
	{ 1, "keyring;0;0;1f0b0000;.builtin_trusted_keys", { 11 } },
	{ 4, "keyring;0;0;1f0b0000;.platform", { 10 } },
	{ 5, "keyring;0;0;1f0b0000;.ima", { 10 } },
	{ 10, OTHER, { 0 } },
	{ 11, SIGNER, { 0 } },
	{ 0 },
};

/* No keyring that IMA searches has a key. */
static const struct keys_entry empty[] = {
	{ 5, "keyring;0;0;1f0b0000;.ima", { 0 } },
	{ 0 },
};

/* Makes an arm64 Image of 8 KiB with room for a signature. The caller frees it. */
static struct bytes make_image(void)
{
	struct bytes image = { unit_alloc(IMAGE_SIZE), IMAGE_SIZE };

	unit_put_le(image.data + 16, 8, 1 << 20);
	memcpy(image.data + 56, "ARM\x64", 4);
	unit_fill(image.data + 64, IMAGE_SIZE - 64, 3);
	return image;
}

/* Writes an Image; signs it if @sign. */
static char *write_image(struct unit *unit, bool sign)
{
	struct bytes image = make_image();
	struct crashres_sign_request request = CRASHRES_SIGN_REQUEST_INIT;
	char *path;

	unit_write(unit, "Image", image.data, image.size);
	free(image.data);
	path = unit_path(unit, "Image");
	request.key = &key;
	request.certificate = certificate;
	request.signature = CRASHRES_SIGNATURE_APPENDED;
	if (sign)
		assert_ok(unit, crashres_sign(unit->ctx, &request, path));
	return path;
}

/* Writes the files of a machine without EFI: its lockdown level and its IMA policy. */
static void write_machine(struct unit *unit, const char *lockdown, const char *policy)
{
	unit_write_text(unit, "sys/firmware/fdt", "");
	unit_write_text(unit, "proc/sys/kernel/osrelease", "6.12.0\n");
	unit_write_text(unit, "sys/kernel/security/lsm", "lockdown,ima");
	unit_write_text(unit, "sys/kernel/security/lockdown", lockdown);
	unit_write_text(unit, "sys/kernel/security/ima/policy", policy);
}

static void write_config(struct unit *unit, const char *options)
{
	unit_write_text(unit, "boot/config-6.12.0", options);
}

/* Writes the configuration inside the kernel, /proc/config.gz. */
static void write_own_config(struct unit *unit, const char *options)
{
	char *path = unit_path(unit, "proc/config.gz");
	gzFile file = gzopen(path, "wb");

	assert_non_null(file);
	assert_true(gzputs(file, options) > 0);
	assert_int_equal(gzclose(file), Z_OK);
	free(path);
}

#define OPEN	"[none] integrity confidentiality\n"
#define LOCKED	"none [integrity] confidentiality\n"
#define RULE	"appraise func=KEXEC_KERNEL_CHECK appraise_type=imasig|modsig\n"
#define FEDORA	"CONFIG_KEXEC_FILE=y\nCONFIG_KEXEC_SIG=y\nCONFIG_KEXEC_IMAGE_VERIFY_SIG=y\n" \
		"CONFIG_IMA_ARCH_POLICY=y\n"

/* Asks about the file at @path, with the signer's certificate or without. The caller frees. */
static struct crashres_appraisal *ask(struct unit *unit, const char *path, bool with_certificate)
{
	struct crashres_appraisal *appraisal = NULL;

	assert_ok(unit, crashres_appraise(unit->ctx, path, &certificate, with_certificate,
					  &appraisal));
	assert_int_equal(appraisal->size, sizeof(*appraisal));
	return appraisal;
}

static void test_nothing_is_demanded(void **state)
{
	struct unit *unit = *state;
	char *path = write_image(unit, false);
	struct crashres_appraisal *appraisal;

	write_machine(unit, OPEN, "");
	write_config(unit, "CONFIG_KEXEC_FILE=y\n");
	keys_install(unit, trusting);
	appraisal = ask(unit, path, false);
	assert_int_equal(appraisal->loads, YES);
	assert_int_equal(appraisal->check_count, 2);
	assert_int_equal(appraisal->checks[0].demanded, NO);
	assert_string_equal(appraisal->checks[0].reason,
			    "no rule of the IMA policy appraises kernels");
	assert_int_equal(appraisal->checks[1].demanded, NO);
	assert_string_equal(appraisal->checks[1].reason,
			    "the running kernel was built without CONFIG_KEXEC_SIG");
	free(appraisal);
	free(path);
}

/*
 * An appended signature and an IMA rule, for each state of the keyrings. Without the certificate
 * the kernel's keys cannot be compared with the signer's name.
 */
static void test_ima_looks_into_ima_and_platform(void **state)
{
	static const struct {
		const struct keys_entry *keys;
		bool with_certificate;
		enum crashres_answer loads, trusted;
		enum crashres_step step;
		const char *keyring, *problem;
	} cases[] = {
		{ trusting, true, YES, YES, CRASHRES_STEP_NONE, ".ima", "" },
		{ trusting, false, UNKNOWN, UNKNOWN, CRASHRES_STEP_CERTIFICATE, "",
		  "a keyring can have the key, and the signature was not verified: the kernel does "
		  "not give out public keys" },
		{ strange, true, NO, NO, CRASHRES_STEP_ENROL, "",
		  "the key is in no keyring: .ima, .platform" },
		{ empty, true, NO, NO, CRASHRES_STEP_ENROL, "", "the key is in no keyring: .ima" },
		{ empty, false, NO, NO, CRASHRES_STEP_ENROL, "", "the key is in no keyring: .ima" },
	};
	struct unit *unit = *state;
	char *path = write_image(unit, true);

	write_machine(unit, OPEN, RULE);
	write_config(unit, FEDORA);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct crashres_appraisal *appraisal;
		const struct crashres_appraisal_check *check;

		keys_install(unit, cases[i].keys);
		appraisal = ask(unit, path, cases[i].with_certificate);
		check = &appraisal->checks[0];
		assert_int_equal(check->appraiser, CRASHRES_APPRAISER_IMA);
		assert_int_equal(check->demanded, YES);
		assert_int_equal(check->signature, CRASHRES_SIGNATURE_APPENDED);
		assert_int_equal(appraisal->loads, cases[i].loads);
		assert_int_equal(check->trusted, cases[i].trusted);
		assert_int_equal(check->step, cases[i].step);
		assert_string_equal(check->keyring, cases[i].keyring);
		assert_string_equal(check->problem, cases[i].problem);
		assert_string_equal(check->key, "issuer CN = unit, serial 4D");
		free(appraisal);
	}
	free(path);
}

/* .ima has a key with the subject and the SubjectKeyIdentifier of the signer, of type @type. */
static void assert_type_decides(struct unit *unit, const char *path, const char *type,
				enum crashres_answer loads)
{
	struct crashres_appraisal *appraisal;

	keys_install_type(unit, trusting, type);
	appraisal = ask(unit, path, true);
	assert_int_equal(appraisal->loads, loads);
	free(appraisal);
}

/*
 * A certificate with the identifier of a trusted key, but with another subject or another type
 * of key, is not the trusted one.
 */
static void test_subject_and_type_of_a_trusted_key_are_compared(void **state)
{
	struct crashres_certificate *trusted = certificate;
	struct unit *unit = *state;
	char *path = write_image(unit, true);
	struct crashres_appraisal *appraisal;

	write_machine(unit, OPEN, RULE);
	write_config(unit, FEDORA);
	assert_type_decides(unit, path, "X509.rsa", YES);
	assert_type_decides(unit, path, "X509.ecdsa-nist-p256", NO);
	free(path);
	certificate = other_subject;
	path = write_image(unit, true);
	keys_install(unit, trusting);
	appraisal = ask(unit, path, true);
	assert_true(appraisal->checks[0].verified);
	assert_int_equal(appraisal->checks[0].trusted, NO);
	assert_int_equal(appraisal->loads, NO);
	assert_string_equal(appraisal->checks[0].problem, "the key is in no keyring: .ima");
	free(appraisal);
	free(path);
	certificate = trusted;
}

/* Is @text what the kernel writes for the Name with these attributes, NULL: absent? */
static bool is_name(const char *organization, const char *common_name, const char *email,
		    const char *text)
{
	const struct {
		const char *field, *value;
	} parts[] = {
		{ "C", "DE" }, { "CN", common_name }, { "O", organization }, { "emailAddress", email },
	};
	X509_NAME *name = X509_NAME_new();
	struct crs_der der;
	struct crs_der_element element;
	uint8_t *encoded = NULL;
	bool is;

	for (size_t i = 0; i < COUNT(parts); i++)
		if (parts[i].value)
			X509_NAME_add_entry_by_txt(name, parts[i].field, MBSTRING_ASC,
						   (const uint8_t *)parts[i].value, -1, -1, 0);
	der.left = (size_t)i2d_X509_NAME(name, &encoded);
	der.at = encoded;
	assert_true(crs_der_take(&der, CRS_DER_SEQUENCE, &element));
	is = crs_x509_name_is(element.value, text, strlen(text));
	OPENSSL_free(encoded);
	X509_NAME_free(name);
	return is;
}

static void test_names_are_those_of_the_kernel(void **state)
{
	static const struct {
		const char *organization, *common_name, *email, *text;
	} cases[] = {
		{ NULL, "key", NULL, "key" },
		{ NULL, "key", "a@b", "key" },
		{ "Owner", NULL, "a@b", "Owner" },
		{ NULL, NULL, "a@b", "a@b" },
		{ NULL, NULL, NULL, "" },
		{ "Owner", "key", "a@b", "Owner: key" },
		{ "Owner", "Owner key", NULL, "Owner key" },
		{ "Owner", "Owner", NULL, "Owner" },
		{ "Owner", "Own", NULL, "Owner: Own" },
		{ "Example Ltd", "Example Secure Boot", NULL, "Example Secure Boot" },
		{ "Exampl. Ltd", "Example Secure Boot", NULL, "Exampl. Ltd: Example Secure Boot" },
	};
	char longer[64];

	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_true(is_name(cases[i].organization, cases[i].common_name, cases[i].email,
				    cases[i].text));
		snprintf(longer, sizeof(longer), "%sx", cases[i].text);
		assert_false(is_name(cases[i].organization, cases[i].common_name, cases[i].email,
				     longer));
	}
	assert_false(is_name("Owner", "key", NULL, "key"));
	assert_false(is_name("Owner", "key", NULL, "Owner: ke"));
	assert_false(is_name("Owner", "key", NULL, "Owner: kex"));
	assert_false(crs_x509_name_is((struct crs_bytes){ (const uint8_t *)"x", 1 }, "", 0));
}

/* Below another root the keyrings are unknown, and so is the answer, unless the file is bad. */
static void test_keyrings_of_another_machine_are_unknown(void **state)
{
	struct unit *unit = *state;
	char *path = write_image(unit, true);
	struct crashres_appraisal *appraisal;

	write_machine(unit, OPEN, RULE);
	write_config(unit, FEDORA);
	keys_install(unit, trusting);
	unit->ctx->root_is_live = false;
	appraisal = ask(unit, path, true);
	assert_int_equal(appraisal->loads, UNKNOWN);
	assert_true(appraisal->checks[0].verified);
	assert_int_equal(appraisal->checks[0].step, CRASHRES_STEP_PRIVILEGE);
	assert_string_equal(appraisal->keyrings_problem,
			    "the files of another machine do not show its keyrings");
	free(appraisal);
	free(path);
	path = write_image(unit, false);
	appraisal = ask(unit, path, true);
	assert_int_equal(appraisal->loads, NO);
	assert_int_equal(appraisal->checks[0].step, CRASHRES_STEP_SIGN);
	free(appraisal);
	free(path);
}

/* Each way in which .blacklist can refuse a trusted signature. */
static void test_revoked_keys_and_files_are_refused(void **state)
{
	char entry[2 * EVP_MAX_MD_SIZE + 64];
	struct keys_entry machine[] = {
		{ 5, "keyring;0;0;1f0b0000;.ima", { 11 } },
		{ 6, "keyring;0;0;1f0b0000;.blacklist", { 12 } },
		{ 11, SIGNER, { 0 } },
		{ 12, entry, { 0 } },
		{ 0 },
	};
	struct unit *unit = *state;
	char *path = write_image(unit, false);
	struct crashres_appraisal *appraisal;
	uint8_t digest[EVP_MAX_MD_SIZE], *data = unit_alloc(IMAGE_SIZE);
	size_t used;
	unsigned int size;
	FILE *file = fopen(path, "rb");

	assert_int_equal(fread(data, 1, IMAGE_SIZE, file), IMAGE_SIZE);
	fclose(file);
	free(path);
	assert_true(EVP_Digest(data, IMAGE_SIZE, digest, &size, EVP_sha256(), NULL));
	free(data);
	used = (size_t)snprintf(entry, sizeof(entry), "blacklist;0;0;0b010000;bin:");
	for (unsigned int i = 0; i < size; i++)
		used += (size_t)snprintf(entry + used, sizeof(entry) - used, "%02x", digest[i]);
	path = write_image(unit, true);
	write_machine(unit, OPEN, RULE);
	write_config(unit, FEDORA);
	keys_install(unit, machine);
	appraisal = ask(unit, path, true);
	assert_int_equal(appraisal->loads, NO);
	assert_string_equal(appraisal->checks[0].problem, ".blacklist has the digest of the file");
	assert_int_equal(appraisal->checks[0].step, CRASHRES_STEP_REVOKED);
	free(appraisal);
	/* Another digest. */
	entry[strlen(entry) - 1] ^= 1;
	appraisal = ask(unit, path, true);
	assert_int_equal(appraisal->loads, YES);
	free(appraisal);
	free(path);
}

/* Writes an Image whose signature contains the certificate @der of @pkey. */
static char *write_image_with(struct unit *unit, EVP_PKEY *pkey, struct bytes der)
{
	struct bytes image = make_image(), file = signer_append(pkey, der, image);

	unit_write(unit, "Image", file.data, file.size);
	free(image.data);
	free(file.data);
	return unit_path(unit, "Image");
}

/*
 * A certificate inside the file with the names of the signer's: of another key, and a renewed one,
 * which the kernel looks up by its serial number. The kernel refuses both.
 */
static void test_certificates_inside_the_file_prove_nothing(void **state)
{
	EVP_PKEY *stranger = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
	const struct {
		EVP_PKEY *pkey;
		long number;
	} cases[] = { { stranger, 77 }, { stranger, 78 }, { key.pkey, 78 } };
	struct unit *unit = *state;

	write_machine(unit, OPEN, RULE);
	write_config(unit, FEDORA);
	keys_install(unit, trusting);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct bytes der = make_certificate(cases[i].pkey, "unit", SKID, cases[i].number, NULL);
		char *path = write_image_with(unit, cases[i].pkey, der);
		struct crashres_appraisal *appraisal = ask(unit, path, false);

		assert_int_equal(appraisal->loads, UNKNOWN);
		assert_int_equal(appraisal->checks[0].step, CRASHRES_STEP_CERTIFICATE);
		assert_string_equal(appraisal->checks[0].problem,
				    "a certificate inside the file has the name of a key in a "
				    "keyring, but anybody can make such a certificate");
		free(appraisal);
		appraisal = ask(unit, path, true);
		assert_int_equal(appraisal->loads, NO);
		free(appraisal);
		OPENSSL_free(der.data);
		free(path);
	}
	EVP_PKEY_free(stranger);
}

/* The signer's key in .blacklist, and keys there that cannot be compared. */
static void test_keys_in_blacklist_are_refused(void **state)
{
	static const struct {
		const char *entry;
		enum crashres_answer loads;
		enum crashres_step step;
		const char *problem;
	} cases[] = {
		{ SIGNER, NO, CRASHRES_STEP_REVOKED, ".blacklist has a key of the signature" },
		{ OTHER, YES, CRASHRES_STEP_NONE, "" },
		{ "asymmetric;0;0;1f030000;nameless", UNKNOWN, CRASHRES_STEP_NONE,
		  ".blacklist has a key without an identifier" },
		{ NULL, UNKNOWN, CRASHRES_STEP_NONE, "a keyring has a key that cannot be described, "
		  "and .blacklist can be this keyring" },
	};
	struct unit *unit = *state;
	char *path = write_image(unit, true);

	write_machine(unit, OPEN, RULE);
	write_config(unit, FEDORA);
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct keys_entry machine[] = {
			{ 5, "keyring;0;0;1f0b0000;.ima", { 11 } },
			{ 6, "keyring;0;0;1f0b0000;.blacklist", { 12 } },
			{ 11, SIGNER, { 0 } },
			{ 12, cases[i].entry, { 0 } },
			{ 0 },
		};
		struct crashres_appraisal *appraisal;

		keys_install(unit, machine);
		appraisal = ask(unit, path, true);
		assert_string_equal(appraisal->checks[0].problem, cases[i].problem);
		assert_int_equal(appraisal->loads, cases[i].loads);
		assert_int_equal(appraisal->checks[0].step, cases[i].step);
		free(appraisal);
	}
	free(path);
}

/* The certificate inside the file is trusted, but its issuer is revoked. */
static void test_issuers_in_blacklist_are_refused(void **state)
{
	static const struct keys_entry machine[] = {
		{ 5, "keyring;0;0;1f0b0000;.ima", { 12 } },
		{ 6, "keyring;0;0;1f0b0000;.blacklist", { 11 } },
		{ 11, SIGNER, { 0 } },
		{ 12, "asymmetric;0;0;1f030000;leaf: 0102030405", { 0 } },
		{ 0 },
	};
	struct unit *unit = *state;
	EVP_PKEY *pkey = signer_key();
	struct bytes der = make_certificate(pkey, "leaf", "0102030405", 5, key.pkey);
	struct crashres_certificate *leaf = open_certificate(der);
	char *path = write_image_with(unit, pkey, der);
	struct crashres_appraisal *appraisal = NULL;

	write_machine(unit, OPEN, RULE);
	write_config(unit, FEDORA);
	keys_install(unit, machine);
	assert_ok(unit, crashres_appraise(unit->ctx, path, &leaf, 1, &appraisal));
	assert_int_equal(appraisal->loads, NO);
	assert_string_equal(appraisal->checks[0].problem, ".blacklist has a key of the signature");
	free(appraisal);
	crashres_certificate_free(leaf);
	EVP_PKEY_free(pkey);
	OPENSSL_free(der.data);
	free(path);
}

/* The PE part: what demands it, and a kernel that cannot verify it. */
static void test_lockdown_and_options_decide_about_pe(void **state)
{
	static const struct {
		const char *lockdown, *policy, *config;
		bool secure_boot;
		enum crashres_answer demanded, loads;
		const char *reason;
	} cases[] = {
		{ LOCKED, "", FEDORA, false, YES, NO, "lockdown" },
		{ LOCKED, "", FEDORA, true, YES, NO, "Secure Boot with CONFIG_IMA_ARCH_POLICY" },
		{ OPEN, "", FEDORA, true, YES, NO, "Secure Boot with CONFIG_IMA_ARCH_POLICY" },
		{ OPEN, "", FEDORA "CONFIG_KEXEC_SIG_FORCE=y\n", false, YES, NO,
		  "CONFIG_KEXEC_SIG_FORCE" },
		{ OPEN, "", FEDORA, false, NO, YES,
		  "neither lockdown nor Secure Boot nor CONFIG_KEXEC_SIG_FORCE demands one" },
		{ LOCKED, "", "CONFIG_KEXEC_FILE=y\n", true, UNKNOWN, UNKNOWN,
		  "lockdown, unless the running kernel was built without CONFIG_KEXEC_SIG, as "
		  "/boot/config-RELEASE says" },
		{ LOCKED, "appraise func=KEXEC_KERNEL_CHECK appraise_type=imasig\n", FEDORA, false, NO,
		  NO, "lockdown accepts the signature that IMA appraises" },
		{ "none integrity confidentiality\n", "", FEDORA, false, UNKNOWN, UNKNOWN,
		  "lockdown or the configuration of the running kernel is unknown" },
	};
	static const uint8_t on[] = { 6, 0, 0, 0, 1 }, off[] = { 6, 0, 0, 0, 0 };
	struct unit *unit = *state;
	char *path = write_image(unit, false);

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct crashres_appraisal *appraisal;

		write_machine(unit, cases[i].lockdown, cases[i].policy);
		write_config(unit, cases[i].config);
		unit_write(unit, "sys/firmware/efi/efivars/"
			   "SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c",
			   cases[i].secure_boot ? on : off, 5);
		keys_install(unit, trusting);
		appraisal = ask(unit, path, false);
		assert_string_equal(appraisal->checks[1].reason, cases[i].reason);
		assert_int_equal(appraisal->checks[1].demanded, cases[i].demanded);
		assert_int_equal(appraisal->loads, cases[i].loads);
		free(appraisal);
	}
	free(path);
}

/* Obstacles that no signature removes. */
static void test_kernels_that_cannot_load(void **state)
{
	struct unit *unit = *state;
	char *path = write_image(unit, false);
	struct crashres_appraisal *appraisal;

	/* Debian's arm64 kernels have no /proc/config.gz. */
	write_machine(unit, LOCKED, "");
	write_config(unit, "CONFIG_ARM64=y\n");
	keys_install(unit, trusting);
	appraisal = ask(unit, path, false);
	assert_int_equal(appraisal->loads, UNKNOWN);
	assert_int_equal(appraisal->check_count, 0);
	assert_string_equal(appraisal->problem, "the running kernel has no kexec_file_load, which "
			    "verifies signatures: /boot/config-RELEASE, which can belong to "
			    "another build, has no CONFIG_KEXEC_FILE; and it forbids kexec_load");
	free(appraisal);
	write_own_config(unit, "CONFIG_ARM64=y\n");
	appraisal = ask(unit, path, false);
	assert_int_equal(appraisal->loads, NO);
	assert_string_equal(appraisal->problem, "the running kernel has no kexec_file_load, which "
			    "verifies signatures: it was built without CONFIG_KEXEC_FILE; and it "
			    "forbids kexec_load");
	free(appraisal);
	write_machine(unit, OPEN, "");
	appraisal = ask(unit, path, false);
	assert_int_equal(appraisal->loads, YES);
	free(appraisal);
	unit_write_text(unit, "proc/sys/kernel/kexec_load_disabled", "1\n");
	appraisal = ask(unit, path, false);
	assert_int_equal(appraisal->loads, NO);
	assert_string_equal(appraisal->problem, "kernel.kexec_load_disabled is 1");
	free(appraisal);
	free(path);
}

/*
 * KEXEC_SIG without KEXEC_IMAGE_VERIFY_SIG refuses every file, as Ubuntu's arm64 kernels do.
 * Without KEXEC_SIG, lockdown demands nothing.
 */
static void test_kernels_without_kexec_sig_or_a_verifier(void **state)
{
	struct unit *unit = *state;
	char *path = write_image(unit, false);
	struct crashres_appraisal *appraisal;

	write_machine(unit, LOCKED, "");
	keys_install(unit, trusting);
	write_config(unit, "CONFIG_KEXEC_FILE=y\nCONFIG_KEXEC_SIG=y\n");
	appraisal = ask(unit, path, false);
	/* The file has no signature, so the answer is certain. */
	assert_int_equal(appraisal->loads, NO);
	assert_int_equal(appraisal->checks[1].step, CRASHRES_STEP_KERNEL);
	assert_string_equal(appraisal->checks[1].problem,
			    "the running kernel cannot verify any PE signature: /boot/config-RELEASE, "
			    "which can belong to another build, has no CONFIG_KEXEC_IMAGE_VERIFY_SIG");
	free(appraisal);
	write_own_config(unit, "CONFIG_KEXEC_FILE=y\nCONFIG_KEXEC_SIG=y\n");
	appraisal = ask(unit, path, false);
	assert_int_equal(appraisal->loads, NO);
	assert_string_equal(appraisal->checks[1].problem,
			    "the running kernel cannot verify any PE signature: it was built without "
			    "CONFIG_KEXEC_IMAGE_VERIFY_SIG");
	free(appraisal);
	write_own_config(unit, "CONFIG_KEXEC_FILE=y\n");
	appraisal = ask(unit, path, false);
	assert_int_equal(appraisal->loads, YES);
	assert_string_equal(appraisal->checks[1].reason,
			    "the running kernel was built without CONFIG_KEXEC_SIG");
	free(appraisal);
	free(path);
}

/* kexec unpacks a compressed kernel, and the unpacked Image has no signature. */
static void test_a_file_that_is_not_an_image_has_no_signature(void **state)
{
	struct unit *unit = *state;
	char *path = unit_path(unit, "vmlinuz");
	struct crashres_appraisal *appraisal;

	unit_write_text(unit, "vmlinuz", "MZ and no Image");
	write_machine(unit, OPEN, RULE);
	write_config(unit, FEDORA);
	keys_install(unit, trusting);
	appraisal = ask(unit, path, false);
	assert_int_equal(appraisal->loads, NO);
	assert_string_equal(appraisal->checks[0].problem, "the file is not an arm64 Image: kexec "
			    "passes the unpacked Image, which has no signature");
	assert_string_equal(appraisal->checks[1].problem, "");
	free(appraisal);
	free(path);
}

/* Writes an Image with @image_size in its header, and asks about it. */
static struct crashres_appraisal *ask_about_size(struct unit *unit, uint64_t image_size)
{
	struct bytes image = make_image();
	char *path = unit_path(unit, "Image");
	struct crashres_appraisal *appraisal;

	unit_put_le(image.data + 16, 8, image_size);
	unit_write(unit, "Image", image.data, image.size);
	free(image.data);
	appraisal = ask(unit, path, false);
	free(path);
	return appraisal;
}

/* image_load() and sanity_check_segment_list() of the kernel refuse such files. */
static void test_an_image_header_that_the_kernel_refuses(void **state)
{
	static const struct {
		uint64_t image_size;
		enum crashres_answer loads;
		const char *problem;
	} cases[] = {
		{ 0, NO, "image_size is 0 (Linux before 3.17): the memory size of the kernel is "
		  "unknown" },
		{ IMAGE_SIZE - 1, NO, "the Image is longer than its image_size" },
		{ IMAGE_SIZE, YES, "" },
	};
	struct unit *unit = *state;
	struct crashres_appraisal *appraisal;
	char *path;

	write_machine(unit, OPEN, "");
	write_config(unit, FEDORA);
	keys_install(unit, trusting);
	for (size_t i = 0; i < COUNT(cases); i++) {
		appraisal = ask_about_size(unit, cases[i].image_size);
		assert_string_equal(appraisal->problem, cases[i].problem);
		assert_int_equal(appraisal->loads, cases[i].loads);
		free(appraisal);
	}
	/* No kernel at all. */
	path = unit_path(unit, "vmlinuz");
	unit_write_text(unit, "vmlinuz", "MZ and no Image");
	appraisal = ask(unit, path, false);
	assert_int_equal(appraisal->loads, NO);
	assert_true(*appraisal->problem);
	free(appraisal);
	free(path);
}

/* kexec_load_permitted() of the kernel. */
static void test_limits_of_kexec_calls(void **state)
{
	static const struct {
		const char *panic, *reboot;
		enum crashres_answer loads;
		const char *problem;
	} cases[] = {
		{ "-1\n", "-1\n", YES, "" },
		{ "1\n", "1\n", YES, "" },
		{ "0\n", "-1\n", UNKNOWN, "kernel.kexec_load_limit_panic is 0, so only the normal slot "
		  "takes a kernel" },
		{ "-1\n", "0\n", UNKNOWN, "kernel.kexec_load_limit_reboot is 0, so only the crash slot "
		  "takes a kernel" },
		{ "0\n", "0\n", NO, "kernel.kexec_load_limit_panic and "
		  "kernel.kexec_load_limit_reboot are 0" },
	};
	struct unit *unit = *state;
	char *path = write_image(unit, false);

	write_machine(unit, OPEN, "");
	write_config(unit, FEDORA);
	keys_install(unit, trusting);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct crashres_appraisal *appraisal;

		unit_write_text(unit, "proc/sys/kernel/kexec_load_limit_panic", cases[i].panic);
		unit_write_text(unit, "proc/sys/kernel/kexec_load_limit_reboot", cases[i].reboot);
		appraisal = ask(unit, path, false);
		assert_string_equal(appraisal->problem, cases[i].problem);
		assert_int_equal(appraisal->loads, cases[i].loads);
		free(appraisal);
	}
	free(path);
}

/*
 * The signature is right, but the kernel can demand more: another hash, another rule, EVM. An
 * appended signature without security.ima is read by the default hash of IMA.
 */
static void test_a_right_signature_that_can_be_refused(void **state)
{
	static const struct {
		const char *policy, *evm, *problem;
	} cases[] = {
		{ RULE, "0\n", "" },
		{ RULE, "1\n", "EVM has a key and verifies security.evm, which was not verified" },
		{ "appraise func=KEXEC_KERNEL_CHECK appraise_type=imasig|modsig appraise_algos=sha512\n",
		  "0\n", "appraise_algos= of the IMA policy must accept the default hash of IMA, which is "
		  "unknown" },
		{ "appraise func=KEXEC_KERNEL_CHECK appraise_type=imasig|modsig fowner=0\n"
		  "appraise func=KEXEC_KERNEL_CHECK appraise_type=imasig\n", "0\n",
		  "several rules of the IMA policy can concern this file, or one has an unknown "
		  "demand" },
		{ "appraise func=KEXEC_KERNEL_CHECK appraise_type=imasig|modsig fowner=0\n" RULE, "0\n",
		  "" },
	};
	struct unit *unit = *state;
	char *path = write_image(unit, true);

	write_config(unit, FEDORA);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct crashres_appraisal *appraisal;

		write_machine(unit, OPEN, cases[i].policy);
		unit_write_text(unit, "sys/kernel/security/evm", cases[i].evm);
		keys_install(unit, trusting);
		appraisal = ask(unit, path, true);
		assert_string_equal(appraisal->checks[0].problem, cases[i].problem);
		assert_int_equal(appraisal->loads, *cases[i].problem ? UNKNOWN : YES);
		free(appraisal);
	}
	free(path);
}

/* Under lockdown IMA replaces the PE signature only if it enforces its rules. */
static void test_weak_ima_does_not_satisfy_lockdown(void **state)
{
	static const struct {
		const char *words;
		enum crashres_answer demanded;
	} cases[] = {
		{ "quiet\n", NO },
		{ "ima_appraise=enforce ima_appraise=log\n", YES },
		{ "ima_appraise=log\n", YES },
	};
	struct unit *unit = *state;
	char *path = write_image(unit, true);

	write_machine(unit, LOCKED, RULE);
	write_config(unit, FEDORA);
	keys_install(unit, trusting);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct crashres_appraisal *appraisal;

		unit_write_text(unit, "proc/cmdline", cases[i].words);
		appraisal = ask(unit, path, true);
		assert_int_equal(appraisal->checks[1].demanded, cases[i].demanded);
		assert_int_equal(appraisal->loads, cases[i].demanded == NO ? YES : NO);
		free(appraisal);
	}
	free(path);
}

static void test_words_of_the_command_line_weaken_ima(void **state)
{
	struct unit *unit = *state;
	char *path = write_image(unit, false);
	struct crashres_appraisal *appraisal;

	write_machine(unit, OPEN, RULE);
	write_config(unit, FEDORA);
	keys_install(unit, trusting);
	unit_write_text(unit, "proc/cmdline", "quiet ima_appraise=enforce\n");
	appraisal = ask(unit, path, false);
	assert_int_equal(appraisal->loads, NO);
	free(appraisal);
	unit_write_text(unit, "proc/cmdline", "quiet ima_appraise=log\n");
	appraisal = ask(unit, path, false);
	assert_int_equal(appraisal->loads, UNKNOWN);
	free(appraisal);
	free(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT_TEST(test_nothing_is_demanded),
		UNIT_TEST(test_ima_looks_into_ima_and_platform),
		UNIT_TEST(test_subject_and_type_of_a_trusted_key_are_compared),
		UNIT_TEST(test_names_are_those_of_the_kernel),
		UNIT_TEST(test_keyrings_of_another_machine_are_unknown),
		UNIT_TEST(test_certificates_inside_the_file_prove_nothing),
		UNIT_TEST(test_revoked_keys_and_files_are_refused),
		UNIT_TEST(test_keys_in_blacklist_are_refused),
		UNIT_TEST(test_issuers_in_blacklist_are_refused),
		UNIT_TEST(test_lockdown_and_options_decide_about_pe),
		UNIT_TEST(test_kernels_that_cannot_load),
		UNIT_TEST(test_kernels_without_kexec_sig_or_a_verifier),
		UNIT_TEST(test_a_file_that_is_not_an_image_has_no_signature),
		UNIT_TEST(test_an_image_header_that_the_kernel_refuses),
		UNIT_TEST(test_limits_of_kexec_calls),
		UNIT_TEST(test_a_right_signature_that_can_be_refused),
		UNIT_TEST(test_weak_ima_does_not_satisfy_lockdown),
		UNIT_TEST(test_words_of_the_command_line_weaken_ima),
	};

	return cmocka_run_group_tests_name("ima_appraisal", tests, make_signer, free_signer);
}
