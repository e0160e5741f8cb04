/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tests loading (load/load.c): the arguments of the system calls, and which attempt follows
 * each errno. A wrong program falls back to a less verified path, empties the slot without a
 * word, or uses up the limit of calls. The errno values are those of Linux; the calls are
 * replaced by functions of this file.
 */
#include <errno.h>

#include "../../libcrashres/base/input.h"
#include "../../libcrashres/load/kexec.h"
#include "../../libcrashres/load/syscalls.h"
#include "../../libcrashres/plan/plan.h"
#include "support.h"

/*
 * The kexec_load calls so far, and the arguments of the last one. Set failures and error to
 * make the first calls fail with an errno.
 */
static struct {
	unsigned int calls;
	unsigned int failures;	/* number of first calls that fail with error */
	int error;
	unsigned long entry, count, flags;
	struct kexec_segment segments[CRS_SEGMENTS_MAX];
} loads;

/* The same for kexec_file_load. */
static struct {
	unsigned int calls;
	unsigned int failures;
	int error;
	int kernel_fd, initrd_fd;
	int kernel_fds[4];	/* kernel_fd of the first calls */
	unsigned long cmdline_size, flags;
	const char *cmdline;
} file_loads;

/* Replace the system calls: store the arguments, and fail as the structs above say. */
static long record_load(unsigned long entry, unsigned long count,
			const struct kexec_segment *segments, unsigned long flags)
{
	loads.calls++;
	loads.entry = entry;
	loads.count = count;
	loads.flags = flags;
	assert_true(count <= CRS_SEGMENTS_MAX);
	if (count)
		memcpy(loads.segments, segments, count * sizeof(*segments));
	if (loads.calls <= loads.failures) {
		errno = loads.error;
		return -1;
	}
	return 0;
}

static long record_file_load(int kernel_fd, int initrd_fd, unsigned long cmdline_size,
			     const char *cmdline, unsigned long flags)
{
	if (file_loads.calls < COUNT(file_loads.kernel_fds))
		file_loads.kernel_fds[file_loads.calls] = kernel_fd;
	file_loads.calls++;
	file_loads.kernel_fd = kernel_fd;
	file_loads.initrd_fd = initrd_fd;
	file_loads.cmdline_size = cmdline_size;
	file_loads.cmdline = cmdline;
	file_loads.flags = flags;
	if (file_loads.calls <= file_loads.failures) {
		errno = file_loads.error;
		return -1;
	}
	return 0;
}

static int setup(void **state)
{
	int result = unit_setup(state);

	if (!result) {
		((struct unit *)*state)->ctx->kexec_load = record_load;
		((struct unit *)*state)->ctx->kexec_file_load = record_file_load;
	}
	memset(&loads, 0, sizeof(loads));
	memset(&file_loads, 0, sizeof(file_loads));
	return result;
}

#define LOAD_TEST(function) cmocka_unit_test_setup_teardown(function, setup, unit_teardown)

static struct crashres_machine test_machine;
static struct crashres_input kernel_file = { .name = "Image", .fd = 5, .original_fd = 55 };
static struct crashres_input initrd_file = { .name = "initrd", .fd = 6, .original_fd = 66 };
static struct crashres_input sealed_kernel_file = { .name = "Image (sealed)", .fd = 7,
						 .original_fd = -1 };
static const struct crashres_kernel test_kernel = { .file = &kernel_file };
static char command_line_text[] = "a b";

/*
 * Returns a plan with three segments, an initrd and a command line, but without an attempt.
 * Nothing in the plan needs to be freed.
 */
static struct crashres_plan empty_plan(enum crashres_slot slot)
{
	struct crashres_plan plan = {
		.machine = &test_machine,
		.kernel = &test_kernel,
		.request = CRASHRES_REQUEST_INIT,
		.initrd = &initrd_file,
		.command_line = command_line_text,
		.attempts.slot = slot,
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

	plan.request.slot = slot;
	test_machine.permissions = (struct crs_permissions){ 0 };
	return plan;
}

/* Appends an attempt to the plan. */
static void add(struct crashres_plan *plan, enum crashres_call call, enum crashres_check check)
{
	plan->attempts.items[plan->attempts.count++] = (struct crs_attempt){
		.call = call,
		.check = check,
		.kernel = plan->kernel,
		.original_files = check == CRASHRES_CHECK_NONE_REFUSED ||
			    check == CRASHRES_CHECK_NONE_SIGNATURE,
		.prepared = true,
	};
	if (check == CRASHRES_CHECK_SEALED)
		plan->sealed_kernel = &sealed_kernel_file;
}

/* Returns a plan with a kexec_load only. */
static struct crashres_plan load_plan(enum crashres_slot slot)
{
	struct crashres_plan plan = empty_plan(slot);

	add(&plan, CRASHRES_CALL_LOAD, CRASHRES_CHECK_PURGATORY);
	return plan;
}

/*
 * kexec_load follows the policies of the request, and the sealed Image that follows it does not. The
 * plan logs that only for its first attempt.
 */
static void test_sealed_image_that_ignores_policies_is_warned_of(void **state)
{
	static const char line[] = "warning: Image is already sealed: the requested settings for "
				   "damage, repair and time are ignored";
	struct unit *unit = *state;

	for (int halt = 0; halt < 2; halt++) {
		struct crashres_plan plan = load_plan(CRASHRES_SLOT_CRASH);

		add(&plan, CRASHRES_CALL_FILE_LOAD, CRASHRES_CHECK_ALREADY_SEALED);
		if (halt)
			plan.request.on_damage = CRASHRES_ON_DAMAGE_HALT;
		memset(&loads, 0, sizeof(loads));
		assert_ok(unit, crashres_load(unit->ctx, &plan, NULL));
		assert_false(unit_logged(unit, line));
		loads.failures = 2;
		loads.error = EPERM;
		assert_ok(unit, crashres_load(unit->ctx, &plan, NULL));
		assert_int_equal(unit_logged(unit, line), halt);
	}
}

static void test_segments_reach_the_kernel_as_planned(void **state)
{
	struct crashres_plan plan = load_plan(CRASHRES_SLOT_CRASH);
	struct unit *unit = *state;

	assert_ok(unit, crashres_load(unit->ctx, &plan, NULL));
	assert_int_equal(loads.calls, 1);
	assert_int_equal(loads.entry, 0x40020000);
	assert_int_equal(loads.count, 3);
	assert_int_equal(loads.flags, 0x00b70001);
	for (size_t i = 0; i < 3; i++) {
		assert_ptr_equal(loads.segments[i].buf, plan.segments.items[i].data);
		assert_int_equal(loads.segments[i].bufsz, plan.segments.items[i].data_size);
		assert_int_equal((uintptr_t)loads.segments[i].mem,
				 plan.segments.items[i].range.base);
		assert_int_equal(loads.segments[i].memsz, plan.segments.items[i].range.size);
	}
	plan.request.slot = CRASHRES_SLOT_NORMAL;
	assert_ok(unit, crashres_load(unit->ctx, &plan, NULL));
	assert_int_equal(loads.flags, 0x00b70000);
	plan.segments.hotplug = true;
	assert_ok(unit, crashres_load(unit->ctx, &plan, NULL));
	assert_int_equal(loads.flags, 0x00b70008);
	assert_int_equal(file_loads.calls, 0);
}

static void test_16_segments_are_passed(void **state)
{
	struct crashres_plan plan = load_plan(CRASHRES_SLOT_CRASH);
	struct unit *unit = *state;

	for (size_t i = 0; i < CRS_SEGMENTS_MAX; i++)
		plan.segments.items[i] = plan.segments.items[0];
	plan.segments.count = CRS_SEGMENTS_MAX;
	assert_ok(unit, crashres_load(unit->ctx, &plan, NULL));
	assert_int_equal(loads.count, 16);
}

static void test_unload_by_kexec_load_passes_no_segment(void **state)
{
	struct unit *unit = *state;

	assert_ok(unit, crashres_unload(unit->ctx, CRASHRES_SLOT_CRASH, CRASHRES_CALL_LOAD));
	assert_int_equal(loads.calls, 1);
	assert_int_equal(loads.entry, 0);
	assert_int_equal(loads.count, 0);
	assert_int_equal(loads.flags, 0x00b70001);
	assert_ok(unit, crashres_unload(unit->ctx, CRASHRES_SLOT_NORMAL, CRASHRES_CALL_LOAD));
	assert_int_equal(loads.flags, 0x00b70000);
	assert_int_equal(file_loads.calls, 0);
}

static void test_unload_by_file_load_passes_the_unload_flag(void **state)
{
	static const enum crashres_call calls[] = { CRASHRES_CALL_FILE_LOAD, CRASHRES_CALL_AUTO };
	struct unit *unit = *state;

	for (size_t i = 0; i < COUNT(calls); i++) {
		assert_ok(unit, crashres_unload(unit->ctx, CRASHRES_SLOT_CRASH, calls[i]));
		assert_int_equal(file_loads.calls, 2 * i + 1);
		assert_int_equal(file_loads.kernel_fd, -1);
		assert_int_equal(file_loads.initrd_fd, -1);
		assert_int_equal(file_loads.cmdline_size, 0);
		assert_null(file_loads.cmdline);
		assert_int_equal(file_loads.flags, 3);
		assert_ok(unit, crashres_unload(unit->ctx, CRASHRES_SLOT_NORMAL, calls[i]));
		assert_int_equal(file_loads.flags, 1);
	}
	assert_int_equal(loads.calls, 0);
}

static void test_auto_unload_falls_back_to_kexec_load(void **state)
{
	struct unit *unit = *state;

	file_loads.failures = 2;
	file_loads.error = ENOSYS;
	assert_ok(unit, crashres_unload(unit->ctx, CRASHRES_SLOT_CRASH, CRASHRES_CALL_AUTO));
	assert_int_equal(loads.calls, 1);
	assert_int_equal(loads.flags, 0x00b70001);
	assert_fails(unit, crashres_unload(unit->ctx, CRASHRES_SLOT_CRASH, CRASHRES_CALL_FILE_LOAD),
		     CRASHRES_ERR_SYSCALL_UNAVAILABLE,
		     "kexec_file_load(unload) failed: Function not implemented (syscall "
		     "kexec_file_load not available: the running kernel was built without "
		     "CONFIG_KEXEC_FILE)");
	assert_int_equal(loads.calls, 1);
}

static void test_forbidden_unload_is_not_repeated(void **state)
{
	struct unit *unit = *state;

	file_loads.failures = 1;
	file_loads.error = EPERM;
	assert_fails(unit, crashres_unload(unit->ctx, CRASHRES_SLOT_NORMAL, CRASHRES_CALL_AUTO),
		     CRASHRES_ERR_SYSCALL,
		     "kexec_file_load(unload) failed: Operation not permitted (kexec needs root, "
		     "or kernel.kexec_load_disabled is 1, or lockdown forbids the call)");
	assert_int_equal(loads.calls, 0);
}

/*
 * Errors of kexec_load for a crash kernel. keeps_old_image: the kernel fails before it frees
 * the old image.
 */
static const struct {
	int error;
	const char *reason;		/* follows "kexec_load failed: " */
	bool keeps_old_image;
	enum crashres_status status;
} failures[] = {
	{ EPERM, "Operation not permitted (kexec needs root, or kernel.kexec_load_disabled is 1, "
		 "or lockdown forbids the call)", true, CRASHRES_ERR_SYSCALL_UNAVAILABLE },
	{ EACCES, "Permission denied (IMA demands a signed kernel, which only kexec_file_load "
		  "can load)", true, CRASHRES_ERR_SYSCALL_UNAVAILABLE },
	{ EADDRNOTAVAIL, "Cannot assign requested address (the kernel's crash region is not where "
			 "/proc/iomem showed it)", false, CRASHRES_ERR_SYSCALL },
	{ ENOSYS, "Function not implemented (the running kernel was built without CONFIG_KEXEC)",
	  true, CRASHRES_ERR_SYSCALL_UNAVAILABLE },
	{ ENOMEM, "Cannot allocate memory (the kernel is short of memory)", false,
	  CRASHRES_ERR_SYSCALL },
	{ EINVAL, "Invalid argument", false, CRASHRES_ERR_SYSCALL },
	{ EFAULT, "Bad address", false, CRASHRES_ERR_SYSCALL },
};

static void test_each_errno_of_kexec_load_has_its_message(void **state)
{
	struct unit *unit = *state;
	char sentence[512];

	for (size_t i = 0; i < COUNT(failures); i++) {
		struct crashres_plan plan = load_plan(CRASHRES_SLOT_CRASH);

		loads.calls = 0;
		loads.failures = 1;
		loads.error = failures[i].error;
		snprintf(sentence, sizeof(sentence), "kexec_load failed: %s%s", failures[i].reason,
			 failures[i].keeps_old_image ? "" : "; no crash kernel is loaded now");
		assert_fails(unit, crashres_load(unit->ctx, &plan, NULL), failures[i].status, sentence);
		/* Only EBUSY is tried again. */
		assert_int_equal(loads.calls, 1);
		loads.calls = 0;
		snprintf(sentence, sizeof(sentence), "kexec unload failed: %s", failures[i].reason);
		assert_fails(unit, crashres_unload(unit->ctx, CRASHRES_SLOT_CRASH,
						   CRASHRES_CALL_LOAD),
			     failures[i].status, sentence);
		assert_int_equal(loads.calls, 1);
	}
}

/* The message of a normal load must not name the crash region or the crash kernel. */
static void test_errors_of_a_normal_load_name_no_crash_kernel(void **state)
{
	struct crashres_plan plan = load_plan(CRASHRES_SLOT_NORMAL);
	struct unit *unit = *state;

	loads.failures = 1;
	loads.error = EADDRNOTAVAIL;
	assert_fails(unit, crashres_load(unit->ctx, &plan, NULL), CRASHRES_ERR_SYSCALL,
		     "kexec_load failed: Cannot assign requested address");
	loads.calls = 0;
	loads.error = EINVAL;
	assert_fails(unit, crashres_load(unit->ctx, &plan, NULL), CRASHRES_ERR_SYSCALL,
		     "kexec_load failed: Invalid argument");
}

/* Returns a plan with a kexec_file_load of the unchanged file only. */
static struct crashres_plan file_load_plan(enum crashres_slot slot)
{
	struct crashres_plan plan = empty_plan(slot);

	add(&plan, CRASHRES_CALL_FILE_LOAD, CRASHRES_CHECK_NONE);
	return plan;
}

static void test_files_reach_the_kernel_as_planned(void **state)
{
	struct crashres_plan plan = file_load_plan(CRASHRES_SLOT_CRASH);
	struct unit *unit = *state;
	char empty[] = "";

	assert_ok(unit, crashres_load(unit->ctx, &plan, NULL));
	assert_int_equal(file_loads.kernel_fd, 5);
	assert_int_equal(file_loads.initrd_fd, 6);
	assert_int_equal(file_loads.cmdline_size, 4);
	assert_string_equal(file_loads.cmdline, "a b");
	assert_int_equal(file_loads.flags, 2);
	plan = file_load_plan(CRASHRES_SLOT_NORMAL);
	plan.initrd = NULL;
	plan.command_line = empty;
	assert_ok(unit, crashres_load(unit->ctx, &plan, NULL));
	assert_int_equal(file_loads.initrd_fd, -1);
	assert_int_equal(file_loads.cmdline_size, 0);
	assert_null(file_loads.cmdline);
	assert_int_equal(file_loads.flags, 4);
	assert_int_equal(loads.calls, 0);
}

static void test_optional_flags_are_dropped_if_the_kernel_refuses_them(void **state)
{
	struct crashres_plan plan = file_load_plan(CRASHRES_SLOT_NORMAL);
	struct unit *unit = *state;

	plan.request.no_cma = plan.request.force_dtb = true;
	assert_ok(unit, crashres_load(unit->ctx, &plan, NULL));
	assert_int_equal(file_loads.calls, 1);
	assert_int_equal(file_loads.flags, 0x30);
	/* A kernel that does not know the flags refuses them with EINVAL. */
	file_loads.calls = 0;
	file_loads.failures = 1;
	file_loads.error = EINVAL;
	assert_ok(unit, crashres_load(unit->ctx, &plan, NULL));
	assert_int_equal(file_loads.calls, 2);
	assert_int_equal(file_loads.flags, 0);
}

/* ----------------------------------------------------- the order of attempts */

/*
 * A load that walks through its attempts. Letters: L kexec_load, S kexec_file_load of the
 * sealed Image, F kexec_file_load of the unchanged file.
 */
static struct {
	char calls[16];
	int errors[3];		/* errno of L, S and F; 0: the load succeeds */
} world;

/* Notes the letter of the call and answers with the errno of world.errors. */
static int answer(char which)
{
	static const char letters[] = "LSF";

	world.calls[strlen(world.calls)] = which;
	errno = world.errors[strchr(letters, which) - letters];
	return errno ? -1 : 0;
}

static long answer_load(unsigned long entry, unsigned long count,
			const struct kexec_segment *segments, unsigned long flags)
{
	return answer('L');
}

static long answer_file_load(int kernel_fd, int initrd_fd, unsigned long cmdline_size,
			     const char *cmdline, unsigned long flags)
{
	/* A sealed Image needs the initrd that was hashed (6), not the original file (66). */
	if (kernel_fd == 7)
		assert_int_equal(initrd_fd, 6);
	else
		assert_true((kernel_fd == 5 && initrd_fd == 6) ||
			    (kernel_fd == 55 && initrd_fd == 66));
	return answer(kernel_fd == 7 ? 'S' : 'F');
}

/* Returns a plan with the attempts that the letters name, in this order. */
static struct crashres_plan plan_of(const char *attempts, enum crashres_slot slot)
{
	struct crashres_plan plan = empty_plan(slot);

	for (; *attempts; attempts++)
		add(&plan, *attempts == 'L' ? CRASHRES_CALL_LOAD : CRASHRES_CALL_FILE_LOAD,
		    *attempts == 'L' ? CRASHRES_CHECK_PURGATORY :
		    *attempts == 'S' ? CRASHRES_CHECK_SEALED :
		    slot == CRASHRES_SLOT_CRASH ? CRASHRES_CHECK_NONE_REFUSED : CRASHRES_CHECK_NONE);
	return plan;
}

/*
 * Loads @plan. The calls L, S and F fail with the errnos @load, @sealed and @file, or succeed
 * if these are 0.
 */
static enum crashres_status walk(struct unit *unit, struct crashres_plan *plan, int load, int sealed,
				 int file, struct crashres_result *result)
{
	memset(&world, 0, sizeof(world));
	world.errors[0] = load;
	world.errors[1] = sealed;
	world.errors[2] = file;
	*unit->log = '\0';
	unit->ctx->kexec_load = answer_load;
	unit->ctx->kexec_file_load = answer_file_load;
	crashres_result_init(result, sizeof(*result));
	return crashres_load(unit->ctx, plan, result);
}

/* All errnos that the two system calls return. */
static const int errnos[] = {
	EPERM, EACCES, ENOSYS, ENOEXEC, EINVAL, EOPNOTSUPP, EADDRNOTAVAIL, ENOMEM, EFAULT, ENODATA,
	ENOKEY, EKEYREJECTED, EBADMSG, ELIBBAD, ENOPKG, EIO,
};

static bool is_one_of(int error, const int *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (list[i] == error)
			return true;
	return false;
}

/*
 * Returns the calls that design.md demands for these errnos of kexec_load and of the sealed
 * Image, if the last call succeeds.
 */
static const char *expected_calls(int load, int sealed)
{
	static const int load_goes_on[] = { EPERM, EACCES, ENOSYS };
	static const int sealed_goes_on[] = { EPERM, EACCES, ENODATA, ENOKEY, EKEYREJECTED, EBADMSG,
					      ELIBBAD, ENOPKG, EADDRNOTAVAIL, ENOMEM };

	if (!is_one_of(load, load_goes_on, COUNT(load_goes_on)))
		return "L";
	return is_one_of(sealed, sealed_goes_on, COUNT(sealed_goes_on)) ? "LSF" : "LS";
}

/* Tries each errno of each call and asserts the calls, the result and the warning. */
static void test_errno_of_a_crash_load_decides_the_next_call(void **state)
{
	struct unit *unit = *state;
	struct crashres_result result;

	for (size_t i = 0; i < COUNT(errnos) * COUNT(errnos); i++) {
		int load = errnos[i / COUNT(errnos)], sealed = errnos[i % COUNT(errnos)];
		struct crashres_plan plan = plan_of("LSF", CRASHRES_SLOT_CRASH);
		enum crashres_status status = walk(unit, &plan, load, sealed, 0, &result);
		const char *expected = expected_calls(load, sealed);
		bool loaded = !strcmp(expected, "LSF");

		assert_string_equal(world.calls, expected);
		assert_int_equal(status == CRASHRES_OK, loaded);
		assert_int_equal(result.calls, strlen(expected));
		assert_int_equal(result.errors[0], load);
		assert_int_equal(result.errors[1], expected[1] ? sealed : 0);
		assert_int_equal(result.errors[2], 0);
		assert_int_equal(result.attempt, loaded ? 2 : CRASHRES_NO_ATTEMPT);
		assert_int_equal(result.original_files, loaded);
		assert_int_equal(result.check,
				 loaded ? CRASHRES_CHECK_NONE_REFUSED : CRASHRES_CHECK_NONE);
		/* A lost check is always a warning. */
		assert_int_equal(strstr(unit->log, "warning: the crash kernel is loaded, and nothing will "
						   "check it after a panic: the running kernel refused "
						   "the sealed Image: kexec_load failed: ") != NULL,
				 loaded);
	}
}

static void test_errno_of_a_normal_load_decides_the_next_call(void **state)
{
	static const int goes_on[] = { ENOSYS, ENOEXEC, EINVAL, EOPNOTSUPP };
	struct unit *unit = *state;
	struct crashres_result result;

	for (size_t i = 0; i < COUNT(errnos) * 2; i++) {
		int error = errnos[i / 2];
		struct crashres_plan plan = plan_of("FL", CRASHRES_SLOT_NORMAL);
		enum crashres_status status;
		bool expected;

		/*
		 * If the page sizes differ, EINVAL can mean that the CPU lacks the page size of
		 * the new kernel. kexec_load does not check the page size, so it must not be
		 * tried.
		 */
		plan.attempts.pages_differ = i % 2;
		expected = is_one_of(error, goes_on, COUNT(goes_on)) && !(i % 2 && error == EINVAL);
		status = walk(unit, &plan, 0, 0, error, &result);
		assert_string_equal(world.calls, expected ? "FL" : "F");
		/* A final EINVAL keeps its status, because kexec -s exits with 253 for it. */
		assert_int_equal(status, expected ? CRASHRES_OK :
					 error == EINVAL ? CRASHRES_ERR_SYSCALL_UNAVAILABLE :
							   CRASHRES_ERR_SYSCALL);
		assert_int_equal(result.slot, expected ? CRASHRES_SLOT_STATE_LOADED :
							 CRASHRES_SLOT_STATE_UNCHANGED);
		assert_int_equal(result.check,
				 expected ? CRASHRES_CHECK_PURGATORY : CRASHRES_CHECK_NONE);
	}
}

static void test_einval_names_a_different_page_size(void **state)
{
	struct crashres_plan plan = plan_of("FL", CRASHRES_SLOT_NORMAL);
	struct unit *unit = *state;
	struct crashres_result result;

	plan.attempts.pages_differ = true;
	assert_fails(unit, walk(unit, &plan, 0, 0, EINVAL, &result),
		     CRASHRES_ERR_SYSCALL_UNAVAILABLE,
		     "kexec_file_load failed: Invalid argument (the kernel has another page size "
		     "than the running kernel: perhaps this CPU does not support it)");
}

/*
 * The kernel frees the old crash image before it checks the new one, but after its permission
 * checks. Columns: attempts, errno of L, errno of F, the state of the crash slot.
 */
static void test_errno_decides_if_the_slot_is_empty(void **state)
{
	static const struct {
		const char *attempts;
		int load, file;
		enum crashres_slot_state crash;
	} cases[] = {
		{ "L", EPERM, 0, CRASHRES_SLOT_STATE_UNCHANGED },
		{ "L", EACCES, 0, CRASHRES_SLOT_STATE_UNCHANGED },
		{ "L", ENOSYS, 0, CRASHRES_SLOT_STATE_UNCHANGED },
		{ "L", EADDRNOTAVAIL, 0, CRASHRES_SLOT_STATE_EMPTY },
		{ "L", EFAULT, 0, CRASHRES_SLOT_STATE_EMPTY },
		{ "F", 0, ENOSYS, CRASHRES_SLOT_STATE_UNCHANGED },
		{ "F", 0, EPERM, CRASHRES_SLOT_STATE_UNKNOWN },
		{ "F", 0, EKEYREJECTED, CRASHRES_SLOT_STATE_EMPTY },
		{ "LF", EPERM, EPERM, CRASHRES_SLOT_STATE_UNKNOWN },
		{ "LF", EPERM, ENOSYS, CRASHRES_SLOT_STATE_UNCHANGED },
		{ "LF", EPERM, ENOKEY, CRASHRES_SLOT_STATE_EMPTY },
	};
	struct unit *unit = *state;
	struct crashres_result result;

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct crashres_plan plan = plan_of(cases[i].attempts, CRASHRES_SLOT_CRASH);

		assert_int_not_equal(walk(unit, &plan, cases[i].load, 0, cases[i].file, &result), 0);
		assert_int_equal(result.slot, cases[i].crash);
		assert_int_equal(strstr(crashres_error(unit->ctx), "; no crash kernel is loaded now") !=
				 NULL, cases[i].crash == CRASHRES_SLOT_STATE_EMPTY);
		plan = plan_of(cases[i].attempts, CRASHRES_SLOT_NORMAL);
		assert_int_not_equal(walk(unit, &plan, cases[i].load, 0, cases[i].file, &result), 0);
		assert_int_equal(result.slot, CRASHRES_SLOT_STATE_UNCHANGED);
	}
}

static void test_failed_load_reports_each_refusal_in_order(void **state)
{
	struct crashres_plan plan = plan_of("LSF", CRASHRES_SLOT_CRASH);
	struct unit *unit = *state;
	struct crashres_result result;

	assert_fails(unit, walk(unit, &plan, EACCES, EKEYREJECTED, ENOKEY, &result),
		     CRASHRES_ERR_SYSCALL,
		     "kexec_load failed: Permission denied (IMA demands a signed kernel, which only "
		     "kexec_file_load can load); then kexec_file_load failed: Key was rejected by "
		     "service (the kernel file or its PE signature was changed after signing, or "
		     "the key is revoked); then kexec_file_load failed: Required key not available (the running "
		     "kernel does not trust the key of the PE signature); no crash kernel is "
		     "loaded now");
	assert_true(result.signature_refused);
}

/* Writes the limit of crash loads that the running kernel shows. */
static void show_limit(struct unit *unit, const char *text)
{
	char *root = unit_path(unit, "");

	unit_write_text(unit, "proc/sys/kernel/kexec_load_limit_panic", text);
	assert_ok(unit, crashres_ctx_set_root(unit->ctx, root));
	unit->ctx->root_is_live = true;
	free(root);
}

/*
 * Each refused call uses up one call of kernel.kexec_load_limit_panic. With one call left only
 * the first attempt is made.
 */
static void test_load_limit_leaves_out_attempts(void **state)
{
	struct crashres_plan plan = plan_of("LSF", CRASHRES_SLOT_CRASH);
	struct unit *unit = *state;
	struct crashres_result result;

	test_machine.permissions.limits[CRASHRES_SLOT_CRASH] = (struct crs_limit){ true, 1 };
	assert_fails(unit, walk(unit, &plan, EPERM, 0, 0, &result), CRASHRES_ERR_SYSCALL_UNAVAILABLE,
		     "kexec_load failed: Operation not permitted (kexec needs root, or "
		     "kernel.kexec_load_disabled is 1, or lockdown forbids the call)");
	assert_string_equal(world.calls, "L");
	assert_true(unit_logged(unit, "warning: the refused call was the last call that "
				      "kernel.kexec_load_limit_panic allows: no other attempt is "
				      "made"));
	/*
	 * With two calls, the last one must not be spent on the sealed Image, which has no
	 * signature.
	 */
	test_machine.permissions.limits[CRASHRES_SLOT_CRASH].left = 2;
	assert_ok(unit, walk(unit, &plan, EACCES, 0, 0, &result));
	assert_string_equal(world.calls, "LF");
	/* Three calls are enough for all attempts. */
	test_machine.permissions.limits[CRASHRES_SLOT_CRASH].left = 3;
	assert_ok(unit, walk(unit, &plan, EPERM, 0, 0, &result));
	assert_string_equal(world.calls, "LS");
	assert_int_equal(result.check, CRASHRES_CHECK_SEALED);
	assert_null(strstr(unit->log, "warning"));
}

/* ENOSYS is not counted by the kernel, so one call is still left. */
static void test_missing_system_call_does_not_count_for_the_limit(void **state)
{
	struct crashres_plan plan = plan_of("LSF", CRASHRES_SLOT_CRASH);
	struct unit *unit = *state;
	struct crashres_result result;

	test_machine.permissions.limits[CRASHRES_SLOT_CRASH] = (struct crs_limit){ true, 1 };
	assert_ok(unit, walk(unit, &plan, ENOSYS, 0, 0, &result));
	assert_string_equal(world.calls, "LS");
	assert_null(strstr(unit->log, "warning"));
}

/*
 * EPERM has several reasons. The limit is the reason only if no call was left before this call.
 */
static void test_limit_is_named_if_this_call_used_it_up(void **state)
{
	struct unit *unit = *state;
	struct crashres_result result;
	struct crashres_plan plan = plan_of("L", CRASHRES_SLOT_CRASH);

	/* The kernel counted this call but refused it for another reason. */
	show_limit(unit, "0\n");
	test_machine.permissions.limits[CRASHRES_SLOT_CRASH] = (struct crs_limit){ true, 1 };
	assert_fails(unit, walk(unit, &plan, EPERM, 0, 0, &result), CRASHRES_ERR_SYSCALL_UNAVAILABLE,
		     "kexec_load failed: Operation not permitted (kexec needs root, or lockdown "
		     "forbids the call; kernel.kexec_load_limit_panic is 0 now)");
	/* Without privileges the kernel does not count the call. */
	show_limit(unit, "1\n");
	assert_fails(unit, walk(unit, &plan, EPERM, 0, 0, &result), CRASHRES_ERR_SYSCALL_UNAVAILABLE,
		     "kexec_load failed: Operation not permitted (kexec needs root, or "
		     "kernel.kexec_load_disabled is 1, or lockdown forbids the call)");
}

/* Another program can use up calls between planning and loading. A limit never rises. */
static void test_limit_is_read_again_after_a_refusal(void **state)
{
	struct crashres_plan plan = plan_of("LSF", CRASHRES_SLOT_CRASH);
	struct unit *unit = *state;
	struct crashres_result result;

	show_limit(unit, "1\n");
	test_machine.permissions.limits[CRASHRES_SLOT_CRASH] = (struct crs_limit){ true, 5 };
	assert_int_not_equal(walk(unit, &plan, EACCES, 0, 0, &result), CRASHRES_OK);
	assert_string_equal(world.calls, "L");
}

/* The second try, without the newer flags, is counted by the kernel too. */
static void test_repeat_without_flags_counts_for_the_limit(void **state)
{
	struct crashres_plan plan = plan_of("F", CRASHRES_SLOT_CRASH);
	struct unit *unit = *state;
	struct crashres_result result;

	plan.request.no_cma = true;
	test_machine.permissions.limits[CRASHRES_SLOT_CRASH] = (struct crs_limit){ true, 1 };
	assert_int_not_equal(walk(unit, &plan, 0, 0, EINVAL, &result), CRASHRES_OK);
	assert_string_equal(world.calls, "F");
	assert_int_equal(result.errors[0], EINVAL);
	assert_int_not_equal(walk(unit, &plan, 0, 0, ENOKEY, &result), CRASHRES_OK);
	assert_string_equal(world.calls, "F");
	test_machine.permissions.limits[CRASHRES_SLOT_CRASH].left = 2;
	assert_int_not_equal(walk(unit, &plan, 0, 0, EINVAL, &result), CRASHRES_OK);
	assert_string_equal(world.calls, "FF");
}

/* Columns: the check of the loaded attempt, the reason in the warning. */
static void test_lost_check_is_warned_of_with_its_reason(void **state)
{
	static const struct {
		enum crashres_check check;
		const char *reason;
	} cases[] = {
		{ CRASHRES_CHECK_NONE_SIGNATURE,
		  "the running kernel demands a signature, and sealing would break the signature" },
		{ CRASHRES_CHECK_NONE_SEALING_OFF,
		  "kexec_load was not possible, and the request forbids sealing" },
		{ CRASHRES_CHECK_NONE_REFUSED, "the kernel could not be sealed: too large" },
	};
	struct unit *unit = *state;
	struct crashres_result result;
	char too_large[] = "too large", line[256];

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct crashres_plan plan = empty_plan(CRASHRES_SLOT_CRASH);

		if (cases[i].check == CRASHRES_CHECK_NONE_REFUSED) {
			add(&plan, CRASHRES_CALL_FILE_LOAD, CRASHRES_CHECK_SEALED);
			plan.attempts.items[0].status = CRASHRES_ERR_LIMIT;
			plan.attempts.items[0].reason = too_large;
		}
		if (cases[i].check == CRASHRES_CHECK_NONE_SEALING_OFF)
			plan.request.sealing = CRASHRES_SEALING_NEVER;
		add(&plan, CRASHRES_CALL_FILE_LOAD, cases[i].check);
		assert_ok(unit, walk(unit, &plan, 0, 0, 0, &result));
		assert_int_equal(result.check, cases[i].check);
		snprintf(line, sizeof(line), "warning: the crash kernel is loaded, and nothing will check "
			 "it after a panic: %s", cases[i].reason);
		assert_true(unit_logged(unit, line));
	}
}

/*
 * IMA needs the original files. The result says original if at least one original file was
 * passed.
 */
static void test_original_files_are_passed_if_open(void **state)
{
	struct unit *unit = *state;
	struct crashres_result result;

	for (int originals = 0; originals < 4; originals++) {
		struct crashres_plan plan = plan_of("F", CRASHRES_SLOT_CRASH);

		kernel_file.original_fd = originals & 1 ? 55 : -1;
		initrd_file.original_fd = originals & 2 ? 66 : -1;
		unit->ctx->kexec_load = record_load;
		unit->ctx->kexec_file_load = record_file_load;
		crashres_result_init(&result, sizeof(result));
		assert_ok(unit, crashres_load(unit->ctx, &plan, &result));
		assert_int_equal(file_loads.kernel_fd, originals & 1 ? 55 : 5);
		assert_int_equal(file_loads.initrd_fd, originals & 2 ? 66 : 6);
		assert_int_equal(result.original_files, originals != 0);
	}
	kernel_file.original_fd = 55;
	initrd_file.original_fd = 66;
}

/*
 * kexec_file_load ignores the requested device tree, so a fallback to this call warns, once for
 * each plan.
 */
static void test_dtb_that_a_fallback_loses_is_warned_of(void **state)
{
	struct crashres_input dtb = { .name = "my.dtb" };
	struct crashres_plan plan = plan_of("LSF", CRASHRES_SLOT_CRASH);
	struct unit *unit = *state;
	struct crashres_result result;

	plan.request.dtb = &dtb;
	assert_ok(unit, walk(unit, &plan, 0, 0, 0, &result));
	assert_null(strstr(unit->log, "my.dtb"));
	assert_ok(unit, walk(unit, &plan, ENOSYS, 0, 0, &result));
	assert_true(unit_logged(unit, "warning: my.dtb is ignored: kexec_file_load takes no device "
				      "tree"));
	assert_ok(unit, walk(unit, &plan, ENOSYS, 0, 0, &result));
	assert_null(strstr(unit->log, "my.dtb"));
}

/*
 * Each try while another kexec runs (EBUSY) uses up a call of the limit. Two calls are kept:
 * one for the other system call and one for an unload. Columns: calls left, calls made.
 */
static void test_retries_of_a_busy_kernel_count_for_the_limit(void **state)
{
	static const struct {
		uint64_t limit;
		unsigned int calls;
	} cases[] = { { 1, 1 }, { 2, 1 }, { 3, 1 }, { 4, 2 }, { 5, 3 } };
	struct unit *unit = *state;
	struct crashres_result result = CRASHRES_RESULT_INIT;

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct crashres_plan plan = load_plan(CRASHRES_SLOT_CRASH);

		test_machine.permissions.limits[CRASHRES_SLOT_CRASH] =
			(struct crs_limit){ true, cases[i].limit };
		loads.calls = 0;
		loads.failures = 1000;
		loads.error = EBUSY;
		assert_int_equal(crashres_load(unit->ctx, &plan, &result), CRASHRES_ERR_SYSCALL);
		assert_int_equal(loads.calls, cases[i].calls);
		assert_int_equal(result.calls, cases[i].calls);
		assert_int_equal(result.slot, CRASHRES_SLOT_STATE_UNCHANGED);
	}
}

/*
 * Attempts that the plan marks as impossible are not made; their reasons become the error
 * message.
 */
static void test_impossible_attempts_are_not_tried(void **state)
{
	struct crashres_plan plan = plan_of("LF", CRASHRES_SLOT_CRASH);
	struct unit *unit = *state;
	struct crashres_result result;
	char first[] = "the first reason", second[] = "the second reason";

	plan.attempts.items[0].status = CRASHRES_ERR_SYSCALL;
	plan.attempts.items[0].reason = first;
	assert_ok(unit, walk(unit, &plan, 0, 0, 0, &result));
	assert_string_equal(world.calls, "F");
	plan.attempts.items[1].status = CRASHRES_ERR_SYSCALL;
	plan.attempts.items[1].reason = second;
	assert_fails(unit, walk(unit, &plan, 0, 0, 0, &result), CRASHRES_ERR_SYSCALL,
		     "kexec_load: the first reason; kexec_file_load: the second reason");
	assert_string_equal(world.calls, "");
	assert_int_equal(result.calls, 0);
	assert_int_equal(result.slot, CRASHRES_SLOT_STATE_UNCHANGED);
}

static void test_results_of_other_sizes_are_filled_or_refused(void **state)
{
	struct crashres_plan plan = load_plan(CRASHRES_SLOT_CRASH);
	struct { struct crashres_result known; uint64_t more; } larger = { .more = 1 };
	struct crashres_result result = { .size = 3 };
	struct unit *unit = *state;

	assert_fails(unit, crashres_load(unit->ctx, &plan, &result), CRASHRES_ERR_REQUEST,
		     "result: the size member is invalid: 3");
	assert_int_equal(loads.calls, 0);
	larger.known.size = sizeof(larger);
	assert_ok(unit, crashres_load(unit->ctx, &plan, &larger.known));
	assert_int_equal(larger.known.size, sizeof(larger));
	assert_int_equal(larger.known.slot, CRASHRES_SLOT_STATE_LOADED);
	assert_int_equal(larger.more, 0);
	result.size = offsetof(struct crashres_result, call);
	result.call = CRASHRES_CALL_FILE_LOAD;
	assert_ok(unit, crashres_load(unit->ctx, &plan, &result));
	assert_int_equal(result.attempt, 0);
	assert_int_equal(result.call, CRASHRES_CALL_FILE_LOAD);
}

/* Errors of kexec_file_load for a crash kernel, the rest of the message, and the status. */
static const struct {
	int error;
	const char *sentence;		/* follows "kexec_file_load failed: " */
	enum crashres_status status;
} file_failures[] = {
	{ EPERM, "Operation not permitted (kexec needs root, or kernel.kexec_load_disabled is 1, "
		 "or lockdown forbids the call)", CRASHRES_ERR_SYSCALL },
	{ ENOSYS, "Function not implemented (syscall kexec_file_load not available: the running "
		  "kernel was built without CONFIG_KEXEC_FILE)", CRASHRES_ERR_SYSCALL_UNAVAILABLE },
	{ EINVAL, "Invalid argument (the file is not an arm64 Image that the running kernel "
		  "accepts on this CPU); no crash kernel is loaded "
		  "now", CRASHRES_ERR_SYSCALL_UNAVAILABLE },
	{ ENOEXEC, "Exec format error (the file is not an arm64 Image that the running kernel "
		   "accepts on this CPU); no crash kernel is loaded "
		   "now", CRASHRES_ERR_SYSCALL_UNAVAILABLE },
	{ EOPNOTSUPP, "Operation not supported; no crash kernel is loaded now", CRASHRES_ERR_SYSCALL_UNAVAILABLE },
	{ ENODATA, "No data available (the running kernel demands a PE signature, and the kernel "
		   "file has none); no crash kernel is loaded now", CRASHRES_ERR_SYSCALL },
	{ ENOKEY, "Required key not available (the running kernel does not trust the key of the PE "
		  "signature); no crash kernel is loaded now", CRASHRES_ERR_SYSCALL },
	{ EKEYREJECTED, "Key was rejected by service (the kernel file or its PE signature was "
			"changed after signing, or the key is revoked); no crash kernel is loaded "
			"now", CRASHRES_ERR_SYSCALL },
	{ ELIBBAD, "Accessing a corrupted shared library (the running kernel demands a PE "
		   "signature: that of the kernel file is cut off, or the file is not a complete "
		   "PE file); no crash kernel is loaded now", CRASHRES_ERR_SYSCALL },
	{ EBADMSG, "Bad message (the PE signature of the kernel file is damaged); no crash kernel "
		   "is loaded now", CRASHRES_ERR_SYSCALL },
	{ EMSGSIZE, "Message too long (the PE signature of the kernel file is damaged); no crash "
		    "kernel is loaded now", CRASHRES_ERR_SYSCALL },
	{ ENOPKG, "Package not installed (the running kernel cannot verify this type of PE "
		  "signature); no crash kernel is loaded now", CRASHRES_ERR_SYSCALL },
	/* The kernel's ENOTSUPP, which has no name in libc. */
	{ 524, "Unknown error 524 (the running kernel cannot verify this type of PE signature); no "
	       "crash kernel is loaded now", CRASHRES_ERR_SYSCALL },
	{ EACCES, "Permission denied (IMA finds no valid signature on the kernel or the initrd); no "
		  "crash kernel is loaded now", CRASHRES_ERR_SYSCALL },
	{ EADDRNOTAVAIL, "Cannot assign requested address (the running kernel finds no room for "
			 "the segments); no crash "
			 "kernel is loaded now", CRASHRES_ERR_SYSCALL },
};

static void test_each_errno_of_kexec_file_load_has_its_message(void **state)
{
	struct unit *unit = *state;
	char sentence[512];

	for (size_t i = 0; i < COUNT(file_failures); i++) {
		struct crashres_plan plan = file_load_plan(CRASHRES_SLOT_CRASH);

		file_loads.calls = 0;
		file_loads.failures = 1;
		file_loads.error = file_failures[i].error;
		snprintf(sentence, sizeof(sentence), "kexec_file_load failed: %s",
			 file_failures[i].sentence);
		assert_fails(unit, crashres_load(unit->ctx, &plan, NULL), file_failures[i].status, sentence);
		assert_int_equal(file_loads.calls, 1);
	}
}

/* A PE file for arm64 without sections: 512 bytes of headers, with 6 data directories. */
static void make_pe(uint8_t data[512], uint32_t signatures, uint32_t size)
{
	memset(data, 0, 512);
	memcpy(data, "MZ", 2);
	unit_put_le(data + 60, 4, 64);
	memcpy(data + 64, "PE\0\0\x64\xaa", 6);
	unit_put_le(data + 64 + 20, 2, 160);
	unit_put_le(data + 88, 2, 0x20b);
	unit_put_le(data + 88 + 108, 4, 6);
	unit_put_le(data + 88 + 144, 4, signatures);
	unit_put_le(data + 88 + 148, 4, size);
}

/*
 * Under lockdown the kernel returns EPERM for each wrong signature, and also without CAP_SYS_BOOT.
 * Without lockdown EPERM has nothing to do with signatures.
 */
static void test_eperm_under_lockdown_says_what_the_file_shows(void **state)
{
	static const struct {
		uint32_t offset, size;		/* of the certificate table; the file has 512 bytes */
		const char *reason;
	} cases[] = {
		{ 0, 0, "lockdown demands a PE signature, and the kernel file has none" },
		{ 504, 9, "lockdown demands a PE signature, and that of the kernel file is cut off" },
		{ 504, 8, "lockdown demands a valid PE signature: the kernel file was changed after "
			  "signing, or the running kernel does not trust the key" },
	};
	struct unit *unit = *state;
	struct crashres_result result;
	uint8_t data[512];
	char sentence[512];

	for (size_t i = 0; i < COUNT(cases) * 2; i++) {
		struct crashres_plan plan = plan_of("F", CRASHRES_SLOT_CRASH);
		bool privileged = i % 2;

		make_pe(data, cases[i / 2].offset, cases[i / 2].size);
		kernel_file.data = data;
		kernel_file.size = sizeof(data);
		test_machine.permissions.locked_down = CRASHRES_ANSWER_YES;
		test_machine.permissions.privileged = privileged ? CRASHRES_ANSWER_YES :
								   CRASHRES_ANSWER_UNKNOWN;
		snprintf(sentence, sizeof(sentence),
			 "kexec_file_load failed: Operation not permitted (%s%s)",
			 privileged ? "" : "kexec needs root, or ", cases[i / 2].reason);
		assert_fails(unit, walk(unit, &plan, 0, 0, EPERM, &result), CRASHRES_ERR_SYSCALL,
			     sentence);
		assert_true(result.signature_refused);
		test_machine.permissions.locked_down = CRASHRES_ANSWER_NO;
		assert_int_not_equal(walk(unit, &plan, 0, 0, EPERM, &result), CRASHRES_OK);
		assert_false(result.signature_refused);
	}
	kernel_file.data = NULL;
	kernel_file.size = 0;
}

#define NO_VERIFIER(source_) { .source = source_, .options = { \
	[CRS_OPTION_KEXEC_SIG] = CRASHRES_ANSWER_YES, \
	[CRS_OPTION_KEXEC_IMAGE_VERIFY_SIG] = CRASHRES_ANSWER_NO } }

/* Ubuntu's arm64 kernels: KEXEC_SIG without KEXEC_IMAGE_VERIFY_SIG refuses each file. */
static void test_kernel_that_cannot_verify_says_so(void **state)
{
	static const struct {
		struct crs_permissions permissions;
		int error;
		const char *sentence;
	} cases[] = {
		{ { .signature_forced = CRASHRES_ANSWER_YES, .config = NO_VERIFIER(CRS_CONFIG_KERNEL) },
		  EKEYREJECTED,
		  "kexec_file_load failed: Key was rejected by service (the running kernel cannot "
		  "verify any PE signature: it was built without CONFIG_KEXEC_IMAGE_VERIFY_SIG); no "
		  "crash kernel is loaded now" },
		{ { .signature_forced = CRASHRES_ANSWER_YES, .config = NO_VERIFIER(CRS_CONFIG_BOOT) },
		  EKEYREJECTED,
		  "kexec_file_load failed: Key was rejected by service (the running kernel cannot "
		  "verify any PE signature: /boot/config-RELEASE has no "
		  "CONFIG_KEXEC_IMAGE_VERIFY_SIG); no crash kernel is loaded now" },
		{ { .locked_down = CRASHRES_ANSWER_YES, .privileged = CRASHRES_ANSWER_YES,
		    .config = NO_VERIFIER(CRS_CONFIG_KERNEL) }, EPERM,
		  "kexec_file_load failed: Operation not permitted (lockdown demands a PE signature, "
		  "and the running kernel was built without CONFIG_KEXEC_IMAGE_VERIFY_SIG, so it "
		  "cannot verify any)" },
		{ { .locked_down = CRASHRES_ANSWER_YES, .config = NO_VERIFIER(CRS_CONFIG_BOOT) }, EPERM,
		  "kexec_file_load failed: Operation not permitted (kexec needs root, or lockdown "
		  "demands a PE signature, and /boot/config-RELEASE says that the running kernel "
		  "cannot verify any (no CONFIG_KEXEC_IMAGE_VERIFY_SIG))" },
	};
	struct unit *unit = *state;
	struct crashres_result result;

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct crashres_plan plan = plan_of("F", CRASHRES_SLOT_CRASH);

		test_machine.permissions = cases[i].permissions;
		assert_fails(unit, walk(unit, &plan, 0, 0, cases[i].error, &result),
			     CRASHRES_ERR_SYSCALL, cases[i].sentence);
		assert_true(result.signature_refused);
	}
}

/* Without KEXEC_SIG, lockdown has no part in EPERM of kexec_file_load. */
static void test_lockdown_is_no_reason_without_kexec_sig(void **state)
{
	struct crashres_plan plan = plan_of("F", CRASHRES_SLOT_CRASH);
	struct unit *unit = *state;
	struct crashres_result result;

	test_machine.permissions = (struct crs_permissions){
		.locked_down = CRASHRES_ANSWER_YES,
		.config = { .source = CRS_CONFIG_KERNEL,
			    .options[CRS_OPTION_KEXEC_SIG] = CRASHRES_ANSWER_NO },
	};
	assert_fails(unit, walk(unit, &plan, 0, 0, EPERM, &result), CRASHRES_ERR_SYSCALL,
		     "kexec_file_load failed: Operation not permitted (kexec needs root, or "
		     "kernel.kexec_load_disabled is 1, or lockdown forbids the call)");
	assert_false(result.signature_refused);
}

#define WRONG_VALUE "kexec_file_load failed: Invalid argument (the PE signature of the kernel file " \
		    "does not fit the key, or the running kernel cannot use the key)"
/*
 * A wrong value of an RSA signature gives EINVAL. kexec_load must not follow, because it verifies
 * nothing. If the file explains EINVAL itself, kexec_load follows as before.
 */
static void test_einval_of_a_signed_image_is_a_signature_error(void **state)
{
	static const struct {
		enum crashres_answer forced, locked_down, secure_boot;
		uint32_t image_size, signatures, size;	/* the file has 512 bytes */
		bool pages_differ, refused;
	} cases[] = {
		{ CRASHRES_ANSWER_YES, 0, 0, 512, 504, 8, false, true },
		{ 0, CRASHRES_ANSWER_YES, 0, 512, 504, 8, false, true },
		{ 0, 0, CRASHRES_ANSWER_YES, 512, 504, 8, false, true },
		{ CRASHRES_ANSWER_NO, CRASHRES_ANSWER_YES, 0, 512, 504, 8, false, false },
		{ 0, 0, 0, 512, 504, 8, false, false },
		{ CRASHRES_ANSWER_YES, 0, 0, 511, 504, 8, false, false },
		{ CRASHRES_ANSWER_YES, 0, 0, 0, 504, 8, false, false },
		{ CRASHRES_ANSWER_YES, 0, 0, 512, 0, 0, false, false },
		{ CRASHRES_ANSWER_YES, 0, 0, 512, 504, 9, false, false },
		{ CRASHRES_ANSWER_YES, 0, 0, 512, 504, 8, true, false },
	};
	struct unit *unit = *state;
	struct crashres_result result;
	uint8_t data[512];

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct crashres_plan plan = plan_of("FL", CRASHRES_SLOT_NORMAL);

		make_pe(data, cases[i].signatures, cases[i].size);
		unit_put_le(data + 16, 8, cases[i].image_size);
		memcpy(data + 56, "ARM\x64", 4);
		kernel_file.data = data;
		kernel_file.size = sizeof(data);
		test_machine.permissions.signature_forced = cases[i].forced;
		test_machine.permissions.locked_down = cases[i].locked_down;
		test_machine.permissions.secure_boot = cases[i].secure_boot;
		plan.attempts.pages_differ = cases[i].pages_differ;
		if (cases[i].refused)
			assert_fails(unit, walk(unit, &plan, 0, 0, EINVAL, &result),
				     CRASHRES_ERR_SYSCALL, WRONG_VALUE);
		else if (!cases[i].pages_differ)
			assert_ok(unit, walk(unit, &plan, 0, 0, EINVAL, &result));
		else
			assert_int_not_equal(walk(unit, &plan, 0, 0, EINVAL, &result), CRASHRES_OK);
		assert_int_equal(result.signature_refused, cases[i].refused);
		assert_int_equal(result.errors[0], EINVAL);
		assert_string_equal(world.calls, cases[i].refused || cases[i].pages_differ ? "F" : "FL");
	}
	kernel_file.data = NULL;
	kernel_file.size = 0;
}

/* Debian's arm64 kernels under Secure Boot: locked down, and without kexec_file_load. */
static void test_one_sentence_says_that_no_call_is_left(void **state)
{
	struct crashres_plan plan = plan_of("LF", CRASHRES_SLOT_CRASH);
	char locked[] = "the running kernel is locked down, and accepts only a signed file";
	struct unit *unit = *state;
	struct crashres_result result;

	plan.attempts.items[0].status = CRASHRES_ERR_SYSCALL;
	plan.attempts.items[0].reason = locked;
	assert_fails(unit, walk(unit, &plan, 0, 0, ENOSYS, &result),
		     CRASHRES_ERR_SYSCALL_UNAVAILABLE,
		     "no system call is left: kexec_load is excluded (the running kernel is locked "
		     "down, and accepts only a signed file), and kexec_file_load is missing (the "
		     "running kernel was built without CONFIG_KEXEC_FILE)");
	assert_int_equal(result.slot, CRASHRES_SLOT_STATE_UNCHANGED);
	assert_false(result.signature_refused);
	assert_string_equal(world.calls, "F");
}

static void test_busy_kernel_is_tried_again(void **state)
{
	struct crashres_plan plan = load_plan(CRASHRES_SLOT_CRASH);
	struct unit *unit = *state;

	loads.failures = 2;
	loads.error = EBUSY;
	assert_ok(unit, crashres_load(unit->ctx, &plan, NULL));
	assert_int_equal(loads.calls, 3);
	assert_int_equal(loads.count, 3);
	assert_int_equal(loads.flags, 0x00b70001);
	plan = file_load_plan(CRASHRES_SLOT_CRASH);
	file_loads.failures = 2;
	file_loads.error = EBUSY;
	assert_ok(unit, crashres_load(unit->ctx, &plan, NULL));
	assert_int_equal(file_loads.calls, 3);
}

static void test_busy_kernel_is_tried_20_times(void **state)
{
	struct crashres_plan plan = load_plan(CRASHRES_SLOT_CRASH);
	struct unit *unit = *state;

	loads.failures = 1000;
	loads.error = EBUSY;
	assert_fails(unit, crashres_load(unit->ctx, &plan, NULL), CRASHRES_ERR_SYSCALL,
		     "kexec_load failed: Device or resource busy (another kexec is at work)");
	assert_int_equal(loads.calls, 20);
}

static void test_nothing_is_loaded_from_another_root(void **state)
{
	static const char sentence[] =
		"the plan is for another machine: its root is not /";
	struct crashres_plan plan = load_plan(CRASHRES_SLOT_CRASH);
	struct unit *unit = *state;
	CRS_CLEANUP(crs_freep) char *path = unit_path(unit, ".");

	assert_ok(unit, crashres_ctx_set_root(unit->ctx, path));
	assert_fails(unit, crashres_load(unit->ctx, &plan, NULL), CRASHRES_ERR_UNSUPPORTED, sentence);
	assert_fails(unit, crashres_unload(unit->ctx, CRASHRES_SLOT_CRASH, CRASHRES_CALL_AUTO),
		     CRASHRES_ERR_UNSUPPORTED, sentence);
	assert_int_equal(loads.calls, 0);
}

static void test_nothing_is_loaded_on_another_architecture(void **state)
{
#ifdef __aarch64__
	skip();
#else
	struct crashres_plan plan = load_plan(CRASHRES_SLOT_CRASH);
	struct unit *unit = *state;

	unit->ctx->kexec_load = crs_kexec_load;
	assert_fails(unit, crashres_load(unit->ctx, &plan, NULL), CRASHRES_ERR_UNSUPPORTED,
		     "this machine is not arm64: it can plan a load but not execute it");
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
		LOAD_TEST(test_sealed_image_that_ignores_policies_is_warned_of),
		LOAD_TEST(test_segments_reach_the_kernel_as_planned),
		LOAD_TEST(test_16_segments_are_passed),
		LOAD_TEST(test_unload_by_kexec_load_passes_no_segment),
		LOAD_TEST(test_unload_by_file_load_passes_the_unload_flag),
		LOAD_TEST(test_auto_unload_falls_back_to_kexec_load),
		LOAD_TEST(test_forbidden_unload_is_not_repeated),
		LOAD_TEST(test_files_reach_the_kernel_as_planned),
		LOAD_TEST(test_optional_flags_are_dropped_if_the_kernel_refuses_them),
		LOAD_TEST(test_errno_of_a_crash_load_decides_the_next_call),
		LOAD_TEST(test_errno_of_a_normal_load_decides_the_next_call),
		LOAD_TEST(test_einval_names_a_different_page_size),
		LOAD_TEST(test_errno_decides_if_the_slot_is_empty),
		LOAD_TEST(test_failed_load_reports_each_refusal_in_order),
		LOAD_TEST(test_load_limit_leaves_out_attempts),
		LOAD_TEST(test_missing_system_call_does_not_count_for_the_limit),
		LOAD_TEST(test_limit_is_named_if_this_call_used_it_up),
		LOAD_TEST(test_limit_is_read_again_after_a_refusal),
		LOAD_TEST(test_repeat_without_flags_counts_for_the_limit),
		LOAD_TEST(test_lost_check_is_warned_of_with_its_reason),
		LOAD_TEST(test_original_files_are_passed_if_open),
		LOAD_TEST(test_dtb_that_a_fallback_loses_is_warned_of),
		LOAD_TEST(test_retries_of_a_busy_kernel_count_for_the_limit),
		LOAD_TEST(test_impossible_attempts_are_not_tried),
		LOAD_TEST(test_results_of_other_sizes_are_filled_or_refused),
		LOAD_TEST(test_each_errno_of_kexec_file_load_has_its_message),
		LOAD_TEST(test_each_errno_of_kexec_load_has_its_message),
		LOAD_TEST(test_errors_of_a_normal_load_name_no_crash_kernel),
		LOAD_TEST(test_eperm_under_lockdown_says_what_the_file_shows),
		LOAD_TEST(test_kernel_that_cannot_verify_says_so),
		LOAD_TEST(test_lockdown_is_no_reason_without_kexec_sig),
		LOAD_TEST(test_einval_of_a_signed_image_is_a_signature_error),
		LOAD_TEST(test_one_sentence_says_that_no_call_is_left),
		LOAD_TEST(test_busy_kernel_is_tried_again),
		LOAD_TEST(test_busy_kernel_is_tried_20_times),
		LOAD_TEST(test_nothing_is_loaded_from_another_root),
		LOAD_TEST(test_nothing_is_loaded_on_another_architecture),
	};

	return cmocka_run_group_tests_name("load", tests, NULL, NULL);
}
