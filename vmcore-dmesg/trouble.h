/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What goes wrong is said on stderr at once, and the program goes on as far as it can. */
#ifndef VMCORE_DMESG_TROUBLE_H
#define VMCORE_DMESG_TROUBLE_H

#include <stdbool.h>
#include <stdint.h>

/* The groups are those of kexec-tools' vmcore-dmesg: man/vmcore-dmesg.8 has them for its users. */
enum {
	EXIT_DONE = 0,
	EXIT_USAGE = 1,
	EXIT_OPEN = 2,

	EXIT_TOO_SHORT = 3,		/* no usable ELF file */
	EXIT_NO_ELF = 4,
	EXIT_ELF_CLASS = 5,
	EXIT_ELF_ORDER = 6,
	EXIT_ELF_VERSION = 7,

	EXIT_ELF_HEADER = 10,		/* ELF header, program headers */
	EXIT_HEADER_SIZE = 12,
	EXIT_NO_HEADERS = 13,
	EXIT_HEADERS_CUT = 14,
	EXIT_HEADER_COUNT = 15,
	EXIT_HEADER_WRAPS = 16,

	EXIT_NOTES_CUT = 20,		/* notes */
	EXIT_NOTE_SIZE = 21,
	EXIT_NOTE_TOO_LARGE = 22,

	EXIT_ADDRESS = 30,

	EXIT_READ = 40,
	EXIT_CUT = 41,

	EXIT_NO_VMCOREINFO = 50,
	EXIT_NO_LOG = 51,
	EXIT_MEMORY = 52,
	EXIT_TOO_MUCH = 53,		/* output */
	EXIT_WRITE = 54,

	EXIT_NO_SYMBOL = 60,		/* missing symbols, corruption */
	EXIT_BAD_NUMBER = 61,
	EXIT_LOG_HEADER = 62,
	EXIT_RECORD = 63,
};

struct trouble {
	const char *file;
	int status;			/* the first trouble's; EXIT_DONE: none */
	uint64_t count;
};

/* Prints "vmcore-dmesg: FILE: sentence". Of a badly damaged log only the first ones. */
void trouble_report(struct trouble *trouble, int status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* About another file than the core, and it overrides the status: what was printed is not whole. */
void trouble_report_output(struct trouble *trouble, int status, const char *file,
			   const char *sentence);

/* So much is damaged that going on serves nobody. Every loop over the log asks. */
bool trouble_is_too_much(struct trouble *trouble);

/* Says how many were not said. Returns the exit status. */
int trouble_finish(struct trouble *trouble);

#endif
