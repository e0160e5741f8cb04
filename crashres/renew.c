/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Renews the sealed Image of one kernel as seal.conf says. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "commands.h"
#include "renew.h"
#include "seal-job.h"

/* A sealed Image has this in front of the kernel release in its name. */
#define PREFIX	"Image-"

/* One run. Paths are owned; NULL: not computed yet. */
struct run {
	struct crashres_ctx *ctx;
	const char *config_path;	/* borrowed; for messages */
	struct seal_config config;
	const char *folder;		/* borrowed from @config, or a constant */
	char *kernel;
	char *initrd;			/* NULL: no initrd */
	char *output;
	struct utsname running;
};

static bool fail_file(const char *path, const char *what)
{
	fprintf(stderr, "crashres: %s: %s: %s\n", path, what, strerror(errno));
	return false;
}

static bool fail_memory(void)
{
	fprintf(stderr, "crashres: out of memory\n");
	return false;
}

/* ----------------------------------------------------------- the configuration */

/* Prints "FILE: SENTENCE". Always returns false. */
static bool refuse_config(const struct run *run, const char *sentence)
{
	fprintf(stderr, "crashres: %s: %s\n", run->config_path, sentence);
	return false;
}

/* Reads at most SEAL_CONFIG_MAX bytes of @fd. Returns their number, or -1 after a message. */
static ssize_t read_text(const struct run *run, int fd, char text[SEAL_CONFIG_MAX + 1])
{
	size_t used = 0;
	ssize_t got;

	while (used <= SEAL_CONFIG_MAX &&
	       (got = read(fd, text + used, SEAL_CONFIG_MAX + 1 - used))) {
		if (got < 0 && errno != EINTR) {
			fail_file(run->config_path, "cannot read");
			return -1;
		}
		used += got > 0 ? (size_t)got : 0;
	}
	if (used <= SEAL_CONFIG_MAX)
		return (ssize_t)used;
	refuse_config(run, "more than 64 KiB");
	return -1;
}

/* A command in the file runs with the rights of this process. So nobody else may write it. */
static bool check_owner(const struct run *run, const struct stat *st)
{
	if (!run->config.sign_with || ((!st->st_uid || st->st_uid == geteuid()) &&
				       !(st->st_mode & (S_IWGRP | S_IWOTH))))
		return true;
	return refuse_config(run, "the file names a command to run, and other users can change it");
}

/* Reads and parses the open file @fd. */
static bool read_open_config(struct run *run, int fd)
{
	char text[SEAL_CONFIG_MAX + 1];
	ssize_t size;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return fail_file(run->config_path, "cannot read");
	if (!S_ISREG(st.st_mode))
		return refuse_config(run, "is not a regular file");
	size = read_text(run, fd, text);
	if (size < 0)
		return false;
	return seal_config_parse("crashres", run->config_path, text, (size_t)size, &run->config) &&
	       check_owner(run, &st);
}

/* Reads the configuration. If the default file is missing, nothing is configured. */
static bool read_config(struct run *run, const struct renew *renew)
{
	int fd;
	bool done;

	run->config_path = renew->config ? renew->config : SEAL_CONFIG_FILE;
	fd = open(run->config_path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 && errno == ENOENT && !renew->config)
		return true;
	if (fd < 0)
		return fail_file(run->config_path, "cannot open");
	done = read_open_config(run, fd);
	close(fd);
	return done;
}

/* ----------------------------------------------------------------------- paths */

static char *expand(const char *pattern, const char *release)
{
	return pattern ? seal_config_expand(pattern, release) : NULL;
}

/* Computes the paths for the kernel @release. */
static bool choose_paths(struct run *run, const char *release)
{
	run->folder = seal_config_folder(&run->config);
	run->kernel = expand(run->config.kernel, release);
	run->initrd = expand(run->config.initrd, release);
	if (asprintf(&run->output, "%s/" PREFIX "%s", run->folder, release) < 0)
		run->output = NULL;
	return (run->kernel && run->output && (run->initrd || !run->config.initrd)) ||
	       fail_memory();
}

/* Makes the folder @path and those above it. */
static bool make_folder(const char *path)
{
	char *copy = strdup(path);
	bool made = copy;

	for (char *end = copy; made && end;) {
		end = strchr(end + 1, '/');
		if (end)
			*end = '\0';
		made = !mkdir(copy, 0755) || errno == EEXIST;
		if (end)
			*end = '/';
	}
	free(copy);
	return made || fail_file(path, "cannot make the folder");
}

/*
 * Opens the folder of sealed Images, and waits until no other run has it. @lock: out; the lock
 * ends when the caller closes it. A signer does not inherit it (O_CLOEXEC).
 */
static bool lock_folder(const char *folder, int *lock)
{
	if (!make_folder(folder))
		return false;
	*lock = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*lock < 0)
		return fail_file(folder, "cannot open");
	while (flock(*lock, LOCK_EX) < 0)
		if (errno != EINTR)
			return fail_file(folder, "cannot lock");
	return true;
}

/* ------------------------------------------------------------------ old Images */

/* Removes the file @path. @reason: for the line on stdout. A missing file is no error. */
static bool remove_image(const char *path, const char *reason)
{
	if (unlink(path) < 0)
		return errno == ENOENT || fail_file(path, "cannot remove");
	printf("%s: removed%s\n", path, reason);
	return true;
}

/* Removes the sealed Image @name if the file of its kernel is missing. */
static bool remove_if_orphaned(const struct run *run, const char *name)
{
	char *kernel = expand(run->config.kernel, name + strlen(PREFIX)), *path = NULL;
	bool done = kernel && asprintf(&path, "%s/%s", run->folder, name) >= 0;

	if (!done)
		fail_memory();
	else if (access(kernel, F_OK) < 0 && errno == ENOENT)
		done = remove_image(path, ", because its kernel is missing");
	free(kernel);
	free(path);
	return done;
}

/*
 * Removes the sealed Images whose kernels are missing. Only the pattern %v leads from a sealed
 * Image to its kernel.
 */
static bool remove_orphans(const struct run *run)
{
	const struct dirent *entry;
	DIR *folder;
	bool done = true;

	if (!strstr(run->config.kernel, "%v"))
		return true;
	folder = opendir(run->folder);
	if (!folder)
		return fail_file(run->folder, "cannot read");
	while (done && (entry = readdir(folder)))
		if (!strncmp(entry->d_name, PREFIX, strlen(PREFIX)))
			done = remove_if_orphaned(run, entry->d_name);
	closedir(folder);
	return done;
}

/* --------------------------------------------------------------------- the job */

/* Chooses the kind of signature, and checks that nothing is missing for it. */
static bool choose_signature(const struct run *run, struct seal_signing *signing)
{
	const char *missing;

	*signing = (struct seal_signing){
		.signature = run->config.signature,
		.sign_with = run->config.sign_with,
		.key = run->config.key,
		.cert = run->config.cert,
#ifdef HAVE_IMA
		.passphrase = PASSPHRASE_TERMINAL,
#endif
	};
#ifdef HAVE_IMA
	signing->passphrase.file = run->config.passphrase_file;
#endif
	if (signing->signature == SEAL_SIGNATURE_NONE)
		signing->signature = signing->sign_with ? SEAL_SIGNATURE_PE :
							  SEAL_SIGNATURE_APPEND;
	if (signing->sign_with && signing->signature != SEAL_SIGNATURE_PE)
		return refuse_config(run, "sign-with makes a PE signature, but signature is not pe");
	missing = seal_signing_find_missing(signing);
	if (missing)
		fprintf(stderr, "crashres: %s: no %s\n", run->config_path, missing);
	return !missing;
}

/*
 * Makes the job. The Image is for this machine, so it gets the console of this machine; on a host
 * that is not arm64 it has none.
 */
static bool make_job(const struct run *run, struct seal_job *job)
{
	*job = (struct seal_job){
		.kernel = run->kernel,
		.initrd = run->initrd,
		.output = run->output,
		.serial = run->config.serial,
		.root = crashres_can_load(run->ctx) == CRASHRES_OK ? "/" : NULL,
		.seal = run->config.seal,
	};
	return choose_signature(run, &job->signing);
}

/* Does the folder have a sealed Image of these files? */
static bool is_up_to_date(const struct run *run, const struct seal_inputs *inputs)
{
	struct crashres_kernel *sealed;

	if (crashres_sealed_find(run->ctx, run->folder, inputs->kernel, inputs->initrd, &sealed) !=
	    CRASHRES_OK)
		return false;
	crashres_kernel_close(sealed);
	return true;
}

/* Makes the sealed Image, if it is not up to date or @force is set. */
static bool renew_image(const struct run *run, const struct seal_job *job, bool force)
{
	struct seal_inputs inputs = { 0 };
	bool done = seal_inputs_open(run->ctx, job, &inputs) == CRASHRES_OK;

	if (!done)
		fprintf(stderr, "crashres: %s\n", crashres_error(run->ctx));
	else if (!remove_orphans(run))
		done = false;
	else if (!force && is_up_to_date(run, &inputs))
		printf("%s: is up to date\n", run->output);
	else if (seal_job_run(run->ctx, job, &inputs))
		printf("%s: sealed and signed\n", run->output);
	else
		done = false;
	seal_inputs_close(&inputs);
	return done;
}

/* Does the work while the folder is locked. */
static bool renew_locked(const struct run *run, const struct renew *renew)
{
	struct seal_job job;

	if (renew->remove)
		return remove_image(run->output, "");
	return make_job(run, &job) && renew_image(run, &job, renew->force);
}

static bool renew_configured(struct run *run, const struct renew *renew)
{
	int lock = -1;
	bool done;

	if (!run->config.kernel)
		return refuse_config(run, "no kernel");
	if (!renew->release && uname(&run->running) < 0)
		return fail_file("uname", "cannot read");
	done = choose_paths(run, renew->release ? renew->release : run->running.release) &&
	       lock_folder(run->folder, &lock) && renew_locked(run, renew);
	if (lock >= 0)
		close(lock);
	return done;
}

int renew_run(struct crashres_ctx *ctx, const struct renew *renew)
{
	struct run run = { .ctx = ctx };
	bool done = read_config(&run, renew);

	if (done && !run.config.automatic)
		printf("%s: sealed is off: nothing to do\n", run.config_path);
	else if (done)
		done = renew_configured(&run, renew);
	seal_config_free(&run.config);
	free(run.kernel);
	free(run.initrd);
	free(run.output);
	return done ? 0 : EXIT_ERROR;
}
