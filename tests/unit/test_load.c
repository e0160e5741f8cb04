/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "../../libcrashres/base/input.h"
#include "../../libcrashres/load/kexec.h"
#include "../../libcrashres/load/syscalls.h"
#include "../../libcrashres/plan/plan.h"
#include "support.h"

/* Stands in for the system call; there is one thread. */
static struct {
	unsigned int calls;
	unsigned int failures;	/* so many calls fail with error, then they succeed */
	int error;
	unsigned long entry, count, flags;
	struct kexec_segment segments[CRS_SEGMENTS_MAX];
} kernel;

/* And for the other one. */
static struct {
	unsigned int calls;
	unsigned int failures;
	int error;
	int kernel_fd, initrd_fd;
	int kernel_fds[4];	/* of the first calls */
	unsigned long cmdline_size, flags;
	const char *cmdline;
} files;

static long recorder(unsigned long entry, unsigned long count,
		     const struct kexec_segment *segments, unsigned long flags)
{
	kernel.calls++;
	kernel.entry = entry;
	kernel.count = count;
	kernel.flags = flags;
	assert_true(count <= CRS_SEGMENTS_MAX);
	if (count)
		memcpy(kernel.segments, segments, count * sizeof(*segments));
	if (kernel.calls <= kernel.failures) {
		errno = kernel.error;
		return -1;
	}
	return 0;
}

static long file_recorder(int kernel_fd, int initrd_fd, unsigned long cmdline_size,
			  const char *cmdline, unsigned long flags)
{
	if (files.calls < COUNT(files.kernel_fds))
		files.kernel_fds[files.calls] = kernel_fd;
	files.calls++;
	files.kernel_fd = kernel_fd;
	files.initrd_fd = initrd_fd;
	files.cmdline_size = cmdline_size;
	files.cmdline = cmdline;
	files.flags = flags;
	if (files.calls <= files.failures) {
		errno = files.error;
		return -1;
	}
	return 0;
}

static int setup(void **state)
{
	int result = unit_setup(state);

	if (!result) {
		((struct unit *)*state)->ctx->kexec_load = recorder;
		((struct unit *)*state)->ctx->kexec_file_load = file_recorder;
	}
	memset(&kernel, 0, sizeof(kernel));
	memset(&files, 0, sizeof(files));
	return result;
}

#define LOAD_TEST(function) cmocka_unit_test_setup_teardown(function, setup, unit_teardown)

static struct crashres_plan a_plan(enum crashres_slot slot)
{
	return (struct crashres_plan){
		.slot = slot,
		.call = CRASHRES_CALL_LOAD,
		.segments = {
			.entry = 0x40020000,
			.items = {
				{ "purgatory", "purg", 4, { 0x40020000, 0x10000 } },
				{ "kernel", "kern", 3, { 0x40200000, 0x200000 } },
				{ "dtb", "dtb", 2, { 0x123456600000, 0x1000 } },
			},
			.count = 3,
		},
	};
}

static void test_segments_reach_the_kernel_as_planned(void **state)
{
	struct crashres_plan plan = a_plan(CRASHRES_SLOT_CRASH);
	struct unit *unit = *state;

	assert_ok(unit, crashres_load(unit->ctx, &plan));
	assert_int_equal(kernel.calls, 1);
	assert_int_equal(kernel.entry, 0x40020000);
	assert_int_equal(kernel.count, 3);
	assert_int_equal(kernel.flags, 0x00b70001);
	for (size_t i = 0; i < 3; i++) {
		assert_ptr_equal(kernel.segments[i].buf, plan.segments.items[i].data);
		assert_int_equal(kernel.segments[i].bufsz, plan.segments.items[i].data_size);
		assert_int_equal((uintptr_t)kernel.segments[i].mem, plan.segments.items[i].range.base);
		assert_int_equal(kernel.segments[i].memsz, plan.segments.items[i].range.size);
	}
	plan.slot = CRASHRES_SLOT_NORMAL;
	assert_ok(unit, crashres_load(unit->ctx, &plan));
	assert_int_equal(kernel.flags, 0x00b70000);
	plan.segments.hotplug = true;
	assert_ok(unit, crashres_load(unit->ctx, &plan));
	assert_int_equal(kernel.flags, 0x00b70008);
	assert_int_equal(files.calls, 0);
}

static void test_as_many_segments_as_the_kernel_takes(void **state)
{
	struct crashres_plan plan = a_plan(CRASHRES_SLOT_CRASH);
	struct unit *unit = *state;

	for (size_t i = 0; i < CRS_SEGMENTS_MAX; i++)
		plan.segments.items[i] = plan.segments.items[0];
	plan.segments.count = CRS_SEGMENTS_MAX;
	assert_ok(unit, crashres_load(unit->ctx, &plan));
	assert_int_equal(kernel.count, 16);
}

static void test_unload_by_load(void **state)
{
	struct unit *unit = *state;

	assert_ok(unit, crashres_unload(unit->ctx, CRASHRES_SLOT_CRASH, CRASHRES_CALL_LOAD));
	assert_int_equal(kernel.calls, 1);
	assert_int_equal(kernel.entry, 0);
	assert_int_equal(kernel.count, 0);
	assert_int_equal(kernel.flags, 0x00b70001);
	assert_ok(unit, crashres_unload(unit->ctx, CRASHRES_SLOT_NORMAL, CRASHRES_CALL_LOAD));
	assert_int_equal(kernel.flags, 0x00b70000);
	assert_int_equal(files.calls, 0);
}

static void test_unload_by_file_load(void **state)
{
	static const enum crashres_call calls[] = { CRASHRES_CALL_FILE_LOAD, CRASHRES_CALL_AUTO };
	struct unit *unit = *state;

	for (size_t i = 0; i < COUNT(calls); i++) {
		assert_ok(unit, crashres_unload(unit->ctx, CRASHRES_SLOT_CRASH, calls[i]));
		assert_int_equal(files.calls, 2 * i + 1);
		assert_int_equal(files.kernel_fd, -1);
		assert_int_equal(files.initrd_fd, -1);
		assert_int_equal(files.cmdline_size, 0);
		assert_null(files.cmdline);
		assert_int_equal(files.flags, 3);
		assert_ok(unit, crashres_unload(unit->ctx, CRASHRES_SLOT_NORMAL, calls[i]));
		assert_int_equal(files.flags, 1);
	}
	assert_int_equal(kernel.calls, 0);
}

static void test_unload_where_there_is_no_file_load(void **state)
{
	struct unit *unit = *state;

	files.failures = 2;
	files.error = ENOSYS;
	assert_ok(unit, crashres_unload(unit->ctx, CRASHRES_SLOT_CRASH, CRASHRES_CALL_AUTO));
	assert_int_equal(kernel.calls, 1);
	assert_int_equal(kernel.flags, 0x00b70001);
	assert_fails(unit, crashres_unload(unit->ctx, CRASHRES_SLOT_CRASH, CRASHRES_CALL_FILE_LOAD),
		     CRASHRES_ERR_SYSCALL_UNAVAILABLE,
		     "kexec_file_load(unload) failed: Function not implemented (syscall "
		     "kexec_file_load not available: the running kernel was built without "
		     "CONFIG_KEXEC_FILE)");
	assert_int_equal(kernel.calls, 1);
}

static void test_unload_that_is_forbidden(void **state)
{
	struct unit *unit = *state;

	files.failures = 1;
	files.error = EPERM;
	assert_fails(unit, crashres_unload(unit->ctx, CRASHRES_SLOT_NORMAL, CRASHRES_CALL_AUTO),
		     CRASHRES_ERR_SYSCALL,
		     "kexec_file_load(unload) failed: Operation not permitted (needs root; or "
		     "kernel.kexec_load_disabled is set, or lockdown forbids it)");
	assert_int_equal(kernel.calls, 0);
}

static const struct {
	int error;
	const char *reason;		/* behind "kexec_load failed: " */
	bool keeps_old_image;
	enum crashres_status status;
} failures[] = {
	{ EPERM, "Operation not permitted (needs root; or kernel.kexec_load_disabled is set, "
		 "or lockdown forbids it)", true, CRASHRES_ERR_SYSCALL_UNAVAILABLE },
	{ EACCES, "Permission denied (IMA demands a signed kernel, which only kexec_file_load "
		  "can bring)", true, CRASHRES_ERR_SYSCALL_UNAVAILABLE },
	{ EADDRNOTAVAIL, "Cannot assign requested address (the kernel's crash region is not where "
			 "/proc/iomem showed it)", false, CRASHRES_ERR_SYSCALL },
	{ ENOSYS, "Function not implemented (the running kernel was built without CONFIG_KEXEC)",
	  true, CRASHRES_ERR_SYSCALL_UNAVAILABLE },
	{ ENOMEM, "Cannot allocate memory (the kernel is short of memory)", false,
	  CRASHRES_ERR_SYSCALL },
	{ EINVAL, "Invalid argument", false, CRASHRES_ERR_SYSCALL },
	{ EFAULT, "Bad address", false, CRASHRES_ERR_SYSCALL },
};

static void test_what_each_error_means(void **state)
{
	struct unit *unit = *state;
	char sentence[512];

	for (size_t i = 0; i < COUNT(failures); i++) {
		struct crashres_plan plan = a_plan(CRASHRES_SLOT_CRASH);

		kernel.calls = 0;
		kernel.failures = 1;
		kernel.error = failures[i].error;
		snprintf(sentence, sizeof(sentence), "kexec_load failed: %s%s", failures[i].reason,
			 failures[i].keeps_old_image ? "" : "; no crash kernel is loaded now");
		assert_fails(unit, crashres_load(unit->ctx, &plan), failures[i].status, sentence);
		/* Only what can pass is tried again. */
		assert_int_equal(kernel.calls, 1);
		kernel.calls = 0;
		snprintf(sentence, sizeof(sentence), "kexec unload failed: %s", failures[i].reason);
		assert_fails(unit, crashres_unload(unit->ctx, CRASHRES_SLOT_CRASH,
						   CRASHRES_CALL_LOAD),
			     failures[i].status, sentence);
		assert_int_equal(kernel.calls, 1);
	}
}

/* Before a reboot there is no crash region to speak of, nor a crash kernel to lose. */
static void test_errors_of_a_normal_load(void **state)
{
	struct crashres_plan plan = a_plan(CRASHRES_SLOT_NORMAL);
	struct unit *unit = *state;

	kernel.failures = 1;
	kernel.error = EADDRNOTAVAIL;
	assert_fails(unit, crashres_load(unit->ctx, &plan), CRASHRES_ERR_SYSCALL,
		     "kexec_load failed: Cannot assign requested address");
	kernel.calls = 0;
	kernel.error = EINVAL;
	assert_fails(unit, crashres_load(unit->ctx, &plan), CRASHRES_ERR_SYSCALL,
		     "kexec_load failed: Invalid argument");
}

static const struct crashres_input a_kernel = { .name = "Image", .fd = 5, .original_fd = -1 };
static const struct crashres_input an_initrd = { .name = "initrd", .fd = 6, .original_fd = -1 };
static char a_command_line[] = "a b";

static struct crashres_plan a_file_plan(enum crashres_slot slot)
{
	return (struct crashres_plan){
		.slot = slot,
		.call = CRASHRES_CALL_FILE_LOAD,
		.kernel = &a_kernel,
		.initrd = &an_initrd,
		.command_line = a_command_line,
	};
}

static void test_files_reach_the_kernel_as_planned(void **state)
{
	struct crashres_plan plan = a_file_plan(CRASHRES_SLOT_CRASH);
	struct unit *unit = *state;
	char nothing[] = "";

	assert_ok(unit, crashres_load(unit->ctx, &plan));
	assert_int_equal(files.kernel_fd, 5);
	assert_int_equal(files.initrd_fd, 6);
	assert_int_equal(files.cmdline_size, 4);
	assert_string_equal(files.cmdline, "a b");
	assert_int_equal(files.flags, 2);
	plan = a_file_plan(CRASHRES_SLOT_NORMAL);
	plan.initrd = NULL;
	plan.command_line = nothing;
	assert_ok(unit, crashres_load(unit->ctx, &plan));
	assert_int_equal(files.initrd_fd, -1);
	assert_int_equal(files.cmdline_size, 0);
	assert_null(files.cmdline);
	assert_int_equal(files.flags, 4);
	assert_int_equal(kernel.calls, 0);
}

static void test_wishes_of_a_file_load(void **state)
{
	struct crashres_plan plan = a_file_plan(CRASHRES_SLOT_NORMAL);
	struct unit *unit = *state;

	plan.no_cma = plan.force_dtb = true;
	assert_ok(unit, crashres_load(unit->ctx, &plan));
	assert_int_equal(files.calls, 1);
	assert_int_equal(files.flags, 0x30);
	/* A kernel that does not know them. */
	files.calls = 0;
	files.failures = 1;
	files.error = EINVAL;
	assert_ok(unit, crashres_load(unit->ctx, &plan));
	assert_int_equal(files.calls, 2);
	assert_int_equal(files.flags, 0);
}

static struct crashres_input a_sealed_kernel = { .name = "Image (sealed)", .fd = 7, .original_fd = -1 };

static void test_a_sealed_kernel_goes_first(void **state)
{
	struct crashres_plan plan = a_file_plan(CRASHRES_SLOT_CRASH);
	struct unit *unit = *state;

	plan.sealed_kernel = &a_sealed_kernel;
	plan.or_unsealed = true;
	assert_ok(unit, crashres_load(unit->ctx, &plan));
	assert_int_equal(files.calls, 1);
	assert_int_equal(files.kernel_fd, 7);
}

/* Sealing breaks a signature, and takes room; nothing else is tried again. */
static void test_when_it_goes_unsealed(void **state)
{
	static const struct {
		int error;
		bool once_more;
	} cases[] = {
		{ EACCES, true }, { EPERM, true }, { ENODATA, true }, { ENOKEY, true },
		{ EKEYREJECTED, true }, { EBADMSG, true }, { ELIBBAD, true }, { ENOPKG, true },
		{ EADDRNOTAVAIL, true }, { ENOMEM, true }, { EINVAL, false }, { ENOSYS, false },
		{ ENOEXEC, false }, { EFAULT, false },
	};
	struct unit *unit = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct crashres_plan plan = a_file_plan(CRASHRES_SLOT_CRASH);
		enum crashres_status status;

		plan.sealed_kernel = &a_sealed_kernel;
		plan.or_unsealed = true;
		files.calls = 0;
		files.failures = 1;
		files.error = cases[i].error;
		status = crashres_load(unit->ctx, &plan);
		assert_int_equal(status == CRASHRES_OK, cases[i].once_more);
		assert_int_equal(files.calls, cases[i].once_more ? 2 : 1);
		assert_int_equal(files.kernel_fds[0], 7);
		assert_int_equal(files.kernel_fd, cases[i].once_more ? 5 : 7);
		/* As an order: never. */
		plan.or_unsealed = false;
		files.calls = 0;
		assert_int_not_equal(crashres_load(unit->ctx, &plan), CRASHRES_OK);
		assert_int_equal(files.calls, 1);
	}
	assert_true(unit_logged(unit, "info: Image (sealed): Permission denied: once more as it is, "
				      "and so unchecked"));
}

static const struct {
	int error;
	const char *sentence;		/* behind "kexec_file_load failed: " */
	enum crashres_status status;
} file_failures[] = {
	{ EPERM, "Operation not permitted (needs root; or kernel.kexec_load_disabled is set, "
		 "or lockdown forbids it)", CRASHRES_ERR_SYSCALL },
	{ ENOSYS, "Function not implemented (syscall kexec_file_load not available: the running "
		  "kernel was built without CONFIG_KEXEC_FILE)", CRASHRES_ERR_SYSCALL_UNAVAILABLE },
	{ EINVAL, "Invalid argument (the running kernel does not take it for an arm64 Image that "
		  "this CPU can run); no crash kernel is loaded now", CRASHRES_ERR_SYSCALL_UNAVAILABLE },
	{ ENOEXEC, "Exec format error (the running kernel does not take it for an arm64 Image that "
		   "this CPU can run); no crash kernel is loaded now", CRASHRES_ERR_SYSCALL_UNAVAILABLE },
	{ EOPNOTSUPP, "Operation not supported; no crash kernel is loaded now", CRASHRES_ERR_SYSCALL_UNAVAILABLE },
	{ ENODATA, "No data available (the kernel file is not signed); no crash kernel is loaded now",
	  CRASHRES_ERR_SYSCALL },
	{ ENOKEY, "Required key not available (the running kernel does not trust the key that it is "
		  "signed with); no crash kernel is loaded now", CRASHRES_ERR_SYSCALL },
	{ EKEYREJECTED, "Key was rejected by service (its signature is damaged, or of a kind that the "
			"running kernel cannot verify); no crash kernel is loaded now",
	  CRASHRES_ERR_SYSCALL },
	{ EBADMSG, "Bad message (its signature is damaged, or of a kind that the running kernel cannot "
		   "verify); no crash kernel is loaded now", CRASHRES_ERR_SYSCALL },
	{ EACCES, "Permission denied (IMA finds no valid signature on the kernel or the initrd); no "
		  "crash kernel is loaded now", CRASHRES_ERR_SYSCALL },
	{ EADDRNOTAVAIL, "Cannot assign requested address (the kernel finds no room for it); no crash "
			 "kernel is loaded now", CRASHRES_ERR_SYSCALL },
};

static void test_what_each_error_of_a_file_load_means(void **state)
{
	struct unit *unit = *state;
	char sentence[512];

	for (size_t i = 0; i < COUNT(file_failures); i++) {
		struct crashres_plan plan = a_file_plan(CRASHRES_SLOT_CRASH);

		files.calls = 0;
		files.failures = 1;
		files.error = file_failures[i].error;
		snprintf(sentence, sizeof(sentence), "kexec_file_load failed: %s",
			 file_failures[i].sentence);
		assert_fails(unit, crashres_load(unit->ctx, &plan), file_failures[i].status, sentence);
		assert_int_equal(files.calls, 1);
	}
}

static void test_a_busy_kernel_is_asked_again(void **state)
{
	struct crashres_plan plan = a_plan(CRASHRES_SLOT_CRASH);
	struct unit *unit = *state;

	kernel.failures = 2;
	kernel.error = EBUSY;
	assert_ok(unit, crashres_load(unit->ctx, &plan));
	assert_int_equal(kernel.calls, 3);
	assert_int_equal(kernel.count, 3);
	assert_int_equal(kernel.flags, 0x00b70001);
	plan = a_file_plan(CRASHRES_SLOT_CRASH);
	files.failures = 2;
	files.error = EBUSY;
	assert_ok(unit, crashres_load(unit->ctx, &plan));
	assert_int_equal(files.calls, 3);
}

static void test_a_kernel_that_stays_busy(void **state)
{
	struct crashres_plan plan = a_plan(CRASHRES_SLOT_CRASH);
	struct unit *unit = *state;

	kernel.failures = 1000;
	kernel.error = EBUSY;
	assert_fails(unit, crashres_load(unit->ctx, &plan), CRASHRES_ERR_SYSCALL,
		     "kexec_load failed: Device or resource busy (another kexec is at work)");
	assert_int_equal(kernel.calls, 20);
}

static void test_nothing_is_loaded_from_another_root(void **state)
{
	static const char sentence[] =
		"the plan is for another machine: below another root nothing is loaded";
	struct crashres_plan plan = a_plan(CRASHRES_SLOT_CRASH);
	struct unit *unit = *state;
	CRS_CLEANUP(crs_freep) char *path = unit_path(unit, ".");

	assert_ok(unit, crashres_ctx_set_root(unit->ctx, path));
	assert_fails(unit, crashres_load(unit->ctx, &plan), CRASHRES_ERR_UNSUPPORTED, sentence);
	assert_fails(unit, crashres_unload(unit->ctx, CRASHRES_SLOT_CRASH, CRASHRES_CALL_AUTO),
		     CRASHRES_ERR_UNSUPPORTED, sentence);
	assert_int_equal(kernel.calls, 0);
}

static void test_nothing_is_loaded_on_another_architecture(void **state)
{
#ifdef __aarch64__
	skip();
#else
	struct crashres_plan plan = a_plan(CRASHRES_SLOT_CRASH);
	struct unit *unit = *state;

	unit->ctx->kexec_load = crs_kexec_load;
	assert_fails(unit, crashres_load(unit->ctx, &plan), CRASHRES_ERR_UNSUPPORTED,
		     "this machine is not arm64: it can plan a load (--dry-run), not do it");
	errno = 0;
	assert_int_equal(crs_kexec_load(0, 0, NULL, 0), -1);
	assert_int_equal(errno, ENOEXEC);
	errno = 0;
	assert_int_equal(crs_kexec_file_load(-1, -1, 0, NULL, 0), -1);
	assert_int_equal(errno, ENOEXEC);
#endif
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LOAD_TEST(test_segments_reach_the_kernel_as_planned),
		LOAD_TEST(test_as_many_segments_as_the_kernel_takes),
		LOAD_TEST(test_unload_by_load),
		LOAD_TEST(test_unload_by_file_load),
		LOAD_TEST(test_unload_where_there_is_no_file_load),
		LOAD_TEST(test_unload_that_is_forbidden),
		LOAD_TEST(test_files_reach_the_kernel_as_planned),
		LOAD_TEST(test_wishes_of_a_file_load),
		LOAD_TEST(test_a_sealed_kernel_goes_first),
		LOAD_TEST(test_when_it_goes_unsealed),
		LOAD_TEST(test_what_each_error_of_a_file_load_means),
		LOAD_TEST(test_what_each_error_means),
		LOAD_TEST(test_errors_of_a_normal_load),
		LOAD_TEST(test_a_busy_kernel_is_asked_again),
		LOAD_TEST(test_a_kernel_that_stays_busy),
		LOAD_TEST(test_nothing_is_loaded_from_another_root),
		LOAD_TEST(test_nothing_is_loaded_on_another_architecture),
	};

	return cmocka_run_group_tests_name("load", tests, NULL, NULL);
}
