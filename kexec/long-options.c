/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The long options of kexec: those for arm64, and those of kexec-tools for other architectures.
 *
 * Scripts and documents pass options of x86 or POWER on arm64 too. kexec-tools for arm64 then ends
 * with "unrecognized option", and kdump does not work. kexec accepts these options, prints a
 * warning and ignores them. Callers that pass them:
 *
 *     --args-linux                    kdump-config of Debian, for every vmlinux; kdump.rst
 *     --reset-vga --console-vga       NixOS (boot.crashDump)
 *     --real-mode                     linuxrc of SUSE, older versions
 *     --dt-no-old-root                kdumpctl, KEXEC_ARGS on ppc64
 *     --elf32-core-headers, --elf64-core-headers
 *                                     kdumpctl on i686
 *     --atags --no-dtb                kexecboot
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "long-options.h"

/*
 * The options that arm64 has. The value is that of the short option if there is one, else an OPT_
 * constant. Tests and completions are compared with this table: one entry is one line.
 */
static const struct option native[] = {
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'v' },
	{ "debug", no_argument, NULL, 'd' },
	{ "load", no_argument, NULL, 'l' },
	{ "load-panic", no_argument, NULL, 'p' },
	{ "unload", no_argument, NULL, 'u' },
	{ "exec", no_argument, NULL, 'e' },
	{ "force", no_argument, NULL, 'f' },
	{ "no-sync", no_argument, NULL, 'y' },
	{ "no-ifdown", no_argument, NULL, 'x' },
	{ "kexec-syscall", no_argument, NULL, 'c' },
	{ "kexec-file-syscall", no_argument, NULL, 's' },
	{ "kexec-syscall-auto", no_argument, NULL, 'a' },
	{ "status", no_argument, NULL, 'S' },
	{ "type", required_argument, NULL, 't' },
	{ "entry", required_argument, NULL, OPT_ENTRY },
	{ "reuseinitrd", no_argument, NULL, OPT_REUSE_INITRD },
	{ "hotplug", no_argument, NULL, OPT_HOTPLUG },
	{ "no-cma", no_argument, NULL, OPT_NO_CMA },
	{ "force-dtb", no_argument, NULL, OPT_FORCE_DTB },
	{ "load-preserve-context", no_argument, NULL, OPT_PRESERVE_CONTEXT },
	{ "load-jump-back-helper", no_argument, NULL, OPT_JUMP_BACK },
	{ "load-live-update", no_argument, NULL, OPT_LOAD_LIVE_UPDATE },
	{ "exec-live-update", no_argument, NULL, OPT_EXEC_LIVE_UPDATE },
	{ "append", required_argument, NULL, OPT_APPEND },
	{ "command-line", required_argument, NULL, OPT_APPEND },
	{ "reuse-cmdline", no_argument, NULL, OPT_REUSE_CMDLINE },
	{ "initrd", required_argument, NULL, OPT_INITRD },
	{ "ramdisk", required_argument, NULL, OPT_INITRD },
	{ "dtb", required_argument, NULL, OPT_DTB },
	{ "mem-min", required_argument, NULL, OPT_MEM_MIN },
	{ "mem-max", required_argument, NULL, OPT_MEM_MAX },
	{ "print-ckr-size", no_argument, NULL, OPT_PRINT_CKR_SIZE },
	{ "dry-run", no_argument, NULL, OPT_DRY_RUN },
	{ "root", required_argument, NULL, OPT_ROOT },
	{ "purgatory-mmu", required_argument, NULL, OPT_PURGATORY_MMU },
	{ "no-checks", no_argument, NULL, 'i' },
	{ "on-damage", required_argument, NULL, OPT_ON_DAMAGE },
	{ "on-timeout", required_argument, NULL, OPT_ON_TIMEOUT },
	{ "repair", required_argument, NULL, OPT_REPAIR },
	{ "check-time", required_argument, NULL, OPT_CHECK_TIME },
	{ "serial", required_argument, NULL, OPT_SERIAL },
	{ "seal", required_argument, NULL, OPT_SEAL },
	{ NULL, 0, NULL, 0 },
};

/* Options of kexec-tools for other architectures. All are ignored with a warning. */
static const struct option foreign[] = {
	{ "args-elf", no_argument, NULL, OPT_FOREIGN },
	{ "args-linux", no_argument, NULL, OPT_FOREIGN },
	{ "args-none", no_argument, NULL, OPT_FOREIGN },
	{ "atags", no_argument, NULL, OPT_FOREIGN },
	{ "console-serial", no_argument, NULL, OPT_FOREIGN },
	{ "console-vga", no_argument, NULL, OPT_FOREIGN },
	{ "devicetreeblob", required_argument, NULL, OPT_FOREIGN },
	{ "dt-no-old-root", no_argument, NULL, OPT_FOREIGN },
	{ "elf32-core-headers", no_argument, NULL, OPT_FOREIGN },
	{ "elf64-core-headers", no_argument, NULL, OPT_FOREIGN },
	{ "entry-32bit", no_argument, NULL, OPT_FOREIGN },
	{ "image-size", required_argument, NULL, OPT_FOREIGN },
	{ "module", required_argument, NULL, OPT_FOREIGN },
	{ "no-dtb", no_argument, NULL, OPT_FOREIGN },
	{ "noefi", no_argument, NULL, OPT_FOREIGN },
	{ "noio", no_argument, NULL, OPT_FOREIGN },
	{ "page-offset", required_argument, NULL, OPT_FOREIGN },
	{ "pass-memmap-cmdline", no_argument, NULL, OPT_FOREIGN },
	{ "real-mode", no_argument, NULL, OPT_FOREIGN },
	{ "reset-vga", no_argument, NULL, OPT_FOREIGN },
	{ "reuse-video-type", no_argument, NULL, OPT_FOREIGN },
	{ "serial-baud", required_argument, NULL, OPT_FOREIGN },
	{ NULL, 0, NULL, 0 },
};

/*
 * Returns the word of @argv that getopt_long() reads next, or NULL if only operands are left.
 *
 * getopt_long() skips operands, unless POSIXLY_CORRECT is set. Inside a group of short options,
 * such as -ps, optind stays at the group, so this returns the group again. optind 0 stands for the
 * first call.
 */
static const char *next_word(int argc, char *const argv[])
{
	for (int i = optind ? optind : 1; i < argc; i++) {
		if (argv[i][0] == '-' && argv[i][1])
			return argv[i];
		if (getenv("POSIXLY_CORRECT"))
			return NULL;
	}
	return NULL;
}

/* Does an option of @table begin with the @length bytes of @name? */
static bool has_prefix(const struct option *table, const char *name, size_t length)
{
	for (; table->name; table++)
		if (!strncmp(table->name, name, length))
			return true;
	return false;
}

const struct option *long_options_next(int argc, char *const argv[])
{
	const char *word = next_word(argc, argv);
	size_t length;

	if (!word || strncmp(word, "--", 2))
		return native;
	word += 2;
	length = strcspn(word, "=");
	return !has_prefix(native, word, length) && has_prefix(foreign, word, length) ? foreign :
											native;
}
