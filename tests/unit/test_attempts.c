/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tests attempts (plan/attempts.c): which system calls a plan lists, in which order, and what
 * follows a refusal. A wrong list tries a call that the machine forbids, uses up the limit of
 * kexec loads, or loads a kernel without its check. Also tests the structs that grow
 * (base/struct-size.c).
 */
#include <endian.h>
#include <errno.h>

#include "../../libcrashres/base/struct-size.h"
#include "../../libcrashres/plan/attempts.h"
#include "../../libcrashres/plan/sealed-image.h"
#include "support.h"

static struct crashres_input kernel_file = {
	.name = "file", .data = (const uint8_t *)"x", .size = 1,
};
static const struct crashres_kernel kernel = { .file = &kernel_file };

/*
 * Members of a request that only one of the two system calls supports, as bits of a number. A
 * loop tries all sets of members.
 */
enum {
	MEMBER_WINDOW = 1, MEMBER_ENTRY = 2, MEMBER_MMU_OFF = 4,
	MEMBERS_FOR_LOAD = 7,	/* the three above: only kexec_load supports them */
	MEMBER_NO_CMA = 8, MEMBER_FORCE_DTB = 16, MEMBER_SEAL = 32,
	MEMBERS = 64,
};

/* Returns a request for @slot and @call that sets the @members (MEMBER_...). */
static struct crashres_request request_with(int members, enum crashres_slot slot,
					    enum crashres_call call)
{
	struct crashres_request request = CRASHRES_REQUEST_INIT;

	request.slot = slot;
	request.call = call;
	if (members & MEMBER_WINDOW)
		request.window.base = 1;
	if (members & MEMBER_ENTRY)
		request.entry = 0x1000;
	request.purgatory_mmu_off = members & MEMBER_MMU_OFF;
	request.no_cma = members & MEMBER_NO_CMA;
	request.force_dtb = members & MEMBER_FORCE_DTB;
	if (members & MEMBER_SEAL)
		request.sealing = CRASHRES_SEALING_ALWAYS;
	return request;
}

/*
 * Writes the list as letters: L kexec_load, S a file that this plan seals, B a file that was
 * sealed before, F the unchanged file. A lower-case letter is an impossible attempt.
 */
static void list_as_letters(const struct crs_attempts *attempts, char *text)
{
	static const char letters[] = "?LSBFFFF";

	for (size_t i = 0; i < attempts->count; i++) {
		const struct crs_attempt *attempt = &attempts->items[i];
		char letter = attempt->call == CRASHRES_CALL_LOAD ? 'L' : letters[attempt->check];

		*text++ = attempt->status == CRASHRES_OK ? letter : (char)(letter | 0x20);
	}
	*text = '\0';
}

/* Asserts the list of attempts, as letters. */
static void assert_list(struct unit *unit, const struct crashres_machine *machine,
			struct crashres_request request, const char *expected)
{
	struct crs_attempts attempts;
	char text[CRS_ATTEMPTS_MAX + 1];

	assert_ok(unit, crs_attempts_list(unit->ctx, machine, &kernel, &request, &attempts));
	list_as_letters(&attempts, text);
	assert_string_equal(text, expected);
	crs_attempts_free(&attempts);
}

/*
 * The expected lists (letters of list_as_letters()) for each state of the machine, both slots,
 * and the three calls that a request can name: auto, kexec_load (-c), kexec_file_load (-s).
 */
static void test_machine_slot_and_request_decide_the_list(void **state)
{
	static const struct {
		struct crs_permissions permissions;
		/* Expected letters: slot, then the requested call (none: auto). */
		const char *crash, *crash_load, *crash_file, *normal, *normal_load, *normal_file;
	} cases[] = {
		{ { 0 }, "LSF", "L", "SF", "FL", "L", "F" },
		{ { .locked_down = CRASHRES_ANSWER_NO, .appraised = CRASHRES_ANSWER_NO,
		    .load_disabled = CRASHRES_ANSWER_NO }, "LSF", "L", "SF", "FL", "L", "F" },
		{ { .locked_down = CRASHRES_ANSWER_YES }, "lF", "l", "F", "Fl", "l", "F" },
		/* The kernel does not show whether the IMA policy is enforced: -c is tried. */
		{ { .appraised = CRASHRES_ANSWER_YES }, "lF", "L", "F", "Fl", "L", "F" },
		/* KEXEC_SIG_FORCE concerns kexec_file_load only. */
		{ { .signature_forced = CRASHRES_ANSWER_YES }, "LF", "L", "F", "Fl", "L", "F" },
		{ { .load_disabled = CRASHRES_ANSWER_YES }, "lsf", "l", "sf", "fl", "l", "f" },
		{ { .limits[CRASHRES_SLOT_CRASH] = { true, 0 } }, "lsf", "l", "sf", "FL", "L", "F" },
		{ { .limits[CRASHRES_SLOT_NORMAL] = { true, 0 } }, "LSF", "L", "SF", "fl", "l", "f" },
		{ { .limits[CRASHRES_SLOT_CRASH] = { true, 1 } }, "LSF", "L", "SF", "FL", "L", "F" },
	};
	struct unit *unit = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct crashres_machine machine = { .permissions = cases[i].permissions };
		const char *const expected[2][3] = {
			{ cases[i].normal, cases[i].normal_load, cases[i].normal_file },
			{ cases[i].crash, cases[i].crash_load, cases[i].crash_file },
		};

		for (int slot = 0; slot < 2; slot++)
			for (int call = 0; call < 3; call++)
				assert_list(unit, &machine, request_with(0, slot, call),
					    expected[slot][call]);
	}
}

/*
 * Only the configuration inside the kernel proves that kexec_file_load is missing, and -s tries
 * the call all the same.
 */
static void test_missing_kexec_file_load_is_known_from_the_kernel(void **state)
{
	struct crashres_machine machine = { .permissions.config = {
		.source = CRS_CONFIG_KERNEL,
		.options[CRS_OPTION_KEXEC_FILE] = CRASHRES_ANSWER_NO,
	} };
	struct unit *unit = *state;

	assert_list(unit, &machine, request_with(0, 1, CRASHRES_CALL_AUTO), "Lsf");
	assert_list(unit, &machine, request_with(0, 0, CRASHRES_CALL_AUTO), "fL");
	assert_list(unit, &machine, request_with(0, 1, CRASHRES_CALL_FILE_LOAD), "SF");
	machine.permissions.locked_down = CRASHRES_ANSWER_YES;
	assert_list(unit, &machine, request_with(0, 1, CRASHRES_CALL_AUTO), "lf");
	machine.permissions.config.source = CRS_CONFIG_BOOT;
	assert_list(unit, &machine, request_with(0, 1, CRASHRES_CALL_AUTO), "lF");
}

/*
 * A kernel without KEXEC_SIG does not look at lockdown in kexec_file_load, so the kernel is sealed.
 * Only the configuration inside the kernel proves that.
 */
static void test_lockdown_without_kexec_sig_demands_nothing(void **state)
{
	struct crashres_machine machine = { .permissions = {
		.locked_down = CRASHRES_ANSWER_YES, .appraised = CRASHRES_ANSWER_NO,
		.config = { .source = CRS_CONFIG_KERNEL,
			    .options[CRS_OPTION_KEXEC_SIG] = CRASHRES_ANSWER_NO },
	} };
	enum crashres_answer *option = &machine.permissions.config.options[CRS_OPTION_KEXEC_SIG];
	const struct crashres_request file = request_with(0, 1, CRASHRES_CALL_FILE_LOAD);
	struct unit *unit = *state;

	assert_list(unit, &machine, request_with(0, 1, CRASHRES_CALL_AUTO), "lSF");
	assert_list(unit, &machine, file, "SF");
	assert_list(unit, &machine, request_with(MEMBER_SEAL, 1, CRASHRES_CALL_AUTO), "S");
	assert_int_equal(crs_attempts_use_ready_image(&machine, &kernel, &file),
			 CRASHRES_ANSWER_NO);
	machine.permissions.appraised = CRASHRES_ANSWER_YES;
	assert_list(unit, &machine, file, "F");
	machine.permissions.appraised = CRASHRES_ANSWER_NO;
	*option = CRASHRES_ANSWER_YES;
	assert_list(unit, &machine, file, "F");
	*option = CRASHRES_ANSWER_UNKNOWN;
	assert_list(unit, &machine, file, "F");
	*option = CRASHRES_ANSWER_NO;
	machine.permissions.config.source = CRS_CONFIG_BOOT;
	assert_list(unit, &machine, file, "F");
}

/* Asserts that kexec_load is in the list, impossible, with this reason. */
static void assert_reason(struct unit *unit, struct crs_permissions permissions,
			  enum crashres_slot slot, const char *reason)
{
	const struct crashres_machine machine = { .permissions = permissions };
	const struct crashres_request request = request_with(0, slot, CRASHRES_CALL_AUTO);
	struct crs_attempts attempts;
	size_t i = 0;

	assert_ok(unit, crs_attempts_list(unit->ctx, &machine, &kernel, &request, &attempts));
	while (attempts.items[i].call != CRASHRES_CALL_LOAD)
		i++;
	assert_int_equal(attempts.items[i].status, CRASHRES_ERR_SYSCALL);
	assert_string_equal(attempts.items[i].reason, reason);
	crs_attempts_free(&attempts);
}

static void test_impossible_kexec_load_names_its_reason(void **state)
{
	struct unit *unit = *state;

	assert_reason(unit, (struct crs_permissions){ .locked_down = CRASHRES_ANSWER_YES }, 1,
		      "the running kernel is locked down, and accepts only a signed file");
	assert_reason(unit, (struct crs_permissions){
				    .locked_down = CRASHRES_ANSWER_YES,
				    .config = { .source = CRS_CONFIG_KERNEL,
						.options[CRS_OPTION_KEXEC_SIG] = CRASHRES_ANSWER_NO } },
		      1, "the running kernel is locked down, and forbids kexec_load");
	assert_reason(unit, (struct crs_permissions){ .appraised = CRASHRES_ANSWER_YES }, 1,
		      "the IMA policy appraises kernels, and kexec_load passes no file "
		      "to appraise");
	assert_reason(unit, (struct crs_permissions){ .signature_forced = CRASHRES_ANSWER_YES }, 0,
		      "the running kernel demands a signature, and kexec_load passes no file to "
		      "verify");
	assert_reason(unit, (struct crs_permissions){ .load_disabled = CRASHRES_ANSWER_YES }, 0,
		      "kernel.kexec_load_disabled is 1");
	assert_reason(unit, (struct crs_permissions){ .limits[1] = { true, 0 } }, 1,
		      "kernel.kexec_load_limit_panic is 0: the kernel accepts no further "
		      "call before a reboot");
	assert_reason(unit, (struct crs_permissions){ .limits[0] = { true, 0 } }, 0,
		      "kernel.kexec_load_limit_reboot is 0: the kernel accepts no further "
		      "call before a reboot");
}

/*
 * Tries each set of members with each requested call. The list holds only the call that
 * supports all members; if no call does, the request is refused.
 */
static void test_request_members_choose_the_call_that_supports_them(void **state)
{
	const struct crashres_machine machine = { 0 };
	struct unit *unit = *state;

	for (int members = 1; members < MEMBERS * 3; members++) {
		enum crashres_call call = members / MEMBERS;
		struct crashres_request request = request_with(members % MEMBERS, 1, call);
		bool load = members % MEMBERS & MEMBERS_FOR_LOAD;
		bool file_load = members % MEMBERS & ~MEMBERS_FOR_LOAD;
		bool conflict = (load && file_load) || (load && call == CRASHRES_CALL_FILE_LOAD) ||
				(file_load && call == CRASHRES_CALL_LOAD);
		struct crs_attempts attempts;
		enum crashres_status status =
			crs_attempts_list(unit->ctx, &machine, &kernel, &request, &attempts);

		assert_int_equal(status, conflict ? CRASHRES_ERR_REQUEST : CRASHRES_OK);
		for (size_t i = 0; i < attempts.count && (load || file_load); i++)
			assert_int_equal(attempts.items[i].call,
					 load ? CRASHRES_CALL_LOAD : CRASHRES_CALL_FILE_LOAD);
		crs_attempts_free(&attempts);
	}
}

static void test_unsupported_member_of_the_request_is_named(void **state)
{
	/* Columns: members that are set, requested call, the member that the error must name. */
	static const struct {
		int members;
		enum crashres_call call;
		enum crashres_member member;
	} cases[] = {
		{ MEMBER_WINDOW, CRASHRES_CALL_FILE_LOAD, CRASHRES_MEMBER_WINDOW },
		{ MEMBER_ENTRY, CRASHRES_CALL_FILE_LOAD, CRASHRES_MEMBER_ENTRY },
		{ MEMBER_MMU_OFF, CRASHRES_CALL_FILE_LOAD, CRASHRES_MEMBER_PURGATORY_MMU_OFF },
		{ MEMBER_SEAL, CRASHRES_CALL_LOAD, CRASHRES_MEMBER_SEALING },
		{ MEMBER_FORCE_DTB, CRASHRES_CALL_LOAD, CRASHRES_MEMBER_FORCE_DTB },
		{ MEMBER_ENTRY | MEMBER_NO_CMA, CRASHRES_CALL_AUTO, CRASHRES_MEMBER_NO_CMA },
	};
	const struct crashres_machine machine = { 0 };
	struct unit *unit = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct crashres_request request = request_with(cases[i].members, 1, cases[i].call);
		bool file_load = cases[i].call == CRASHRES_CALL_FILE_LOAD;
		struct crs_attempts attempts;

		assert_fails(unit, crs_attempts_list(unit->ctx, &machine, &kernel, &request, &attempts),
			     CRASHRES_ERR_REQUEST,
			     file_load ? "only kexec_load supports this, not kexec_file_load" :
					 "only kexec_file_load supports this, not kexec_load");
		assert_int_equal(crashres_error_member(unit->ctx), cases[i].member);
	}
}

/*
 * A crash kernel can be checked by either call: purgatory is a segment or lies in the sealed
 * Image.
 */
static void test_required_purgatory_excludes_unchecked_attempts(void **state)
{
	struct crashres_machine machine = { 0 };
	struct crashres_request request = request_with(0, CRASHRES_SLOT_CRASH, CRASHRES_CALL_AUTO);
	struct unit *unit = *state;

	request.purgatory_required = true;
	assert_list(unit, &machine, request, "LS");
	machine.permissions.locked_down = CRASHRES_ANSWER_YES;
	assert_list(unit, &machine, request, "lf");
	machine.permissions.locked_down = CRASHRES_ANSWER_NO;
	request.sealing = CRASHRES_SEALING_NEVER;
	assert_list(unit, &machine, request, "L");
	request.sealing = CRASHRES_SEALING_AUTO;
	request.no_checks = true;
	assert_list(unit, &machine, request, "Lf");
	request.no_checks = false;
	request.slot = CRASHRES_SLOT_NORMAL;
	assert_list(unit, &machine, request, "L");
	/* The request wants a sealed Image, which has purgatory. This load was refused before. */
	request.sealing = CRASHRES_SEALING_ALWAYS;
	assert_list(unit, &machine, request, "S");
}

/*
 * An Image that the plan seals has no signature. If the kernel demands one, the attempt is
 * impossible.
 */
static void test_demanded_signature_makes_sealing_impossible(void **state)
{
	struct crashres_machine machine = { .permissions.appraised = CRASHRES_ANSWER_YES };
	struct crashres_request request = request_with(MEMBER_SEAL, CRASHRES_SLOT_CRASH,
						       CRASHRES_CALL_AUTO);
	struct unit *unit = *state;

	assert_list(unit, &machine, request, "s");
	machine.permissions.appraised = CRASHRES_ANSWER_NO;
	machine.permissions.locked_down = CRASHRES_ANSWER_YES;
	assert_list(unit, &machine, request, "s");
	machine.permissions.locked_down = CRASHRES_ANSWER_UNKNOWN;
	assert_list(unit, &machine, request, "S");
}

/*
 * A ready sealed Image replaces the Image that the plan would seal, if a signature is demanded or
 * can be demanded. The kernel itself follows, except if the request insists on a check.
 */
static void test_ready_sealed_image_is_used_if_a_signature_can_be_demanded(void **state)
{
	static const struct {
		enum crashres_answer locked_down, appraised, answer;
		const char *crash, *file, *always, *required;
		enum crashres_answer forced;
	} cases[] = {
		{ CRASHRES_ANSWER_YES, CRASHRES_ANSWER_NO, CRASHRES_ANSWER_YES, "lBF", "BF", "B", "lB",
		  CRASHRES_ANSWER_NO },
		{ CRASHRES_ANSWER_NO, CRASHRES_ANSWER_YES, CRASHRES_ANSWER_YES, "lBF", "BF", "B", "lB",
		  CRASHRES_ANSWER_NO },
		{ CRASHRES_ANSWER_NO, CRASHRES_ANSWER_UNKNOWN, CRASHRES_ANSWER_UNKNOWN,
		  "LBF", "BF", "B", "LB", CRASHRES_ANSWER_UNKNOWN },
		{ CRASHRES_ANSWER_NO, CRASHRES_ANSWER_NO, CRASHRES_ANSWER_NO,
		  "LSF", "SF", "S", "LS", CRASHRES_ANSWER_NO },
		/* The answer is UNKNOWN, because kexec_load comes first and is allowed. */
		{ CRASHRES_ANSWER_NO, CRASHRES_ANSWER_NO, CRASHRES_ANSWER_UNKNOWN,
		  "LBF", "BF", "B", "LB", CRASHRES_ANSWER_YES },
	};
	struct crashres_kernel sealed = { .file = &kernel_file };
	struct unit *unit = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct crashres_machine machine = {
			.permissions = { .locked_down = cases[i].locked_down,
					 .appraised = cases[i].appraised,
					 .signature_forced = cases[i].forced },
		};
		struct crashres_request request = request_with(0, CRASHRES_SLOT_CRASH,
							       CRASHRES_CALL_AUTO);

		request.sealed = &sealed;
		assert_int_equal(crs_attempts_use_ready_image(&machine, &kernel, &request),
				 cases[i].answer);
		assert_list(unit, &machine, request, cases[i].crash);
		request.purgatory_required = true;
		assert_list(unit, &machine, request, cases[i].required);
		request.purgatory_required = false;
		request.sealing = CRASHRES_SEALING_ALWAYS;
		assert_list(unit, &machine, request, cases[i].always);
		request.sealing = CRASHRES_SEALING_AUTO;
		request.call = CRASHRES_CALL_FILE_LOAD;
		assert_list(unit, &machine, request, cases[i].file);
		if (cases[i].forced == CRASHRES_ANSWER_YES)
			assert_int_equal(crs_attempts_use_ready_image(&machine, &kernel, &request),
					 CRASHRES_ANSWER_YES);
	}
}

/* Requests that mean the kernel itself, or that purgatory of kexec_load carries out. */
static void test_ready_sealed_image_is_ignored_if_the_request_excludes_it(void **state)
{
	const struct crashres_machine machine = {
		.permissions.locked_down = CRASHRES_ANSWER_YES,
	};
	struct crashres_kernel sealed = { .file = &kernel_file };
	struct crashres_request requests[6];
	static const char *const expected[] = { "Fl", "lF", "lF", "l", "l", "l" };
	struct unit *unit = *state;

	for (size_t i = 0; i < COUNT(requests); i++)
		requests[i] = request_with(0, CRASHRES_SLOT_CRASH, CRASHRES_CALL_AUTO);
	requests[0].slot = CRASHRES_SLOT_NORMAL;
	requests[1].no_checks = true;
	requests[2].sealing = CRASHRES_SEALING_NEVER;
	requests[3].call = CRASHRES_CALL_LOAD;
	requests[4].window.base = 1;
	requests[5].dtb = &kernel_file;
	for (size_t i = 0; i < COUNT(requests); i++) {
		requests[i].sealed = &sealed;
		assert_int_equal(crs_attempts_use_ready_image(&machine, &kernel, &requests[i]),
				 CRASHRES_ANSWER_NO);
		assert_list(unit, &machine, requests[i], expected[i]);
	}
}

/* Errors of kexec_file_load that can mean a wrong signature: see load/errors.c. */
static const int signature_errors[] = {
	EACCES, EPERM, ENODATA, ENOKEY, EKEYREJECTED, EBADMSG, EMSGSIZE, ELIBBAD, ENOPKG,
	524 /* ENOTSUPP of the kernel */, EINVAL,
};

/* Each attempt names its kernel, and the errnos of a wrong signature lead to the kernel itself. */
static void test_refused_ready_image_is_followed_by_the_kernel(void **state)
{
	const struct crashres_machine machine = {
		.permissions.locked_down = CRASHRES_ANSWER_YES,
	};
	struct crashres_kernel sealed = { .file = &kernel_file };
	struct crashres_request request = request_with(0, CRASHRES_SLOT_CRASH, CRASHRES_CALL_AUTO);
	const struct crs_limit limit = { 0 };
	enum crashres_refusal refusal;
	struct crs_attempts attempts;
	struct unit *unit = *state;

	request.sealed = &sealed;
	assert_ok(unit, crs_attempts_list(unit->ctx, &machine, &kernel, &request, &attempts));
	assert_int_equal(crs_attempts_find_already_sealed(&attempts), 1);
	assert_ptr_equal(attempts.items[0].kernel, &kernel);
	assert_ptr_equal(attempts.items[1].kernel, &sealed);
	assert_ptr_equal(attempts.items[2].kernel, &kernel);
	assert_true(attempts.items[1].original_files);
	for (size_t i = 0; i < COUNT(signature_errors); i++)
		assert_int_equal(crs_attempts_find_next(&attempts, 1, signature_errors[i], &limit), 2);
	assert_int_equal(crs_attempts_find_next(&attempts, 1, ETXTBSY, &limit), 2);
	assert_int_equal(crs_attempts_find_next(&attempts, 1, EBUSY, &limit), CRS_NO_ATTEMPT);
	assert_int_equal(crs_attempts_predict_next(&attempts, 1, &refusal), 2);
	assert_int_equal(refusal, CRASHRES_REFUSAL_SEALED_IMAGE);
	crs_attempts_free(&attempts);
}

/* A ready sealed Image needs a call, too. */
static void test_limits_and_missing_calls_concern_the_ready_image(void **state)
{
	struct crashres_machine machine = { .permissions.locked_down = CRASHRES_ANSWER_YES };
	struct crashres_kernel sealed = { .file = &kernel_file };
	struct crashres_request request = request_with(0, CRASHRES_SLOT_CRASH, CRASHRES_CALL_AUTO);
	struct crs_permissions *permissions = &machine.permissions;
	enum crashres_refusal refusal;
	struct crs_attempts attempts;
	struct unit *unit = *state;

	request.sealed = &sealed;
	for (uint64_t left = 0; left <= 2; left++) {
		permissions->limits[CRASHRES_SLOT_CRASH] = (struct crs_limit){ true, left };
		assert_list(unit, &machine, request, left ? "lBF" : "lbf");
		assert_ok(unit, crs_attempts_list(unit->ctx, &machine, &kernel, &request, &attempts));
		/* A refused call counts. So the kernel itself follows only if 2 calls are left. */
		assert_int_equal(crs_attempts_predict_next(&attempts, 1, &refusal),
				 left == 2 ? 2 : CRS_NO_ATTEMPT);
		crs_attempts_free(&attempts);
	}
	permissions->limits[CRASHRES_SLOT_CRASH].limited = false;
	permissions->load_disabled = CRASHRES_ANSWER_YES;
	assert_list(unit, &machine, request, "lbf");
	permissions->load_disabled = CRASHRES_ANSWER_NO;
	permissions->config.source = CRS_CONFIG_KERNEL;
	permissions->config.options[CRS_OPTION_KEXEC_FILE] = CRASHRES_ANSWER_NO;
	assert_list(unit, &machine, request, "lbf");
	/* No demand is known: kexec_load is left. */
	permissions->locked_down = CRASHRES_ANSWER_UNKNOWN;
	assert_list(unit, &machine, request, "Lbf");
}

/*
 * A kernel that is sealed already has no other file to fall back to. In the normal slot kexec_load
 * follows after EINVAL as after any file of an unknown format.
 */
static void test_sealed_kernel_is_loaded_by_kexec_load_after_einval(void **state)
{
	const struct crashres_machine machine = { 0 };
	struct crashres_request request = request_with(0, CRASHRES_SLOT_NORMAL, CRASHRES_CALL_AUTO);
	struct crs_seal_header header = {
		.image.magic = CRS_IMAGE_MAGIC, .magic = htole64(CRS_SEAL_MAGIC),
		.kernel_offset = htole64(4096), .kernel_size = htole64(100),
	};
	uint8_t bytes[8192] = { 0 };
	struct crashres_input file = { .name = "sealed", .data = bytes, .size = sizeof(bytes) };
	const struct crashres_kernel sealed = { .file = &file };
	const struct crs_limit limit = { 0 };
	struct crs_attempts attempts;
	struct unit *unit = *state;

	memcpy(bytes, &header, sizeof(header));
	assert_ok(unit, crs_attempts_list(unit->ctx, &machine, &sealed, &request, &attempts));
	assert_int_equal(attempts.count, 2);
	assert_int_equal(attempts.items[0].check, CRASHRES_CHECK_ALREADY_SEALED);
	assert_int_equal(crs_attempts_find_next(&attempts, 0, EINVAL, &limit), 1);
	assert_int_equal(crs_attempts_find_next(&attempts, 0, EMSGSIZE, &limit), CRS_NO_ATTEMPT);
	assert_int_equal(crs_attempts_find_next(&attempts, 0, ETXTBSY, &limit), CRS_NO_ATTEMPT);
	crs_attempts_free(&attempts);
}

/* ------------------------------------------------------------ rules of all lists */

/* One machine with one request; each member counts through its values. */
struct combination {
	enum crashres_answer locked_down, appraised, forced;
	int slot, call, sealing, ready, required, no_checks, entry;
};

/* Sets @combination to number @number. Returns false if there is none. */
static bool make_combination(unsigned int number, struct combination *combination)
{
	static const unsigned int bases[] = { 3, 3, 3, 2, 3, 3, 2, 2, 2, 2 };
	int digits[COUNT(bases)];

	for (size_t i = 0; i < COUNT(bases); i++) {
		digits[i] = (int)(number % bases[i]);
		number /= bases[i];
	}
	*combination = (struct combination){ digits[0], digits[1], digits[2], digits[3], digits[4],
					     digits[5], digits[6], digits[7], digits[8], digits[9] };
	return !number;
}

static bool is_demanded(const struct combination *combination)
{
	return combination->locked_down == CRASHRES_ANSWER_YES ||
	       combination->appraised == CRASHRES_ANSWER_YES ||
	       combination->forced == CRASHRES_ANSWER_YES;
}

/* Is @error one of those that a wrong signature, and nothing else, can have? */
static bool is_signature_error(int error)
{
	for (size_t i = 0; i < COUNT(signature_errors); i++)
		if (signature_errors[i] == error && error != EINVAL)
			return true;
	return false;
}

/* A possible attempt must not contradict the machine or the request. */
static void assert_allowed(const struct combination *combination, const struct crs_attempt *attempt)
{
	if (attempt->call == CRASHRES_CALL_LOAD) {
		assert_int_not_equal(combination->locked_down, CRASHRES_ANSWER_YES);
		assert_true(combination->appraised != CRASHRES_ANSWER_YES || combination->call ||
			    combination->required || combination->entry);
	}
	if (attempt->check == CRASHRES_CHECK_SEALED)
		assert_false(is_demanded(combination));
	if (attempt->check == CRASHRES_CHECK_ALREADY_SEALED)
		assert_true(combination->slot == CRASHRES_SLOT_CRASH && combination->ready &&
			    !combination->no_checks && !combination->entry &&
			    combination->sealing != CRASHRES_SEALING_NEVER);
	if (combination->required && !combination->no_checks && !combination->entry)
		assert_true(attempt->check < CRASHRES_CHECK_NONE);
}

/* After the refusal @error of attempt @index, no path that verifies less may follow. */
static void assert_next(const struct combination *combination, const struct crs_attempts *attempts,
			size_t index, int error)
{
	const struct crs_attempt *attempt = &attempts->items[index];
	const struct crs_limit limit = { 0 };
	size_t next = crs_attempts_find_next(attempts, index, error, &limit);

	if (next == CRS_NO_ATTEMPT) {
		/* The kernel itself follows a ready sealed Image, whatever is wrong with its signature. */
		assert_false(attempt->check == CRASHRES_CHECK_ALREADY_SEALED &&
			     (is_signature_error(error) || error == EINVAL) &&
			     crs_attempts_find_possible(attempts, index + 1) != CRS_NO_ATTEMPT);
		return;
	}
	assert_true(next > index && attempts->items[next].status == CRASHRES_OK);
	if (attempts->items[next].call != CRASHRES_CALL_LOAD)
		return;
	assert_int_equal(attempt->call, CRASHRES_CALL_FILE_LOAD);
	assert_false(is_signature_error(error));
	assert_false(is_demanded(combination));
}

static void test_all_lists_keep_their_rules(void **state)
{
	struct crashres_kernel sealed = { .file = &kernel_file };
	struct combination combination;
	struct unit *unit = *state;
	unsigned int lists = 0;

	for (unsigned int number = 0; make_combination(number, &combination); number++) {
		const struct crashres_machine machine = { .permissions = {
			.locked_down = combination.locked_down, .appraised = combination.appraised,
			.signature_forced = combination.forced } };
		struct crashres_request request = request_with(combination.entry ? MEMBER_ENTRY : 0,
							       combination.slot, combination.call);
		struct crs_attempts attempts;

		request.sealing = combination.sealing;
		request.sealed = combination.ready ? &sealed : NULL;
		request.purgatory_required = combination.required;
		request.no_checks = combination.no_checks;
		if (crs_attempts_list(unit->ctx, &machine, &kernel, &request, &attempts) ==
		    CRASHRES_ERR_REQUEST)
			continue;
		lists++;
		for (size_t i = 0; i < attempts.count; i++) {
			if (attempts.items[i].status != CRASHRES_OK)
				continue;
			assert_allowed(&combination, &attempts.items[i]);
			for (int error = 1; error <= 524; error++)
				assert_next(&combination, &attempts, i, error);
		}
		crs_attempts_free(&attempts);
	}
	assert_int_equal(lists, 4860);
}

/*
 * With CRASHRES_SEALING_NEVER only kexec_load brings the check. In auto mode the file call then
 * loses the check, and the result must say so. A user who asks for the file call (-s) loses
 * nothing.
 */
static void test_unsealed_file_loses_the_check_in_auto_only(void **state)
{
	const struct crashres_machine machine = { 0 };
	struct crashres_request request = request_with(0, CRASHRES_SLOT_CRASH, CRASHRES_CALL_AUTO);
	struct unit *unit = *state;
	struct crs_attempts attempts;

	request.sealing = CRASHRES_SEALING_NEVER;
	for (int call = CRASHRES_CALL_AUTO; call <= CRASHRES_CALL_FILE_LOAD; call++) {
		bool is_auto = call == CRASHRES_CALL_AUTO;
		const struct crs_attempt *last;

		request.call = call;
		assert_ok(unit, crs_attempts_list(unit->ctx, &machine, &kernel, &request, &attempts));
		last = &attempts.items[attempts.count - 1];
		if (last->call == CRASHRES_CALL_FILE_LOAD)
			assert_int_equal(last->check, is_auto ? CRASHRES_CHECK_NONE_SEALING_OFF :
								CRASHRES_CHECK_NONE);
		assert_int_equal(crs_attempts_loses_check(&request, last), is_auto);
		crs_attempts_free(&attempts);
	}
}

/*
 * The limit kernel.kexec_load_limit_panic counts each call. Row: calls left, 1 to 4. Column:
 * index of the refused attempt. Value: index of the next attempt to try.
 */
static void test_load_limit_decides_what_follows_a_refusal(void **state)
{
	static const size_t expected[4][3] = {
		{ CRS_NO_ATTEMPT, CRS_NO_ATTEMPT, CRS_NO_ATTEMPT },	/* 1 call left */
		{ 2, CRS_NO_ATTEMPT, CRS_NO_ATTEMPT },
		{ 1, 2, CRS_NO_ATTEMPT },
		{ 1, 2, CRS_NO_ATTEMPT },
	};
	struct crashres_request request = request_with(0, CRASHRES_SLOT_CRASH, CRASHRES_CALL_AUTO);
	struct unit *unit = *state;

	for (uint64_t limit = 1; limit <= 4; limit++) {
		const struct crashres_machine machine = {
			.permissions.limits[CRASHRES_SLOT_CRASH] = { true, limit },
		};
		enum crashres_refusal refusal;
		struct crs_attempts attempts;

		assert_ok(unit, crs_attempts_list(unit->ctx, &machine, &kernel, &request, &attempts));
		assert_int_equal(attempts.count, 3);
		for (size_t i = 0; i < 3; i++)
			assert_int_equal(crs_attempts_predict_next(&attempts, i, &refusal),
					 expected[limit - 1][i]);
		crs_attempts_free(&attempts);
	}
}

/* If sealing fails because the Image gets too large, the plan goes on with the unchanged file. */
static void test_size_limit_excludes_only_the_sealed_attempt(void **state)
{
	const struct crs_attempt sealed = { .check = CRASHRES_CHECK_SEALED };
	const struct crs_attempt load = { .check = CRASHRES_CHECK_PURGATORY };
	struct unit *unit = *state;

	assert_true(crs_attempts_may_exclude(unit->ctx, &sealed, CRASHRES_ERR_LIMIT));
	assert_false(crs_attempts_may_exclude(unit->ctx, &load, CRASHRES_ERR_LIMIT));
}

/* petitboot passes --dtb together with -s. The library ignores the device tree and warns. */
static void test_requested_dtb_selects_kexec_load_or_is_warned_of(void **state)
{
	const struct crashres_machine machine = { 0 };
	struct crashres_input dtb = { .name = "my.dtb" };
	struct crashres_request request = request_with(0, CRASHRES_SLOT_NORMAL, CRASHRES_CALL_AUTO);
	struct unit *unit = *state;

	request.dtb = &dtb;
	assert_list(unit, &machine, request, "L");
	request.call = CRASHRES_CALL_LOAD;
	assert_list(unit, &machine, request, "L");
	assert_string_equal(unit->log, "");
	request.call = CRASHRES_CALL_FILE_LOAD;
	assert_list(unit, &machine, request, "F");
	assert_true(unit_logged(unit, "warning: my.dtb is ignored: kexec_file_load takes no device "
				      "tree"));
}

/* ------------------------------------------------- structs that grow (design.md, rule 9) */

/* A public struct in two versions: the older version ends before member new. */
struct sample {
	size_t size;
	uint64_t old;
	uint64_t new;
};

/* Missing members get their defaults; unknown members must be zero. */
static void test_older_and_newer_input_structs_are_read(void **state)
{
	static const struct sample defaults = { sizeof(defaults), 11, 22 };
	struct { struct sample known; uint64_t more; } given = { { 0, 1, 2 }, 0 };
	struct sample sample = defaults;
	struct unit *unit = *state;

	given.known.size = offsetof(struct sample, new);
	assert_ok(unit, crs_copy_struct_in(unit->ctx, "sample", &given, &sample, sizeof(sample)));
	assert_int_equal(sample.size, sizeof(sample));
	assert_int_equal(sample.old, 1);
	assert_int_equal(sample.new, 22);
	given.known.size = sizeof(sample);
	assert_ok(unit, crs_copy_struct_in(unit->ctx, "sample", &given, &sample, sizeof(sample)));
	assert_int_equal(sample.new, 2);
	given.known.size = sizeof(given);
	given.known.new = 3;
	assert_ok(unit, crs_copy_struct_in(unit->ctx, "sample", &given, &sample, sizeof(sample)));
	assert_int_equal(sample.new, 3);
	assert_int_equal(sample.size, sizeof(sample));
	given.more = 1ULL << 63;
	given.known.new = 4;
	assert_fails(unit, crs_copy_struct_in(unit->ctx, "sample", &given, &sample, sizeof(sample)),
		     CRASHRES_ERR_REQUEST, "sample: this library knows only 24 of 32 bytes, and the "
		     "rest is not zero");
	assert_int_equal(sample.new, 3);
	given.known.size = 7;
	assert_fails(unit, crs_copy_struct_in(unit->ctx, "sample", &given, &sample, sizeof(sample)),
		     CRASHRES_ERR_REQUEST, "sample: the size member is invalid: 7");
	given.known.size = 4097;
	assert_fails(unit, crs_copy_struct_in(unit->ctx, "sample", &given, &sample, sizeof(sample)),
		     CRASHRES_ERR_REQUEST, "sample: the size member is invalid: 4097");
}

/* A caller's struct is filled up to its size; unknown members become zero. */
static void test_older_and_newer_output_structs_are_filled(void **state)
{
	static const struct sample from = { sizeof(from), 1, 2 };
	struct { struct sample known; uint64_t more; } out = { { 0, 8, 9 }, 10 };
	struct unit *unit = *state;

	out.known.size = offsetof(struct sample, new);
	assert_ok(unit, crs_copy_struct_out(unit->ctx, "sample", &from, sizeof(from), &out));
	assert_int_equal(out.known.size, offsetof(struct sample, new));
	assert_int_equal(out.known.old, 1);
	assert_int_equal(out.known.new, 9);
	out.known.size = sizeof(out);
	assert_ok(unit, crs_copy_struct_out(unit->ctx, "sample", &from, sizeof(from), &out));
	assert_int_equal(out.known.new, 2);
	assert_int_equal(out.more, 0);
	assert_int_equal(out.known.size, sizeof(out));
	out.known.size = 0;
	assert_fails(unit, crs_copy_struct_out(unit->ctx, "sample", &from, sizeof(from), &out),
		     CRASHRES_ERR_REQUEST, "sample: the size member is invalid: 0");
}

/*
 * Asserts that function @init equals @macro, zeroes unknown members of a larger struct, and
 * writes nothing after the size of a smaller struct.
 */
#define ASSERT_INITIALISER(type, init, macro) do { \
	struct { struct type known; uint64_t more; } large; \
	const struct type expected = macro; \
	struct type made; \
	memset(&made, 0x55, sizeof(made)); \
	init(&made, sizeof(made)); \
	assert_memory_equal(&made, &expected, sizeof(made)); \
	memset(&large, 0x55, sizeof(large)); \
	init(&large.known, sizeof(large)); \
	assert_int_equal(large.known.size, sizeof(large)); \
	assert_int_equal(large.more, 0); \
	memset(&made, 0x55, sizeof(made)); \
	init(&made, sizeof(size_t)); \
	assert_int_equal(made.size, sizeof(size_t)); \
	assert_int_equal(((const uint8_t *)&made)[sizeof(size_t)], 0x55); \
} while (0)

static void test_initialiser_functions_equal_the_macros(void **state)
{
	ASSERT_INITIALISER(crashres_request, crashres_request_init, CRASHRES_REQUEST_INIT);
	ASSERT_INITIALISER(crashres_seal_request, crashres_seal_request_init,
			   CRASHRES_SEAL_REQUEST_INIT);
	ASSERT_INITIALISER(crashres_attempt, crashres_attempt_init, CRASHRES_ATTEMPT_INIT);
	ASSERT_INITIALISER(crashres_result, crashres_result_init, CRASHRES_RESULT_INIT);
	ASSERT_INITIALISER(crashres_permissions, crashres_permissions_init,
			   CRASHRES_PERMISSIONS_INIT);
}

static void test_every_status_has_a_name(void **state)
{
	assert_string_equal(crashres_version(), PACKAGE_VERSION);
	assert_string_equal(crashres_status_name(CRASHRES_OK), "OK");
	assert_string_equal(crashres_status_name(CRASHRES_ERR_SYSCALL), "ERR_SYSCALL");
	assert_string_equal(crashres_status_name(CRASHRES_ERR_NO_SIGNATURE), "ERR_NO_SIGNATURE");
	assert_string_equal(crashres_status_name(CRASHRES_ERR_OTHER_INITRD + 1), "unknown");
	for (int status = 0; status <= CRASHRES_ERR_OTHER_INITRD; status++)
		assert_non_null(crashres_status_name(status));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT_TEST(test_machine_slot_and_request_decide_the_list),
		UNIT_TEST(test_missing_kexec_file_load_is_known_from_the_kernel),
		UNIT_TEST(test_lockdown_without_kexec_sig_demands_nothing),
		UNIT_TEST(test_impossible_kexec_load_names_its_reason),
		UNIT_TEST(test_request_members_choose_the_call_that_supports_them),
		UNIT_TEST(test_unsupported_member_of_the_request_is_named),
		UNIT_TEST(test_required_purgatory_excludes_unchecked_attempts),
		UNIT_TEST(test_demanded_signature_makes_sealing_impossible),
		UNIT_TEST(test_ready_sealed_image_is_used_if_a_signature_can_be_demanded),
		UNIT_TEST(test_ready_sealed_image_is_ignored_if_the_request_excludes_it),
		UNIT_TEST(test_refused_ready_image_is_followed_by_the_kernel),
		UNIT_TEST(test_limits_and_missing_calls_concern_the_ready_image),
		UNIT_TEST(test_sealed_kernel_is_loaded_by_kexec_load_after_einval),
		UNIT_TEST(test_all_lists_keep_their_rules),
		UNIT_TEST(test_unsealed_file_loses_the_check_in_auto_only),
		UNIT_TEST(test_load_limit_decides_what_follows_a_refusal),
		UNIT_TEST(test_size_limit_excludes_only_the_sealed_attempt),
		UNIT_TEST(test_requested_dtb_selects_kexec_load_or_is_warned_of),
		UNIT_TEST(test_older_and_newer_input_structs_are_read),
		UNIT_TEST(test_older_and_newer_output_structs_are_filled),
		UNIT_TEST(test_initialiser_functions_equal_the_macros),
		UNIT_TEST(test_every_status_has_a_name),
	};

	return cmocka_run_group_tests_name("attempts", tests, NULL, NULL);
}
