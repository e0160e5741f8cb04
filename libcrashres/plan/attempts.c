/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* attempts.c: makes the list of attempts, and decides which attempt follows after an errno. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "../base/range.h"
#include "../load/errors.h"
#include "attempts.h"

/*
 * The number of tries of a call that fails with EBUSY. load.c waits 100 ms between two tries,
 * so the library waits about 2 seconds for another loader.
 */
#define BUSY_TRIES	20

/*
 * If the kernel limits calls, a call is repeated only while more than 2 calls are left. One is
 * kept for the other system call, one for an unload.
 */
#define CALLS_KEPT	2

/* The parameters of crs_attempts_list(), for its helper functions. */
struct listing {
	struct crashres_ctx *ctx;
	const struct crashres_machine *machine;
	const struct crashres_kernel *kernel;
	const struct crashres_request *request;
	struct crs_attempts *attempts;
};

const char *crs_call_name(enum crashres_call call)
{
	return call == CRASHRES_CALL_FILE_LOAD ? "kexec_file_load" : "kexec_load";
}

static bool is_narrowed(struct crashres_range window)
{
	return !crs_range_equal(window, (struct crashres_range){ 0, UINT64_MAX });
}

static bool is_crash(const struct crashres_request *request)
{
	return request->slot == CRASHRES_SLOT_CRASH;
}

/*
 * Must a missing check be reported? Only for a crash kernel, and only if the request does not
 * exclude the check itself: by no_checks, or by entry, which skips purgatory.
 */
static bool wants_check(const struct crashres_request *request)
{
	return is_crash(request) && !request->no_checks && !request->entry;
}

/* ------------------------------------------------------------ signatures */

/*
 * Does the running kernel demand a signature of the kernel file? Lockdown, the IMA policy and
 * KEXEC_SIG_FORCE show it. UNKNOWN: it can demand one.
 *
 * signature_forced is often unknown, because few machines show the configuration of their kernel.
 * So only YES counts. Lockdown does not count if the kernel was certainly built without KEXEC_SIG.
 */
static enum crashres_answer demands_signature(const struct crashres_machine *machine)
{
	const struct crs_permissions *permissions = &machine->permissions;
	enum crashres_answer lockdown = crs_lockdown_demands_signature(permissions);

	if (lockdown == CRASHRES_ANSWER_YES || permissions->appraised == CRASHRES_ANSWER_YES ||
	    permissions->signature_forced == CRASHRES_ANSWER_YES)
		return CRASHRES_ANSWER_YES;
	return lockdown == CRASHRES_ANSWER_NO && permissions->appraised == CRASHRES_ANSWER_NO ?
	       CRASHRES_ANSWER_NO : CRASHRES_ANSWER_UNKNOWN;
}

/*
 * If the running kernel can demand a signature, kexec_file_load gets the original file, because a
 * copy has no attribute security.ima.
 */
static bool may_need_signature(const struct crashres_machine *machine)
{
	return demands_signature(machine) != CRASHRES_ANSWER_NO;
}

/* Sealing breaks a signature. So if this is true, the plan cannot seal the kernel itself. */
static bool needs_signature(const struct crashres_machine *machine)
{
	return demands_signature(machine) == CRASHRES_ANSWER_YES;
}

/* ------------------------------------------------ system calls that support a request */

/*
 * Can purgatory run after kexec_file_load? Only in a sealed Image. SEALING_AUTO seals only for
 * the crash slot.
 */
static bool file_load_has_purgatory(const struct listing *listing)
{
	const struct crashres_request *request = listing->request;

	return crashres_kernel_is_sealed(listing->kernel) ||
	       request->sealing == CRASHRES_SEALING_ALWAYS ||
	       (request->sealing == CRASHRES_SEALING_AUTO && is_crash(request));
}

/*
 * Returns a member of the request that only kexec_load supports, or CRASHRES_MEMBER_NONE.
 * kexec_file_load takes no addresses, and a sealed Image has no setting for the MMU.
 */
static enum crashres_member find_load_only_member(const struct listing *listing)
{
	const struct crashres_request *request = listing->request;

	if (is_narrowed(request->window))
		return CRASHRES_MEMBER_WINDOW;
	if (request->entry)
		return CRASHRES_MEMBER_ENTRY;
	if (request->purgatory_mmu_off)
		return CRASHRES_MEMBER_PURGATORY_MMU_OFF;
	if (request->purgatory_required && !file_load_has_purgatory(listing))
		return CRASHRES_MEMBER_PURGATORY_REQUIRED;
	return CRASHRES_MEMBER_NONE;
}

/* Returns a member of @request that only kexec_file_load supports, or CRASHRES_MEMBER_NONE. */
static enum crashres_member find_file_load_only_member(const struct crashres_request *request)
{
	if (request->no_cma)
		return CRASHRES_MEMBER_NO_CMA;
	if (request->force_dtb)
		return CRASHRES_MEMBER_FORCE_DTB;
	if (request->sealing == CRASHRES_SEALING_ALWAYS)
		return CRASHRES_MEMBER_SEALING;
	return CRASHRES_MEMBER_NONE;
}

/*
 * Returns the system call to which the list is restricted, or AUTO if it can have both.
 * request->call decides first, then the members that only one system call supports. With AUTO, a
 * DTB needs kexec_load.
 */
static enum crashres_call choose_call(const struct listing *listing)
{
	const struct crashres_request *request = listing->request;

	if (request->call != CRASHRES_CALL_AUTO)
		return request->call;
	if (find_load_only_member(listing) || request->dtb)
		return CRASHRES_CALL_LOAD;
	return find_file_load_only_member(request) ? CRASHRES_CALL_FILE_LOAD : CRASHRES_CALL_AUTO;
}

static enum crashres_status check_request(const struct listing *listing)
{
	enum crashres_call call = choose_call(listing);
	enum crashres_member load = find_load_only_member(listing);
	enum crashres_member file_load = find_file_load_only_member(listing->request);
	struct crashres_ctx *ctx = listing->ctx;

	if (call == CRASHRES_CALL_FILE_LOAD && load)
		return crs_fail_member(ctx, CRASHRES_ERR_REQUEST, load,
				       "only kexec_load supports this, not kexec_file_load");
	if (call == CRASHRES_CALL_LOAD && file_load)
		return crs_fail_member(ctx, CRASHRES_ERR_REQUEST, file_load,
				       "only kexec_file_load supports this, not kexec_load");
	return CRASHRES_OK;
}

/* ------------------------------------------------------------ impossible attempts */

/*
 * Returns why the running kernel refuses both system calls, or NULL. Both system calls first
 * call kexec_load_permitted() (kernel/kexec_core.c). The reasons are rules of that function.
 */
static const char *find_common_obstacle(const struct listing *listing)
{
	const struct crs_permissions *permissions = &listing->machine->permissions;
	enum crashres_slot slot = listing->request->slot;

	if (permissions->load_disabled == CRASHRES_ANSWER_YES)
		return "kernel.kexec_load_disabled is 1";
	if (permissions->limits[slot].limited && !permissions->limits[slot].left)
		return slot == CRASHRES_SLOT_CRASH ?
		       "kernel.kexec_load_limit_panic is 0: the kernel accepts no further call "
		       "before a reboot" :
		       "kernel.kexec_load_limit_reboot is 0: the kernel accepts no further call "
		       "before a reboot";
	return NULL;
}

/*
 * Returns why the running kernel refuses kexec_load, or NULL. kexec_load passes bytes
 * without a file, so the kernel cannot verify a signature (kexec_load_check() in
 * kernel/kexec.c).
 *
 * The IMA policy shows that kernels are appraised. It does not show whether IMA only logs wrong
 * signatures (ima_appraise=log). So if the request asks for kexec_load, the call is tried.
 *
 * KEXEC_SIG_FORCE concerns kexec_file_load only. In the list of a normal kernel kexec_load comes
 * after kexec_file_load. There it must not load a file that was just refused: the reason can be the
 * signature (EINVAL: the kernel refuses the size of an RSA key).
 */
static const char *find_load_obstacle(const struct listing *listing)
{
	const struct crs_permissions *permissions = &listing->machine->permissions;

	if (permissions->locked_down == CRASHRES_ANSWER_YES)
		return crs_lockdown_demands_signature(permissions) == CRASHRES_ANSWER_YES ?
		       "the running kernel is locked down, and accepts only a signed file" :
		       "the running kernel is locked down, and forbids kexec_load";
	if (permissions->appraised == CRASHRES_ANSWER_YES &&
	    listing->request->call == CRASHRES_CALL_AUTO)
		return "the IMA policy appraises kernels, and kexec_load passes no file to appraise";
	if (permissions->signature_forced == CRASHRES_ANSWER_YES && !is_crash(listing->request) &&
	    choose_call(listing) == CRASHRES_CALL_AUTO)
		return "the running kernel demands a signature, and kexec_load passes no file to "
		       "verify";
	return NULL;
}

/*
 * Returns why the running kernel lacks kexec_file_load, or NULL. Believes only the configuration
 * inside the kernel: a file in /boot can belong to another build. If the request asks for
 * kexec_file_load, the call is tried, because scripts match the error of a missing call.
 */
static const char *find_file_load_obstacle(const struct listing *listing)
{
	const struct crs_kernel_config *config = &listing->machine->permissions.config;

	if (crs_kernel_config_lacks(config, CRS_OPTION_KEXEC_FILE) &&
	    listing->request->call == CRASHRES_CALL_AUTO)
		return "the running kernel was built without CONFIG_KEXEC_FILE";
	return NULL;
}

/*
 * A ready sealed Image is used for a crash kernel only, and never against the wish of the request:
 * no_checks and SEALING_NEVER mean the kernel itself, and kexec_load needs no sealed Image.
 */
enum crashres_answer crs_attempts_use_ready_image(const struct crashres_machine *machine,
						  const struct crashres_kernel *kernel,
						  const struct crashres_request *request)
{
	const struct listing listing = { .machine = machine, .kernel = kernel, .request = request };
	enum crashres_answer demanded;

	if (!is_crash(request) || request->no_checks ||
	    request->sealing == CRASHRES_SEALING_NEVER ||
	    choose_call(&listing) == CRASHRES_CALL_LOAD || crashres_kernel_is_sealed(kernel))
		return CRASHRES_ANSWER_NO;
	demanded = demands_signature(machine);
	/* Then kexec_load comes first, and the sealed Image is used only if that call is refused. */
	if (demanded == CRASHRES_ANSWER_YES && choose_call(&listing) == CRASHRES_CALL_AUTO &&
	    !find_load_obstacle(&listing))
		return CRASHRES_ANSWER_UNKNOWN;
	return demanded;
}

/* Is the ready sealed Image of the request in the list, instead of one that the plan seals? */
static bool uses_ready_image(const struct listing *listing)
{
	return listing->request->sealed &&
	       crs_attempts_use_ready_image(listing->machine, listing->kernel,
					    listing->request) != CRASHRES_ANSWER_NO;
}

/* Marks attempt @index as impossible, with @status and @reason. */
static enum crashres_status exclude(struct listing *listing, size_t index,
				    enum crashres_status status, const char *reason)
{
	crs_fail(listing->ctx, status, "%s", reason);
	return crs_attempts_exclude(listing->ctx, listing->attempts, index, status);
}

/*
 * Excludes the attempts that the running kernel would refuse, because a refused call still
 * counts against the limit of calls.
 */
static enum crashres_status exclude_impossible(struct listing *listing)
{
	const char *common = find_common_obstacle(listing), *load = find_load_obstacle(listing);
	const char *file_load = find_file_load_obstacle(listing);
	enum crashres_status status = CRASHRES_OK;

	for (size_t i = 0; i < listing->attempts->count && status == CRASHRES_OK; i++) {
		bool is_load = listing->attempts->items[i].call == CRASHRES_CALL_LOAD;
		const char *reason = common ? common : is_load ? load : file_load;

		if (reason)
			status = exclude(listing, i,
					 reason == file_load ? CRASHRES_ERR_SYSCALL_UNAVAILABLE :
							       CRASHRES_ERR_SYSCALL, reason);
	}
	return status;
}

/* ------------------------------------------------------------ the list */

static void add(struct listing *listing, enum crashres_call call, enum crashres_check check,
		bool original_files)
{
	listing->attempts->items[listing->attempts->count++] = (struct crs_attempt){
		.call = call,
		.check = check,
		.kernel = listing->kernel,
		.original_files = original_files,
	};
}

static void add_load(struct listing *listing)
{
	const struct crashres_request *request = listing->request;
	bool unchecked = request->no_checks || request->entry;

	add(listing, CRASHRES_CALL_LOAD, unchecked ? CRASHRES_CHECK_NONE : CRASHRES_CHECK_PURGATORY,
	    false);
}

/*
 * Adds kexec_file_load of the kernel without sealing it. If wrappers were removed, this is the
 * unpacked Image, which has no original file.
 *
 * Original files are passed if the running kernel can demand a signature. They are also passed
 * after the kernel refused a sealed Image (CRASHRES_CHECK_NONE_REFUSED), because the reason can be
 * that the sealed Image has no signature.
 */
static void add_unmodified(struct listing *listing, enum crashres_check check)
{
	add(listing, CRASHRES_CALL_FILE_LOAD, check, may_need_signature(listing->machine) ||
						     check == CRASHRES_CHECK_NONE_REFUSED);
}

/*
 * Adds the ready sealed Image of the request. The kernel itself follows in case the sealed Image is
 * refused, for example because its key is not in the keyring: a crash kernel without a check is
 * better than none. The running kernel verifies both.
 */
static void add_ready_image(struct listing *listing)
{
	const struct crashres_request *request = listing->request;

	add_unmodified(listing, CRASHRES_CHECK_ALREADY_SEALED);
	listing->attempts->items[listing->attempts->count - 1].kernel = request->sealed;
	if (request->sealing != CRASHRES_SEALING_ALWAYS && !request->purgatory_required)
		add_unmodified(listing, CRASHRES_CHECK_NONE_REFUSED);
}

/*
 * Adds one or two attempts with kexec_file_load. Two: first the sealed Image, then the unsealed
 * kernel in case the sealed Image is refused.
 */
static void add_file_load(struct listing *listing)
{
	const struct crashres_request *request = listing->request;

	if (crashres_kernel_is_sealed(listing->kernel)) {
		add_unmodified(listing, CRASHRES_CHECK_ALREADY_SEALED);
		return;
	}
	if (uses_ready_image(listing)) {
		add_ready_image(listing);
		return;
	}
	if (request->sealing == CRASHRES_SEALING_ALWAYS) {
		add(listing, CRASHRES_CALL_FILE_LOAD, CRASHRES_CHECK_SEALED, false);
		return;
	}
	if (request->sealing == CRASHRES_SEALING_NEVER && wants_check(request) &&
	    request->call == CRASHRES_CALL_AUTO) {
		add_unmodified(listing, CRASHRES_CHECK_NONE_SEALING_OFF);
		return;
	}
	if (request->sealing == CRASHRES_SEALING_NEVER || !is_crash(request) ||
	    request->no_checks) {
		add_unmodified(listing, CRASHRES_CHECK_NONE);
		return;
	}
	if (needs_signature(listing->machine)) {
		add_unmodified(listing, CRASHRES_CHECK_NONE_SIGNATURE);
		return;
	}
	add(listing, CRASHRES_CALL_FILE_LOAD, CRASHRES_CHECK_SEALED, false);
	if (!request->purgatory_required)
		add_unmodified(listing, CRASHRES_CHECK_NONE_REFUSED);
}

/*
 * Adds all attempts in their order. For a crash kernel kexec_load comes first, because it loads
 * purgatory without sealing. For a normal kernel kexec_file_load comes first: the new kernel then
 * gets the IMA measurements and the KHO data (kexec handover) of the running kernel.
 */
static void add_all(struct listing *listing)
{
	enum crashres_call call = choose_call(listing);

	if (call == CRASHRES_CALL_LOAD ||
	    (call == CRASHRES_CALL_AUTO && is_crash(listing->request)))
		add_load(listing);
	if (call != CRASHRES_CALL_LOAD)
		add_file_load(listing);
	if (call == CRASHRES_CALL_AUTO && !is_crash(listing->request))
		add_load(listing);
}

/*
 * Returns why @attempt is impossible because of its check, or NULL. Either the running kernel
 * demands a signature, which a newly sealed Image does not have. Or the request requires
 * purgatory, and the attempt has no purgatory.
 */
static const char *find_missing_check(const struct listing *listing,
				      const struct crs_attempt *attempt)
{
	bool required = listing->request->purgatory_required;

	if ((attempt->check == CRASHRES_CHECK_SEALED && needs_signature(listing->machine)) ||
	    (required && attempt->check == CRASHRES_CHECK_NONE_SIGNATURE))
		return "a check needs a sealed Image, and sealing breaks the signature that the "
		       "running kernel demands: seal the kernel, sign the sealed Image, and load it";
	if (required && attempt->call == CRASHRES_CALL_FILE_LOAD &&
	    attempt->check == CRASHRES_CHECK_NONE)
		return "the request wants no checks, so the kernel is not sealed and has no "
		       "purgatory, but the request requires purgatory";
	return NULL;
}

/* Excludes the possible attempts for which find_missing_check() has a reason. */
static enum crashres_status exclude_unchecked(struct listing *listing)
{
	enum crashres_status status = CRASHRES_OK;

	for (size_t i = 0; i < listing->attempts->count && status == CRASHRES_OK; i++) {
		const struct crs_attempt *attempt = &listing->attempts->items[i];
		const char *reason = find_missing_check(listing, attempt);

		if (reason && attempt->status == CRASHRES_OK)
			status = exclude(listing, i, CRASHRES_ERR_REQUEST, reason);
	}
	return status;
}

void crs_attempts_warn_of_device_tree(struct crashres_ctx *ctx, struct crs_attempts *attempts,
				      const struct crashres_request *request,
				      const struct crashres_kernel *kernel)
{
	const struct crashres_input *dtb = request->dtb ? request->dtb : kernel->dtb;

	if (!dtb || attempts->device_tree_warned)
		return;
	attempts->device_tree_warned = true;
	crs_log(ctx, CRASHRES_LOG_WARNING, "%s is ignored: kexec_file_load takes no device tree",
		dtb->name);
}

/*
 * Logs the warning now if kexec_file_load is the first possible attempt. If kexec_file_load is a
 * later attempt, load.c logs the warning when that attempt succeeds.
 */
static void warn_of_device_tree(const struct listing *listing)
{
	const struct crs_attempts *attempts = listing->attempts;
	size_t first = crs_attempts_find_possible(attempts, 0);

	if (first != CRS_NO_ATTEMPT && attempts->items[first].call == CRASHRES_CALL_FILE_LOAD)
		crs_attempts_warn_of_device_tree(listing->ctx, listing->attempts, listing->request,
						 listing->kernel);
}

/*
 * Logs a warning if the page sizes differ. kexec_load does not check that the CPU supports the
 * page size of the new kernel. On a CPU without this page size, the new kernel stops at its
 * first instructions.
 */
static void warn_of_page_size(const struct listing *listing)
{
	if (listing->attempts->pages_differ)
		crs_log(listing->ctx, CRASHRES_LOG_WARNING,
			"the kernel has pages of %" PRIu64 " KiB, the running kernel has pages of "
			"%" PRIu64 " KiB: the CPU must support both",
			listing->kernel->image.page_size >> 10, listing->machine->page_size >> 10);
}

enum crashres_status crs_attempts_list(struct crashres_ctx *ctx,
				       const struct crashres_machine *machine,
				       const struct crashres_kernel *kernel,
				       const struct crashres_request *request,
				       struct crs_attempts *attempts)
{
	struct listing listing = { ctx, machine, kernel, request, attempts };
	enum crashres_status status = check_request(&listing);

	*attempts = (struct crs_attempts){
		.slot = request->slot,
		.limit = machine->permissions.limits[request->slot],
		.pages_differ = kernel->image.page_size &&
				kernel->image.page_size != machine->page_size,
	};
	if (status != CRASHRES_OK)
		return status;
	add_all(&listing);
	status = exclude_impossible(&listing);
	if (status == CRASHRES_OK)
		status = exclude_unchecked(&listing);
	if (status != CRASHRES_OK)
		return status;
	warn_of_device_tree(&listing);
	warn_of_page_size(&listing);
	return CRASHRES_OK;
}

void crs_attempts_free(struct crs_attempts *attempts)
{
	for (size_t i = 0; i < attempts->count; i++)
		free(attempts->items[i].reason);
	attempts->count = 0;
}

enum crashres_status crs_attempts_exclude(struct crashres_ctx *ctx, struct crs_attempts *attempts,
					  size_t index, enum crashres_status status)
{
	char *reason = strdup(ctx->error);

	if (!reason)
		return crs_fail_memory(ctx);
	attempts->items[index].status = status;
	attempts->items[index].reason = reason;
	return CRASHRES_OK;
}

/*
 * True only if another attempt can avoid the failure. After CRASHRES_ERR_NO_SPACE, for
 * example, kexec_file_load would fail too, and free the previous crash kernel first. If a member
 * of the request is the cause, the user must change the request.
 */
bool crs_attempts_may_exclude(const struct crashres_ctx *ctx, const struct crs_attempt *attempt,
			      enum crashres_status status)
{
	if (crashres_error_member(ctx) != CRASHRES_MEMBER_NONE)
		return false;
	/* A kernel that is too large for a sealed Image can still be loaded without sealing. */
	if (attempt->check == CRASHRES_CHECK_SEALED && status == CRASHRES_ERR_LIMIT)
		return true;
	return status == CRASHRES_ERR_UNSUPPORTED || status == CRASHRES_ERR_PERMISSION ||
	       status == CRASHRES_ERR_NO_DEVICE_TREE ||
	       status == CRASHRES_ERR_FORMAT || status == CRASHRES_ERR_OS;
}

/* ------------------------------------------------------------ the next attempt */

size_t crs_attempts_find_already_sealed(const struct crs_attempts *attempts)
{
	for (size_t i = 0; i < attempts->count; i++)
		if (attempts->items[i].check == CRASHRES_CHECK_ALREADY_SEALED)
			return i;
	return CRS_NO_ATTEMPT;
}

size_t crs_attempts_find_possible(const struct crs_attempts *attempts, size_t index)
{
	for (; index < attempts->count; index++)
		if (attempts->items[index].status == CRASHRES_OK)
			return index;
	return CRS_NO_ATTEMPT;
}

/* As crs_attempts_find_possible(), but only attempts with the system call @call. */
static size_t find_call(const struct crs_attempts *attempts, size_t index, enum crashres_call call)
{
	while ((index = crs_attempts_find_possible(attempts, index)) != CRS_NO_ATTEMPT &&
	       attempts->items[index].call != call)
		index++;
	return index;
}

/*
 * EPERM and EACCES come from kexec_load_check() (kernel/kexec.c), before the kernel reads any
 * segment. ENOSYS: the kernel was built without kexec_load.
 */
static bool is_load_unavailable(int error)
{
	return error == EPERM || error == EACCES || error == ENOSYS;
}

/*
 * Usually these errors mean that the kernel lacks kexec_file_load or does not know the format of
 * the file. For example, arm64 returns EINVAL for a file that is not an Image (image_probe() in
 * arch/arm64/kernel/kexec_image.c). EINVAL also has other causes: see crs_attempts_find_next()
 * and crs_attempts_may_drop_flags().
 */
static bool is_file_load_unavailable(int error)
{
	return error == ENOSYS || error == ENOEXEC || error == EINVAL || error == EOPNOTSUPP;
}

bool crs_attempts_is_unavailable(enum crashres_call call, int error)
{
	return call == CRASHRES_CALL_LOAD ? is_load_unavailable(error) :
					    is_file_load_unavailable(error);
}

/* Does @attempt load a sealed Image, made by the plan or earlier? */
static bool loads_sealed(const struct crs_attempt *attempt)
{
	return attempt->check == CRASHRES_CHECK_SEALED ||
	       attempt->check == CRASHRES_CHECK_ALREADY_SEALED;
}

/*
 * Returns true if kexec_file_load refused a sealed Image with @error, and can still accept the
 * unsealed kernel. EADDRNOTAVAIL and ENOMEM: usually the sealed Image is too large. EPERM: lockdown
 * demands a valid signature.
 */
static bool is_sealing_refusal(int error)
{
	return error == EPERM || error == EADDRNOTAVAIL || error == ENOMEM ||
	       crs_is_signature_error(error);
}

/*
 * More errors after which the kernel itself follows a ready sealed Image. EINVAL: the running kernel
 * refuses the size of the RSA key. ETXTBSY: a program has the file open for writing.
 */
static bool is_ready_image_refusal(const struct crs_attempt *attempt, int error)
{
	return attempt->check == CRASHRES_CHECK_ALREADY_SEALED &&
	       (error == EINVAL || error == ETXTBSY);
}

/*
 * Returns the attempt that follows after kexec_load failed with @error (EPERM, EACCES or ENOSYS).
 * Usually this is the next attempt with kexec_file_load.
 *
 * EPERM and EACCES can mean that the running kernel demands a signature. A newly sealed Image
 * has no signature. So if only one call is left, this call loads the unsealed kernel.
 */
static size_t find_next_after_load(const struct crs_attempts *attempts, size_t index, int error,
				   const struct crs_limit *limit)
{
	size_t next = find_call(attempts, index + 1, CRASHRES_CALL_FILE_LOAD), original;

	if (next == CRS_NO_ATTEMPT || attempts->items[next].check != CRASHRES_CHECK_SEALED ||
	    error == ENOSYS || !limit->limited || limit->left > 1)
		return next;
	original = find_call(attempts, next + 1, CRASHRES_CALL_FILE_LOAD);
	return original == CRS_NO_ATTEMPT ? next : original;
}

/*
 * The first rule that applies decides:
 *
 *   condition                                      next attempt
 *   the limit allows no further call               none
 *   sealed Image, and is_sealing_refusal()         kexec_file_load of the unsealed kernel
 *   sealed earlier, and is_ready_image_refusal()   kexec_file_load of the unsealed kernel, if the
 *                                                  list has it
 *   not crs_attempts_is_unavailable()              none
 *   kexec_load                                     kexec_file_load
 *   kexec_file_load, EINVAL, page sizes differ     none
 *   kexec_file_load                                kexec_load
 *
 * A signature error never leads to kexec_load, because kexec_load verifies no signature.
 *
 * If the page sizes differ, EINVAL can mean that the CPU does not support the page size of the new
 * kernel (image_load() in arch/arm64/kernel/kexec_image.c). kexec_load does not check the page
 * size, so it would load a kernel that cannot start.
 */
size_t crs_attempts_find_next(const struct crs_attempts *attempts, size_t index, int error,
			      const struct crs_limit *limit)
{
	const struct crs_attempt *attempt = &attempts->items[index];
	size_t original = find_call(attempts, index + 1, CRASHRES_CALL_FILE_LOAD);

	if (limit->limited && !limit->left)
		return CRS_NO_ATTEMPT;
	if (loads_sealed(attempt) && is_sealing_refusal(error))
		return original;
	if (is_ready_image_refusal(attempt, error) && original != CRS_NO_ATTEMPT)
		return original;
	if (!crs_attempts_is_unavailable(attempt->call, error))
		return CRS_NO_ATTEMPT;
	if (attempt->call == CRASHRES_CALL_LOAD)
		return find_next_after_load(attempts, index, error, limit);
	if (error == EINVAL && attempts->pages_differ)
		return CRS_NO_ATTEMPT;
	return find_call(attempts, index + 1, CRASHRES_CALL_LOAD);
}

/* The calls that are left if each possible attempt up to @index takes one call. */
static struct crs_limit predict_limit(const struct crs_attempts *attempts, size_t index)
{
	struct crs_limit limit = attempts->limit;

	for (size_t i = 0; i <= index; i++)
		if (attempts->items[i].status == CRASHRES_OK && limit.left)
			limit.left--;
	return limit;
}

size_t crs_attempts_predict_next(const struct crs_attempts *attempts, size_t index,
				 enum crashres_refusal *refusal)
{
	/* Assume one typical errno for each kind of attempt, and ask crs_attempts_find_next(). */
	const struct crs_attempt *attempt = &attempts->items[index];
	bool sealed = loads_sealed(attempt) &&
		      find_call(attempts, index + 1, CRASHRES_CALL_FILE_LOAD) != CRS_NO_ATTEMPT;
	int error = sealed ? EKEYREJECTED :
		    attempt->call == CRASHRES_CALL_LOAD ? EPERM : EOPNOTSUPP;
	const struct crs_limit limit = predict_limit(attempts, index);
	size_t next = crs_attempts_find_next(attempts, index, error, &limit);

	*refusal = next == CRS_NO_ATTEMPT ? CRASHRES_REFUSAL_NONE :
		   sealed ? CRASHRES_REFUSAL_SEALED_IMAGE : CRASHRES_REFUSAL_CALL;
	return next;
}

bool crs_attempts_explain_none_left(struct crashres_ctx *ctx, const struct crs_attempts *attempts)
{
	for (size_t i = 0; i < attempts->count; i++) {
		const struct crs_attempt *attempt = &attempts->items[i];

		if (attempt->call != CRASHRES_CALL_LOAD || !attempt->reason)
			continue;
		crs_fail(ctx, CRASHRES_ERR_SYSCALL_UNAVAILABLE,
			 "no system call is left: kexec_load is excluded (%s), and kexec_file_load "
			 "is missing (the running kernel was built without CONFIG_KEXEC_FILE)",
			 attempt->reason);
		return true;
	}
	return false;
}

/*
 * For the crash slot, the kernel frees the previous image before it reads the new image. So the
 * slot is empty after most errors.
 *
 * There are exceptions. If kexec_load fails with an error of is_load_unavailable(), the kernel has
 * not freed the image (do_kexec_load() in kernel/kexec.c). If kexec_file_load fails with EPERM, a
 * sysctl can be the reason (the image is not freed) or lockdown (the image is freed). So EPERM
 * leaves the state unknown.
 */
enum crashres_slot_state crs_attempts_slot_state(enum crashres_call call, enum crashres_slot slot,
						 int error)
{
	if (slot == CRASHRES_SLOT_NORMAL || error == ENOSYS || error == EBUSY)
		return CRASHRES_SLOT_STATE_UNCHANGED;
	if (call == CRASHRES_CALL_LOAD)
		return is_load_unavailable(error) ? CRASHRES_SLOT_STATE_UNCHANGED :
						 CRASHRES_SLOT_STATE_EMPTY;
	return error == EPERM ? CRASHRES_SLOT_STATE_UNKNOWN : CRASHRES_SLOT_STATE_EMPTY;
}

bool crs_attempts_may_repeat(const struct crs_limit *limit, int error, unsigned int tries)
{
	return error == EBUSY && tries < BUSY_TRIES &&
	       (!limit->limited || limit->left > CALLS_KEPT);
}

bool crs_attempts_may_drop_flags(const struct crs_limit *limit, enum crashres_call call, int error)
{
	return call == CRASHRES_CALL_FILE_LOAD && error == EINVAL &&
	       (!limit->limited || limit->left);
}

/* ENOSYS: the kernel lacks the system call, so kexec_load_permitted() does not count this call. */
bool crs_attempts_is_counted(int error)
{
	return error != ENOSYS;
}

/* CRASHRES_CHECK_NONE loses no check, because the request itself excludes the check. */
bool crs_attempts_loses_check(const struct crashres_request *request,
			      const struct crs_attempt *attempt)
{
	return wants_check(request) && (attempt->check == CRASHRES_CHECK_NONE_SEALING_OFF ||
					attempt->check == CRASHRES_CHECK_NONE_SIGNATURE ||
					attempt->check == CRASHRES_CHECK_NONE_REFUSED);
}
