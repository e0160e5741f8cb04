/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads options of the running kernel's configuration.
 *
 *   /proc/config.gz         the configuration inside the kernel (CONFIG_IKCONFIG_PROC), gzip
 *   /boot/config-RELEASE    a file beside the kernel; RELEASE: /proc/sys/kernel/osrelease
 *
 * Each line is "CONFIG_NAME=y", "CONFIG_NAME=m", "# CONFIG_NAME is not set" or another value. An
 * option whose dependencies are not met has no line.
 */
#ifndef CRS_KERNEL_CONFIG_H
#define CRS_KERNEL_CONFIG_H

#include "../base/ctx.h"

/* The options that matter for kexec and signatures, without "CONFIG_". */
enum crs_option {
	CRS_OPTION_KEXEC_FILE,
	CRS_OPTION_KEXEC_SIG,
	CRS_OPTION_KEXEC_SIG_FORCE,
	CRS_OPTION_KEXEC_IMAGE_VERIFY_SIG,
	CRS_OPTION_IMA_APPRAISE,
	CRS_OPTION_IMA_APPRAISE_MODSIG,
	CRS_OPTION_IMA_ARCH_POLICY,
	CRS_OPTION_IMA_PERMIT_SECONDARY,	/* IMA_KEYRINGS_PERMIT_SIGNED_BY_BUILTIN_OR_... */
	CRS_OPTION_SECONDARY_KEYRING,		/* SECONDARY_TRUSTED_KEYRING */
	CRS_OPTION_PLATFORM_KEYRING,		/* INTEGRITY_PLATFORM_KEYRING */
	CRS_OPTION_MACHINE_KEYRING,		/* INTEGRITY_MACHINE_KEYRING */
	CRS_OPTION_CA_MACHINE_KEYRING,		/* INTEGRITY_CA_MACHINE_KEYRING */
	CRS_OPTION_CA_MACHINE_KEYRING_MAX,	/* INTEGRITY_CA_MACHINE_KEYRING_MAX */
	CRS_OPTION_LOCK_DOWN_IN_EFI,		/* LOCK_DOWN_IN_EFI_SECURE_BOOT (distributions) */
	CRS_OPTION_COUNT,
};

/* The place of the configuration. A file in /boot can belong to another build. */
enum crs_config_source {
	CRS_CONFIG_NONE = 0,
	CRS_CONFIG_KERNEL,		/* /proc/config.gz */
	CRS_CONFIG_BOOT,		/* /boot/config-RELEASE */
};

struct crs_kernel_config {
	enum crs_config_source source;
	enum crashres_answer options[CRS_OPTION_COUNT];
};

/* Reads the configuration. Without it, all options are UNKNOWN; the log has a line. */
struct crs_kernel_config crs_kernel_config_read(struct crashres_ctx *ctx);

/*
 * Was the running kernel certainly built without @option? Believes only the configuration inside
 * the kernel.
 */
bool crs_kernel_config_lacks(const struct crs_kernel_config *config, enum crs_option option);

/*
 * Returns the place that says that the running kernel demands PE signatures (KEXEC_SIG) and
 * cannot verify any of them (no KEXEC_IMAGE_VERIFY_SIG), or CRS_CONFIG_NONE. Such a kernel
 * treats each file as one with a wrong signature (kexec_image_verify_sig() in
 * kernel/kexec_file.c).
 */
enum crs_config_source crs_kernel_config_no_verifier(const struct crs_kernel_config *config);

/*
 * Parses @size bytes at @text, which are hostile. All options are UNKNOWN if no line sets an
 * option; otherwise an option without a line is NO.
 */
void crs_kernel_config_parse(const char *text, size_t size,
			     enum crashres_answer options[CRS_OPTION_COUNT]);

#endif
