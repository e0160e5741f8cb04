/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Signs a sealed Image in memory with a key, or in a private folder with a command. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "private-folder.h"
#include "seal-sign.h"

/* ----------------------------------------------------------------- the signer */

const char *seal_signing_find_missing(const struct seal_signing *signing)
{
	switch (signing->signature) {
	case SEAL_SIGNATURE_PE:
		return signing->sign_with ? NULL : "sign-with";
	case SEAL_SIGNATURE_APPEND:
		return !signing->key ? "key" : signing->cert ? NULL : "cert";
	case SEAL_SIGNATURE_IMA:
		return signing->key ? NULL : "key";
	default:
		return NULL;
	}
}

/* Prints the last error of @ctx if @status is one. Returns whether there is none. */
static bool check_status(const struct crashres_ctx *ctx, enum crashres_status status)
{
	if (status != CRASHRES_OK)
		fprintf(stderr, "crashres: %s\n", crashres_error(ctx));
	return status == CRASHRES_OK;
}

static bool split_command(const char *text, struct sign_command *command)
{
	const char *problem = sign_command_split(text, command);

	if (problem)
		fprintf(stderr, "crashres: the command \"%s\" cannot sign: %s\n", text, problem);
	return !problem;
}

#ifdef HAVE_IMA
/* The certificate comes first: if it cannot be opened, the user is not asked for a passphrase. */
static bool open_key(struct crashres_ctx *ctx, const struct seal_signing *signing,
		     struct seal_signer *signer)
{
	struct passphrase passphrase = signing->passphrase;
	char *problem = passphrase_find_problem(&passphrase);
	enum crashres_status status = CRASHRES_OK;

	if (problem) {
		fprintf(stderr, "crashres: %s\n", problem);
		free(problem);
		return false;
	}
	if (signing->cert)
		status = crashres_certificate_open(ctx, signing->cert, &signer->certificate);
	if (status == CRASHRES_OK)
		status = crashres_key_open(ctx, signing->key, passphrase_get, &passphrase,
					   &signer->key);
	return check_status(ctx, status);
}

/* Signs @sealed and writes it to @path. */
static bool save_with_key(struct crashres_ctx *ctx, const struct seal_signer *signer,
			  const struct crashres_input *sealed, const char *path)
{
	struct crashres_sign_request request = CRASHRES_SIGN_REQUEST_INIT;

	request.key = signer->key;
	request.certificate = signer->certificate;
	request.signature = signer->signature == SEAL_SIGNATURE_IMA ? CRASHRES_SIGNATURE_XATTR :
								      CRASHRES_SIGNATURE_APPENDED;
	request.output = path;
	return check_status(ctx, crashres_sign_input(ctx, &request, sealed));
}
#else
static bool open_key(struct crashres_ctx *ctx, const struct seal_signing *signing,
		     struct seal_signer *signer)
{
	(void)ctx;
	(void)signer;
	fprintf(stderr, "crashres: %s: this build has no OpenSSL and cannot sign with a key\n",
		signing->key);
	return false;
}

static bool save_with_key(struct crashres_ctx *ctx, const struct seal_signer *signer,
			  const struct crashres_input *sealed, const char *path)
{
	(void)ctx;
	(void)signer;
	(void)sealed;
	(void)path;
	return false;
}
#endif

bool seal_signer_open(struct crashres_ctx *ctx, const struct seal_signing *signing,
		      struct seal_signer *signer)
{
	*signer = (struct seal_signer){ .signature = signing->signature };
	switch (signing->signature) {
	case SEAL_SIGNATURE_NONE:
		return true;
	case SEAL_SIGNATURE_PE:
		return split_command(signing->sign_with, &signer->command);
	default:
		return open_key(ctx, signing, signer);
	}
}

void seal_signer_close(struct seal_signer *signer)
{
	sign_command_free(&signer->command);
#ifdef HAVE_IMA
	crashres_key_free(signer->key);
	crashres_certificate_free(signer->certificate);
#endif
}

/* ----------------------------------------------------------------- the command */

/* Checks the output of the command, and writes exactly the bytes that were checked to @path. */
static bool save_checked(struct crashres_ctx *ctx, const char *name,
			 const struct crashres_input *sealed, const char *signed_file,
			 const char *path)
{
	struct crashres_input *checked;
	bool done;

	if (access(signed_file, F_OK) < 0) {
		fprintf(stderr, "crashres: %s: wrote no file\n", name);
		return false;
	}
	if (crashres_sealed_check_signed(ctx, sealed, signed_file, &checked) != CRASHRES_OK) {
		fprintf(stderr, "crashres: the output of %s: %s\n", name, crashres_error(ctx));
		return false;
	}
	done = check_status(ctx, crashres_input_save(ctx, checked, path));
	crashres_input_close(checked);
	return done;
}

/* Runs the command in the private folder. */
static bool run_command(struct crashres_ctx *ctx, const struct seal_signer *signer,
			const struct crashres_input *sealed, const char *folder, const char *path)
{
	const struct sign_command *command = &signer->command;
	char *unsigned_file = private_folder_join(folder, "unsigned");
	char *signed_file = private_folder_join(folder, "signed");
	bool done = unsigned_file && signed_file;

	if (!done)
		fprintf(stderr, "crashres: out of memory\n");
	done = done && check_status(ctx, crashres_input_save(ctx, sealed, unsigned_file)) &&
	       sign_command_run(command, unsigned_file, signed_file) &&
	       save_checked(ctx, command->words[0], sealed, signed_file, path);
	free(unsigned_file);
	free(signed_file);
	return done;
}

/* Signals wait until the private folder is removed. */
static bool save_with_command(struct crashres_ctx *ctx, const struct seal_signer *signer,
			      const struct crashres_input *sealed, const char *path)
{
	sigset_t all, old;
	char *folder;
	bool done;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	folder = private_folder_make();
	done = folder && run_command(ctx, signer, sealed, folder, path);
	private_folder_remove(folder);
	sigprocmask(SIG_SETMASK, &old, NULL);
	return done;
}

bool seal_signer_save(struct crashres_ctx *ctx, const struct seal_signer *signer,
		      const struct crashres_input *sealed, const char *path)
{
	switch (signer->signature) {
	case SEAL_SIGNATURE_NONE:
		return check_status(ctx, crashres_input_save(ctx, sealed, path));
	case SEAL_SIGNATURE_PE:
		return save_with_command(ctx, signer, sealed, path);
	default:
		return save_with_key(ctx, signer, sealed, path);
	}
}
