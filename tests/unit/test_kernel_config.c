/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tests machine/kernel-config.c. A wrong program believes that the running kernel verifies
 * signatures although it does not, or the other way round.
 */
#include <zlib.h>

#include "../../libcrashres/machine/kernel-config.h"
#include "support.h"

#define YES	CRASHRES_ANSWER_YES
#define NO	CRASHRES_ANSWER_NO
#define UNKNOWN	CRASHRES_ANSWER_UNKNOWN

/* Returns the answer for KEXEC_SIG. */
static enum crashres_answer parse(const char *text)
{
	enum crashres_answer options[CRS_OPTION_COUNT];

	crs_kernel_config_parse(text, strlen(text), options);
	return options[CRS_OPTION_KEXEC_SIG];
}

static void test_lines_set_options(void **state)
{
	assert_int_equal(parse("CONFIG_KEXEC_SIG=y\n"), YES);
	assert_int_equal(parse("CONFIG_KEXEC_SIG=m"), YES);
	assert_int_equal(parse("CONFIG_ARM64=y\n# CONFIG_KEXEC_SIG is not set\n"), NO);
	assert_int_equal(parse("CONFIG_ARM64=y\n"), NO);
	/* A longer or a shorter name, another value, a comment. */
	assert_int_equal(parse("CONFIG_KEXEC_SIG_FORCE=y\nCONFIG_KEXEC=y\n"), NO);
	assert_int_equal(parse("CONFIG_KEXEC_SIG=n\nCONFIG_KEXEC_SIG=yy\n"), NO);
	assert_int_equal(parse("#CONFIG_KEXEC_SIG=y\nCONFIG_X=1\n"), NO);
	/* Not a configuration. */
	assert_int_equal(parse(""), UNKNOWN);
	assert_int_equal(parse("# CONFIG_KEXEC_SIG is not set\n"), UNKNOWN);
	assert_int_equal(parse("CONFIG_KEXEC_SIG"), UNKNOWN);
	assert_int_equal(parse("\n\n\nCONFIG_\n"), UNKNOWN);
}

/* Writes proc/config.gz. */
static void write_gzip(struct unit *unit, const char *text, size_t cut)
{
	uint8_t data[512];
	z_stream stream = {
		.next_in = (Bytef *)(uintptr_t)text,
		.avail_in = (uInt)strlen(text),
		.next_out = data,
		.avail_out = sizeof(data),
	};

	assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 8,
				      Z_DEFAULT_STRATEGY), Z_OK);
	assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
	unit_write(unit, "proc/config.gz", data, stream.total_out - cut);
	deflateEnd(&stream);
}

static struct crs_kernel_config read_config(struct unit *unit)
{
	char *root = unit_path(unit, "");

	assert_ok(unit, crashres_ctx_set_root(unit->ctx, root));
	free(root);
	return crs_kernel_config_read(unit->ctx);
}

static void test_configuration_in_the_kernel_comes_before_boot(void **state)
{
	struct unit *unit = *state;
	struct crs_kernel_config config = read_config(unit);

	assert_int_equal(config.source, CRS_CONFIG_NONE);
	assert_int_equal(config.options[CRS_OPTION_KEXEC_FILE], UNKNOWN);
	unit_write_text(unit, "proc/sys/kernel/osrelease", "6.12.1-arm64\n");
	unit_write_text(unit, "boot/config-6.12.1-arm64", "CONFIG_KEXEC_SIG_FORCE=y\n");
	config = read_config(unit);
	assert_int_equal(config.source, CRS_CONFIG_BOOT);
	assert_int_equal(config.options[CRS_OPTION_KEXEC_FILE], NO);
	assert_int_equal(config.options[CRS_OPTION_KEXEC_SIG_FORCE], YES);
	write_gzip(unit, "CONFIG_KEXEC_FILE=y\n", 0);
	config = read_config(unit);
	assert_int_equal(config.source, CRS_CONFIG_KERNEL);
	assert_int_equal(config.options[CRS_OPTION_KEXEC_FILE], YES);
	assert_int_equal(config.options[CRS_OPTION_KEXEC_SIG_FORCE], NO);
	/* A truncated file says nothing. */
	write_gzip(unit, "CONFIG_KEXEC_FILE=y\n", 9);
	assert_int_equal(read_config(unit).source, CRS_CONFIG_BOOT);
}

/* A hostile release must not lead out of /boot. */
static void test_release_is_a_plain_name(void **state)
{
	static const char *const releases[] = { "", "\n", "/../x\n", "a/b\n", "a b\n", "\x1b[2J\n" };
	struct unit *unit = *state;

	unit_write_text(unit, "boot/config-/../x", "CONFIG_KEXEC_FILE=y\n");
	unit_write_text(unit, "boot/config-a/b", "CONFIG_KEXEC_FILE=y\n");
	for (size_t i = 0; i < COUNT(releases); i++) {
		unit_write_text(unit, "proc/sys/kernel/osrelease", releases[i]);
		assert_int_equal(read_config(unit).source, CRS_CONFIG_NONE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT_TEST(test_lines_set_options),
		UNIT_TEST(test_configuration_in_the_kernel_comes_before_boot),
		UNIT_TEST(test_release_is_a_plain_name),
	};

	return cmocka_run_group_tests_name("kernel_config", tests, NULL, NULL);
}
