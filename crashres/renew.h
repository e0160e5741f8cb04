/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * crashres seal --renew: makes the sealed Images that /etc/crashres/seal.conf describes, unless
 * they are up to date. kernel-install and a systemd unit call it (packaging/).
 */
#ifndef CRASHRES_RENEW_H
#define CRASHRES_RENEW_H

#include <crashres/crashres.h>

/* Strings are borrowed. */
struct renew {
	const char *config;		/* path; NULL: /etc/crashres/seal.conf, which can be missing */
	const char *release;		/* without "/"; NULL: each one that has a kernel and an
					   initrd */
	bool force;			/* also if it is up to date */
	bool remove;			/* remove the sealed Image of @release instead */
};

/*
 * Renews the sealed Images, and removes those whose kernels are missing. Prints one line on stdout
 * for each file that it made, removed or left as it is. A second run at the same time waits. If a
 * kernel, an initrd or the configuration changes during the run, the work is repeated.
 *
 * A sealed Image is up to date if, without its signature, it has the bytes that a new one would
 * have, if its signature is of the configured kind and valid with the certificate, and if neither
 * the configuration nor the key nor the certificate has changed since.
 *
 * Returns the exit status.
 */
int renew_run(struct crashres_ctx *ctx, const struct renew *renew);

#endif
