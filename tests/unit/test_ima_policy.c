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
 * d digital signature demanded, m modsig.
 */
static const char *find(const char *text)
{
	static char letters[8];
	const struct crs_ima_rule rule = crs_ima_policy_find(text, strlen(text),
							     "KEXEC_KERNEL_CHECK");

	snprintf(letters, sizeof(letters), "%s%s%s%s%s", rule.appraised ? "a" : "",
		 rule.named ? "n" : "", rule.conditional ? "c" : "", rule.signature ? "d" : "",
		 rule.modsig ? "m" : "");
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
	assert_string_equal(find("dont_appraise func=KEXEC_KERNEL_CHECK\nappraise\n"), "n");
	assert_string_equal(find("dont_appraise fsmagic=0x9fa0\n"
				 "appraise func=KEXEC_KERNEL_CHECK appraise_type=imasig\n"), "and");
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT_TEST(test_first_rule_that_matches_decides),
		UNIT_TEST(test_missing_policy_is_unknown_unless_ima_is_missing),
	};

	return cmocka_run_group_tests_name("ima_policy", tests, NULL, NULL);
}
