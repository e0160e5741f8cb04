/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reports what is wrong with a dump or the output, and keeps the exit status. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "trouble.h"

/* Damaged places that are reported one by one. The rest is counted. */
#define REPORT_LIMIT 10U
/* Damaged places before the program stops: more than the 4096 records of a log of 128 KiB. */
#define DAMAGE_LIMIT 10000U

void trouble_report(struct trouble *trouble, int status, const char *format, ...)
{
	va_list arguments;

	if (trouble->status == EXIT_DONE)
		trouble->status = status;
	if (trouble->count++ >= REPORT_LIMIT)
		return;
	fprintf(stderr, "vmcore-dmesg: %s: ", trouble->file);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
}

void trouble_report_output(struct trouble *trouble, int status, const char *file,
			   const char *sentence)
{
	trouble->status = status;
	fprintf(stderr, "vmcore-dmesg: %s: %s\n", file, sentence);
}

bool trouble_is_too_much(struct trouble *trouble)
{
	return trouble->count >= DAMAGE_LIMIT;
}

int trouble_finish(struct trouble *trouble)
{
	if (trouble_is_too_much(trouble))
		fprintf(stderr, "vmcore-dmesg: %s: stopped after %" PRIu64 " damaged places\n",
			trouble->file, trouble->count);
	else if (trouble->count > REPORT_LIMIT)
		fprintf(stderr, "vmcore-dmesg: %s: and %" PRIu64 " more damaged places\n",
			trouble->file, trouble->count - REPORT_LIMIT);
	return trouble->status;
}
