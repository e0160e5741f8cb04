/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes records of the log and VMCOREINFO, as text or as JSON, to a file or stdout. */
#ifndef VMCORE_DMESG_OUTPUT_H
#define VMCORE_DMESG_OUTPUT_H

#include "core.h"
#include "log-record.h"
#include "vmcoreinfo.h"

struct output {
	int fd;				/* owned after output_open() */
	const char *name;		/* for messages; borrowed */
	bool json;			/* set by the caller before output_open() */
	bool failed;			/* an error was reported; nothing more is written */
	struct trouble *trouble;	/* borrowed */
	uint64_t total;			/* bytes added, written or not */
	size_t used;			/* bytes in buffer */
	char buffer[8192];
};

/*
 * Opens the output. @path: NULL for stdout. A regular file is created or emptied, and gets mode
 * 0600. A symbolic link and the dump itself (@core) are errors. Returns false after an error,
 * which this has reported; the file is closed then.
 */
bool output_open(struct output *output, const char *path, const struct core *core);

/* Writes the rest of the buffer and closes the file. */
void output_close(struct output *output);

/* Prints one record. Text that cannot be read is reported and left out. */
void output_record(struct output *output, struct core *core, const struct record *record);

/* Prints VMCOREINFO unchanged, or as one JSON object whose values are strings. */
void output_vmcoreinfo(struct output *output, const struct vmcoreinfo *info);

#endif
