/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Signs a sealed Image in a private folder, and renames it to its final name. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

/* Signs the file @path in place. */
static bool sign_file(struct crashres_ctx *ctx, const struct seal_signer *signer, const char *path)
{
	struct crashres_sign_request request = CRASHRES_SIGN_REQUEST_INIT;

	request.key = signer->key;
	request.certificate = signer->certificate;
	request.signature = signer->signature == SEAL_SIGNATURE_IMA ? CRASHRES_SIGNATURE_XATTR :
								      CRASHRES_SIGNATURE_APPENDED;
	return check_status(ctx, crashres_sign(ctx, &request, path));
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

static bool sign_file(struct crashres_ctx *ctx, const struct seal_signer *signer, const char *path)
{
	(void)ctx;
	(void)signer;
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

/* --------------------------------------------------------- the private folder */

/* The paths of one run. All strings are owned; NULL: not made yet. */
struct work {
	char *final;			/* the file to replace */
	char *parent;			/* the folder of @final */
	char *folder;			/* the private folder in @parent */
	char *unsigned_file;		/* in @folder */
	char *signed_file;		/* in @folder; for a command */
};

static bool fail_file(const char *path, const char *what)
{
	fprintf(stderr, "crashres: %s: %s: %s\n", path, what, strerror(errno));
	return false;
}

/* Makes "FOLDER/NAME". NULL: no memory. */
static char *join(const char *folder, const char *name)
{
	char *path;

	return asprintf(&path, "%s/%s", folder, name) < 0 ? NULL : path;
}

/* Computes the paths beside the file that @path names. A symbolic link is followed. */
static bool choose_paths(const char *path, struct work *work)
{
	struct stat st;
	char *copy;

	if (!stat(path, &st) && !S_ISREG(st.st_mode)) {
		fprintf(stderr, "crashres: %s: is not a regular file\n", path);
		return false;
	}
	work->final = realpath(path, NULL);
	if (!work->final)
		work->final = strdup(path);
	copy = work->final ? strdup(work->final) : NULL;
	work->parent = copy ? strdup(dirname(copy)) : NULL;
	free(copy);
	/* A name with a dot at its start is no kernel for the tools that look into /boot. */
	work->folder = work->parent ? join(work->parent, ".crashres-XXXXXX") : NULL;
	if (!work->folder)
		return fail_file(path, "cannot write");
	if (mkdtemp(work->folder))
		return true;
	free(work->folder);
	work->folder = NULL;
	return fail_file(path, "cannot write");
}

static bool start_work(const char *path, struct work *work)
{
	if (!choose_paths(path, work))
		return false;
	work->unsigned_file = join(work->folder, "unsigned");
	work->signed_file = join(work->folder, "signed");
	return work->unsigned_file && work->signed_file ? true : fail_file(path, "cannot write");
}

/* Removes the private folder and everything that a signer can have left in it. */
static void end_work(struct work *work)
{
	if (work->unsigned_file)
		unlink(work->unsigned_file);
	if (work->signed_file)
		unlink(work->signed_file);
	if (work->folder && rmdir(work->folder) < 0)
		fail_file(work->folder, "cannot remove");
	free(work->final);
	free(work->parent);
	free(work->folder);
	free(work->unsigned_file);
	free(work->signed_file);
}

/* Writes a file or a folder to the disk. @flags: for open(2). */
static bool sync_path(const char *path, int flags)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | flags);
	bool done = fd >= 0 && !fsync(fd);

	if (fd >= 0)
		close(fd);
	return done;
}

/*
 * Gives @from its final name. A folder that cannot be written to the disk changes nothing for the
 * caller: the file is complete.
 */
static bool publish(const struct work *work, const char *from, const char *path)
{
	if (!sync_path(from, 0) || rename(from, work->final) < 0)
		return fail_file(path, "cannot write");
	sync_path(work->parent, O_DIRECTORY);
	return true;
}

/* ------------------------------------------------------------------- the steps */

/*
 * Gives the output of the command the permissions of the file that it signed. vfat has none
 * (EPERM).
 */
static bool copy_mode(const struct work *work, const char *path)
{
	struct stat st;

	if (stat(work->unsigned_file, &st) < 0 ||
	    (chmod(work->signed_file, st.st_mode & 0777) < 0 && errno != EPERM))
		return fail_file(path, "cannot write");
	return true;
}

/* Runs the command and checks its output. */
static bool sign_with_command(struct crashres_ctx *ctx, const struct seal_signer *signer,
			      const struct crashres_input *sealed, const struct work *work,
			      const char *path)
{
	const char *name = signer->command.words[0];

	if (!sign_command_run(&signer->command, work->unsigned_file, work->signed_file))
		return false;
	if (access(work->signed_file, F_OK) < 0) {
		fprintf(stderr, "crashres: %s: wrote no file\n", name);
		return false;
	}
	if (crashres_sealed_check_signed(ctx, sealed, work->signed_file) != CRASHRES_OK) {
		fprintf(stderr, "crashres: the output of %s: %s\n", name, crashres_error(ctx));
		return false;
	}
	return copy_mode(work, path);
}

static bool sign_and_publish(struct crashres_ctx *ctx, const struct seal_signer *signer,
			     const struct crashres_input *sealed, const struct work *work,
			     const char *path)
{
	bool by_command = signer->signature == SEAL_SIGNATURE_PE;

	if (!check_status(ctx, crashres_input_save(ctx, sealed, work->unsigned_file)))
		return false;
	if (by_command ? !sign_with_command(ctx, signer, sealed, work, path) :
			 !sign_file(ctx, signer, work->unsigned_file))
		return false;
	return publish(work, by_command ? work->signed_file : work->unsigned_file, path);
}

bool seal_signer_save(struct crashres_ctx *ctx, const struct seal_signer *signer,
		      const struct crashres_input *sealed, const char *path)
{
	struct work work = { 0 };
	sigset_t all, old;
	bool done;

	if (signer->signature == SEAL_SIGNATURE_NONE)
		return check_status(ctx, crashres_input_save(ctx, sealed, path));
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	done = start_work(path, &work) && sign_and_publish(ctx, signer, sealed, &work, path);
	end_work(&work);
	sigprocmask(SIG_SETMASK, &old, NULL);
	return done;
}
