/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tests machine/ima-policy.c. A wrong program tells the user that the running kernel accepts a
 * file which IMA refuses.
 */
#include <sys/stat.h>

#include "../../libcrashres/machine/ima-policy.h"
#include "support.h"

/*
 * Returns the rule for KEXEC_KERNEL_CHECK as letters: a appraised, n named, c conditional,
 * d digital signature demanded, m modsig, l limited hashes, ? doubtful.
 */
static const char *find(const char *text)
{
	static char letters[16];
	const struct crs_ima_rule rule = crs_ima_policy_find(text, strlen(text),
							     "KEXEC_KERNEL_CHECK");

	snprintf(letters, sizeof(letters), "%s%s%s%s%s%s%s", rule.appraised ? "a" : "",
		 rule.named ? "n" : "", rule.conditional ? "c" : "", rule.signature ? "d" : "",
		 rule.modsig ? "m" : "", rule.limited ? "l" : "", rule.doubtful ? "?" : "");
	return letters;
}

static void test_first_rule_that_matches_decides(void **state)
{
	assert_string_equal(find(""), "");
	assert_string_equal(find("\n \n\t\nappraise"), "a");
	assert_string_equal(find("appraise func=KEXEC_KERNEL_CHECK"), "an");
	assert_string_equal(find("appraise func=KEXEC_KERNEL_CHECK appraise_type=imasig\n"), "and");
	assert_string_equal(find("appraise appraise_type=imasig|modsig func=KEXEC_KERNEL_CHECK\n"),
			    "andm");
	assert_string_equal(find("appraise func=KEXEC_KERNEL_CHECK appraise_flag=check_blacklist "
				 "appraise_type=imasig pcr=9 template=ima-sig\n"), "and");
	/* Other actions and other files. */
	assert_string_equal(find("measure func=KEXEC_KERNEL_CHECK\nappraise func=MODULE_CHECK\n"
				 "appraise func=KEXEC_KERNEL_CHECKS\naudit\n"), "");
	/* A rule without func concerns every file; fowner is a condition. */
	assert_string_equal(find("appraise fowner=0\nappraise func=KEXEC_KERNEL_CHECK\n"), "ac");
	/* Behind a rule with conditions, other rules can concern the file. */
	assert_string_equal(find("appraise fowner=0 appraise_type=imasig|modsig\n"
				 "appraise uid=0 appraise_type=imasig|modsig\n"
				 "appraise appraise_type=imasig\n"), "acdm?");
	assert_string_equal(find("appraise fowner=0 appraise_type=imasig|modsig\n"
				 "appraise appraise_type=imasig|modsig\n"
				 "appraise appraise_type=imasig\n"), "acdm");
	assert_string_equal(find("appraise fowner=0\ndont_appraise\n"
				 "appraise appraise_type=imasig\n"), "ac");
	/* Demands that are unknown. */
	assert_string_equal(find("appraise appraise_type=sigv3 digest_type=verity\n"), "ad?");
	assert_string_equal(find("dont_appraise func=KEXEC_KERNEL_CHECK\nappraise\n"), "n");
	assert_string_equal(find("dont_appraise fsmagic=0x9fa0\n"
				 "appraise func=KEXEC_KERNEL_CHECK appraise_type=imasig\n"), "and");
}

static void test_hashes_of_a_rule(void **state)
{
	static const struct {
		const char *text;
		uint32_t hashes;
	} cases[] = {
		{ "appraise appraise_algos=sha256", 1U << 4 },
		{ "appraise appraise_algos=sha512,sha384\n", 1U << 5 | 1U << 6 },
		{ "appraise appraise_algos=sha1,,sha2,sha256x,\n", 0 },
		{ "appraise appraise_algos=\n", 0 },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct crs_ima_rule rule = crs_ima_policy_find(
			cases[i].text, strlen(cases[i].text), "KEXEC_KERNEL_CHECK");

		assert_true(rule.appraised && rule.limited && !rule.conditional);
		assert_int_equal(rule.hashes, cases[i].hashes);
	}
}

static struct crs_ima_policy read_policy(struct unit *unit)
{
	char *root = unit_path(unit, "");

	assert_ok(unit, crashres_ctx_set_root(unit->ctx, root));
	free(root);
	return crs_ima_policy_read(unit->ctx);
}

/* Without the folder of IMA in a mounted securityfs, the kernel has no IMA. */
static void test_missing_policy_is_unknown_unless_ima_is_missing(void **state)
{
	struct unit *unit = *state;
	struct crs_ima_policy policy = read_policy(unit);
	char *path;

	assert_int_equal(policy.known, CRASHRES_ANSWER_UNKNOWN);
	unit_write_text(unit, "sys/kernel/security/lsm", "capability,lockdown");
	assert_int_equal(read_policy(unit).known, CRASHRES_ANSWER_NO);
	path = unit_path(unit, "sys/kernel/security/ima");
	assert_int_equal(mkdir(path, 0700), 0);
	free(path);
	assert_int_equal(read_policy(unit).known, CRASHRES_ANSWER_UNKNOWN);
	unit_write_text(unit, "sys/kernel/security/ima/policy",
			"appraise func=KEXEC_INITRAMFS_CHECK\n");
	policy = read_policy(unit);
	assert_int_equal(policy.known, CRASHRES_ANSWER_YES);
	assert_false(policy.kernel.appraised);
	assert_true(policy.initrd.appraised);
}

/* EVM verifies files as soon as it has a key. */
static void test_keys_of_evm(void **state)
{
	struct unit *unit = *state;
	char *path = unit_path(unit, "sys/kernel/security/evm");

	unit_write_text(unit, "sys/kernel/security/ima/policy", "");
	assert_int_equal(read_policy(unit).evm, CRASHRES_ANSWER_NO);
	unit_write_text(unit, "sys/kernel/security/evm", "0");
	assert_int_equal(read_policy(unit).evm, CRASHRES_ANSWER_NO);
	unit_write_text(unit, "sys/kernel/security/evm", "2147483650");
	assert_int_equal(read_policy(unit).evm, CRASHRES_ANSWER_YES);
	/* A folder cannot be read. */
	assert_int_equal(remove(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(read_policy(unit).evm, CRASHRES_ANSWER_UNKNOWN);
	free(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT_TEST(test_first_rule_that_matches_decides),
		UNIT_TEST(test_hashes_of_a_rule),
		UNIT_TEST(test_keys_of_evm),
		UNIT_TEST(test_missing_policy_is_unknown_unless_ima_is_missing),
	};

	return cmocka_run_group_tests_name("ima_policy", tests, NULL, NULL);
}
