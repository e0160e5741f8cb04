/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "../base/range.h"
#include "attempts.h"

/* A loader that runs at the same time holds the kernel's lock for well under a second. */
#define BUSY_TRIES	20

/* Of a limit, so many calls are not spent on waiting: the other call and an unload need one each. */
#define CALLS_KEPT	2

/* What goes into a list while it is made. */
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

static bool wants_check(const struct crashres_request *request)
{
	return is_crash(request) && !request->no_checks && !request->entry;
}

/* ------------------------------------------------------- what a request asks for */

/* What only segments of our own can do, and a kernel that places them itself must not ignore. */
static enum crashres_member find_load_only_member(const struct crashres_request *request)
{
	if (is_narrowed(request->window))
		return CRASHRES_MEMBER_WINDOW;
	if (request->entry)
		return CRASHRES_MEMBER_ENTRY;
	if (request->purgatory_mmu_off)
		return CRASHRES_MEMBER_PURGATORY_MMU_OFF;
	/* A sealed Image brings purgatory along. */
	if (request->purgatory_required &&
	    (!is_crash(request) || request->sealing == CRASHRES_SEALING_NEVER))
		return CRASHRES_MEMBER_PURGATORY_REQUIRED;
	return CRASHRES_MEMBER_NONE;
}

/* What only the running kernel's own loader can do. */
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

/* An order, or the only call that can do what is asked for; AUTO where there is a choice. */
static enum crashres_call choose_call(const struct crashres_request *request)
{
	if (request->call != CRASHRES_CALL_AUTO)
		return request->call;
	if (find_load_only_member(request) || request->dtb)
		return CRASHRES_CALL_LOAD;
	return find_file_load_only_member(request) ? CRASHRES_CALL_FILE_LOAD : CRASHRES_CALL_AUTO;
}

static enum crashres_status check_request(struct crashres_ctx *ctx,
					  const struct crashres_request *request)
{
	enum crashres_call call = choose_call(request);
	enum crashres_member load = find_load_only_member(request), file_load = find_file_load_only_member(request);

	if (call == CRASHRES_CALL_FILE_LOAD && load)
		return crs_fail_member(ctx, CRASHRES_ERR_REQUEST, load,
				       "only kexec_load can do that, not kexec_file_load");
	if (call == CRASHRES_CALL_LOAD && file_load)
		return crs_fail_member(ctx, CRASHRES_ERR_REQUEST, file_load,
				       "only kexec_file_load can do that, not kexec_load");
	return CRASHRES_OK;
}

/* ------------------------------------------------------------ why not */

/* Both calls go through kexec_load_permitted() (kernel/kexec_core.c). NULL: it may pass. */
static const char *find_common_obstacle(const struct listing *listing)
{
	const struct crs_permissions *permissions = &listing->machine->permissions;
	enum crashres_slot slot = listing->request->slot;

	if (permissions->load_disabled == CRASHRES_ANSWER_YES)
		return "kernel.kexec_load_disabled is 1";
	if (permissions->limits[slot].limited && !permissions->limits[slot].left)
		return slot == CRASHRES_SLOT_CRASH ?
		       "kernel.kexec_load_limit_panic is 0: the kernel accepts no further call" :
		       "kernel.kexec_load_limit_reboot is 0: the kernel accepts no further call";
	return NULL;
}

/*
 * kexec_load brings bytes without a file, so that nothing can verify them
 * (kexec_load_check()). An order is tried under an IMA policy all the same: the
 * policy does not show whether it is enforced.
 */
static const char *find_load_obstacle(const struct listing *listing)
{
	const struct crs_permissions *permissions = &listing->machine->permissions;

	if (permissions->locked_down == CRASHRES_ANSWER_YES)
		return "the running kernel is locked down, and accepts only a signed file";
	if (permissions->appraised == CRASHRES_ANSWER_YES &&
	    listing->request->call == CRASHRES_CALL_AUTO)
		return "the IMA policy appraises kernels, and kexec_load brings no file to appraise";
	return NULL;
}

static enum crashres_status exclude(struct listing *listing, size_t index, const char *reason)
{
	const struct crs_attempt *attempt = &listing->attempts->items[index];

	crs_fail(listing->ctx, CRASHRES_ERR_SYSCALL, "%s: %s", crs_call_name(attempt->call), reason);
	return crs_attempts_exclude(listing->ctx, listing->attempts, index, CRASHRES_ERR_SYSCALL);
}

static enum crashres_status exclude_impossible(struct listing *listing)
{
	const char *common = find_common_obstacle(listing), *load = find_load_obstacle(listing);
	enum crashres_status status = CRASHRES_OK;

	for (size_t i = 0; i < listing->attempts->count && status == CRASHRES_OK; i++) {
		bool is_load = listing->attempts->items[i].call == CRASHRES_CALL_LOAD;
		const char *reason = common ? common : is_load ? load : NULL;

		if (reason)
			status = exclude(listing, i, reason);
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

/* IMA appraises a file, whose attribute no copy of ours has. */
static bool may_need_signature(const struct crashres_machine *machine)
{
	return machine->permissions.locked_down != CRASHRES_ANSWER_NO ||
	       machine->permissions.appraised != CRASHRES_ANSWER_NO;
}

static bool needs_signature(const struct crashres_machine *machine)
{
	return machine->permissions.locked_down == CRASHRES_ANSWER_YES ||
	       machine->permissions.appraised == CRASHRES_ANSWER_YES;
}

static void add_unmodified(struct listing *listing, enum crashres_check check)
{
	add(listing, CRASHRES_CALL_FILE_LOAD, check, may_need_signature(listing->machine) ||
						     check == CRASHRES_CHECK_NONE_REFUSED);
}

/* Sealed where no signature is demanded, else as it is. */
static void add_file_load(struct listing *listing)
{
	const struct crashres_request *request = listing->request;

	if (crashres_kernel_is_sealed(listing->kernel)) {
		add_unmodified(listing, CRASHRES_CHECK_ALREADY_SEALED);
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
	if (request->sealing == CRASHRES_SEALING_NEVER || !is_crash(request) || request->no_checks) {
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
 * A crash kernel goes by kexec_load, because it carries purgatory. Any other
 * kernel goes by kexec_file_load, which hands IMA's measurements and KHO on to it.
 */
static void add_all(struct listing *listing)
{
	enum crashres_call call = choose_call(listing->request);

	if (call == CRASHRES_CALL_LOAD ||
	    (call == CRASHRES_CALL_AUTO && is_crash(listing->request)))
		add_load(listing);
	if (call != CRASHRES_CALL_LOAD)
		add_file_load(listing);
	if (call == CRASHRES_CALL_AUTO && !is_crash(listing->request))
		add_load(listing);
}

/* Why @attempt cannot bring the check that the request demands; NULL if it can. */
static const char *find_missing_check(const struct listing *listing,
				      const struct crs_attempt *attempt)
{
	bool required = listing->request->purgatory_required;

	if ((attempt->check == CRASHRES_CHECK_SEALED && needs_signature(listing->machine)) ||
	    (required && attempt->check == CRASHRES_CHECK_NONE_SIGNATURE))
		return "what is to be checked must be sealed, which breaks the signature that the "
		       "running kernel demands: seal the kernel and sign it first";
	if (required && attempt->call == CRASHRES_CALL_FILE_LOAD &&
	    attempt->check == CRASHRES_CHECK_NONE)
		return "kexec_file_load: this kernel brings no purgatory, which the request demands";
	return NULL;
}

static enum crashres_status exclude_unchecked(struct listing *listing)
{
	enum crashres_status status = CRASHRES_OK;

	for (size_t i = 0; i < listing->attempts->count && status == CRASHRES_OK; i++) {
		struct crs_attempt *attempt = &listing->attempts->items[i];
		const char *reason = find_missing_check(listing, attempt);

		if (!reason || attempt->status != CRASHRES_OK)
			continue;
		crs_fail(listing->ctx, CRASHRES_ERR_REQUEST, "%s", reason);
		status = crs_attempts_exclude(listing->ctx, listing->attempts, i,
					      CRASHRES_ERR_REQUEST);
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
	crs_log(ctx, CRASHRES_LOG_WARNING, "%s is not used: kexec_file_load takes no device tree",
		dtb->name);
}

static void warn_of_device_tree(const struct listing *listing)
{
	const struct crs_attempts *attempts = listing->attempts;
	size_t first = crs_attempts_find_possible(attempts, 0);

	if (first != CRS_NO_ATTEMPT && attempts->items[first].call == CRASHRES_CALL_FILE_LOAD)
		crs_attempts_warn_of_device_tree(listing->ctx, listing->attempts, listing->request,
						 listing->kernel);
}

/* The CPU has to support both; the kernel asks for neither before it is started by kexec_load. */
static void warn_of_page_size(const struct listing *listing)
{
	if (listing->attempts->pages_differ)
		crs_log(listing->ctx, CRASHRES_LOG_WARNING,
			"the kernel has pages of %" PRIu64 " KiB, the running one of %" PRIu64 " KiB: "
			"the CPU must support both", listing->kernel->image.page_size >> 10,
			listing->machine->page_size >> 10);
}

enum crashres_status crs_attempts_list(struct crashres_ctx *ctx,
				       const struct crashres_machine *machine,
				       const struct crashres_kernel *kernel,
				       const struct crashres_request *request,
				       struct crs_attempts *attempts)
{
	struct listing listing = { ctx, machine, kernel, request, attempts };
	enum crashres_status status = check_request(ctx, request);

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
 * A kernel or initrd that does not fit must not meet kexec_file_load either,
 * which lets go of the old crash kernel first. What the request got wrong is an error.
 */
bool crs_attempts_may_exclude(const struct crashres_ctx *ctx, const struct crs_attempt *attempt,
			      enum crashres_status status)
{
	if (crashres_error_member(ctx) != CRASHRES_MEMBER_NONE)
		return false;
	/* Too large to be sealed is not too large to be loaded as it is. */
	if (attempt->check == CRASHRES_CHECK_SEALED && status == CRASHRES_ERR_LIMIT)
		return true;
	return status == CRASHRES_ERR_UNSUPPORTED || status == CRASHRES_ERR_PERMISSION ||
	       status == CRASHRES_ERR_NO_DEVICE_TREE ||
	       status == CRASHRES_ERR_FORMAT || status == CRASHRES_ERR_OS;
}

/* ------------------------------------------------------------ what follows */

size_t crs_attempts_find_possible(const struct crs_attempts *attempts, size_t index)
{
	for (; index < attempts->count; index++)
		if (attempts->items[index].status == CRASHRES_OK)
			return index;
	return CRS_NO_ATTEMPT;
}

/* As crs_attempts_find_possible(), of one call only. */
static size_t find_call(const struct crs_attempts *attempts, size_t index, enum crashres_call call)
{
	while ((index = crs_attempts_find_possible(attempts, index)) != CRS_NO_ATTEMPT &&
	       attempts->items[index].call != call)
		index++;
	return index;
}

/* These come before the kernel looks at any segment. */
static bool is_load_unavailable(int error)
{
	return error == EPERM || error == EACCES || error == ENOSYS;
}

/* EINVAL is what arm64 says to a format that it does not know. */
static bool is_file_load_unavailable(int error)
{
	return error == ENOSYS || error == ENOEXEC || error == EINVAL || error == EOPNOTSUPP;
}

bool crs_attempts_is_unavailable(enum crashres_call call, int error)
{
	return call == CRASHRES_CALL_LOAD ? is_load_unavailable(error) : is_file_load_unavailable(error);
}

/* Would the kernel as it is, with its signature and without what sealing adds, be taken? */
static bool is_sealing_refusal(int error)
{
	return error == EACCES || error == EPERM || error == ENODATA || error == ENOKEY ||
	       error == EKEYREJECTED || error == EBADMSG || error == ELIBBAD || error == ENOPKG ||
	       error == EADDRNOTAVAIL || error == ENOMEM;
}

/*
 * EPERM and EACCES may mean that a signature is demanded, which no Image has that
 * was sealed here. A last call must not be spent on it.
 */
static size_t find_next_after_load(const struct crs_attempts *attempts, size_t index, int error,
			 const struct crs_limit *limit)
{
	size_t next = find_call(attempts, index + 1, CRASHRES_CALL_FILE_LOAD), other;

	if (next == CRS_NO_ATTEMPT || attempts->items[next].check != CRASHRES_CHECK_SEALED ||
	    error == ENOSYS || !limit->limited || limit->left > 1)
		return next;
	other = find_call(attempts, next + 1, CRASHRES_CALL_FILE_LOAD);
	return other == CRS_NO_ATTEMPT ? next : other;
}

/*
 * No signature failure leads to kexec_load, which verifies none. Nor does EINVAL
 * where the page sizes differ: that is the kernel's verdict on the CPU
 * (image_load() of arch/arm64/kernel/kexec_image.c), which kexec_load does not ask for.
 */
size_t crs_attempts_find_next(const struct crs_attempts *attempts, size_t index, int error,
			  const struct crs_limit *limit)
{
	const struct crs_attempt *attempt = &attempts->items[index];

	if (limit->limited && !limit->left)
		return CRS_NO_ATTEMPT;
	if (attempt->check == CRASHRES_CHECK_SEALED && is_sealing_refusal(error))
		return find_call(attempts, index + 1, CRASHRES_CALL_FILE_LOAD);
	if (!crs_attempts_is_unavailable(attempt->call, error))
		return CRS_NO_ATTEMPT;
	if (attempt->call == CRASHRES_CALL_LOAD)
		return find_next_after_load(attempts, index, error, limit);
	if (error == EINVAL && attempts->pages_differ)
		return CRS_NO_ATTEMPT;
	return find_call(attempts, index + 1, CRASHRES_CALL_LOAD);
}

/* What the limit allows after one call for each possible attempt up to @index. */
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
	const struct crs_attempt *attempt = &attempts->items[index];
	bool sealed = attempt->check == CRASHRES_CHECK_SEALED;
	int error = sealed ? EKEYREJECTED :
		    attempt->call == CRASHRES_CALL_LOAD ? EPERM : EOPNOTSUPP;
	const struct crs_limit limit = predict_limit(attempts, index);
	size_t next = crs_attempts_find_next(attempts, index, error, &limit);

	*refusal = next == CRS_NO_ATTEMPT ? CRASHRES_REFUSAL_NONE :
		   sealed ? CRASHRES_REFUSAL_SEALED_IMAGE : CRASHRES_REFUSAL_CALL;
	return next;
}

/*
 * The kernel frees the old crash image before it looks at the new one. What it
 * answers before that is known for kexec_load (do_kexec_load()). EPERM of
 * kexec_file_load comes before it from the sysctls and after it from lockdown.
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

/* A kernel without the call answers before kexec_load_permitted() counts anything. */
bool crs_attempts_is_counted(int error)
{
	return error != ENOSYS;
}

bool crs_attempts_loses_check(const struct crashres_request *request,
			      const struct crs_attempt *attempt)
{
	return wants_check(request) && (attempt->check == CRASHRES_CHECK_NONE_SEALING_OFF ||
					(request->sealing != CRASHRES_SEALING_NEVER &&
					 (attempt->check == CRASHRES_CHECK_NONE_SIGNATURE ||
					  attempt->check == CRASHRES_CHECK_NONE_REFUSED)));
}
