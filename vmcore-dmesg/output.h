/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The log as text or as JSON, to a file or standard output. */
#ifndef VMCORE_DMESG_OUTPUT_H
#define VMCORE_DMESG_OUTPUT_H

#include "core.h"
#include "log-record.h"
#include "vmcoreinfo.h"

struct output {
	int fd;
	const char *name;
	bool json;
	bool failed;			/* said; nothing more is written */
	struct trouble *trouble;
	uint64_t total;
	size_t used;
	char buffer[8192];
};

/*
 * @path: NULL for standard output. A regular file is emptied, and made readable for its owner
 * alone; it must not be a symbolic link, nor the core itself.
 */
bool output_open(struct output *output, const char *path, const struct core *core);

/* Writes what is left and closes. */
void output_close(struct output *output);

/* One record. Whatever of its text cannot be read is said and left out. */
void output_record(struct output *output, struct core *core, const struct record *record);

/* VMCOREINFO as it is, or as one JSON object of strings. */
void output_vmcoreinfo(struct output *output, const struct vmcoreinfo *info);

#endif
