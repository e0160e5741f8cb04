/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads options of the running kernel's configuration. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "../base/root.h"
#include "kernel-config.h"

#define RELEASE_LIMIT	256		/* bytes of /proc/sys/kernel/osrelease */
#define GZIP_LIMIT	(1U << 20)	/* bytes of /proc/config.gz; usual: 60 KiB */
#define TEXT_LIMIT	(2U << 20)	/* bytes of the text; usual: 250 KiB */

static const char *const names[CRS_OPTION_COUNT] = {
	[CRS_OPTION_KEXEC_FILE] = "KEXEC_FILE",
	[CRS_OPTION_KEXEC_SIG] = "KEXEC_SIG",
	[CRS_OPTION_KEXEC_SIG_FORCE] = "KEXEC_SIG_FORCE",
	[CRS_OPTION_KEXEC_IMAGE_VERIFY_SIG] = "KEXEC_IMAGE_VERIFY_SIG",
	[CRS_OPTION_IMA_APPRAISE] = "IMA_APPRAISE",
	[CRS_OPTION_IMA_APPRAISE_MODSIG] = "IMA_APPRAISE_MODSIG",
	[CRS_OPTION_IMA_ARCH_POLICY] = "IMA_ARCH_POLICY",
	[CRS_OPTION_IMA_PERMIT_SECONDARY] =
		"IMA_KEYRINGS_PERMIT_SIGNED_BY_BUILTIN_OR_SECONDARY",
	[CRS_OPTION_SECONDARY_KEYRING] = "SECONDARY_TRUSTED_KEYRING",
	[CRS_OPTION_PLATFORM_KEYRING] = "INTEGRITY_PLATFORM_KEYRING",
	[CRS_OPTION_MACHINE_KEYRING] = "INTEGRITY_MACHINE_KEYRING",
	[CRS_OPTION_CA_MACHINE_KEYRING] = "INTEGRITY_CA_MACHINE_KEYRING",
	[CRS_OPTION_CA_MACHINE_KEYRING_MAX] = "INTEGRITY_CA_MACHINE_KEYRING_MAX",
	[CRS_OPTION_LOCK_DOWN_IN_EFI] = "LOCK_DOWN_IN_EFI_SECURE_BOOT",
};

/* Is @line "CONFIG_NAME=y" or "CONFIG_NAME=m" for option @name? */
static bool is_set(const char *line, size_t length, const char *name)
{
	const size_t prefix = strlen("CONFIG_"), size = strlen(name);

	return length == prefix + size + 2 && !memcmp(line + prefix, name, size) &&
	       line[prefix + size] == '=' &&
	       (line[length - 1] == 'y' || line[length - 1] == 'm');
}

/* Takes one line that starts with "CONFIG_". */
static void parse_line(const char *line, size_t length,
		       enum crashres_answer options[CRS_OPTION_COUNT])
{
	for (size_t i = 0; i < CRS_OPTION_COUNT; i++)
		if (is_set(line, length, names[i]))
			options[i] = CRASHRES_ANSWER_YES;
		else if (options[i] == CRASHRES_ANSWER_UNKNOWN)
			options[i] = CRASHRES_ANSWER_NO;
}

void crs_kernel_config_parse(const char *text, size_t size,
			     enum crashres_answer options[CRS_OPTION_COUNT])
{
	const char *const end = text + size;

	memset(options, 0, CRS_OPTION_COUNT * sizeof(*options));
	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		size_t length = (size_t)((newline ? newline : end) - text);

		if (length > 7 && !memcmp(text, "CONFIG_", 7) && memchr(text, '=', length))
			parse_line(text, length, options);
		text += length + 1;
	}
}

/*
 * Unpacks @size bytes at @data. Returns the size of the text, or 0 if the data is damaged or the
 * text has @capacity bytes or more.
 */
static size_t unpack(const uint8_t *data, size_t size, char *text, size_t capacity)
{
	z_stream stream = {
		.next_in = (Bytef *)(uintptr_t)data,
		.avail_in = (unsigned int)size,
		.next_out = (unsigned char *)text,
		.avail_out = (unsigned int)capacity,
	};
	bool complete;

	/* 16: a gzip header, not a zlib header. */
	if (inflateInit2(&stream, 16 + MAX_WBITS) != Z_OK)
		return 0;
	complete = inflate(&stream, Z_FINISH) == Z_STREAM_END;
	inflateEnd(&stream);
	return complete ? stream.total_out : 0;
}

/* Logs why a source is left out. */
static void log_skipped(struct crashres_ctx *ctx)
{
	crs_log(ctx, CRASHRES_LOG_INFO, "skipped: %s", ctx->error);
}

/* Reads /proc/config.gz. Returns false, with a line in the log, if that is impossible. */
static bool read_kernel(struct crashres_ctx *ctx, struct crs_kernel_config *config)
{
	CRS_CLEANUP(crs_freep) uint8_t *data = NULL;
	CRS_CLEANUP(crs_freep) char *text = NULL;
	size_t size;

	if (crs_root_read(ctx, "proc/config.gz", GZIP_LIMIT, &data, &size) != CRASHRES_OK) {
		log_skipped(ctx);
		return false;
	}
	text = malloc(TEXT_LIMIT);
	size = text ? unpack(data, size, text, TEXT_LIMIT) : 0;
	if (!size) {
		crs_log(ctx, CRASHRES_LOG_INFO, "skipped: /proc/config.gz cannot be unpacked");
		return false;
	}
	config->source = CRS_CONFIG_KERNEL;
	crs_kernel_config_parse(text, size, config->options);
	return true;
}

/* Is @release a name without "/" and control characters, so that it stays in /boot? */
static bool is_release(const char *release)
{
	for (const char *at = release; *at; at++)
		if (!isgraph((unsigned char)*at) || *at == '/')
			return false;
	return *release;
}

/* Reads /boot/config-RELEASE. */
static bool read_boot(struct crashres_ctx *ctx, struct crs_kernel_config *config)
{
	CRS_CLEANUP(crs_freep) uint8_t *release = NULL, *text = NULL;
	char path[RELEASE_LIMIT + 32];
	size_t size;

	if (crs_root_read(ctx, "proc/sys/kernel/osrelease", RELEASE_LIMIT, &release, &size) !=
	    CRASHRES_OK) {
		log_skipped(ctx);
		return false;
	}
	release[strcspn((char *)release, "\n")] = '\0';
	if (!is_release((char *)release))
		return false;
	snprintf(path, sizeof(path), "boot/config-%s", (char *)release);
	if (crs_root_read(ctx, path, TEXT_LIMIT, &text, &size) != CRASHRES_OK) {
		log_skipped(ctx);
		return false;
	}
	config->source = CRS_CONFIG_BOOT;
	crs_kernel_config_parse((char *)text, size, config->options);
	return true;
}

struct crs_kernel_config crs_kernel_config_read(struct crashres_ctx *ctx)
{
	struct crs_kernel_config config = { .source = CRS_CONFIG_NONE };

	if (!read_kernel(ctx, &config))
		read_boot(ctx, &config);
	return config;
}

bool crs_kernel_config_lacks(const struct crs_kernel_config *config, enum crs_option option)
{
	return config->source == CRS_CONFIG_KERNEL && config->options[option] == CRASHRES_ANSWER_NO;
}

enum crs_config_source crs_kernel_config_no_verifier(const struct crs_kernel_config *config)
{
	return config->options[CRS_OPTION_KEXEC_SIG] == CRASHRES_ANSWER_YES &&
	       config->options[CRS_OPTION_KEXEC_IMAGE_VERIFY_SIG] == CRASHRES_ANSWER_NO ?
	       config->source : CRS_CONFIG_NONE;
}
