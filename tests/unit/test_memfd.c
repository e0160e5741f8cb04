/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tests memfds (base/memfd.c), the anonymous files that hold unpacked kernels. A wrong program
 * leaves them writable, so another process changes the bytes after they were hashed.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../libcrashres/base/input.h"
#include "support.h"

static void test_written_bytes_are_sealed(void **state)
{
	struct unit *unit = *state;
	struct crs_memfd memfd;
	struct crashres_input *file;

	assert_ok(unit, crs_memfd_open(unit->ctx, &memfd));
	assert_ok(unit, crs_memfd_write(unit->ctx, &memfd, "0123", 4));
	assert_ok(unit, crs_memfd_skip(unit->ctx, &memfd, 3));
	assert_ok(unit, crs_memfd_write(unit->ctx, &memfd, "45", 2));
	assert_ok(unit, crs_memfd_skip(unit->ctx, &memfd, 1));
	assert_ok(unit, crs_input_from_memfd(unit->ctx, &memfd, "a name", &file));
	crs_memfd_closep(&memfd);
	assert_string_equal(file->name, "a name");
	assert_int_equal(file->size, 10);
	assert_memory_equal(file->data, "0123\0\0\0" "45\0", 10);
	assert_int_equal(file->original_fd, -1);
	assert_int_equal(memfd.fd, -1);
	assert_int_equal(fcntl(file->fd, F_GET_SEALS) &
			 (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL),
			 F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
	assert_int_equal(pwrite(file->fd, "x", 1, 0), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(ftruncate(file->fd, 5), -1);
	assert_int_equal(fcntl(file->fd, F_GETFD), FD_CLOEXEC);
	crashres_input_close(file);
}

static void test_memfd_is_not_executable(void **state)
{
	struct unit *unit = *state;
	struct crashres_input *file;
	struct stat st;

	assert_ok(unit, crs_input_copy(unit->ctx, "0123", 4, "a name", &file));
	assert_int_equal(fstat(file->fd, &st), 0);
	/* Before Linux 6.3 the mode of a memfd is always 0777. */
	if (fcntl(file->fd, F_GET_SEALS) & 0x20 /* F_SEAL_EXEC */)
		assert_int_equal(st.st_mode & 0111, 0);
	assert_memory_equal(file->data, "0123", 4);
	crashres_input_close(file);
}

static void test_4_gib_fit_and_a_byte_more_does_not(void **state)
{
	struct unit *unit = *state;
	CRS_CLEANUP(crs_memfd_closep) struct crs_memfd memfd = CRS_MEMFD_CLOSED;
	struct crashres_input *file;

	assert_ok(unit, crs_memfd_open(unit->ctx, &memfd));
	assert_int_equal(memfd.limit, 4 * GIB);
	assert_ok(unit, crs_memfd_skip(unit->ctx, &memfd, 4 * GIB - 1));
	assert_fails(unit, crs_memfd_write(unit->ctx, &memfd, "01", 2), CRASHRES_ERR_LIMIT,
		     "more than 4 GiB");
	assert_fails(unit, crs_memfd_skip(unit->ctx, &memfd, 2), CRASHRES_ERR_LIMIT,
		     "more than 4 GiB");
	assert_fails(unit, crs_memfd_skip(unit->ctx, &memfd, UINT64_MAX), CRASHRES_ERR_LIMIT,
		     "more than 4 GiB");
	assert_ok(unit, crs_memfd_write(unit->ctx, &memfd, "0", 1));
	assert_fails(unit, crs_memfd_write(unit->ctx, &memfd, "0", 1), CRASHRES_ERR_LIMIT,
		     "more than 4 GiB");
	assert_ok(unit, crs_memfd_write(unit->ctx, &memfd, "", 0));
	assert_ok(unit, crs_input_from_memfd(unit->ctx, &memfd, "large", &file));
	assert_int_equal(file->size, 4 * GIB);
	assert_int_equal(file->data[4 * GIB - 1], '0');
	crashres_input_close(file);
}

static void test_empty_memfd_is_refused(void **state)
{
	struct unit *unit = *state;
	struct crashres_input *file = UNTOUCHED;

	assert_fails(unit, crs_input_copy(unit->ctx, "", 0, "a name", &file), CRASHRES_ERR_FORMAT,
		     "a name: the content is empty");
	assert_ptr_equal(file, UNTOUCHED);
}

static void test_failing_write_is_reported(void **state)
{
	struct unit *unit = *state;
	struct crs_memfd memfd = { .fd = -1, .limit = 10 };

	assert_fails(unit, crs_memfd_write(unit->ctx, &memfd, "0", 1), CRASHRES_ERR_OS,
		     "cannot write to the memfd: Bad file descriptor");
	assert_int_equal(memfd.size, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT_TEST(test_written_bytes_are_sealed),
		UNIT_TEST(test_memfd_is_not_executable),
		UNIT_TEST(test_4_gib_fit_and_a_byte_more_does_not),
		UNIT_TEST(test_empty_memfd_is_refused),
		UNIT_TEST(test_failing_write_is_reported),
	};

	return cmocka_run_group_tests_name("memfd", tests, NULL, NULL);
}
