/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzz target: the parsers of the files that say which signatures the running kernel demands:
 * configuration, IMA policy, /proc/keys, descriptions of keys, variables of the firmware.
 *
 * No access may leave the input. The result of a parser must lie in the input and have the form
 * that its header promises.
 */
#include <ctype.h>

#include "../../libcrashres/machine/keyrings.h"
#include "../../libcrashres/machine/permissions.h"
#include "../../libcrashres/machine/secure-boot.h"
#include "../unit/support.h"
#include "fuzz.h"

/* Stops the program if a property does not hold. */
static void require(bool condition)
{
	if (!condition)
		abort();
}

static void try_config(const char *text, size_t size)
{
	enum crashres_answer options[CRS_OPTION_COUNT];

	crs_kernel_config_parse(text, size, options);
	for (size_t i = 0; i < CRS_OPTION_COUNT; i++) {
		/* Either no line counts, or every option has an answer. */
		require((options[i] == CRASHRES_ANSWER_UNKNOWN) ==
			(options[0] == CRASHRES_ANSWER_UNKNOWN));
	}
}

static void try_policy(const char *text, size_t size)
{
	const struct crs_ima_rule rule = crs_ima_policy_find(text, size, "KEXEC_KERNEL_CHECK");

	require(!rule.modsig || rule.signature);
	require(rule.appraised || !rule.conditional);
}

static void try_description(const char *text, size_t size)
{
	enum crs_key_type type = CRS_KEY_OTHER;
	const char *description, *id;
	struct crs_key key;
	size_t subject;

	if (!crs_key_parse(text, size, &type, &description))
		return;
	require(description > text && description <= text + size);
	key.description = strndup(description, size - (size_t)(description - text));
	require(key.description != NULL);
	id = crs_key_id_text(&key, &subject);
	require(id >= key.description && subject <= strlen(key.description));
	for (; *id; id++)
		require(isxdigit((unsigned char)*id));
	free(key.description);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	char type[32];

	try_config(text, size);
	try_policy(text, size);
	try_description(text, size);
	require(crs_proc_keys_find(text, size, ".ima") >= 0);
	crs_proc_keys_find_type(text, size, 1, "a: 12", type);
	require(memchr(type, '\0', sizeof(type)) != NULL);
	require(crs_efivar_parse(data, size) == CRASHRES_ANSWER_UNKNOWN || size == 5);
	return 0;
}

uint8_t *fuzz_seed(unsigned int index, size_t *size)
{
	static const char *const seeds[] = {
		"CONFIG_ARM64=y\n# CONFIG_KEXEC is not set\nCONFIG_KEXEC_SIG=y\nCONFIG_HZ=250\n",
		("dont_appraise fsmagic=0x9fa0\nappraise func=KEXEC_KERNEL_CHECK "
		 "appraise_type=imasig|modsig pcr=9\n"),
		"0b1a2c3d I------     1 perm 1f0f0000     0     0 keyring   .ima: 3\n",
		"asymmetric;0;0;1f030000;Owner: CN = x: 0a0b0c0d",
		"\6\1\1\1\1",
	};
	uint8_t *copy;

	if (index >= COUNT(seeds))
		return NULL;
	*size = strlen(seeds[index]);
	copy = unit_alloc(*size);
	memcpy(copy, seeds[index], *size);
	return copy;
}

/* Text has no checksums. */
void fuzz_repair(uint8_t *data, size_t size)
{
	(void)data;
	(void)size;
}
