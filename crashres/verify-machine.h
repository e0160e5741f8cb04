/* SPDX-License-Identifier: GPL-2.0-or-later */
/* verify-machine.h: crashres verify --machine. Would this machine load this file? */
#ifndef CRASHRES_VERIFY_MACHINE_H
#define CRASHRES_VERIFY_MACHINE_H

#include <crashres/ima.h>

/* The parsed command line. */
struct verify_machine {
	const char *file;
	const char *root;	/* NULL: this machine */
	bool json;
	struct crashres_certificate *const *certificates;
	size_t count;		/* of @certificates; can be 0 */
};

/* Asks the library and prints the answer. Returns the exit status. */
int verify_machine(struct crashres_ctx *ctx, const struct verify_machine *options);

#endif
