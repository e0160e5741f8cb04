/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tests the replacement of files, and crashres_input_save(). The linker puts the functions below
 * between the library and libc (--wrap), so a test can run as on vfat, make a call fail or
 * deliver a signal.
 */
#include "support.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "../../libcrashres/base/input.h"
#include "../../libcrashres/base/replace.h"

/* The next results of the wrapped functions. Numbers are errno values; 0: the call works. */
static struct {
	int tmpfile, write, fsync, linkat, rename, fchown, fchmod, fsetxattr;
	int signal;		/* write() raises this signal, then works; 0: none */
	size_t most;		/* bytes that one write() takes; 0: all */
	bool interrupted;	/* the first write() fails with EINTR */
	void (*before_link)(void);	/* linkat() calls this first; NULL: nothing */
	unsigned int named;	/* temporary files that were opened by name */
} fault;

int __real_openat(int folder, const char *path, int flags, ...);
ssize_t __real_write(int fd, const void *data, size_t size);
int __real_fsync(int fd);
int __real_linkat(int from, const char *old, int to, const char *new, int flags);
int __real_renameat(int from, const char *old, int to, const char *new);
int __real_fchown(int fd, uid_t owner, gid_t group);
int __real_fchmod(int fd, mode_t mode);
int __real_fsetxattr(int fd, const char *name, const void *value, size_t size, int flags);

int __wrap_openat(int folder, const char *path, int flags, ...);
ssize_t __wrap_write(int fd, const void *data, size_t size);
int __wrap_fsync(int fd);
int __wrap_linkat(int from, const char *old, int to, const char *new, int flags);
int __wrap_renameat(int from, const char *old, int to, const char *new);
int __wrap_fchown(int fd, uid_t owner, gid_t group);
int __wrap_fchmod(int fd, mode_t mode);
int __wrap_fsetxattr(int fd, const char *name, const void *value, size_t size, int flags);

/* Sets errno to @error and returns true, unless @error is 0. */
static bool fails(int error)
{
	if (error)
		errno = error;
	return error;
}

int __wrap_openat(int folder, const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list args;

	va_start(args, flags);
	if (flags & (O_CREAT | O_TMPFILE))
		mode = va_arg(args, mode_t);
	va_end(args);
	if ((flags & O_TMPFILE) == O_TMPFILE && fails(fault.tmpfile))
		return -1;
	fault.named += (flags & O_EXCL) && !strncmp(path, ".crashres-", 10);
	return __real_openat(folder, path, flags, mode);
}

ssize_t __wrap_write(int fd, const void *data, size_t size)
{
	if (fault.interrupted) {
		fault.interrupted = false;
		errno = EINTR;
		return -1;
	}
	if (fails(fault.write))
		return -1;
	if (fault.signal)
		raise(fault.signal);
	return __real_write(fd, data, fault.most && fault.most < size ? fault.most : size);
}

int __wrap_fsync(int fd)
{
	return fails(fault.fsync) ? -1 : __real_fsync(fd);
}

int __wrap_linkat(int from, const char *old, int to, const char *new, int flags)
{
	if (fault.before_link)
		fault.before_link();
	return fails(fault.linkat) ? -1 : __real_linkat(from, old, to, new, flags);
}

int __wrap_renameat(int from, const char *old, int to, const char *new)
{
	return fails(fault.rename) ? -1 : __real_renameat(from, old, to, new);
}

int __wrap_fchown(int fd, uid_t owner, gid_t group)
{
	return fails(fault.fchown) ? -1 : __real_fchown(fd, owner, group);
}

int __wrap_fchmod(int fd, mode_t mode)
{
	return fails(fault.fchmod) ? -1 : __real_fchmod(fd, mode);
}

int __wrap_fsetxattr(int fd, const char *name, const void *value, size_t size, int flags)
{
	return fails(fault.fsetxattr) ? -1 : __real_fsetxattr(fd, name, value, size, flags);
}

static int setup(void **state)
{
	memset(&fault, 0, sizeof(fault));
	umask(022);
	return unit_setup(state);
}

static int teardown(void **state)
{
	memset(&fault, 0, sizeof(fault));
	return unit_teardown(state);
}

#define REPLACE_TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

/* Calls fail as on vfat: no O_TMPFILE, no owner, no mode, no extended attributes. */
static void be_vfat(void)
{
	fault.tmpfile = EOPNOTSUPP;
	fault.fchown = EPERM;
	fault.fchmod = EPERM;
	fault.fsetxattr = EOPNOTSUPP;
}

/* Returns the number of files in the test's folder. */
static unsigned int count_files(struct unit *unit)
{
	CRS_CLEANUP(crs_freep) char *folder = unit_path(unit, ".");
	unsigned int count = 0;
	DIR *stream = opendir(folder);

	assert_non_null(stream);
	for (struct dirent *entry; (entry = readdir(stream)); )
		count += strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..");
	closedir(stream);
	return count;
}

/* Asserts that the file @name contains exactly @text, and returns its permissions. */
static mode_t check_file(struct unit *unit, const char *name, const char *text)
{
	CRS_CLEANUP(crs_freep) char *path = unit_path(unit, name);
	FILE *file = fopen(path, "re");
	char content[64] = "";
	struct stat st;

	assert_non_null(file);
	content[fread(content, 1, sizeof(content) - 1, file)] = '\0';
	assert_string_equal(content, text);
	assert_int_equal(fstat(fileno(file), &st), 0);
	fclose(file);
	return st.st_mode & 07777;
}

/* Opens the file @name. */
static struct crashres_input *open_input(struct unit *unit, const char *name)
{
	CRS_CLEANUP(crs_freep) char *path = unit_path(unit, name);
	struct crashres_input *input;

	assert_ok(unit, crashres_input_open(unit->ctx, path, &input));
	return input;
}

/* Writes the text "new" as a new version of @input to the file @output, or to the same file. */
static enum crashres_status replace(struct unit *unit, const struct crashres_input *input,
				    const char *output)
{
	const struct iovec parts[] = { { (void *)(uintptr_t)"ne", 2 }, { (void *)(uintptr_t)"w", 1 } };
	CRS_CLEANUP(crs_freep) char *path = output ? unit_path(unit, output) : NULL;

	return crs_replace_input(unit->ctx, input, path, parts, 2);
}

/* Saves the text "new" as an input of the permissions @mode to the file @name. */
static enum crashres_status save(struct unit *unit, const char *name, mode_t mode)
{
	CRS_CLEANUP(crs_freep) char *path = unit_path(unit, name);
	struct crashres_input *input;
	enum crashres_status status;

	assert_ok(unit, crashres_input_from_memory(unit->ctx, "mine", "new", 3, &input));
	input->mode = mode;
	status = crashres_input_save(unit->ctx, input, path);
	crashres_input_close(input);
	return status;
}

/* Asserts that saving fails with @reason, and that the old file stays as the only file. */
static void check_save_fails(struct unit *unit, const char *reason)
{
	CRS_CLEANUP(crs_freep) char *path = unit_path(unit, "file");
	char sentence[256];

	snprintf(sentence, sizeof(sentence), "%s: cannot write: %s", path, reason);
	assert_fails(unit, save(unit, "file", 0644), CRASHRES_ERR_OS, sentence);
	check_file(unit, "file", "old");
	assert_int_equal(count_files(unit), 1);
}

static void test_the_mode_of_the_input_is_used(void **state)
{
	static const mode_t modes[] = { 0644, 0600, 0440, 0755 };
	struct unit *unit = *state;
	CRS_CLEANUP(crs_freep) char *path = unit_path(unit, "file");

	for (size_t i = 0; i < COUNT(modes); i++) {
		/* An ordinary user cannot write to a file of the mode 0440. */
		unlink(path);
		unit_write_text(unit, "file", "old");
		/* Attributes of the old file, such as security.ima, are not kept. */
		setxattr(path, "user.mine", "1", 1, 0);
		assert_ok(unit, save(unit, "file", modes[i]));
		assert_int_equal(check_file(unit, "file", "new"), modes[i]);
		assert_int_equal(getxattr(path, "user.mine", NULL, 0), -1);
		assert_ok(unit, save(unit, "created", modes[i]));
		assert_int_equal(check_file(unit, "created", "new"), modes[i]);
	}
	assert_int_equal(count_files(unit), 2);
	assert_int_equal(fault.named, 0);
}

/* The user's umask takes permissions away. */
static void test_the_umask(void **state)
{
	struct unit *unit = *state;

	for (int vfat = 0; vfat < 2; vfat++) {
		fault.tmpfile = vfat ? EOPNOTSUPP : 0;
		umask(077);
		assert_ok(unit, save(unit, "file", 0755));
		assert_int_equal(check_file(unit, "file", "new"), 0700);
		umask(0);
		assert_ok(unit, save(unit, "file", 0666));
		assert_int_equal(check_file(unit, "file", "new"), 0666);
	}
	umask(022);
}

/* crashres_input_open() takes the permissions of the file, without set-user-id. */
static void test_the_mode_of_an_opened_file(void **state)
{
	struct unit *unit = *state;
	CRS_CLEANUP(crs_freep) char *path = unit_path(unit, "file");
	struct crashres_input *input;

	unit_write_text(unit, "file", "old");
	assert_int_equal(chmod(path, 07640), 0);
	assert_ok(unit, crashres_input_open(unit->ctx, path, &input));
	assert_int_equal(input->mode, 0640);
	crashres_input_close(input);
	assert_ok(unit, crashres_input_open(unit->ctx, "/proc/self/comm", &input));
	assert_int_equal(input->mode, 0644);
	crashres_input_close(input);
	assert_ok(unit, crashres_input_from_memory(unit->ctx, "mine", "x", 1, &input));
	assert_int_equal(input->mode, 0600);
	crashres_input_close(input);
}

/* A file system without owners and modes. The real vfat would ignore the mode of open(2), too. */
static void test_vfat(void **state)
{
	struct unit *unit = *state;
	struct crashres_input *input;

	be_vfat();
	unit_write_text(unit, "file", "old");
	assert_ok(unit, save(unit, "file", 0644));
	assert_int_equal(check_file(unit, "file", "new"), 0644);
	assert_int_equal(fault.named, 1);
	unit_write_text(unit, "file", "old");
	input = open_input(unit, "file");
	assert_ok(unit, replace(unit, input, NULL));
	assert_int_equal(check_file(unit, "file", "new"), 0600);
	crashres_input_close(input);
	assert_int_equal(count_files(unit), 1);
}

/* An unnamed file gets its name through /proc. Without /proc a named file is used. */
static void test_missing_proc(void **state)
{
	struct unit *unit = *state;

	unit_write_text(unit, "file", "old");
	fault.linkat = ENOENT;
	assert_ok(unit, save(unit, "file", 0644));
	assert_int_equal(check_file(unit, "file", "new"), 0644);
	assert_int_equal(fault.named, 1);
	assert_int_equal(count_files(unit), 1);
}

static void test_failing_calls_change_nothing(void **state)
{
	static int *const calls[] = { &fault.write, &fault.fsync, &fault.rename };
	struct unit *unit = *state;

	unit_write_text(unit, "file", "old");
	for (size_t i = 0; i < COUNT(calls); i++) {
		for (int vfat = 0; vfat < 2; vfat++) {
			memset(&fault, 0, sizeof(fault));
			if (vfat)
				be_vfat();
			*calls[i] = ENOSPC;
			check_save_fails(unit, "No space left on device");
		}
	}
}

/* Asserts that a new version of the file cannot be written, and that the old one stays. */
static void test_attributes_that_cannot_be_copied(void **state)
{
	static int *const calls[] = { &fault.fchown, &fault.fchmod };
	struct unit *unit = *state;
	CRS_CLEANUP(crs_freep) char *path = unit_path(unit, "file");
	struct crashres_input *input;
	char sentence[256];

	unit_write_text(unit, "file", "old");
	input = open_input(unit, "file");
	snprintf(sentence, sizeof(sentence), "%s: cannot write: Input/output error", path);
	for (size_t i = 0; i < COUNT(calls); i++) {
		memset(&fault, 0, sizeof(fault));
		*calls[i] = EIO;
		assert_fails(unit, replace(unit, input, NULL), CRASHRES_ERR_OS, sentence);
		check_file(unit, "file", "old");
		assert_int_equal(count_files(unit), 1);
	}
	crashres_input_close(input);
}

static void test_short_and_interrupted_writes_are_continued(void **state)
{
	struct unit *unit = *state;

	fault.most = 1;
	fault.interrupted = true;
	assert_ok(unit, save(unit, "file", 0644));
	check_file(unit, "file", "new");
}

/* A child saves the file, and write() raises @number in it. Returns the signal that ended it. */
static int save_in_child(struct unit *unit, int number)
{
	pid_t child = fork();
	int status;

	if (!child) {
		/* The caller of the tests can ignore signals, as nohup does. */
		signal(number, SIG_DFL);
		fault.signal = number;
		_exit(save(unit, "file", 0644) == CRASHRES_OK ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

/* A signal ends the program, and no temporary file stays behind. */
static void test_signals_leave_no_temporary_file(void **state)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGXFSZ, SIGPIPE, SIGUSR1 };
	struct unit *unit = *state;

	for (size_t i = 0; i < COUNT(signals); i++) {
		memset(&fault, 0, sizeof(fault));
		unit_write_text(unit, "file", "old");
		/* The unnamed file disappears with the program. */
		assert_int_equal(save_in_child(unit, signals[i]), signals[i]);
		check_file(unit, "file", "old");
		assert_int_equal(count_files(unit), 1);
		/* A named file is completed first. */
		be_vfat();
		assert_int_equal(save_in_child(unit, signals[i]), signals[i]);
		check_file(unit, "file", "new");
		assert_int_equal(count_files(unit), 1);
	}
	memset(&fault, 0, sizeof(fault));
	unit_write_text(unit, "file", "old");
	assert_int_equal(save_in_child(unit, SIGKILL), SIGKILL);
	check_file(unit, "file", "old");
	assert_int_equal(count_files(unit), 1);
}

/* The signal mask is as before, after success and after a failure. */
static void test_signals_are_unblocked(void **state)
{
	struct unit *unit = *state;
	sigset_t before, after;

	pthread_sigmask(SIG_SETMASK, NULL, &before);
	for (int i = 0; i < 2; i++) {
		be_vfat();
		fault.rename = i ? EIO : 0;
		assert_int_equal(save(unit, "file", 0644), i ? CRASHRES_ERR_OS : CRASHRES_OK);
		pthread_sigmask(SIG_SETMASK, NULL, &after);
		for (int number = 1; number <= SIGRTMAX; number++)
			assert_int_equal(sigismember(&before, number), sigismember(&after, number));
	}
}

/* Makes the symbolic link @name with the target @target in the test's folder. */
static void make_link(struct unit *unit, const char *name, const char *target)
{
	CRS_CLEANUP(crs_freep) char *path = unit_path(unit, name);

	assert_int_equal(symlink(target, path), 0);
}

static void test_links_are_followed(void **state)
{
	struct unit *unit = *state;
	CRS_CLEANUP(crs_freep) char *file = unit_path(unit, "folder/file");
	CRS_CLEANUP(crs_freep) char *first = unit_path(unit, "first");
	CRS_CLEANUP(crs_freep) char *absolute = NULL;
	struct stat st;

	unit_write_text(unit, "folder/file", "old");
	absolute = realpath(file, NULL);
	make_link(unit, "folder/second", absolute);
	make_link(unit, "first", "folder/second");
	assert_ok(unit, save(unit, "first", 0644));
	check_file(unit, "folder/file", "new");
	/* A link whose target is missing creates the target. */
	make_link(unit, "missing", "folder/created");
	assert_ok(unit, save(unit, "missing", 0644));
	check_file(unit, "folder/created", "new");
	assert_int_equal(lstat(first, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(count_files(unit), 3);
	make_link(unit, "loop", "loop");
	assert_int_equal(save(unit, "loop", 0644), CRASHRES_ERR_OS);
	assert_non_null(strstr(crashres_error(unit->ctx), ": cannot write: Too many levels"));
}

/* Writes to a pipe and to a file without a name go into that file. */
static void test_files_without_a_name_are_written_directly(void **state)
{
	struct unit *unit = *state;
	CRS_CLEANUP(crs_freep) char *path = unit_path(unit, "file");
	struct crashres_input *input;
	char name[32], text[8] = "";
	int ends[2], fd;

	assert_ok(unit, crashres_input_from_memory(unit->ctx, "mine", "new", 3, &input));
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", ends[1]);
	assert_ok(unit, crashres_input_save(unit->ctx, input, name));
	assert_int_equal(read(ends[0], text, sizeof(text)), 3);
	assert_string_equal(text, "new");
	close(ends[0]);
	close(ends[1]);
	unit_write_text(unit, "file", "old and longer");
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_int_equal(unlink(path), 0);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	assert_ok(unit, crashres_input_save(unit->ctx, input, name));
	assert_int_equal(pread(fd, text, 7, 0), 7);
	assert_string_equal(text, "new and");
	close(fd);
	assert_int_equal(count_files(unit), 0);
	assert_fails(unit, crashres_input_save(unit->ctx, input, "/dev/full"), CRASHRES_ERR_OS,
		     "/dev/full: cannot write: No space left on device");
	assert_fails(unit, crashres_input_save(unit->ctx, input, "/proc"), CRASHRES_ERR_OS,
		     "/proc: cannot write: Is a directory");
	crashres_input_close(input);
}

/* A shell that redirected /dev/stdout to a file writes to this file afterwards, too. */
static void test_an_open_file_is_continued(void **state)
{
	struct unit *unit = *state;
	CRS_CLEANUP(crs_freep) char *path = unit_path(unit, "file");
	struct crashres_input *input;
	char name[32];
	int fd;

	unit_write_text(unit, "file", "old ");
	fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	assert_ok(unit, crashres_input_from_memory(unit->ctx, "mine", "new", 3, &input));
	assert_ok(unit, crashres_input_save(unit->ctx, input, name));
	snprintf(name, sizeof(name), "/dev/fd/%d", fd);
	assert_ok(unit, crashres_input_save(unit->ctx, input, name));
	assert_int_equal(write(fd, " end", 4), 4);
	check_file(unit, "file", "old newnew end");
	crashres_input_close(input);
	close(fd);
	assert_int_equal(count_files(unit), 1);
}

/* A new version has the attributes, except set-user-id and signatures of the content. */
static void test_attributes_of_a_new_version(void **state)
{
	struct unit *unit = *state;
	CRS_CLEANUP(crs_freep) char *path = unit_path(unit, "file");
	CRS_CLEANUP(crs_freep) char *other = unit_path(unit, "other");
	struct crashres_input *input;
	bool has_xattrs;

	unit_write_text(unit, "file", "old");
	has_xattrs = !setxattr(path, "user.mine", "1", 1, 0);
	assert_int_equal(chmod(path, 07757), 0);
	input = open_input(unit, "file");
	/* Another file is no new version. */
	assert_ok(unit, replace(unit, input, "other"));
	assert_int_equal(check_file(unit, "other", "new"), 0755);
	assert_int_equal(getxattr(other, "user.mine", NULL, 0), -1);
	assert_ok(unit, replace(unit, input, "file"));
	assert_int_equal(check_file(unit, "file", "new"), 0757);
	assert_int_equal(getxattr(path, "user.mine", NULL, 0), has_xattrs ? 1 : -1);
	crashres_input_close(input);
}

/* Asserts that @input cannot get a new version at its name. */
static void check_changed(struct unit *unit, const struct crashres_input *input)
{
	char sentence[256];

	snprintf(sentence, sizeof(sentence), "%s: the file changed after it was read: try again",
		 input->name);
	assert_fails(unit, replace(unit, input, NULL), CRASHRES_ERR_OS, sentence);
}

/* The path of "file" in the test's folder, for before_link(). */
static char *raced;

static void put_link(void)
{
	assert_int_equal(unlink(raced), 0);
	assert_int_equal(symlink("victim", raced), 0);
}

static void put_file(void)
{
	static const struct timespec times[] = { { 0, UTIME_OMIT }, { 1, 1 } };
	int fd = open(raced, O_WRONLY | O_CLOEXEC);

	assert_int_equal(pwrite(fd, "upgrade", 7, 0), 7);
	/* The clock of the file system can be too coarse to show the write. */
	assert_int_equal(futimens(fd, times), 0);
	close(fd);
}

/* The file changes while a signature is made, or directly before the new one gets its name. */
static void test_a_file_that_changed_is_not_replaced(void **state)
{
	static void (*const changes[])(void) = { put_link, put_file };
	struct unit *unit = *state;

	raced = unit_path(unit, "file");
	unit_write_text(unit, "victim", "secret");
	for (size_t i = 0; i < COUNT(changes); i++) {
		for (int early = 0; early < 2; early++) {
			struct crashres_input *input;

			unlink(raced);
			unit_write_text(unit, "file", "old");
			input = open_input(unit, "file");
			fault.before_link = early ? NULL : changes[i];
			if (early)
				changes[i]();
			check_changed(unit, input);
			check_file(unit, "victim", "secret");
			check_file(unit, "file", i ? "upgrade" : "secret");
			assert_int_equal(count_files(unit), 2);
			crashres_input_close(input);
		}
	}
	free(raced);
}

/* A file from a pipe is no regular file that can get a new version. */
static void test_a_stream_has_no_new_version(void **state)
{
	struct unit *unit = *state;
	struct crashres_input *input;
	char name[32], sentence[64];
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(write(ends[1], "old", 3), 3);
	close(ends[1]);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", ends[0]);
	assert_ok(unit, crashres_input_open(unit->ctx, name, &input));
	snprintf(sentence, sizeof(sentence), "%s: is not a regular file", name);
	assert_fails(unit, replace(unit, input, NULL), CRASHRES_ERR_OS, sentence);
	assert_ok(unit, replace(unit, input, "out"));
	assert_int_equal(check_file(unit, "out", "new"), 0600);
	crashres_input_close(input);
	close(ends[0]);
}

/* ------------------------------------------------------------------- two users */

#define STRANGER 65533	/* user id and group id */

/* Only root can make files of another user. Prints why a test is left out. */
static void need_root(void)
{
	if (!geteuid())
		return;
	print_message("skipped: only root can make files of another user\n");
	skip();
}

/* Gives the file or link @name to the stranger. */
static void give(struct unit *unit, const char *name)
{
	CRS_CLEANUP(crs_freep) char *path = unit_path(unit, name);

	assert_int_equal(lchown(path, STRANGER, STRANGER), 0);
}

/* Returns the owner of the file @name. */
static uid_t owner_of(struct unit *unit, const char *name)
{
	CRS_CLEANUP(crs_freep) char *path = unit_path(unit, name);
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	return st.st_uid;
}

/* Only a new version of a stranger's file belongs to the stranger. */
static void test_the_owner(void **state)
{
	struct unit *unit = *state;
	struct crashres_input *input;

	need_root();
	unit_write_text(unit, "file", "old");
	unit_write_text(unit, "other", "old");
	give(unit, "file");
	give(unit, "other");
	input = open_input(unit, "file");
	assert_ok(unit, replace(unit, input, "other"));
	assert_int_equal(owner_of(unit, "other"), 0);
	assert_ok(unit, replace(unit, input, "created"));
	assert_int_equal(owner_of(unit, "created"), 0);
	assert_ok(unit, replace(unit, input, NULL));
	assert_int_equal(owner_of(unit, "file"), STRANGER);
	crashres_input_close(input);
	assert_ok(unit, save(unit, "file", 0644));
	assert_int_equal(owner_of(unit, "file"), 0);
}

/* A link of a stranger in a folder of this user is not followed, even if its target is missing. */
static void test_links_of_strangers(void **state)
{
	struct unit *unit = *state;
	CRS_CLEANUP(crs_freep) char *path = unit_path(unit, "link");
	char sentence[256];

	need_root();
	unit_write_text(unit, "victim", "secret");
	snprintf(sentence, sizeof(sentence), "%s: leads through a symbolic link of another user",
		 path);
	for (int missing = 0; missing < 2; missing++) {
		unlink(path);
		make_link(unit, "link", missing ? "missing" : "victim");
		give(unit, "link");
		assert_fails(unit, save(unit, "link", 0644), CRASHRES_ERR_OS, sentence);
	}
	assert_int_equal(unlink(path), 0);
	make_link(unit, "link", "second");
	make_link(unit, "second", "victim");
	give(unit, "second");
	assert_fails(unit, save(unit, "link", 0644), CRASHRES_ERR_OS, sentence);
	check_file(unit, "victim", "secret");
	assert_int_equal(count_files(unit), 3);
	/* The owner of the folder can put any file there. So the link gives no new right. */
	give(unit, ".");
	assert_ok(unit, save(unit, "link", 0644));
	check_file(unit, "victim", "new");
	assert_int_equal(owner_of(unit, "victim"), 0);
}

/* A user who can read a folder, but not the folder behind a link in it, learns so. */
static void test_a_folder_without_permission(void **state)
{
	struct unit *unit = *state;
	CRS_CLEANUP(crs_freep) char *folder = unit_path(unit, "closed");
	CRS_CLEANUP(crs_freep) char *path = unit_path(unit, "link");
	CRS_CLEANUP(crs_freep) char *base = unit_path(unit, ".");
	char sentence[256];
	pid_t child;
	int status;

	need_root();
	unit_write_text(unit, "closed/file", "old");
	assert_int_equal(chmod(folder, 0700), 0);
	assert_int_equal(chmod(base, 0777), 0);
	make_link(unit, "link", "closed/file");
	snprintf(sentence, sizeof(sentence), "%s: cannot write: Permission denied", path);
	child = fork();
	if (!child) {
		if (setgid(STRANGER) || setuid(STRANGER) ||
		    save(unit, "link", 0644) != CRASHRES_ERR_OS)
			_exit(1);
		_exit(strcmp(crashres_error(unit->ctx), sentence) ? 2 : 0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	check_file(unit, "closed/file", "old");
	assert_int_equal(count_files(unit), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		REPLACE_TEST(test_the_mode_of_the_input_is_used),
		REPLACE_TEST(test_the_umask),
		REPLACE_TEST(test_the_mode_of_an_opened_file),
		REPLACE_TEST(test_vfat),
		REPLACE_TEST(test_missing_proc),
		REPLACE_TEST(test_failing_calls_change_nothing),
		REPLACE_TEST(test_short_and_interrupted_writes_are_continued),
		REPLACE_TEST(test_signals_leave_no_temporary_file),
		REPLACE_TEST(test_signals_are_unblocked),
		REPLACE_TEST(test_links_are_followed),
		REPLACE_TEST(test_files_without_a_name_are_written_directly),
		REPLACE_TEST(test_an_open_file_is_continued),
		REPLACE_TEST(test_attributes_that_cannot_be_copied),
		REPLACE_TEST(test_attributes_of_a_new_version),
		REPLACE_TEST(test_a_file_that_changed_is_not_replaced),
		REPLACE_TEST(test_a_stream_has_no_new_version),
		REPLACE_TEST(test_the_owner),
		REPLACE_TEST(test_links_of_strangers),
		REPLACE_TEST(test_a_folder_without_permission),
	};

	return cmocka_run_group_tests_name("replace", tests, NULL, NULL);
}
