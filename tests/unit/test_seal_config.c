/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tests the parser of /etc/crashres/seal.conf (cli/seal-config.c). A wrong program ignores a
 * misspelt key, so that a machine has no checked crash kernel although its file asks for one.
 */
#include "../../cli/seal-config.h"
#include "support.h"

/* Parses @text. *@printed is the text on stderr; the caller frees it. */
static bool parse_bytes(const char *text, size_t size, struct seal_config *config, char **printed)
{
	FILE *terminal = stderr;
	size_t printed_size;
	bool good;

	stderr = open_memstream(printed, &printed_size);
	assert_non_null(stderr);
	good = seal_config_parse("program", "/etc/file", text, size, config);
	fclose(stderr);
	stderr = terminal;
	return good;
}

static void test_every_key_is_stored(void **state)
{
	static const char text[] =
		"# A comment, then an empty line\n"
		"\n"
		"sealed = auto\n"
		"  kernel=/boot/vmlinuz-%v  \r\n"
		"initrd = /var/lib/kdump/initrd.img-%v\n"
		"\t# another comment\n"
		"output = /sealed\n"
		"signature = append\n"
		"key = pkcs11:object=kdump;type=private\n"
		"cert = cert.pem\n"
		"passphrase-file = /etc/pass\n"
		"sign-with = sbsign --key 'a b' --output %o %i\n"
		"serial = ttyS1\n"
		"on-damage = halt\n"
		"on-timeout = reset\n"
		"repair = 12.5\n"
		"check-time = 7";
	struct seal_config config;
	char *printed;

	assert_true(parse_bytes(text, sizeof(text) - 1, &config, &printed));
	assert_string_equal(printed, "");
	free(printed);
	assert_true(config.automatic);
	assert_string_equal(config.kernel, "/boot/vmlinuz-%v");
	assert_string_equal(config.initrd, "/var/lib/kdump/initrd.img-%v");
	assert_string_equal(seal_config_folder(&config), "/sealed");
	assert_int_equal(config.signature, SEAL_SIGNATURE_APPEND);
	assert_string_equal(config.key, "pkcs11:object=kdump;type=private");
	assert_string_equal(config.cert, "cert.pem");
	assert_string_equal(config.passphrase_file, "/etc/pass");
	assert_string_equal(config.sign_with, "sbsign --key 'a b' --output %o %i");
	assert_string_equal(config.serial, "ttyS1");
	assert_int_equal(config.seal.on_damage, CRASHRES_ON_DAMAGE_HALT);
	assert_int_equal(config.seal.on_timeout, CRASHRES_ON_TIMEOUT_RESET);
	assert_int_equal(config.seal.repair, 1250);
	assert_int_equal(config.seal.check_seconds, 7);
	seal_config_free(&config);
}

static void test_empty_file_has_the_defaults(void **state)
{
	const struct crashres_seal_request seal = CRASHRES_SEAL_REQUEST_INIT;
	struct seal_config config;
	char *printed;

	assert_true(parse_bytes("", 0, &config, &printed));
	free(printed);
	assert_false(config.automatic);
	assert_null(config.kernel);
	assert_int_equal(config.signature, SEAL_SIGNATURE_NONE);
	assert_string_equal(seal_config_folder(&config), "/var/lib/crashres/sealed");
	assert_memory_equal(&config.seal, &seal, sizeof(seal));
	seal_config_free(&config);
}

static void test_each_word_of_sealed_and_signature(void **state)
{
	static const struct {
		const char *text;
		bool automatic;
		enum seal_signature signature;
	} cases[] = {
		{ "sealed=off", false, SEAL_SIGNATURE_NONE },
		{ "sealed=auto", true, SEAL_SIGNATURE_NONE },
		{ "signature=pe", false, SEAL_SIGNATURE_PE },
		{ "signature=append", false, SEAL_SIGNATURE_APPEND },
		{ "signature=ima", false, SEAL_SIGNATURE_IMA },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct seal_config config;
		char *printed;

		assert_true(parse_bytes(cases[i].text, strlen(cases[i].text), &config, &printed));
		free(printed);
		assert_int_equal(config.automatic, cases[i].automatic);
		assert_int_equal(config.signature, cases[i].signature);
		seal_config_free(&config);
	}
}

static void test_each_mistake_is_named_with_its_line(void **state)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{ "\n#\nseald = auto", "3: unknown key \"seald\"" },
		{ "sealed", "1: the line has no \"=\"" },
		{ "= auto", "1: unknown key \"\"" },
		{ "kernel =", "1: kernel has no value" },
		{ "key=a\nkey=b", "2: key is given twice" },
		{ "key=a\33[2J", "1: the line has a control character" },
		{ "sealed=on", "1: sealed takes off or auto, not \"on\"" },
		{ "signature=x", "1: signature takes pe, append or ima, not \"x\"" },
		{ "kernel=vmlinuz", "1: kernel takes an absolute path, not \"vmlinuz\"" },
		{ "initrd=x", "1: initrd takes an absolute path, not \"x\"" },
		{ "output=x", "1: output takes an absolute path, not \"x\"" },
		{ "passphrase-file=x", "1: passphrase-file takes an absolute path, not \"x\"" },
		{ "kernel=/a%r", "1: kernel takes %v and %%, and no other %: \"/a%r\"" },
		{ "initrd=/a%", "1: initrd takes %v and %%, and no other %: \"/a%\"" },
		{ "on-damage=x", "1: on-damage takes reset, halt or boot, not \"x\"" },
		{ "on-timeout=x", "1: on-timeout takes boot, reset or halt, not \"x\"" },
		{ "repair=x", "1: repair takes auto, off or a number from 0.01 to 100, not \"x\"" },
		{ "check-time=x", "1: check-time takes a number of seconds from 0 to 86400, not \"x\"" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct seal_config config;
		char *printed, *expected;

		assert_false(parse_bytes(cases[i].text, strlen(cases[i].text), &config, &printed));
		assert_true(asprintf(&expected, "program: /etc/file:%s\n", cases[i].message) > 0);
		assert_string_equal(printed, expected);
		free(expected);
		free(printed);
		seal_config_free(&config);
	}
}

static void test_nul_byte_is_refused(void **state)
{
	struct seal_config config;
	char *printed;

	assert_false(parse_bytes("key=a\0b", 7, &config, &printed));
	assert_string_equal(printed, "program: /etc/file:1: the line has a control character\n");
	free(printed);
	seal_config_free(&config);
}

static void test_release_replaces_each_v(void **state)
{
	static const struct {
		const char *pattern, *expected;
	} cases[] = {
		{ "/boot/vmlinuz", "/boot/vmlinuz" },
		{ "/boot/vmlinuz-%v", "/boot/vmlinuz-6.1" },
		{ "/%v/%%v/%v", "/6.1/%v/6.1" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		char *expanded = seal_config_expand(cases[i].pattern, "6.1");

		assert_string_equal(expanded, cases[i].expected);
		free(expanded);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_key_is_stored),
		cmocka_unit_test(test_empty_file_has_the_defaults),
		cmocka_unit_test(test_each_word_of_sealed_and_signature),
		cmocka_unit_test(test_each_mistake_is_named_with_its_line),
		cmocka_unit_test(test_nul_byte_is_refused),
		cmocka_unit_test(test_release_replaces_each_v),
	};

	return cmocka_run_group_tests_name("seal_config", tests, NULL, NULL);
}
