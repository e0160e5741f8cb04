/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Renews the sealed Images as seal.conf says.
 *
 * A file can change while its sealed Image is made: systemd starts no second run for a change
 * during a run. So a run compares the times of all files before and after its work, and repeats
 * the work if they differ.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "../cli/same-file.h"
#include "commands.h"
#include "published.h"
#include "releases.h"
#include "renew.h"
#include "seal-job.h"

/* The name of a sealed Image. The release follows if the kernel has one in its path. */
#define NAME	"Image"
#define PREFIX	NAME "-"

/* The file that one run at a time locks. crashres_sealed_find() skips it because of its dot. */
#define LOCK	".crashres.lock"

/* Files that change all the time are an error after this number of passes. */
#define PASSES	5

/* One pass over all releases. */
struct run {
	struct crashres_ctx *ctx;
	const struct renew *renew;
	const char *config_path;	/* borrowed; for messages */
	struct stat config_status;	/* of the file that was read */
	struct seal_config config;
	const char *folder;		/* borrowed from @config, or a constant */
	struct utsname running;
};

/* One sealed Image. Paths are owned. */
struct target {
	char *kernel;
	char *initrd;			/* NULL: no initrd */
	char *output;
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

/* Does the file belong to root or to this user, and can nobody else change it? */
static bool is_private(const struct stat *st)
{
	return (!st->st_uid || st->st_uid == geteuid()) && !(st->st_mode & (S_IWGRP | S_IWOTH));
}

/* Reads and parses the open file @fd. */
static bool read_open_config(struct run *run, int fd)
{
	char text[SEAL_CONFIG_MAX + 1];
	ssize_t size;

	if (fstat(fd, &run->config_status) < 0)
		return fail_file(run->config_path, "cannot read");
	if (!S_ISREG(run->config_status.st_mode))
		return refuse_config(run, "is not a regular file");
	/* The file chooses what is signed, with which key and by which command. */
	if (!is_private(&run->config_status))
		return refuse_config(run, "other users can change this file");
	size = read_text(run, fd, text);
	if (size < 0)
		return false;
	return seal_config_parse("crashres", run->config_path, text, (size_t)size, &run->config);
}

/* Reads the configuration. If the default file is missing, nothing is configured. */
static bool read_config(struct run *run)
{
	int fd;
	bool done;

	fd = open(run->config_path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 && errno == ENOENT && !run->renew->config)
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

/* Does a sealed Image belong to one kernel release? Otherwise there is one kernel for all. */
static bool has_releases(const struct run *run)
{
	return releases_has_place(run->config.kernel);
}

static void target_free(struct target *target)
{
	free(target->kernel);
	free(target->initrd);
	free(target->output);
}

/* Computes the paths for the kernel @release. Release with target_free(), after a failure too. */
static bool target_make(const struct run *run, const char *release, struct target *target)
{
	int length;

	*target = (struct target){
		.kernel = expand(run->config.kernel, release),
		.initrd = expand(run->config.initrd, release),
	};
	if (has_releases(run))
		length = asprintf(&target->output, "%s/" PREFIX "%s", run->folder, release);
	else
		length = asprintf(&target->output, "%s/" NAME, run->folder);
	if (length < 0)
		target->output = NULL;
	return (target->kernel && target->output && (target->initrd || !run->config.initrd)) ||
	       fail_memory();
}

/* Are all releases renewed that have a kernel and an initrd? */
static bool takes_all(const struct run *run)
{
	return !run->renew->release && !run->renew->remove && has_releases(run);
}

/* Lists the releases to look at: the one that was asked for, all, or the running one. */
static bool list_releases(const struct run *run, struct releases *releases)
{
	const char *release = run->renew->release;

	if (takes_all(run))
		return releases_find(run->config.kernel, releases) || fail_memory();
	*releases = (struct releases){ .names = calloc(1, sizeof(*releases->names)) };
	if (!releases->names)
		return fail_memory();
	releases->names[0] = strdup(release ? release : run->running.release);
	releases->count = !!releases->names[0];
	return releases->count || fail_memory();
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

/* Checks that no other user can replace the sealed Images in the folder, or their lock. */
static bool check_folder(const char *folder)
{
	struct stat st;

	if (stat(folder, &st) < 0)
		return fail_file(folder, "cannot open");
	if (is_private(&st))
		return true;
	fprintf(stderr, "crashres: %s: other users can change this folder\n", folder);
	return false;
}

/*
 * Makes the folder of sealed Images, and waits until no other run has it. No other user can open
 * the lock, so no other user can stop the renewal. @lock: out; the lock ends when the caller closes
 * it. A signer does not inherit it (O_CLOEXEC).
 */
static bool lock_folder(const char *folder, int *lock)
{
	char *path = NULL;
	bool done = make_folder(folder) && check_folder(folder);

	if (done && asprintf(&path, "%s/" LOCK, folder) < 0) {
		path = NULL;
		done = fail_memory();
	}
	if (done) {
		*lock = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
		done = *lock >= 0 || fail_file(path, "cannot open");
	}
	while (done && flock(*lock, LOCK_EX) < 0)
		if (errno != EINTR)
			done = fail_file(path, "cannot lock");
	free(path);
	return done;
}

/* ------------------------------------------------------------------ old Images */

/* Checks that nothing but a sealed Image is replaced or removed. A damaged one is a warning. */
static bool check_output(const struct run *run, const struct target *target)
{
	if (same_file(target->kernel, target->output) ||
	    (target->initrd && same_file(target->initrd, target->output))) {
		fprintf(stderr, "crashres: %s: is the kernel or the initrd itself\n", target->output);
		return false;
	}
	switch (published_look(run->ctx, target->output)) {
	case PUBLISHED_FOREIGN:
		fprintf(stderr,
			"crashres: %s: is not a sealed Image, so it is neither replaced nor removed\n",
			target->output);
		return false;
	case PUBLISHED_DAMAGED:
		fprintf(stderr, "crashres: warning: %s: the sealed Image is damaged\n",
			target->output);
		return true;
	default:
		return true;
	}
}

/* Removes the sealed Image of the release that was asked for. A missing file is no error. */
static bool remove_image(const struct run *run, const struct target *target)
{
	if (!has_releases(run)) {
		printf("%s: belongs to no release: not removed\n", target->output);
		return true;
	}
	if (!check_output(run, target))
		return false;
	if (unlink(target->output) < 0)
		return errno == ENOENT || fail_file(target->output, "cannot remove");
	printf("%s: removed\n", target->output);
	return true;
}

/* Removes a sealed Image if its kernel is missing. A failure is only a warning. */
static void remove_if_orphaned(const struct run *run, const struct target *target)
{
	if (!access(target->kernel, F_OK) || errno != ENOENT ||
	    published_look(run->ctx, target->output) == PUBLISHED_FOREIGN)
		return;
	if (unlink(target->output) < 0)
		fprintf(stderr, "crashres: warning: %s: cannot remove: %s\n", target->output,
			strerror(errno));
	else
		printf("%s: removed, because its kernel is missing\n", target->output);
}

/* Removes the sealed Images whose kernels are missing. */
static void remove_orphans(const struct run *run)
{
	const struct dirent *entry;
	DIR *folder = opendir(run->folder);

	while (folder && (entry = readdir(folder))) {
		struct target target;

		if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)))
			continue;
		if (target_make(run, entry->d_name + strlen(PREFIX), &target))
			remove_if_orphaned(run, &target);
		target_free(&target);
	}
	if (folder)
		closedir(folder);
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
static bool make_job(const struct run *run, const struct target *target, struct seal_job *job)
{
	*job = (struct seal_job){
		.kernel = target->kernel,
		.initrd = target->initrd,
		.output = target->output,
		.serial = run->config.serial,
		.root = crashres_can_load(run->ctx) == CRASHRES_OK ? "/" : NULL,
		.seal = run->config.seal,
	};
	return choose_signature(run, &job->signing);
}

/* Was a file that the command names, such as a key, changed after @output was written? */
static bool has_newer_word(const struct run *run, const char *output)
{
	struct sign_command command = { 0 };
	bool newer = false;

	if (run->config.sign_with && !sign_command_split(run->config.sign_with, &command))
		for (size_t i = 1; i < command.count && !newer; i++)
			newer = *command.words[i] == '/' &&
				published_is_older(output, command.words[i]);
	sign_command_free(&command);
	return newer;
}

/* Is the output what this run would make? */
static bool is_up_to_date(const struct run *run, const struct seal_job *job,
			  const struct crashres_input *sealed)
{
	return !published_is_older(job->output, run->config_path) &&
	       !published_is_older(job->output, run->config.key) &&
	       !published_is_older(job->output, run->config.cert) &&
	       !has_newer_word(run, job->output) &&
	       published_is_current(run->ctx, job->output, sealed, &job->signing);
}

/*
 * Checks the signature that a command made: its key can have another certificate than the one in
 * the configuration, and then every run would sign the Image again.
 */
static bool check_published(const struct run *run, const struct seal_job *job,
			    const struct crashres_input *sealed)
{
	if (!job->signing.cert ||
	    published_is_current(run->ctx, job->output, sealed, &job->signing))
		return true;
	fprintf(stderr, "crashres: %s: the certificate %s does not verify the new signature\n",
		job->output, job->signing.cert);
	return false;
}

/* Signs and writes the sealed Image, if it is not up to date or the user forces it. */
static bool publish(const struct run *run, const struct seal_job *job,
		    const struct crashres_input *sealed)
{
	if (!run->renew->force && is_up_to_date(run, job, sealed)) {
		printf("%s: is up to date\n", job->output);
		return true;
	}
	if (!seal_job_publish(run->ctx, job, sealed))
		return false;
	printf("%s: sealed and signed\n", job->output);
	return check_published(run, job, sealed);
}

/* Seals, signs and writes the opened inputs. */
static bool renew_inputs(const struct run *run, const struct seal_job *job,
			 const struct seal_inputs *inputs)
{
	struct crashres_input *sealed = NULL;
	bool done = seal_job_seal(run->ctx, job, inputs, &sealed) && publish(run, job, sealed);

	crashres_input_close(sealed);
	return done;
}

/*
 * Prints why the inputs cannot be opened. The pattern of the kernel finds other files, too, such as
 * vmlinuz-6.1.sig: a file that is not a kernel is left out with a warning, unless it has a sealed
 * Image, because then it was a kernel. Returns whether the file is left out.
 */
static bool leave_out(const struct run *run, const struct target *target, bool wrong_format)
{
	if (wrong_format && takes_all(run) && access(target->output, F_OK) < 0) {
		fprintf(stderr, "crashres: warning: %s: is not a kernel, so it is left out\n",
			target->kernel);
		return true;
	}
	fprintf(stderr, "crashres: %s\n", crashres_error(run->ctx));
	return false;
}

/* Makes the sealed Image of one kernel. @count: grows unless the file is left out. */
static bool renew_image(const struct run *run, const struct target *target, size_t *count)
{
	struct seal_inputs inputs = { 0 };
	struct seal_job job;
	enum crashres_status status;
	bool done = make_job(run, target, &job) && check_output(run, target), left_out = false;

	if (done) {
		status = seal_inputs_open(run->ctx, &job, &inputs);
		if (status == CRASHRES_OK)
			done = renew_inputs(run, &job, &inputs);
		else
			done = left_out = leave_out(run, target, status == CRASHRES_ERR_FORMAT &&
								 !inputs.kernel);
	}
	*count += !left_out;
	seal_inputs_close(&inputs);
	return done;
}

/* ------------------------------------------------------------------ all kernels */

static bool is_file(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISREG(st.st_mode);
}

/* Was the release found by its kernel, and is its kernel no file or its initrd missing? */
static bool is_incomplete(const struct run *run, const struct target *target)
{
	return takes_all(run) &&
	       (!is_file(target->kernel) || (target->initrd && !is_file(target->initrd)));
}

/* Renews or removes one sealed Image. @count: grows unless the release is left out. */
static bool renew_release(const struct run *run, const char *release, size_t *count)
{
	struct target target;
	bool done = target_make(run, release, &target);

	if (done && run->renew->remove) {
		done = remove_image(run, &target);
		++*count;
	} else if (done && !is_incomplete(run, &target)) {
		done = renew_image(run, &target, count);
	}
	target_free(&target);
	return done;
}

/* Renews all releases: a failure does not stop the others. */
static bool renew_all(const struct run *run, const struct releases *releases)
{
	size_t count = 0;
	bool done = true;

	for (size_t i = 0; i < releases->count; i++)
		done = renew_release(run, releases->names[i], &count) && done;
	/* Without any kernel, /boot is perhaps not mounted: the Images of its kernels stay. */
	if (takes_all(run) && count)
		remove_orphans(run);
	if (!count && !run->config.initrd)
		return refuse_config(run, "no kernel was found");
	if (!count)
		return refuse_config(run, "no kernel with an initrd was found");
	return done;
}

/* ---------------------------------------------------------------- changed files */

static void print_status(FILE *out, const struct stat *st)
{
	fprintf(out, "%ju %ju %jd %jd.%09ld %jd.%09ld\n", (uintmax_t)st->st_dev,
		(uintmax_t)st->st_ino, (intmax_t)st->st_size, (intmax_t)st->st_mtim.tv_sec,
		st->st_mtim.tv_nsec, (intmax_t)st->st_ctim.tv_sec, st->st_ctim.tv_nsec);
}

/* Prints a line that changes if the file changes. @path: may be NULL. */
static void print_file(FILE *out, const char *path)
{
	struct stat st;

	if (path && !stat(path, &st))
		print_status(out, &st);
	else
		fputs("missing\n", out);
}

/* Prints the files of all releases. The paths make a line for each release unique. */
static void print_releases(FILE *out, const struct run *run)
{
	struct releases releases;
	bool done = list_releases(run, &releases);

	for (size_t i = 0; done && i < releases.count; i++) {
		struct target target;

		if (target_make(run, releases.names[i], &target)) {
			fprintf(out, "%s\n", target.kernel);
			print_file(out, target.kernel);
			print_file(out, target.initrd);
		}
		target_free(&target);
	}
	releases_free(&releases);
}

/*
 * Makes a text that changes if one of the inputs changes. @config: of the configuration file;
 * NULL: as it is now. NULL: no memory, after one line on stderr; the caller frees the result.
 */
static char *describe_inputs(const struct run *run, const struct stat *config)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (out && config)
		print_status(out, config);
	else if (out)
		print_file(out, run->config_path);
	if (out)
		print_releases(out, run);
	if (out && !fclose(out))
		return text;
	free(text);
	fail_memory();
	return NULL;
}

/* Does the work while the folder is locked. @changed: out; an input changed in the meantime. */
static bool renew_locked(const struct run *run, bool *changed)
{
	char *before = describe_inputs(run, &run->config_status), *after = NULL;
	struct releases releases = { 0 };
	bool done = before && list_releases(run, &releases) && renew_all(run, &releases);

	fflush(stdout);
	if (before && !run->renew->remove)
		after = describe_inputs(run, NULL);
	*changed = after && strcmp(before, after);
	releases_free(&releases);
	free(before);
	free(after);
	return done;
}

static bool renew_configured(struct run *run, bool *changed)
{
	int lock = -1;
	bool done;

	if (!run->config.kernel)
		return refuse_config(run, "no kernel");
	if (uname(&run->running) < 0)
		return fail_file("uname", "cannot read");
	run->folder = seal_config_folder(&run->config);
	done = lock_folder(run->folder, &lock) && renew_locked(run, changed);
	if (lock >= 0)
		close(lock);
	return done;
}

/* Makes one pass with the configuration as it is now. @changed: out. */
static bool make_pass(struct crashres_ctx *ctx, const struct renew *renew, bool *changed)
{
	struct run run = {
		.ctx = ctx,
		.renew = renew,
		.config_path = renew->config ? renew->config : SEAL_CONFIG_FILE,
	};
	bool done = read_config(&run);

	*changed = false;
	if (done && !run.config.automatic)
		printf("%s: sealed is off: nothing to do\n", run.config_path);
	else if (done)
		done = renew_configured(&run, changed);
	seal_config_free(&run.config);
	return done;
}

int renew_run(struct crashres_ctx *ctx, const struct renew *renew)
{
	struct renew next = *renew;
	bool done = false, changed = true;

	for (size_t i = 0; i < PASSES && changed; i++) {
		done = make_pass(ctx, &next, &changed);
		next.force = false;
	}
	if (changed)
		fprintf(stderr, "crashres: the files to seal still change after %d attempts\n", PASSES);
	return done && !changed ? 0 : EXIT_ERROR;
}
