/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tests inputs (base/input.c) and memfds (base/memfd.c): the bytes of an input never change,
 * and each system call that copies them can fail. A wrong program hashes other bytes than it
 * loads, or dies of SIGBUS. The linker puts the functions below between the library and libc
 * (--wrap).
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../libcrashres/base/input.h"
#include "../../libcrashres/load/kexec.h"
#include "../../purgatory/shared/sha256.h"
#include "support.h"
#include "wrap.h"

/*
 * Faults of the next calls. If all members are 0, the calls do what libc does. Errors are errno
 * values; sizes are bytes.
 */
static struct {
	int memfd_error;
	int memfd_refuse_flags;		/* memfd_create(): EINVAL if one of these is set */
	int send_error;
	unsigned int interrupted;	/* first calls of each kind that fail with EINTR */
	size_t most;			/* limit of bytes for each call; 0: none */
	size_t send_ends;		/* sendfile() returns 0 from this offset on; 0: never */
	int read_error;
	int write_error;
	size_t write_ends;		/* offset from which pwrite() fails with write_error */
	bool write_nothing;		/* pwrite() returns 0 */
	int truncate_error;
	int map_error;
	void (*while_reading)(void);	/* called once, before the first byte is copied */
	unsigned int sent, read, written;	/* numbers of calls so far */
} fault;

int __real_memfd_create(const char *name, unsigned int flags);
ssize_t __real_sendfile(int to, int from, off_t *offset, size_t size);
ssize_t __real_pread(int fd, void *data, size_t size, off_t offset);
ssize_t __real_pwrite(int fd, const void *data, size_t size, off_t offset);
int __real_ftruncate(int fd, off_t size);
void *__real_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset);

int __wrap_memfd_create(const char *name, unsigned int flags);
ssize_t __wrap_sendfile(int to, int from, off_t *offset, size_t size);
ssize_t __wrap_pread(int fd, void *data, size_t size, off_t offset);
ssize_t __wrap_pwrite(int fd, const void *data, size_t size, off_t offset);
int __wrap_ftruncate(int fd, off_t size);
void *__wrap_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset);

/* Sets errno and returns -1, as a failing system call does. */
static int fail_with(int error)
{
	errno = error;
	return -1;
}

static size_t limit_size(size_t size, size_t most)
{
	return most && size > most ? most : size;
}

/* Runs fault.while_reading on the first call only. */
static void run_change_once(void)
{
	void (*change)(void) = fault.while_reading;

	fault.while_reading = NULL;
	if (change)
		change();
}

int __wrap_memfd_create(const char *name, unsigned int flags)
{
	if (fault.memfd_error)
		return fail_with(fault.memfd_error);
	if (flags & (unsigned int)fault.memfd_refuse_flags)
		return fail_with(EINVAL);
	return __real_memfd_create(name, flags);
}

ssize_t __wrap_sendfile(int to, int from, off_t *offset, size_t size)
{
	run_change_once();
	if (fault.sent++ < fault.interrupted)
		return fail_with(EINTR);
	if (fault.send_error)
		return fail_with(fault.send_error);
	if (fault.send_ends && *offset >= (off_t)fault.send_ends)
		return 0;
	return __real_sendfile(to, from, offset, limit_size(size, fault.most));
}

ssize_t __wrap_pread(int fd, void *data, size_t size, off_t offset)
{
	run_change_once();
	if (fault.read++ < fault.interrupted)
		return fail_with(EINTR);
	if (fault.read_error)
		return fail_with(fault.read_error);
	return __real_pread(fd, data, limit_size(size, fault.most), offset);
}

ssize_t __wrap_pwrite(int fd, const void *data, size_t size, off_t offset)
{
	if (fault.written++ < fault.interrupted)
		return fail_with(EINTR);
	if (fault.write_nothing)
		return 0;
	if (fault.write_error && offset >= (off_t)fault.write_ends)
		return fail_with(fault.write_error);
	return __real_pwrite(fd, data, limit_size(size, fault.most), offset);
}

int __wrap_ftruncate(int fd, off_t size)
{
	return fault.truncate_error ? fail_with(fault.truncate_error) :
				      __real_ftruncate(fd, size);
}

void *__wrap_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset)
{
	if (fault.map_error) {
		errno = fault.map_error;
		return MAP_FAILED;
	}
	return __real_mmap(at, size, protection, flags, fd, offset);
}

static int setup(void **state)
{
	memset(&fault, 0, sizeof(fault));
	return unit_setup(state);
}

static int teardown(void **state)
{
	memset(&fault, 0, sizeof(fault));
	return unit_teardown(state);
}

#define INPUT_TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

/* More than one chunk of 64 KiB, and not a multiple of a page. */
#define SIZE (3 * 64 * KIB + 1001)

static uint8_t content[SIZE];

/* Writes array content to the file "file". The caller frees the path. */
static char *write_content(struct unit *unit)
{
	unit_fill(content, sizeof(content), 5);
	unit_write(unit, "file", content, sizeof(content));
	return unit_path(unit, "file");
}

/* Returns the number of open descriptors, so a test finds one that is not closed. */
static unsigned int open_descriptors(void)
{
	unsigned int count = 0;

	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

/* Asserts that @fd is a sealed memfd of @size bytes, closed on exec. */
static void assert_sealed(int fd, size_t size)
{
	struct stat st;

	assert_true(crs_memfd_is_sealed(fd));
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, size);
}

/* Asserts that the file "file" is opened with its content and that no descriptor is left open. */
static void check_opens(struct unit *unit)
{
	CRS_CLEANUP(crs_freep) char *path = write_content(unit);
	unsigned int before = open_descriptors();
	struct crashres_input *input;

	assert_ok(unit, crashres_input_open(unit->ctx, path, &input));
	assert_int_equal(input->size, SIZE);
	assert_memory_equal(input->data, content, SIZE);
	assert_string_equal(input->name, path);
	assert_int_equal(fcntl(input->original_fd, F_GETFD), FD_CLOEXEC);
	assert_false(input->stream);
	crashres_input_close(input);
	assert_int_equal(open_descriptors(), before);
}

/* Asserts that opening the file fails with @status and "PATH: @reason". */
static void check_refuses(struct unit *unit, enum crashres_status status, const char *reason)
{
	CRS_CLEANUP(crs_freep) char *path = write_content(unit);
	unsigned int before = open_descriptors();
	struct crashres_input *input = UNTOUCHED;
	char sentence[256];

	snprintf(sentence, sizeof(sentence), "%s: %s", path, reason);
	assert_fails(unit, crashres_input_open(unit->ctx, path, &input), status, sentence);
	assert_ptr_equal(input, UNTOUCHED);
	assert_int_equal(open_descriptors(), before);
}

static void test_a_file_is_copied_once(void **state)
{
	check_opens(*state);
	/* The first call copies all bytes; the second one finds the end. */
	assert_int_equal(fault.read, 2);
	assert_int_equal(fault.sent + fault.written, 0);
}

static void test_short_and_interrupted_reads_are_continued(void **state)
{
	fault.most = 4097;
	fault.interrupted = 3;
	check_opens(*state);
	assert_int_equal(fault.read, 3 + (SIZE + 4096) / 4097 + 1);
}

/*
 * A stray write must not change the copy. Files of 1 MiB or more are mapped in multiples of 2
 * MiB, so the kernel can use huge pages.
 */
static void test_the_copy_is_write_protected(void **state)
{
	static const size_t sizes[] = { 1, 4096, MIB - 1, MIB, 2 * MIB, 2 * MIB + 1 };
	struct unit *unit = *state;
	CRS_CLEANUP(crs_freep) char *path = unit_path(unit, "file");

	for (size_t i = 0; i < COUNT(sizes); i++) {
		uint8_t *bytes = unit_alloc(sizes[i]);
		struct crashres_input *input;
		int null = open("/dev/zero", O_RDONLY | O_CLOEXEC);

		unit_fill(bytes, sizes[i], 9);
		unit_write(unit, "file", bytes, sizes[i]);
		assert_ok(unit, crashres_input_open(unit->ctx, path, &input));
		assert_int_equal(input->size, sizes[i]);
		assert_memory_equal(input->data, bytes, sizes[i]);
		assert_int_equal(input->mapped % (2 * MIB) == 0, sizes[i] >= MIB);
		/*
		 * read(2) makes the kernel write to the copy: it fails with EFAULT, without a
		 * signal.
		 */
		assert_int_equal(read(null, (void *)(uintptr_t)input->data, 1), -1);
		assert_int_equal(errno, EFAULT);
		close(null);
		crashres_input_close(input);
		free(bytes);
	}
}

/* Asserts that the descriptor for kexec_file_load is sealed and has array content. */
static void assert_fd_has_content(struct unit *unit, struct crashres_input *input)
{
	CRS_CLEANUP(crs_freep) uint8_t *bytes = unit_alloc(SIZE);
	int fd = -1;

	assert_ok(unit, crs_input_fd(unit->ctx, input, &fd));
	assert_sealed(fd, SIZE);
	assert_int_equal(__real_pread(fd, bytes, SIZE, 0), SIZE);
	assert_memory_equal(bytes, content, SIZE);
}

/* kexec_file_load must get the bytes that were read, even if the file has changed since. */
static void test_descriptor_keeps_the_bytes_of_a_rewritten_file(void **state)
{
	struct unit *unit = *state;
	CRS_CLEANUP(crs_freep) char *path = write_content(unit);
	struct crashres_input *input;

	assert_ok(unit, crashres_input_open(unit->ctx, path, &input));
	unit_write_text(unit, "file", "another");
	fault.interrupted = 3;
	fault.most = 100000;
	assert_fd_has_content(unit, input);
	assert_memory_equal(input->data, content, SIZE);
	crashres_input_close(input);
}

/* Returns the reading end of a pipe that holds array content. */
static int pipe_with_content(void)
{
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_true(fcntl(ends[1], F_SETPIPE_SZ, (int)MIB) >= (int)SIZE);
	assert_int_equal(write(ends[1], content, SIZE), SIZE);
	close(ends[1]);
	return ends[0];
}

/*
 * Copies the file "file" into @memfd as a stream, without use of its size, and asserts the
 * content.
 */
static void check_stream(struct unit *unit, struct crs_memfd *memfd)
{
	CRS_CLEANUP(crs_freep) char *path = write_content(unit);
	CRS_CLEANUP(crs_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	CRS_CLEANUP(crs_freep) uint8_t *bytes = unit_alloc(SIZE);

	assert_ok(unit, crs_memfd_open(unit->ctx, memfd));
	assert_ok(unit, crs_memfd_fill(unit->ctx, memfd, fd));
	assert_int_equal(memfd->size, SIZE);
	assert_int_equal(__real_pread(memfd->fd, bytes, SIZE, 0), SIZE);
	assert_memory_equal(bytes, content, SIZE);
	crs_memfd_closep(memfd);
}

static void test_stream_is_copied_by_sendfile(void **state)
{
	struct crs_memfd memfd;

	check_stream(*state, &memfd);
	/* The first call copies all bytes; the second one finds the end. */
	assert_int_equal(fault.sent, 2);
	assert_int_equal(fault.written, 0);
}

/* Errors of sendfile(2) on various file systems and kernels. */
static void test_stream_is_copied_by_pwrite_if_sendfile_fails(void **state)
{
	static const int errors[] = { EINVAL, ENOSYS, EXDEV, EOPNOTSUPP, EIO, EPERM };
	struct crs_memfd memfd;

	for (size_t i = 0; i < COUNT(errors); i++) {
		memset(&fault, 0, sizeof(fault));
		fault.send_error = errors[i];
		check_stream(*state, &memfd);
		assert_int_equal(fault.written, 4);
	}
}

static void test_short_or_early_ending_sendfile_is_continued(void **state)
{
	struct crs_memfd memfd;

	fault.most = 4097;
	check_stream(*state, &memfd);
	fault.send_ends = 2 * 4097;
	fault.written = 0;
	check_stream(*state, &memfd);
	assert_int_equal(fault.written, (SIZE - 2 * 4097 + 4096) / 4097);
	fault.send_error = EINVAL;
	check_stream(*state, &memfd);
}

static void test_interrupted_copy_is_continued(void **state)
{
	struct crs_memfd memfd;

	fault.interrupted = 3;
	check_stream(*state, &memfd);
	memset(&fault, 0, sizeof(fault));
	fault.interrupted = 3;
	fault.send_error = EINVAL;
	check_stream(*state, &memfd);
	assert_int_equal(fault.written, 3 + 4);
}

/* Asserts that reading a pipe named "mine" fails with @status and "mine: @reason". */
static void check_refuses_pipe(struct unit *unit, enum crashres_status status, const char *reason)
{
	unsigned int before = open_descriptors();
	struct crashres_input *input = UNTOUCHED;
	int fd = pipe_with_content();
	char sentence[256];

	snprintf(sentence, sizeof(sentence), "mine: %s", reason);
	assert_fails(unit, crashres_input_from_fd(unit->ctx, fd, "mine", &input), status, sentence);
	assert_ptr_equal(input, UNTOUCHED);
	close(fd);
	assert_int_equal(open_descriptors(), before);
}

static void test_lack_of_memory_is_reported(void **state)
{
	fault.map_error = ENOMEM;
	check_refuses(*state, CRASHRES_ERR_MEMORY, "out of memory");
	check_refuses_pipe(*state, CRASHRES_ERR_MEMORY, "out of memory");
	fault.map_error = 0;
	fault.write_error = ENOSPC;
	fault.write_ends = 70000;
	check_refuses_pipe(*state, CRASHRES_ERR_MEMORY, "out of memory");
	fault.write_error = ENOMEM;
	check_refuses_pipe(*state, CRASHRES_ERR_MEMORY, "out of memory");
	fault.write_error = 0;
	fault.write_nothing = true;
	check_refuses_pipe(*state, CRASHRES_ERR_MEMORY, "out of memory");
	fault.write_nothing = false;
	fault.write_error = EIO;
	check_refuses_pipe(*state, CRASHRES_ERR_OS, "cannot write to the memfd: Input/output error");
}

static void test_failing_system_calls_are_reported(void **state)
{
	struct unit *unit = *state;
	struct crs_memfd memfd;

	fault.read_error = EIO;
	check_refuses(unit, CRASHRES_ERR_OS, "cannot read: Input/output error");
	fault.read_error = 0;
	fault.memfd_error = EMFILE;
	check_refuses_pipe(unit, CRASHRES_ERR_OS, "cannot create a memfd: Too many open files");
	fault.memfd_error = ENOSYS;
	check_refuses_pipe(unit, CRASHRES_ERR_OS, "cannot create a memfd: Function not implemented");
	fault.memfd_error = 0;
	fault.read_error = EIO;
	check_refuses_pipe(unit, CRASHRES_ERR_OS, "cannot read: Input/output error");
	fault.read_error = 0;
	fault.truncate_error = EPERM;
	check_refuses_pipe(unit, CRASHRES_ERR_OS, "cannot seal the memfd: Operation not permitted");
	fault.truncate_error = 0;
	fault.map_error = EPERM;
	check_refuses_pipe(unit, CRASHRES_ERR_OS, "cannot map: Operation not permitted");
	fault.map_error = 0;
	/* Linux before 6.3 does not know MFD_NOEXEC_SEAL (8). */
	fault.memfd_refuse_flags = 8;
	check_stream(unit, &memfd);
}

/* Path of the file that changes while the library reads it. */
static char *victim;

static void truncate_victim(void)
{
	assert_int_equal(truncate(victim, 4096), 0);
}

static void append_to_victim(void)
{
	FILE *file = fopen(victim, "ab");

	assert_non_null(file);
	assert_int_equal(fwrite("x", 1, 1, file), 1);
	assert_int_equal(fclose(file), 0);
}

/* Changes the file but keeps size and mtime. Only ctime shows the change. */
static void change_victim_secretly(void)
{
	int fd = open(victim, O_WRONLY | O_CLOEXEC);
	struct timespec times[2];
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(__real_pwrite(fd, "changed", 7, SIZE / 2), 7);
	times[0] = st.st_atim;
	times[1] = st.st_mtim;
	assert_int_equal(futimens(fd, times), 0);
	assert_int_equal(fstat(fd, &st), 0);
	close(fd);
}

/*
 * Changes the mode of the file until ctime moves, so that the next change gives a different
 * ctime. The clock of file times is coarse.
 */
static void wait_for_another_ctime(const char *path)
{
	struct stat before, now;

	assert_int_equal(stat(path, &before), 0);
	do {
		assert_int_equal(chmod(path, 0600), 0);
		assert_int_equal(stat(path, &now), 0);
	} while (now.st_ctim.tv_sec == before.st_ctim.tv_sec &&
		 now.st_ctim.tv_nsec == before.st_ctim.tv_nsec);
}

static void change_victim_later(void)
{
	wait_for_another_ctime(victim);
	change_victim_secretly();
}

static void test_file_that_changes_during_the_read_is_refused(void **state)
{
	static void (*const changes[])(void) = {
		truncate_victim, append_to_victim, change_victim_later,
	};
	struct unit *unit = *state;

	victim = unit_path(unit, "file");
	for (size_t i = 0; i < COUNT(changes); i++) {
		fault.while_reading = changes[i];
		check_refuses(unit, CRASHRES_ERR_OS,
			      "the file changed while it was read: try again");
		assert_null(fault.while_reading);
	}
	free(victim);
}

/* An earlier version mapped the file itself, and this test died of SIGBUS. */
static void test_file_truncated_afterwards_keeps_its_bytes(void **state)
{
	struct unit *unit = *state;
	CRS_CLEANUP(crs_freep) char *path = write_content(unit);
	struct crashres_input *input;

	assert_ok(unit, crashres_input_open(unit->ctx, path, &input));
	assert_int_equal(truncate(path, 0), 0);
	assert_memory_equal(input->data, content, SIZE);
	crashres_input_close(input);
}

/* Whether the purgatory segment contains the digest of @block (4 KiB). */
static bool has_digest(const struct crashres_segment *purgatory, const void *block)
{
	uint8_t digest[PG_SHA256_DIGEST_SIZE];
	struct pg_sha256 sha;

	pg_sha256_init(&sha, PG_SHA256_PORTABLE);
	pg_sha256_update(&sha, block, 4096);
	pg_sha256_final(&sha, digest);
	return memmem(purgatory->data, purgatory->data_size, digest, sizeof(digest)) != NULL;
}

static const struct crashres_segment *find_segment(const struct crashres_plan *plan,
						   const char *name)
{
	struct crashres_attempt attempt = CRASHRES_ATTEMPT_INIT;

	assert_int_equal(crashres_plan_attempt(NULL, plan, 0, &attempt), CRASHRES_OK);
	for (size_t i = 0; i < attempt.segment_count; i++)
		if (!strcmp(attempt.segments[i].name, name))
			return &attempt.segments[i];
	fail_msg("no segment \"%s\"", name);
	return NULL;
}

/* The kernel segment that kexec_load(2) got: physical address and first block. */
static struct {
	uint64_t base;
	uint8_t first_block[4096];
} loaded_kernel;

/* Replaces kexec_load(2): stores the first block of the kernel segment. */
static long record_load(unsigned long entry, unsigned long count,
			const struct kexec_segment *segments, unsigned long flags)
{
	for (unsigned long i = 0; i < count; i++)
		if ((uintptr_t)segments[i].mem == loaded_kernel.base)
			memcpy(loaded_kernel.first_block, segments[i].buf, 4096);
	return 0;
}

static struct crashres_plan *plan_for(struct unit *unit, struct crashres_machine *machine,
				      struct crashres_kernel *kernel)
{
	struct crashres_request request = CRASHRES_REQUEST_INIT;
	struct crashres_plan *plan;

	request.slot = CRASHRES_SLOT_CRASH;
	request.call = CRASHRES_CALL_LOAD;
	assert_ok(unit, crashres_plan_make(unit->ctx, machine, kernel, &request, &plan));
	return plan;
}

/* An earlier version loaded the new bytes of the kernel with digests of the old bytes. */
static void test_kernel_rewritten_after_planning_is_loaded_as_hashed(void **state)
{
	struct unit *unit = *state;
	CRS_CLEANUP(crs_freep) char *root = unit_path(unit, ".");
	CRS_CLEANUP(crs_freep) char *path = unit_path(unit, "Image");
	struct bytes image = pack_image();
	struct crashres_machine *machine;
	struct crashres_kernel *kernel;
	struct crashres_plan *plan;

	unit_write_machine(unit);
	unit_write(unit, "Image", image.data, image.size);
	assert_ok(unit, crashres_ctx_set_root(unit->ctx, root));
	assert_ok(unit, crashres_machine_read(unit->ctx, &machine));
	assert_ok(unit, crashres_kernel_open(unit->ctx, path, &kernel));
	plan = plan_for(unit, machine, kernel);
	loaded_kernel.base = find_segment(plan, "kernel")->range.base;
	assert_true(has_digest(find_segment(plan, "purgatory"), image.data));
	memset(image.data, 0xee, image.size);
	unit_write(unit, "Image", image.data, image.size);
	unit->ctx->root_is_live = true;
	unit->ctx->kexec_load = record_load;
	assert_ok(unit, crashres_load(unit->ctx, plan, NULL));
	assert_true(has_digest(find_segment(plan, "purgatory"), loaded_kernel.first_block));
	crashres_plan_free(plan);
	crashres_kernel_close(kernel);
	crashres_machine_free(machine);
	free(image.data);
}

/* Opens the descriptor @fd as an input and closes @fd. */
static struct crashres_input *from_fd(struct unit *unit, int fd)
{
	struct crashres_input *input;

	assert_ok(unit, crashres_input_from_fd(unit->ctx, fd, "mine", &input));
	close(fd);
	return input;
}

/* The library reads from byte 0, and the file offset of the caller's descriptor does not move. */
static void test_offset_of_the_callers_descriptor_is_ignored(void **state)
{
	struct unit *unit = *state;
	CRS_CLEANUP(crs_freep) char *path = write_content(unit);
	int fd = open(path, O_RDONLY | O_CLOEXEC), duplicate = dup(fd);
	struct crashres_input *input;
	struct stat st, original;

	assert_int_equal(lseek(fd, 77, SEEK_SET), 77);
	input = from_fd(unit, fd);
	assert_int_equal(lseek(duplicate, 0, SEEK_CUR), 77);
	assert_memory_equal(input->data, content, SIZE);
	assert_int_equal(fstat(input->original_fd, &st), 0);
	assert_int_equal(fstat(duplicate, &original), 0);
	assert_int_equal(st.st_ino, original.st_ino);
	assert_string_equal(input->name, "mine");
	crashres_input_close(input);
	close(duplicate);
}

/* Returns a memfd with the bytes 0123 and these seals. */
static int make_memfd(unsigned int seals)
{
	int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_int_equal(__real_pwrite(fd, "0123", 4, 0), 4);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

static bool is_same_file(int a, int b)
{
	struct stat st_a, st_b;

	if (a < 0)	/* a private copy has no descriptor yet */
		return false;
	assert_int_equal(fstat(a, &st_a), 0);
	assert_int_equal(fstat(b, &st_b), 0);
	return st_a.st_dev == st_b.st_dev && st_a.st_ino == st_b.st_ino;
}

static void test_only_a_sealed_memfd_is_shared(void **state)
{
	/*
	 * Columns: seals of the memfd; whether the library uses the memfd itself. Only the
	 * first two rows forbid every change of the bytes.
	 */
	static const struct {
		unsigned int seals;
		bool shared;
	} cases[] = {
		{ F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE, true },
		{ F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL, true },
		{ F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE, false },
		{ F_SEAL_SHRINK | F_SEAL_GROW, false },
		{ F_SEAL_SHRINK | F_SEAL_WRITE, false },
		{ F_SEAL_GROW | F_SEAL_WRITE, false },
		{ 0, false },
	};
	struct unit *unit = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		int fd = make_memfd(cases[i].seals), duplicate = dup(fd);
		struct crashres_input *input = from_fd(unit, fd);

		assert_int_equal(is_same_file(input->fd, duplicate), cases[i].shared);
		/* A shared memfd is the original itself. */
		assert_int_equal(input->original_fd >= 0, !cases[i].shared);
		assert_int_equal(input->size, 4);
		assert_memory_equal(input->data, "0123", 4);
		crashres_input_close(input);
		close(duplicate);
	}
}

static void test_empty_or_missing_descriptor_is_refused(void **state)
{
	struct unit *unit = *state;
	struct crashres_input *input = UNTOUCHED;
	int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_fails(unit, crashres_input_from_fd(unit->ctx, fd, "mine", &input),
		     CRASHRES_ERR_FORMAT, "mine: the file is empty");
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE), 0);
	assert_fails(unit, crashres_input_from_fd(unit->ctx, fd, "mine", &input),
		     CRASHRES_ERR_FORMAT, "mine: the file is empty");
	close(fd);
	assert_fails(unit, crashres_input_from_fd(unit->ctx, -1, "mine", &input),
		     CRASHRES_ERR_OS, "mine: cannot read: Bad file descriptor");
	assert_ptr_equal(input, UNTOUCHED);
}

/* Files of /proc report a size of 0. */
static void test_proc_file_of_size_0_is_read_as_a_stream(void **state)
{
	struct unit *unit = *state;
	struct crashres_input *input;

	assert_ok(unit, crashres_input_open(unit->ctx, "/proc/self/comm", &input));
	assert_int_equal(input->size, 11);
	assert_memory_equal(input->data, "test_input\n", 11);
	assert_true(input->stream);
	assert_int_equal(input->original_fd, -1);
	assert_sealed(input->fd, 11);
	crashres_input_close(input);
}

static void test_pipe_is_read_as_a_stream(void **state)
{
	struct unit *unit = *state;
	struct crashres_input *input;
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(write(ends[1], "0123", 4), 4);
	close(ends[1]);
	input = from_fd(unit, ends[0]);
	assert_int_equal(input->size, 4);
	assert_memory_equal(input->data, "0123", 4);
	assert_true(input->stream);
	assert_int_equal(input->original_fd, -1);
	crashres_input_close(input);
}

/* The size is checked before any byte is read. The file is sparse. */
static void test_file_of_more_than_4_gib_is_refused_unread(void **state)
{
	struct unit *unit = *state;
	CRS_CLEANUP(crs_freep) char *path = write_content(unit);
	struct crashres_input *input = UNTOUCHED;
	char sentence[256];

	assert_int_equal(truncate(path, 4 * GIB + 1), 0);
	snprintf(sentence, sizeof(sentence), "%s: more than 4 GiB", path);
	assert_fails(unit, crashres_input_open(unit->ctx, path, &input), CRASHRES_ERR_LIMIT,
		     sentence);
	assert_ptr_equal(input, UNTOUCHED);
	assert_int_equal(fault.sent + fault.read + fault.written, 0);
}

/* A sealed memfd is shared but has the same limit. It is sparse and takes no memory. */
static void test_sealed_memfd_of_more_than_4_gib_is_refused(void **state)
{
	struct unit *unit = *state;
	struct crashres_input *input = UNTOUCHED;
	int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_int_equal(ftruncate(fd, (off_t)(4 * GIB + 1)), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE), 0);
	assert_fails(unit, crashres_input_from_fd(unit->ctx, fd, "mine", &input),
		     CRASHRES_ERR_LIMIT, "mine: more than 4 GiB");
	assert_ptr_equal(input, UNTOUCHED);
	close(fd);
	fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	assert_int_equal(ftruncate(fd, (off_t)(4 * GIB)), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE), 0);
	input = from_fd(unit, fd);
	assert_int_equal(input->size, 4 * GIB);
	crashres_input_close(input);
}

static void test_memory_of_the_caller_is_used_in_place(void **state)
{
	static const char text[] = "0123";
	struct unit *unit = *state;
	struct crashres_input *input;
	size_t size;
	int fd = -1, second_fd = -1;

	assert_ok(unit, crashres_input_from_memory(unit->ctx, "mine", text, 4, &input));
	assert_ptr_equal(crashres_input_data(input, &size), text);
	assert_int_equal(size, 4);
	assert_int_equal(input->fd, -1);
	assert_int_equal(input->original_fd, -1);
	/* After a failure there is no partial copy. */
	fault.write_error = ENOSPC;
	assert_fails(unit, crs_input_fd(unit->ctx, input, &fd), CRASHRES_ERR_MEMORY,
		     "mine: out of memory");
	assert_int_equal(fd, -1);
	assert_int_equal(input->fd, -1);
	fault.write_error = 0;
	assert_ok(unit, crs_input_fd(unit->ctx, input, &fd));
	assert_sealed(fd, 4);
	assert_ok(unit, crs_input_fd(unit->ctx, input, &second_fd));
	assert_int_equal(second_fd, fd);
	crashres_input_close(input);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
}

static void test_empty_or_too_large_memory_is_refused(void **state)
{
	struct unit *unit = *state;
	struct crashres_input *input = UNTOUCHED;

	assert_fails(unit, crashres_input_from_memory(unit->ctx, "mine", "", 0, &input),
		     CRASHRES_ERR_FORMAT, "mine: the content is empty");
	assert_fails(unit, crashres_input_from_memory(unit->ctx, "mine", "", 4 * GIB + 1, &input),
		     CRASHRES_ERR_LIMIT, "mine: more than 4 GiB");
	assert_ptr_equal(input, UNTOUCHED);
	crashres_input_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		INPUT_TEST(test_a_file_is_copied_once),
		INPUT_TEST(test_short_and_interrupted_reads_are_continued),
		INPUT_TEST(test_the_copy_is_write_protected),
		INPUT_TEST(test_descriptor_keeps_the_bytes_of_a_rewritten_file),
		INPUT_TEST(test_stream_is_copied_by_sendfile),
		INPUT_TEST(test_stream_is_copied_by_pwrite_if_sendfile_fails),
		INPUT_TEST(test_short_or_early_ending_sendfile_is_continued),
		INPUT_TEST(test_interrupted_copy_is_continued),
		INPUT_TEST(test_lack_of_memory_is_reported),
		INPUT_TEST(test_failing_system_calls_are_reported),
		INPUT_TEST(test_file_that_changes_during_the_read_is_refused),
		INPUT_TEST(test_file_truncated_afterwards_keeps_its_bytes),
		INPUT_TEST(test_kernel_rewritten_after_planning_is_loaded_as_hashed),
		INPUT_TEST(test_offset_of_the_callers_descriptor_is_ignored),
		INPUT_TEST(test_only_a_sealed_memfd_is_shared),
		INPUT_TEST(test_empty_or_missing_descriptor_is_refused),
		INPUT_TEST(test_proc_file_of_size_0_is_read_as_a_stream),
		INPUT_TEST(test_pipe_is_read_as_a_stream),
		INPUT_TEST(test_file_of_more_than_4_gib_is_refused_unread),
		INPUT_TEST(test_sealed_memfd_of_more_than_4_gib_is_refused),
		INPUT_TEST(test_memory_of_the_caller_is_used_in_place),
		INPUT_TEST(test_empty_or_too_large_memory_is_refused),
	};

	return cmocka_run_group_tests_name("input", tests, NULL, NULL);
}
