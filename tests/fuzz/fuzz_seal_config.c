/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzz target: the parser of /etc/crashres/seal.conf (cli/seal-config.c).
 *
 * A refused file gives exactly one line on stderr, which names the file. In an accepted file each
 * string has bytes, paths are absolute, and the patterns can be expanded.
 */
#include "../../cli/seal-config.h"
#include "../unit/support.h"
#include "fuzz.h"

/* Stops the program if a property does not hold. */
static void require(bool condition)
{
	if (!condition)
		abort();
}

static void check_path(const char *path)
{
	require(!path || *path == '/');
}

/* Asserts that no %v is left, and that the result is an absolute path. */
static void check_pattern(const char *pattern)
{
	char *expanded = pattern ? seal_config_expand(pattern, "6.1") : NULL;

	require(!pattern || (expanded && *expanded == '/'));
	require(!pattern || strchr(pattern, '%') || !strcmp(pattern, expanded));
	free(expanded);
}

static void check_config(const struct seal_config *config)
{
	const char *strings[] = { config->kernel, config->initrd, config->key, config->cert,
				  config->sign_with, config->passphrase_file, config->output,
				  config->serial };

	for (size_t i = 0; i < COUNT(strings); i++)
		require(!strings[i] || *strings[i]);
	check_pattern(config->kernel);
	check_pattern(config->initrd);
	check_path(config->output);
	check_path(config->passphrase_file);
	require(config->seal.check_seconds <= 86400);
}

/* Asserts that @text is one line that starts with the name of the file. */
static void check_message(const char *text)
{
	require(!strncmp(text, "program: /file:", 15));
	require(strchr(text, '\n') == text + strlen(text) - 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FILE *terminal = stderr;
	struct seal_config config;
	char *copy = malloc(size + 1), *printed;
	size_t printed_size;
	bool good;

	/* A heap block of the exact size: a sanitizer sees every access after its end. */
	require(copy != NULL);
	memcpy(copy, data, size);
	copy = realloc(copy, size ? size : 1);
	stderr = open_memstream(&printed, &printed_size);
	good = seal_config_parse("program", "/file", copy, size, &config);
	fclose(stderr);
	stderr = terminal;
	if (good) {
		require(!printed_size);
		check_config(&config);
	} else {
		check_message(printed);
	}
	seal_config_free(&config);
	free(printed);
	free(copy);
	return 0;
}

uint8_t *fuzz_seed(unsigned int index, size_t *size)
{
	static const char *const seeds[] = {
		"sealed = auto\nkernel = /boot/vmlinuz-%v\ninitrd = /var/lib/kdump/initrd.img-%v\n",
		"# comment\n\nsignature = append\nkey = k.pem\ncert = c.pem\noutput = /x\n",
		"sign-with = sbsign --key k --output %o %i\npassphrase-file = /p\nserial = ttyS0\n",
		"on-damage = halt\non-timeout = reset\nrepair = 6.25\ncheck-time = 7\n",
	};

	if (index >= COUNT(seeds))
		return NULL;
	*size = strlen(seeds[index]);
	return (uint8_t *)strdup(seeds[index]);
}

void fuzz_repair(uint8_t *data, size_t size)
{
	(void)data;
	(void)size;
}
