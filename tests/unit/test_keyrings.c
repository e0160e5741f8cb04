/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tests machine/keyrings.c. A wrong program says that the running kernel trusts a key that it
 * does not trust.
 */
#include "keys.h"

static const struct keys_entry machine[] = {
	{ 1, "keyring;0;0;1f0b0000;.builtin_trusted_keys", { 11, 12 } },
	{ 2, "keyring;0;0;1f0f0000;.secondary_trusted_keys", { 1, 3, 13, 20 } },
	{ 3, "keyring;0;0;1f0b0000;.machine", { 14 } },
	{ 4, "keyring;0;0;1f0b0000;.platform", { 14, 15 } },
	{ 6, "keyring;0;0;1f0b0000;.blacklist", { 16 } },
	{ 7, "keyring;1000;0;1f0b0000;other", { 17 } },
	{ 11, "asymmetric;0;0;1f030000;Build key: 0a0b0c0d", { 0 } },
	{ 12, "asymmetric;0;0;1f030000;Debian; Inc: 11", { 0 } },
	{ 13, "asymmetric;0;0;1f030000;Second: 12", { 0 } },
	{ 14, "asymmetric;0;0;1f010000;Owner: 13", { 0 } },
	{ 15, "asymmetric;0;0;1f010000;Firmware: 14", { 0 } },
	{ 16, "blacklist;0;0;0b010000;tbs:aabb", { 0 } },
	{ 20, "keyring;0;0;1f010000;inner", { 21 } },
	{ 21, "user;0;0;1f010000;secret", { 0 } },
	{ 0 },
};

static const struct crs_key *find(const struct crs_keyrings *keyrings, int32_t serial)
{
	for (size_t i = 0; i < keyrings->count; i++)
		if (keyrings->keys[i].serial == serial)
			return &keyrings->keys[i];
	fail_msg("no key %d", serial);
	return NULL;
}

static void test_members_and_links_are_read(void **state)
{
	struct unit *unit = *state;
	struct crs_keyrings keyrings;

	keys_install(unit, machine);
	assert_ok(unit, crs_keyrings_read(unit->ctx, &keyrings));
	assert_true(keyrings.known);
	assert_false(keyrings.hidden);
	assert_string_equal(keyrings.problem, "");
	assert_int_equal(keyrings.count, 7);
	assert_int_equal(keyrings.exist,
			 CRS_RING_BIT(CRS_RING_BUILTIN) | CRS_RING_BIT(CRS_RING_SECONDARY) |
			 CRS_RING_BIT(CRS_RING_MACHINE) | CRS_RING_BIT(CRS_RING_PLATFORM) |
			 CRS_RING_BIT(CRS_RING_BLACKLIST));
	assert_int_equal(find(&keyrings, 11)->rings, CRS_RING_BIT(CRS_RING_BUILTIN));
	assert_string_equal(find(&keyrings, 12)->description, "Debian; Inc: 11");
	assert_int_equal(find(&keyrings, 13)->rings, CRS_RING_BIT(CRS_RING_SECONDARY));
	assert_int_equal(find(&keyrings, 14)->rings,
			 CRS_RING_BIT(CRS_RING_MACHINE) | CRS_RING_BIT(CRS_RING_PLATFORM));
	assert_int_equal(find(&keyrings, 16)->type, CRS_KEY_DIGEST);
	/* A keyring inside another one. */
	assert_int_equal(find(&keyrings, 21)->rings, CRS_RING_BIT(CRS_RING_SECONDARY));
	assert_int_equal(find(&keyrings, 21)->type, CRS_KEY_OTHER);
	assert_int_equal(crs_keyrings_reach(&keyrings, CRS_RING_SECONDARY),
			 CRS_RING_BIT(CRS_RING_BUILTIN) | CRS_RING_BIT(CRS_RING_SECONDARY) |
			 CRS_RING_BIT(CRS_RING_MACHINE));
	assert_int_equal(crs_keyrings_reach(&keyrings, CRS_RING_PLATFORM),
			 CRS_RING_BIT(CRS_RING_PLATFORM));
	crs_keyrings_free(&keyrings);
}

static void assert_unknown(struct unit *unit, const char *problem)
{
	struct crs_keyrings keyrings;

	assert_ok(unit, crs_keyrings_read(unit->ctx, &keyrings));
	assert_false(keyrings.known);
	assert_string_equal(keyrings.problem, problem);
	crs_keyrings_free(&keyrings);
}

static void test_unknown_keyrings_name_the_reason(void **state)
{
	static const struct keys_entry unreadable[] = {
		{ 4, "keyring;0;0;1f0b0000;.platform", { -1 } }, { 0 },
	};
	static const struct keys_entry strangers[] = {
		{ 4, "keyring;1000;0;1f0b0000;other", { 0 } }, { 0 },
	};
	struct unit *unit = *state;

	keys_install(unit, unreadable);
	assert_unknown(unit, "cannot read the keyring .platform: Permission denied");
	keys_install(unit, strangers);
	assert_unknown(unit, "/proc/keys shows no keyring of the kernel: only root can see them");
	unit->ctx->root_is_live = false;
	assert_unknown(unit, "the files of another machine do not show its keyrings");
}

/* A loop of links ends, and a key without a description is reported. */
static void test_loops_and_hidden_keys_are_survived(void **state)
{
	static const struct keys_entry loop[] = {
		{ 1, "keyring;0;0;1f0b0000;.builtin_trusted_keys", { 2, 30 } },
		{ 2, "keyring;0;0;1f0f0000;.secondary_trusted_keys", { 1, 31, 99 } },
		{ 30, "keyring;0;0;1f0f0000;a", { 32 } },
		{ 31, NULL, { 0 } },
		{ 32, "keyring;0;0;1f0f0000;b", { 30 } },
		{ 0 },
	};
	struct unit *unit = *state;
	struct crs_keyrings keyrings;

	keys_install(unit, loop);
	assert_ok(unit, crs_keyrings_read(unit->ctx, &keyrings));
	assert_true(keyrings.known);
	assert_true(keyrings.hidden);
	assert_int_equal(keyrings.count, 0);
	assert_int_equal(crs_keyrings_reach(&keyrings, CRS_RING_BUILTIN),
			 crs_keyrings_reach(&keyrings, CRS_RING_SECONDARY));
	crs_keyrings_free(&keyrings);
}

#define LINE	"0b1a2c3d I------     1 perm 1f0f0000     0     0 keyring   "

static int32_t find_line(const char *text)
{
	return crs_proc_keys_find(text, strlen(text), ".ima");
}

static void test_lines_of_proc_keys_are_parsed(void **state)
{
	assert_int_equal(find_line(LINE ".ima: 3\n"), 0x0b1a2c3d);
	assert_int_equal(find_line("\n" LINE ".platform: 1\n" LINE ".ima: empty"), 0x0b1a2c3d);
	assert_int_equal(find_line(LINE ".ima\n"), 0);
	assert_int_equal(find_line(LINE ".ima_blacklist: 3\n"), 0);
	assert_int_equal(find_line(LINE "x.ima: 3\n"), 0);
	assert_int_equal(find_line(""), 0);
	/* Another owner, another type, a bad serial. */
	assert_int_equal(find_line("1 I 1 perm 1f 1000 0 keyring .ima: 3\n"), 0);
	assert_int_equal(find_line("1 I 1 perm 1f 0 0 user .ima: 3\n"), 0);
	assert_int_equal(find_line("1 I 1 perm 1f 0 0 keyring .ima: 3\n"), 1);
	assert_int_equal(find_line("x I 1 perm 1f 0 0 keyring .ima: 3\n"), 0);
	assert_int_equal(find_line("-1 I 1 perm 1f 0 0 keyring .ima: 3\n"), 0);
	assert_int_equal(find_line("80000000 I 1 perm 1f 0 0 keyring .ima: 3\n"), 0);
	assert_int_equal(find_line("1 I 1 perm 1f 0 0 keyring"), 0);
}

/* Asserts the type of the key 0x1c2d3e4f, described as "a: 12", in /proc/keys. */
static void assert_type(const char *text, const char *expected)
{
	char type[32] = "unset";

	crs_proc_keys_find_type(text, strlen(text), 0x1c2d3e4f, "a: 12", type);
	assert_string_equal(type, expected);
}

#define KEY "1c2d3e4f I------     1 perm 1f030000     0     0 asymmetri "

static void test_types_of_keys_are_found(void **state)
{
	assert_type(KEY "a: 12: X509.rsa 0a0b0c0d []\n", "X509.rsa");
	assert_type(LINE ".ima: 3\n\n" KEY "a: 12: X509.ecdsa-nist-p256", "X509.ecdsa-nist-p256");
	/* Another description, another serial, no type, a type that is too long. */
	assert_type(KEY "b: 12: X509.rsa []\n", "");
	assert_type(KEY "a: 123: X509.rsa []\n", "");
	assert_type(LINE "a: 12: X509.rsa []\n", "");
	assert_type(KEY "a: 12", "");
	assert_type(KEY "a: 12: ", "");
	assert_type(KEY "a: 12: 01234567890123456789012345678901", "");
	assert_type("1c2d3e4f", "");
	assert_type("", "");
}

static void test_descriptions_are_parsed(void **state)
{
	static const struct {
		const char *description;
		size_t subject;
		const char *id;
	} cases[] = {
		{ "Owner: CN = x: 0aFf", 13, "0aFf" },
		{ "no id", 5, "" },
		{ "ends with digits 12", 19, "" },
		{ ": 12", 0, "12" },
		{ "a: ", 1, "" },
		{ "12", 2, "" },
		{ "", 0, "" },
	};
	const char *description = NULL;
	enum crs_key_type type;

	assert_true(crs_key_parse("asymmetric;0;0;1f;a;b", 21, &type, &description));
	assert_int_equal(type, CRS_KEY_ASYMMETRIC);
	assert_string_equal(description, "a;b");
	assert_true(crs_key_parse("asymmetrics;;;;", 15, &type, &description));
	assert_int_equal(type, CRS_KEY_OTHER);
	assert_string_equal(description, "");
	assert_false(crs_key_parse("asymmetric;0;0;1f", 17, &type, &description));
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct crs_key key = { .description = (char *)(uintptr_t)cases[i].description };
		size_t subject;

		assert_string_equal(crs_key_id_text(&key, &subject), cases[i].id);
		assert_int_equal(subject, cases[i].subject);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT_TEST(test_members_and_links_are_read),
		UNIT_TEST(test_unknown_keyrings_name_the_reason),
		UNIT_TEST(test_loops_and_hidden_keys_are_survived),
		UNIT_TEST(test_lines_of_proc_keys_are_parsed),
		UNIT_TEST(test_types_of_keys_are_found),
		UNIT_TEST(test_descriptions_are_parsed),
	};

	return cmocka_run_group_tests_name("keyrings", tests, NULL, NULL);
}
