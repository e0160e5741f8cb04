/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kexec command: prints help and version, and runs the actions of the command line. */
#include <stdio.h>

#include "../cli/help.h"
#include "actions.h"
#include "exit.h"

/*
 * The text of --help. Scripts search it: test_kexec.py checks that it names every long option, and
 * LISA (a test framework) greps it for the name of a compression such as "zlib".
 */
static const char usage[] =
"Usage: kexec [OPTION]... [kernel]\n"
"Load another kernel, and start it now or after a panic.\n"
"\n"
"Actions (default: load the kernel, then call \"shutdown -r now\"):\n"
" -l, --load             Load the kernel that \"kexec -e\" starts.\n"
" -p, --load-panic       Load the crash kernel, which starts after a panic.\n"
" -u, --unload           Unload the kernel; with -p, unload the crash kernel.\n"
" -e, --exec             Start the loaded kernel now.\n"
" -f, --force            Load the kernel and start it now, without a shutdown.\n"
" -S, --status           Exit with 1 if a crash kernel is loaded, else with 0.\n"
"                        With -l: if a kernel for \"kexec -e\" is loaded.\n"
"     --print-ckr-size   Print the size of the crash region in bytes.\n"
" -h, --help             Print this text.\n"
" -v, --version          Print the version.\n"
"\n"
"Files, command line and addresses:\n"
" -t, --type=TYPE        Fail unless the kernel file has this type: Image,\n"
"                        vmlinux, uImage, vmlinuz or uki.\n"
"     --append=STRING, --command-line=STRING\n"
"                        Set the command line.\n"
"     --reuse-cmdline    Put the running kernel's command line before STRING,\n"
"                        without BOOT_IMAGE= and, with -p, without crashkernel=.\n"
"     --initrd=FILE, --ramdisk=FILE\n"
"                        Load FILE as the initrd.\n"
"     --reuseinitrd      Load the initrd that the running kernel has kept\n"
"                        (booted with retain_initrd, Linux 6.8 or later).\n"
"     --dtb=FILE         Load FILE as the device tree, instead of the device\n"
"                        tree of this machine.\n"
"     --mem-min=ADDRESS  Load nothing below ADDRESS.\n"
"     --mem-max=ADDRESS  Load nothing above ADDRESS.\n"
"     --entry=ADDRESS    Start at ADDRESS instead of in purgatory.\n"
"\n"
"Check of the loaded kernel before it starts:\n"
" -i, --no-checks        Check nothing.\n"
"     --on-damage=reset|halt|boot\n"
"                        If damage cannot be repaired, reset the machine\n"
"                        (default), halt it, or start the kernel anyway.\n"
"     --repair=auto|off|PERCENT\n"
"                        Keep parity of PERCENT of the checked bytes. auto\n"
"                        (default) is 6.25, or less if the crash region is\n"
"                        small.\n"
"     --check-time=SECONDS\n"
"                        Stop the check after SECONDS (default: 30; 0: no\n"
"                        limit).\n"
"     --on-timeout=boot|reset|halt\n"
"                        If the check stops before it finds damage, start the\n"
"                        kernel (default), reset the machine, or halt it.\n"
"     --purgatory-mmu=on|off\n"
"                        Check with the caches on (default) or off.\n"
"     --serial=TTY       Report to the serial port TTY, for example ttyAMA0.\n"
"\n"
"System call and other settings:\n"
" -a, --kexec-syscall-auto\n"
"                        Choose the system call (default): for -p kexec_load,\n"
"                        which has the check, else kexec_file_load.\n"
" -c, --kexec-syscall    Use kexec_load.\n"
" -s, --kexec-file-syscall\n"
"                        Use kexec_file_load, which verifies signatures.\n"
"     --seal=auto|always|never\n"
"                        With kexec_file_load: load a sealed Image, which checks\n"
"                        itself. auto (default) seals a crash kernel if the\n"
"                        running kernel demands no signature.\n"
"     --hotplug          Let the running kernel update the memory map of the\n"
"                        loaded crash kernel when memory or CPUs are added or\n"
"                        removed.\n"
"     --no-cma           With kexec_file_load: load nothing into CMA memory.\n"
"     --force-dtb        With kexec_file_load: pass on the device tree (x86\n"
"                        only).\n"
" -x, --no-ifdown        Leave the network interfaces up before the start.\n"
" -y, --no-sync          Do not write file systems to disk before the start.\n"
" -d, --debug            Print details and the plan on stderr.\n"
"     --dry-run          Print the plan; load and start nothing.\n"
"     --root=DIR         Plan for a machine whose /proc and /sys were copied to\n"
"                        DIR. Implies --dry-run.\n"
"\n"
"These options fail on arm64: --load-preserve-context, --load-jump-back-helper,\n"
"--load-live-update, --exec-live-update.\n"
"These options of other architectures are ignored with a warning: --args-elf\n"
"--args-linux --args-none --atags --console-serial --console-vga\n"
"--devicetreeblob --dt-no-old-root --elf32-core-headers --elf64-core-headers\n"
"--entry-32bit --image-size --module --no-dtb --noefi --noio --page-offset\n"
"--pass-memmap-cmdline --real-mode --reset-vga --reuse-video-type --serial-baud\n"
"\n"
"Supported kernel file types: ";

/* The first line of --help and the output of -v. A number must follow the name: LISA parses it. */
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

/* An error of kexec-tools: its words, then the usage on stdout, and exit status 255. */
static int report_no_kernel(void)
{
	fprintf(stderr, "No kernel specified\n");
	print_usage();
	return EXIT_FAILED;
}

/* Parses the command line, answers -h and -v, and runs the actions. Returns the exit status. */
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
		/* kexec-tools prints the usage on stdout even after an error. */
		print_usage();
		return EXIT_ENVIRONMENT;
	case PARSED_REFUSED:
		return EXIT_ENVIRONMENT;
	case PARSED_OK:
		break;
	}
	/* -S and --print-ckr-size suppress all other actions, and need no kernel. */
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
