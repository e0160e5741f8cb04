/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command line of kexec as a value. options_parse() fills it, actions_run() carries it out.
 * man/kexec.8 describes the options; crashres/crashres.h describes the values that a load uses.
 */
#ifndef KEXEC_OPTIONS_H
#define KEXEC_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include <crashres/crashres.h>

#include "../cli/parsed.h"

struct options {
	/* The actions. Several can be set; actions_run() carries them out in this order. */
	bool print_ckr_size;		/* suppresses the actions below */
	bool status;			/* -S; suppresses the actions below */
	bool unload;
	bool load;
	bool shutdown;			/* no action was given: shutdown -r now follows the load */
	bool exec;

	/* Settings of all actions. */
	enum crashres_slot slot;	/* crash with -p, else normal */
	enum crashres_slot status_slot;	/* the slot of -S: normal with -l, else crash */
	bool debug;
	bool dry_run;			/* --dry-run or --root */
	const char *root;		/* folder with the /proc and /sys to read; NULL: "/" */
	enum crashres_call call;	/* -a, -c or -s: the system call for load and unload */

	/* Settings of exec. */
	bool no_sync;
	bool no_ifdown;

	/* Settings of load. */
	const char *kernel;		/* first operand, further ones are ignored; NULL: none */
	const char *type;		/* type that the kernel must have; NULL: any type */
	const char *initrd;		/* file; NULL: none */
	bool reuse_initrd;		/* excludes initrd */
	const char *dtb;		/* file; NULL: device tree of the running machine */
	const char *append;		/* command line; NULL: none */
	bool reuse_cmdline;		/* put the running kernel's command line before append */
	struct crashres_range window;	/* physical addresses for all segments; --mem-min, --mem-max */
	uint64_t entry;			/* physical address; 0: purgatory or kernel */
	bool hotplug;
	bool no_cma;
	bool force_dtb;
	enum crashres_sealing sealing;
	char purgatory_option[24];	/* last option that only purgatory can carry out, such as
					   "--repair: "; "": no such option was given */
	bool purgatory_mmu_off;
	bool no_checks;
	enum crashres_on_damage on_damage;
	enum crashres_on_timeout on_timeout;
	uint32_t repair;		/* 1/100 %, or CRASHRES_REPAIR_AUTO */
	uint32_t check_seconds;		/* 0: no limit */
	const char *serial;		/* tty for purgatory's line; NULL: the firmware's console */
};

/*
 * Parses a command line with GNU getopt_long(): options and operands in any order; if an option is
 * repeated, the last value counts. Strings in @options point into @argv. Errors and warnings are
 * printed on stderr. @options is valid if this returns PARSED_OK.
 */
enum parsed options_parse(int argc, char **argv, struct options *options);

#endif
