/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line of kexec as a value. */
#ifndef KEXEC_OPTIONS_H
#define KEXEC_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include <crashres/crashres.h>

#include "../cli/parsed.h"

struct options {
	/* What to do; several can be set, and are done in this order. */
	bool print_ckr_size;
	bool status;
	bool unload;
	bool load;
	bool shutdown;			/* after a load without -l, -p or -f: by shutdown -r now */
	bool exec;

	enum crashres_slot slot;
	enum crashres_slot status_slot;	/* -S asks for the crash slot unless -l was given */
	bool debug;
	bool dry_run;
	const char *root;		/* NULL: this machine */
	enum crashres_call call;
	bool no_sync;			/* before exec */
	bool no_ifdown;
	const char *kernel;		/* first operand; NULL where there is none */
	const char *type;		/* that the kernel must have; NULL: any */
	const char *initrd;
	bool reuse_initrd;
	const char *dtb;
	const char *append;
	bool reuse_cmdline;
	struct crashres_range window;	/* --mem-min, --mem-max */
	uint64_t entry;
	bool hotplug;
	bool no_cma;
	bool force_dtb;
	enum crashres_sealing sealing;
	bool purgatory_required;	/* an option was given that purgatory has to carry out */
	bool purgatory_mmu_off;
	bool no_checks;
	enum crashres_on_damage on_damage;
	enum crashres_on_timeout on_timeout;
	uint32_t repair;		/* 1/100 %, or CRASHRES_REPAIR_AUTO */
	uint32_t check_seconds;
	const char *serial;		/* tty for purgatory's line; NULL: firmware's */
};

/* Strings point into @argv. GNU getopt_long: options and operands in any order. */
enum parsed options_parse(int argc, char **argv, struct options *options);

#endif
