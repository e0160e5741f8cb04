/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line of crashres sign. */
#ifndef CRASHRES_SIGN_OPTIONS_H
#define CRASHRES_SIGN_OPTIONS_H

#include <crashres/ima.h>

#include "../cli/parsed.h"
#include "passphrase.h"

/* The command line. Strings belong to argv. */
struct sign_options {
	const char *key;			/* path or URI */
	const char *certificate;		/* path or URI; NULL: none */
	const char *output;			/* path; NULL: the default of @signature */
	const char *detached_out;		/* path for the bytes to be signed; or NULL */
	const char *signature_in;		/* path of a signature made elsewhere; or NULL */
	enum crashres_hash hash;
	enum crashres_signature signature;	/* XATTR without --append and --sigfile */
	bool signature_chosen;			/* --append or --sigfile was given */
	bool remove;
	bool force;
	bool json;
	struct passphrase passphrase;
	char **files;				/* paths; @file_count of them */
	int file_count;
};

extern const char sign_usage[];

/* Reads the command line into @options. Reports a wrong one as one line on stderr. */
enum parsed sign_parse(int argc, char **argv, struct sign_options *options);

#endif
