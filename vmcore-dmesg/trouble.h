/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Errors and damage: each is reported on stderr at once, and the program prints all the rest. The
 * first error decides the exit status.
 */
#ifndef VMCORE_DMESG_TROUBLE_H
#define VMCORE_DMESG_TROUBLE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Exit statuses, in the groups that vmcore-dmesg of kexec-tools has. man/vmcore-dmesg.8 explains
 * each one; a test compares the page with this list.
 */
enum {
	EXIT_DONE = 0,
	EXIT_USAGE = 1,
	EXIT_OPEN = 2,

	EXIT_TOO_SHORT = 3,		/* 3 - 7: the file is not a usable ELF core */
	EXIT_NO_ELF = 4,
	EXIT_ELF_CLASS = 5,
	EXIT_ELF_ORDER = 6,
	EXIT_ELF_VERSION = 7,

	EXIT_ELF_HEADER = 10,		/* 10 - 16: the ELF header or a program header is damaged */
	EXIT_HEADER_SIZE = 12,
	EXIT_NO_HEADERS = 13,
	EXIT_HEADERS_CUT = 14,
	EXIT_HEADER_COUNT = 15,
	EXIT_HEADER_WRAPS = 16,

	EXIT_NOTES_CUT = 20,		/* 20 - 22: the notes are damaged */
	EXIT_NOTE_SIZE = 21,
	EXIT_NOTE_TOO_LARGE = 22,

	EXIT_ADDRESS = 30,		/* no program header covers an address */

	EXIT_READ = 40,			/* 40, 41: the dump cannot be read completely */
	EXIT_CUT = 41,

	EXIT_NO_VMCOREINFO = 50,	/* 50 - 52: the log cannot be found */
	EXIT_NO_LOG = 51,
	EXIT_MEMORY = 52,
	EXIT_TOO_MUCH = 53,		/* 53, 54: the output is not complete */
	EXIT_WRITE = 54,

	EXIT_NO_SYMBOL = 60,		/* 60 - 63: VMCOREINFO or the log is damaged */
	EXIT_BAD_NUMBER = 61,
	EXIT_LOG_HEADER = 62,
	EXIT_RECORD = 63,
};

struct trouble {
	const char *file;		/* name of the dump for messages; borrowed */
	int status;			/* exit status of the first error; EXIT_DONE: none */
	uint64_t count;			/* errors, reported or not */
};

/*
 * Prints "vmcore-dmesg: FILE: SENTENCE" and keeps @status if it is the first error. After ten
 * lines, errors are only counted.
 */
void trouble_report(struct trouble *trouble, int status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * Prints an error of the output @file. @status replaces an earlier exit status, because incomplete
 * output matters more than a damaged dump.
 */
void trouble_report_output(struct trouble *trouble, int status, const char *file,
			   const char *sentence);

/* Must reading stop? True after 10,000 errors. Every loop over the log asks. */
bool trouble_is_too_much(struct trouble *trouble);

/* Prints the number of errors that were only counted. Returns the exit status. */
int trouble_finish(struct trouble *trouble);

#endif
