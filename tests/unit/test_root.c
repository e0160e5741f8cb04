/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tests reads below the root (base/root.c; --root DIR). A wrong program follows a link out of a
 * copied root, or blocks on a FIFO in it.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../libcrashres/base/root.h"
#include "support.h"

/*
 * Makes the folder root the root of the context. The file secret exists outside ("outside") and
 * inside the root ("inside").
 */
static void make_root(struct unit *unit)
{
	CRS_CLEANUP(crs_freep) char *root = unit_path(unit, "root");

	unit_write_text(unit, "secret", "outside");
	unit_write_text(unit, "root/secret", "inside");
	unit_write_text(unit, "root/proc/other", "");
	assert_ok(unit, crashres_ctx_set_root(unit->ctx, root));
}

static void make_link(struct unit *unit, const char *target, const char *name)
{
	CRS_CLEANUP(crs_freep) char *path = unit_path(unit, name);

	assert_int_equal(symlink(target, path), 0);
}

/* Asserts the content of a file. */
static void check_read(struct unit *unit, const char *path, const char *wanted)
{
	CRS_CLEANUP(crs_freep) uint8_t *data = NULL;
	size_t size;

	assert_ok(unit, crs_root_read(unit->ctx, path, 4096, &data, &size));
	assert_string_equal((char *)data, wanted);
	assert_int_equal(size, strlen(wanted));
}

/* Asserts that reading and opening fail with @status and @sentence. */
static void refuse(struct unit *unit, const char *path, enum crashres_status status,
		   const char *sentence)
{
	uint8_t *data = UNTOUCHED;
	size_t size = 77;
	int fd = 78;

	assert_fails(unit, crs_root_read(unit->ctx, path, 9, &data, &size), status, sentence);
	assert_ptr_equal(data, UNTOUCHED);
	assert_int_equal(size, 77);
	assert_fails(unit, crs_root_open(unit->ctx, path, &fd), status, sentence);
	assert_int_equal(fd, 78);
}

static void test_file_above_the_limit_is_refused(void **state)
{
	struct unit *unit = *state;
	uint8_t *data = UNTOUCHED;
	size_t size = 77;

	unit_write_text(unit, "file", "0123456789");
	assert_ok(unit, crashres_ctx_set_root(unit->ctx, unit->dir));
	assert_fails(unit, crs_root_read(unit->ctx, "file", 9, &data, &size), CRASHRES_ERR_FORMAT,
		     "/file: more than 9 bytes");
	assert_ptr_equal(data, UNTOUCHED);
	assert_int_equal(size, 77);
	refuse(unit, "none", CRASHRES_ERR_OS, "cannot open /none: No such file or directory");
	assert_ok(unit, crs_root_read(unit->ctx, "file", 10, &data, &size));
	assert_int_equal(size, 10);
	assert_string_equal((char *)data, "0123456789");
	free(data);
}

/* The target of a link counts from the root, and ".." stops at the root. */
static void test_no_link_leads_out_of_the_root(void **state)
{
	static const char *const targets[] = {
		"/secret", "../secret", "../../secret", "../../../../secret", "/../../secret",
		"second", "/proc/second",
	};
	struct unit *unit = *state;

	make_root(unit);
	make_link(unit, "/secret", "root/proc/second");
	for (size_t i = 0; i < COUNT(targets); i++) {
		CRS_CLEANUP(crs_freep) char *link = unit_path(unit, "root/proc/link");

		make_link(unit, targets[i], "root/proc/link");
		check_read(unit, "proc/link", "inside");
		assert_int_equal(unlink(link), 0);
	}
	check_read(unit, "../secret", "inside");
	check_read(unit, "/secret", "inside");
}

/* A folder in the path can be a link too. */
static void test_no_linked_folder_leads_out_of_the_root(void **state)
{
	struct unit *unit = *state;
	int fd = 78;

	unit_write_text(unit, "folder/file", "outside");
	make_root(unit);
	make_link(unit, "../folder", "root/folder");
	refuse(unit, "folder/file", CRASHRES_ERR_OS,
	       "cannot open /folder/file: Too many levels of symbolic links");
	assert_fails(unit, crs_root_open_folder(unit->ctx, "folder", &fd), CRASHRES_ERR_OS,
		     "cannot open /folder: Too many levels of symbolic links");
	assert_fails(unit, crs_root_open_folder(unit->ctx, "../folder", &fd), CRASHRES_ERR_OS,
		     "cannot open /../folder: Too many levels of symbolic links");
	assert_fails(unit, crs_root_open_folder(unit->ctx, "secret", &fd), CRASHRES_ERR_OS,
		     "cannot open /secret: Not a directory");
	assert_int_equal(fd, 78);
	assert_ok(unit, crs_root_open_folder(unit->ctx, "../proc", &fd));
	assert_int_equal(faccessat(fd, "other", F_OK, 0), 0);
	close(fd);
}

/*
 * Magic links of /proc (proc(5)) do not follow a path: they lead to open files and folders of
 * the process.
 */
static void test_magic_links_are_refused(void **state)
{
	struct unit *unit = *state;

	assert_ok(unit, crashres_ctx_set_root(unit->ctx, "/proc/self"));
	refuse(unit, "cwd/Makefile", CRASHRES_ERR_OS,
	       "cannot open /cwd/Makefile: Too many levels of symbolic links");
	refuse(unit, "root/proc/version", CRASHRES_ERR_OS,
	       "cannot open /root/proc/version: Too many levels of symbolic links");
	refuse(unit, "exe", CRASHRES_ERR_OS, "cannot open /exe: Too many levels of symbolic links");
}

static void make_socket(struct unit *unit, const char *name)
{
	CRS_CLEANUP(crs_freep) char *path = unit_path(unit, name);
	CRS_CLEANUP(crs_closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
}

/* open(2) of a FIFO without a writer would block forever. The alarm ends a program that waits. */
static void test_fifo_socket_folder_and_device_are_refused(void **state)
{
	struct unit *unit = *state;
	CRS_CLEANUP(crs_freep) char *fifo = unit_path(unit, "root/fifo");

	alarm(60);
	make_root(unit);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	make_link(unit, "/fifo", "root/proc/link");
	make_socket(unit, "root/socket");
	refuse(unit, "fifo", CRASHRES_ERR_FORMAT, "/fifo is a FIFO, not a regular file");
	refuse(unit, "proc/link", CRASHRES_ERR_FORMAT, "/proc/link is a FIFO, not a regular file");
	refuse(unit, "socket", CRASHRES_ERR_FORMAT, "/socket is a socket, not a regular file");
	refuse(unit, "proc", CRASHRES_ERR_FORMAT, "/proc is a directory, not a regular file");
	assert_ok(unit, crashres_ctx_set_root(unit->ctx, "/dev"));
	refuse(unit, "zero", CRASHRES_ERR_FORMAT, "/zero is a device, not a regular file");
	alarm(0);
}

static void test_lacks_is_true_only_for_a_missing_file(void **state)
{
	struct unit *unit = *state;

	make_root(unit);
	make_link(unit, "../folder", "root/folder");
	assert_false(crs_root_lacks(unit->ctx, "secret"));
	assert_false(crs_root_lacks(unit->ctx, "../secret"));
	assert_false(crs_root_lacks(unit->ctx, "secret/below"));
	assert_false(crs_root_lacks(unit->ctx, "folder"));
	assert_true(crs_root_lacks(unit->ctx, "none"));
	assert_true(crs_root_lacks(unit->ctx, "../../tests"));
}

/* Asserts the beginning of a file. */
static void check_beginning(struct unit *unit, const char *path, const char *wanted)
{
	CRS_CLEANUP(crs_freep) uint8_t *data = NULL;
	size_t size;

	assert_ok(unit, crs_root_read(unit->ctx, path, 4096, &data, &size));
	assert_memory_equal(data, wanted, strlen(wanted));
}

/*
 * The real root needs its links, magic ones too: procfs and sysfs use them. This test takes links of
 * procfs, because a build in a chroot often has no /sys.
 */
static void test_real_root_follows_every_link(void **state)
{
	struct unit *unit = *state;
	CRS_CLEANUP(crs_freep) char *other = unit_path(unit, ".");
	int fd;

	for (int i = 0; i < 2; i++) {
		assert_true(unit->ctx->root_is_live);
		check_beginning(unit, "proc/version", "Linux version ");
		check_beginning(unit, "proc/self/root/proc/version", "Linux version ");
		assert_ok(unit, crs_root_open_folder(unit->ctx, "proc/self/cwd/..", &fd));
		close(fd);
		refuse(unit, "dev/zero", CRASHRES_ERR_FORMAT,
		       "/dev/zero is a device, not a regular file");
		assert_ok(unit, crashres_ctx_set_root(unit->ctx, other));
		assert_false(unit->ctx->root_is_live);
		assert_ok(unit, crashres_ctx_set_root(unit->ctx, "/"));
	}
}

/*
 * Makes openat2() fail with @error from now on, as on Linux before 5.6 or in an old container.
 * Exits with 99 if there is no seccomp.
 */
static void refuse_openat2(unsigned int error)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { COUNT(filter), filter };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		_exit(99);
}

/*
 * Runs in a child process, because a seccomp filter is permanent. Returns 0, or the number of
 * the failed step.
 */
static int without_openat2(struct unit *unit, unsigned int error)
{
	CRS_CLEANUP(crs_freep) uint8_t *data = NULL;
	char sentence[512];
	size_t size;
	int fd = unit->ctx->root_fd;

	refuse_openat2(error);
	snprintf(sentence, sizeof(sentence), "root %s: this kernel has no openat2(2) "
		 "(Linux 5.6): %s", unit->dir, strerror((int)error));
	if (crashres_ctx_set_root(unit->ctx, unit->dir) != CRASHRES_ERR_UNSUPPORTED)
		return 1;
	if (strcmp(crashres_error(unit->ctx), sentence))
		return 2;
	if (unit->ctx->root_fd != fd || !unit->ctx->root_is_live)
		return 3;
	if (crs_root_read(unit->ctx, "proc/version", 4096, &data, &size) != CRASHRES_OK)
		return 4;
	return crashres_ctx_set_root(unit->ctx, "/") == CRASHRES_OK ? 0 : 5;
}

/* Without openat2() only the real root is accepted. An endless EAGAIN counts as missing too. */
static void test_without_openat2_only_the_real_root_is_accepted(void **state)
{
	static const unsigned int errors[] = { ENOSYS, EPERM, EAGAIN };
	struct unit *unit = *state;

	make_root(unit);
	assert_ok(unit, crashres_ctx_set_root(unit->ctx, "/"));
	for (size_t i = 0; i < COUNT(errors); i++) {
		pid_t child = fork();
		int status;

		if (!child)
			_exit(without_openat2(unit, errors[i]));
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFEXITED(status));
		if (WEXITSTATUS(status) == 99) {
			print_message("no seccomp here\n");
			skip();
		}
		assert_int_equal(WEXITSTATUS(status), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT_TEST(test_file_above_the_limit_is_refused),
		UNIT_TEST(test_no_link_leads_out_of_the_root),
		UNIT_TEST(test_no_linked_folder_leads_out_of_the_root),
		UNIT_TEST(test_magic_links_are_refused),
		UNIT_TEST(test_fifo_socket_folder_and_device_are_refused),
		UNIT_TEST(test_lacks_is_true_only_for_a_missing_file),
		UNIT_TEST(test_real_root_follows_every_link),
		UNIT_TEST(test_without_openat2_only_the_real_root_is_accepted),
	};

	return cmocka_run_group_tests_name("root", tests, NULL, NULL);
}
