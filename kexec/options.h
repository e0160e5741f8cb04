/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line of kexec as a value. */
#ifndef KEXEC_OPTIONS_H
#define KEXEC_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include <crashres/crashres.h>

enum options_result {
	OPTIONS_OK,
	OPTIONS_HELP,		/* -h: usage to stdout, exit 0 */
	OPTIONS_VERSION,	/* -v: version to stdout, exit 0 */
	OPTIONS_BAD,		/* said on stderr; usage to stdout, exit 1 */
};

struct options {
	/* What to do; several can be set, and are done in this order. */
	bool print_ckr_size;
	bool status;
	bool unload;
	bool load;
	bool exec;

	enum crashres_slot slot;
	enum crashres_slot status_slot;	/* -S asks for the crash slot unless -l was given */
	bool debug;
	bool dry_run;
	const char *root;		/* NULL: this machine */
	const char *kernel;		/* first operand; NULL where there is none */
	const char *initrd;
	const char *dtb;
	const char *append;
	bool reuse_cmdline;
	struct crashres_range window;	/* --mem-min, --mem-max */
	bool purgatory_mmu_off;
	bool no_checks;
	enum crashres_on_damage on_damage;
	uint32_t repair;		/* 1/100 %, or CRASHRES_REPAIR_AUTO */
	uint32_t check_seconds;
	const char *serial;		/* tty for purgatory's line; NULL: firmware's */
};

/* Strings point into @argv. GNU getopt_long: options and operands in any order. */
enum options_result options_parse(int argc, char **argv, struct options *options);

#endif
