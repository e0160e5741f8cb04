/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Signs a new sealed Image before it gets its name: nobody sees an Image that is complete but not
 * signed.
 */
#ifndef CRASHRES_SEAL_SIGN_H
#define CRASHRES_SEAL_SIGN_H

#include <crashres/crashres.h>
#ifdef HAVE_IMA
#include "passphrase.h"
#endif

#include "../cli/seal-config.h"
#include "sign-command.h"

/* The wish for a signature. Strings are borrowed. */
struct seal_signing {
	enum seal_signature signature;	/* NONE: the Image is not signed */
	const char *sign_with;		/* for PE: the command of sign-command.h */
	const char *key;		/* for APPEND and IMA: file or URI */
	const char *cert;		/* for APPEND, and for IMA if not NULL: file or URI */
#ifdef HAVE_IMA
	struct passphrase passphrase;
#endif
};

/* A command or a key that is ready to sign. */
struct seal_signer {
	enum seal_signature signature;
	struct sign_command command;			/* for PE */
#ifdef HAVE_IMA
	struct crashres_certificate *certificate;	/* owned; NULL: none */
	struct crashres_key *key;			/* owned */
#endif
};

/*
 * Returns the name of a member that @signing lacks, "key", "cert" or "sign-with", or NULL. The
 * names are those of the options of seal and of the keys in seal.conf.
 */
const char *seal_signing_find_missing(const struct seal_signing *signing);

/*
 * Opens the key or splits the command, before the kernel is sealed: a wrong passphrase is found
 * at once. @signer: out; release with seal_signer_close(), after a failure too. Returns false
 * after one line on stderr.
 */
bool seal_signer_open(struct crashres_ctx *ctx, const struct seal_signing *signing,
		      struct seal_signer *signer);
void seal_signer_close(struct seal_signer *signer);

/*
 * Signs @sealed and writes it to @path as crashres_input_save() does. A key signs the bytes in
 * memory. A command works in a private folder (private-folder.h), and exactly the bytes that
 * were checked afterwards are written. Signals wait until this folder is removed; the command gets
 * them.
 *
 * Returns false after one line on stderr; @path is unchanged then.
 */
bool seal_signer_save(struct crashres_ctx *ctx, const struct seal_signer *signer,
		      const struct crashres_input *sealed, const char *path);

#endif
