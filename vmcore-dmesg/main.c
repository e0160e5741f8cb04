/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vmcore-dmesg: the log of a dead kernel, out of its dump. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "../cli/help.h"
#include "arguments.h"
#include "log.h"
#include "notes.h"

static const char usage[] =
"Usage: vmcore-dmesg [OPTION]... FILE\n"
"Print the kernel log that is in FILE, an ELF core such as /proc/vmcore\n"
"\n"
" -o, --output=FILE      Write to FILE, which its owner alone may read.\n"
"     --json             Print JSON, one line for each record.\n"
"     --info             Print VMCOREINFO instead of the log; with --json as JSON.\n"
" -h, --help             Print this text.\n"
" -v, --version          Print the version.\n"
"\n"
"Exit status: 0 where all of the log was printed; vmcore-dmesg(8) has the others.\n";

/* Large, and there is one of each. */
static struct core core;
static struct output output;

/* What is opened must not get the number of a closed standard stream: errors would go into it. */
static void reserve_standard_streams(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDONLY) != fd)
			_exit(EXIT_OPEN);
}

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

/* kexec-tools' vmcore-dmesg prints its usage if no file is named. */
static int report_no_file(void)
{
	fputs(usage, stderr);
	return EXIT_USAGE;
}

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
