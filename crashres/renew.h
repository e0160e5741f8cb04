/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * crashres seal --renew: makes the sealed Image that /etc/crashres/seal.conf describes, if its
 * kernel or its initrd has changed. kernel-install and a systemd unit call it (packaging/).
 */
#ifndef CRASHRES_RENEW_H
#define CRASHRES_RENEW_H

#include <crashres/crashres.h>

/* Strings are borrowed. */
struct renew {
	const char *config;		/* path; NULL: /etc/crashres/seal.conf, which can be missing */
	const char *release;		/* of the kernel, without "/"; NULL: of the running kernel */
	bool force;			/* also if neither kernel nor initrd has changed */
	bool remove;			/* remove the sealed Image of @release instead */
};

/*
 * Renews the sealed Image, and removes those whose kernels are missing. Prints one line on stdout
 * for each file that it made, removed or left as it is. A second run at the same time waits.
 * Returns the exit status.
 */
int renew_run(struct crashres_ctx *ctx, const struct renew *renew);

#endif
