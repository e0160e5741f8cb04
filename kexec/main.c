/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>

#include "../cli/help.h"
#include "actions.h"
#include "exit.h"

static const char usage[] =
"Usage: kexec [OPTION]... [kernel]\n"
"Directly reboot into a new kernel, or keep one ready for a panic\n"
"\n"
"Actions; without any the kernel is loaded and \"shutdown -r now\" called\n"
" -l, --load             Load the kernel that kexec -e starts.\n"
" -p, --load-panic       Load the kernel that a panic starts (the crash kernel).\n"
" -u, --unload           Unload the kernel; with -p the crash kernel.\n"
" -e, --exec             Start the loaded kernel.\n"
" -f, --force            Load the kernel and start it, without a shutdown.\n"
" -S, --status           Exit with 1 if a crash kernel (with -l: the next kernel)\n"
"                        is loaded, with 0 if not.\n"
"     --print-ckr-size   Print the size of the crash region in bytes.\n"
" -h, --help             Print this text.\n"
" -v, --version          Print the version.\n"
"\n"
"What is loaded\n"
" -t, --type=TYPE        Refuse a kernel of another type than TYPE, one of: Image,\n"
"                        vmlinux, uImage, vmlinuz, uki.\n"
"     --append=STRING, --command-line=STRING\n"
"                        Set the command line.\n"
"     --reuse-cmdline    Put the running kernel's command line in front, without\n"
"                        BOOT_IMAGE= and, with -p, without crashkernel=.\n"
"     --initrd=FILE, --ramdisk=FILE\n"
"                        Use FILE as initial RAM disk.\n"
"     --reuseinitrd      Use the initial RAM disk that the running kernel has kept\n"
"                        (retain_initrd).\n"
"     --dtb=FILE         Use FILE as device tree instead of the running one.\n"
"     --mem-min=ADDRESS  Load nothing below ADDRESS.\n"
"     --mem-max=ADDRESS  Load nothing above ADDRESS.\n"
"     --entry=ADDRESS    Start at ADDRESS instead of purgatory.\n"
"\n"
"How it is checked before it is started\n"
" -i, --no-checks        Not at all.\n"
"     --on-damage=reset|halt|boot\n"
"                        What to do about damage that cannot be repaired: reset the\n"
"                        machine (default), halt it, or start the kernel anyway.\n"
"     --repair=auto|off|PERCENT\n"
"                        Keep parity of PERCENT of the crash kernel (default: 6.25,\n"
"                        or what the crash region has room for).\n"
"     --check-time=SECONDS\n"
"                        Check and repair no longer than this (default: 30;\n"
"                        0: no limit).\n"
"     --on-timeout=boot|reset|halt\n"
"                        What to do if this time runs out before any damage is found:\n"
"                        start the kernel (default), reset the machine, or halt it.\n"
"     --purgatory-mmu=on|off\n"
"                        Check the crash kernel with caches on (default) or off.\n"
"     --serial=TTY       Let purgatory report to the serial port TTY, such as ttyAMA0.\n"
"\n"
"How\n"
" -a, --kexec-syscall-auto\n"
"                        Use the system call that can do it (default): for -p\n"
"                        kexec_load, which carries the check, else kexec_file_load.\n"
" -c, --kexec-syscall    Use kexec_load.\n"
" -s, --kexec-file-syscall\n"
"                        Use kexec_file_load, which verifies signatures.\n"
"     --seal=auto|always|never\n"
"                        With kexec_file_load: let the kernel check itself after the\n"
"                        panic, as a sealed Image (default: a crash kernel, where no\n"
"                        signature is demanded).\n"
"     --hotplug          Let the running kernel keep the crash kernel's memory map up\n"
"                        to date, where it can.\n"
"     --no-cma           With kexec_file_load: place nothing in CMA memory.\n"
"     --force-dtb        With kexec_file_load: pass the device tree on (x86).\n"
" -x, --no-ifdown        Leave network interfaces up before the start.\n"
" -y, --no-sync          Do not write out file systems before the start.\n"
" -d, --debug            Say on stderr what is read and decided.\n"
"     --dry-run          Do everything but the system call, and print the plan.\n"
"     --root=DIR         Plan for a machine from a copy of its /proc and /sys in\n"
"                        DIR; implies --dry-run.\n"
"\n"
"Refused on arm64: --load-preserve-context, --load-jump-back-helper,\n"
"--load-live-update, --exec-live-update.\n"
"Of other architectures, ignored with a warning: --args-elf --args-linux --args-none\n"
"--atags --console-serial --console-vga --devicetreeblob --dt-no-old-root\n"
"--elf32-core-headers --elf64-core-headers --entry-32bit --image-size --module --no-dtb\n"
"--noefi --noio --page-offset --pass-memmap-cmdline --real-mode --reset-vga\n"
"--reuse-video-type --serial-baud\n"
"\n"
"Supported kernel file types: ";

static void print_version(void)
{
	printf("kexec-crashres %s\n", PACKAGE_VERSION);
}

static void print_usage(void)
{
	char formats[512];

	crashres_kernel_formats(formats, sizeof(formats));
	print_version();
	fputs(usage, stdout);
	puts(formats);
}

static int report_no_kernel(void)
{
	fprintf(stderr, "No kernel specified\n");
	print_usage();
	return EXIT_FAILED;
}

static int run(int argc, char **argv)
{
	struct options options;

	switch (options_parse(argc, argv, &options)) {
	case PARSED_HELP:
		print_usage();
		return EXIT_DONE;
	case PARSED_VERSION:
		print_version();
		return EXIT_DONE;
	case PARSED_BAD:
		print_usage();
		return EXIT_ENVIRONMENT;
	case PARSED_REFUSED:
		return EXIT_ENVIRONMENT;
	case PARSED_OK:
		break;
	}
	/* -S and --print-ckr-size override every action. */
	if (options.print_ckr_size || options.status)
		return actions_run(&options);
	if (options.load && !options.kernel)
		return report_no_kernel();
	return actions_run(&options);
}

int main(int argc, char **argv)
{
	int result = run(argc, argv);

	return help_flush("kexec", result, result == EXIT_DONE ? EXIT_FAILED : result);
}
