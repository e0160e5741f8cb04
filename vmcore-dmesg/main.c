/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vmcore-dmesg: prints the kernel log that a dump contains. kdump runs it in the capture kernel:
 * "vmcore-dmesg /proc/vmcore > FILE" (kdump-utils of Fedora and RHEL, Void, Yocto). The script
 * renames FILE to vmcore-dmesg.txt only if the exit status is 0. dracut copies this program alone,
 * so it links libc only.
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "../cli/help.h"
#include "arguments.h"
#include "log.h"
#include "notes.h"

static const char usage[] =
"Usage: vmcore-dmesg [OPTION]... FILE\n"
"Print the kernel log from FILE, a kernel dump such as /proc/vmcore.\n"
"\n"
" -o, --output=FILE      Write to FILE. Only its owner may read it.\n"
"     --json             Print a JSON object for each record, one per line.\n"
"     --info             Print VMCOREINFO instead of the log.\n"
" -h, --help             Print this text.\n"
" -v, --version          Print the version.\n"
"\n"
"Exit status: 0 if the whole log was printed. vmcore-dmesg(8) lists the others.\n";

/* Static because of their size: 4 KiB per block and 8 KiB of output buffer. */
static struct core core;
static struct output output;

/*
 * Opens /dev/null for each standard stream that is closed. Otherwise open() would use the number
 * of that stream for the dump or the output file, and error messages would go into the file.
 */
static void reserve_standard_streams(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDONLY) != fd)
			_exit(EXIT_OPEN);
}

/* Prints the log or VMCOREINFO. The result is in core.trouble. */
static void print(const struct arguments *arguments, const struct vmcoreinfo *info)
{
	output.json = arguments->json;
	if (!output_open(&output, arguments->output, &core))
		return;
	if (arguments->info)
		output_vmcoreinfo(&output, info);
	else
		log_print(&core, info, &output);
	output_close(&output);
}

/* Opens the dump and prints it. Returns the exit status. */
static int run(const struct arguments *arguments)
{
	struct trouble trouble = { .file = arguments->core };
	struct vmcoreinfo info;

	if (!core_open(&core, arguments->core, &trouble))
		return trouble_finish(&trouble);
	if (notes_vmcoreinfo(&core, &info)) {
		address_rules_init(&core.rules, core.machine, &info);
		print(arguments, &info);
	}
	vmcoreinfo_free(&info);
	core_close(&core);
	return trouble_finish(&trouble);
}

static int print_version(void)
{
	puts("vmcore-dmesg-crashres " PACKAGE_VERSION);
	return EXIT_DONE;
}

/* Without a file, vmcore-dmesg of kexec-tools prints its usage, too. */
static int report_no_file(void)
{
	fputs(usage, stderr);
	return EXIT_USAGE;
}

/* Ends the program without a dump: help, version, or a wrong command line. */
static int finish(enum parsed parsed)
{
	int status = parsed == PARSED_VERSION ?
		     print_version() : help_end(parsed, "vmcore-dmesg", usage, EXIT_USAGE);

	return help_flush("vmcore-dmesg", status, EXIT_WRITE);
}

int main(int argc, char **argv)
{
	struct arguments arguments;
	enum parsed parsed;

	reserve_standard_streams();
	parsed = arguments_parse(argc, argv, &arguments);
	if (parsed != PARSED_OK)
		return finish(parsed);
	return arguments.core ? run(&arguments) : report_no_file();
}
