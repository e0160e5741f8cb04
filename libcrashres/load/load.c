/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * load.c: executes a plan: makes its attempts in order, and reports the result.
 *
 * plan/attempts.c decides which attempt follows each errno. This file only makes the calls,
 * counts them and collects the sentences for messages.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "../base/input.h"
#include "../base/struct-size.h"
#include "../kernel/image.h"
#include "../plan/plan.h"
#include "errors.h"
#include "kexec.h"
#include "syscalls.h"

/* Nanoseconds between two tries while another kexec call holds the kernel's lock. */
#define BUSY_PAUSE_NS	100000000L

/* Makes the system calls for one slot, and counts them. */
struct caller {
	struct crashres_ctx *ctx;
	enum crashres_slot slot;
	struct crs_limit limit;		/* calls that the kernel still accepts */
	unsigned int calls;		/* number of calls so far */
};

/* The arguments of one system call. The members of the other system call are zero. */
struct arguments {
	enum crashres_call call;
	unsigned long flags;		/* KEXEC_... or KEXEC_FILE_... */
	/* kexec_load */
	unsigned long entry;
	unsigned long count;
	const struct kexec_segment *segments;
	/* kexec_file_load */
	int kernel_fd;
	int initrd_fd;
	const char *cmdline;
};

/* Counts a call that returned @error (0: it succeeded). */
static void count_call(struct caller *caller, int error)
{
	caller->calls++;
	if (crs_attempts_is_counted(error) && caller->limit.left)
		caller->limit.left--;
}

/* Makes the system call. An empty command line is passed as NULL with size 0. */
static long call_kernel(struct crashres_ctx *ctx, const struct arguments *arguments)
{
	const char *cmdline = arguments->cmdline && *arguments->cmdline ? arguments->cmdline : NULL;

	if (arguments->call == CRASHRES_CALL_LOAD)
		return ctx->kexec_load(arguments->entry, arguments->count, arguments->segments,
				       arguments->flags);
	return ctx->kexec_file_load(arguments->kernel_fd, arguments->initrd_fd,
				    cmdline ? strlen(cmdline) + 1 : 0, cmdline, arguments->flags);
}

/* Makes and counts one system call. Returns 0 or the errno. */
static int call_once(struct caller *caller, const struct arguments *arguments)
{
	int error = call_kernel(caller->ctx, arguments) < 0 ? errno : 0;

	count_call(caller, error);
	return error;
}

/* Makes a system call, and repeats it while it fails with EBUSY. Returns 0 or the last errno. */
static int call(struct caller *caller, const struct arguments *arguments)
{
	const struct timespec pause = { .tv_nsec = BUSY_PAUSE_NS };
	unsigned int tries = 1;
	int error;

	while ((error = call_once(caller, arguments)) &&
	       crs_attempts_may_repeat(&caller->limit, error, tries++))
		nanosleep(&pause, NULL);
	return error;
}

static unsigned long load_flags(enum crashres_slot slot)
{
	return KEXEC_FLAG_ARCH_ARM64 | (slot == CRASHRES_SLOT_CRASH ? KEXEC_FLAG_ON_CRASH : 0);
}

static unsigned long file_load_flags(enum crashres_slot slot)
{
	return slot == CRASHRES_SLOT_CRASH ? KEXEC_FILE_FLAG_ON_CRASH : 0;
}

/*
 * Reads the limit again after a call failed with @error. If the error is EPERM and the limit is 0
 * now, caller->limit.left, which already includes this call, tells the reason:
 *
 *   0       this call was the last one, and the kernel refused it for another reason
 *   not 0   another program used up the limit before this call
 */
static enum crs_limit_state find_limit_state(const struct caller *caller, int error)
{
	const struct crs_limit now = crs_limit_read(caller->ctx, caller->slot);

	if (error != EPERM || !now.limited || now.left)
		return CRS_LIMIT_OPEN;
	return caller->limit.limited && !caller->limit.left ? CRS_LIMIT_USED_UP_BY_THIS :
							      CRS_LIMIT_USED_UP_BEFORE;
}

/* Collects the facts about a call that failed with @error, apart from those of the file. */
static struct crs_refusal make_refusal(const struct caller *caller, enum crashres_call call,
				       int error)
{
	return (struct crs_refusal){
		.call = call,
		.slot = caller->slot,
		.error = error,
		.limit = find_limit_state(caller, error),
	};
}

/* Sets the sentence of a failed call: "OPERATION failed: STRERROR (REASON)". */
static enum crashres_status fail_call(const struct caller *caller,
				      const struct crs_refusal *refusal, const char *operation)
{
	const char *reason = crs_explain_refusal(refusal);
	bool unavailable = crs_attempts_is_unavailable(refusal->call, crs_refusal_reason(refusal));

	return crs_fail(caller->ctx,
			unavailable ? CRASHRES_ERR_SYSCALL_UNAVAILABLE : CRASHRES_ERR_SYSCALL,
			"%s failed: %s%s%s%s", operation, strerror(refusal->error),
			reason ? " (" : "", reason ? reason : "", reason ? ")" : "");
}

enum crashres_status crashres_can_load(struct crashres_ctx *ctx)
{
#ifndef __aarch64__
	if (ctx->kexec_load == crs_kexec_load)
		return crs_fail(ctx, CRASHRES_ERR_UNSUPPORTED,
				"this machine is not arm64: it can plan a load but not execute it");
#endif
	if (!ctx->root_is_live)
		return crs_fail(ctx, CRASHRES_ERR_UNSUPPORTED,
				"the plan is for another machine: its root is not /");
	return CRASHRES_OK;
}

/* ------------------------------------------------------------ one attempt */

/* The state of crashres_load(). */
struct walk {
	struct caller caller;
	struct crashres_plan *plan;
	struct crashres_result result;
	char refused[512];	/* the sentences of all failed attempts, with "; then " between
				   them */
};

/* Makes the attempt with kexec_load. Returns 0 or the errno. */
static int load_segments(struct walk *walk)
{
	const struct crs_segments *from = &walk->plan->segments;
	struct kexec_segment segments[CRS_SEGMENTS_MAX];
	const struct arguments arguments = {
		.call = CRASHRES_CALL_LOAD,
		.flags = load_flags(walk->caller.slot) | (from->hotplug ? KEXEC_FLAG_HOTPLUG : 0),
		.entry = from->entry,
		.count = from->count,
		.segments = segments,
	};

	for (size_t i = 0; i < from->count; i++)
		segments[i] = (struct kexec_segment){
			.buf = from->items[i].data,
			.bufsz = from->items[i].data_size,
			.mem = (const void *)(uintptr_t)from->items[i].range.base,
			.memsz = from->items[i].range.size,
		};
	return call(&walk->caller, &arguments);
}

/* The descriptor to pass. crs_plan_prepare() has made the memfd input->fd, if it is needed. */
static int descriptor_of(const struct crashres_input *input, bool original_files)
{
	return original_files && input->original_fd >= 0 ? input->original_fd : input->fd;
}

/*
 * Flags that can be dropped. A kernel that is too old for KEXEC_FILE_FLAG_NO_CMA places nothing
 * in CMA memory. KEXEC_FILE_FLAG_FORCE_DTB has no effect on arm64.
 */
static unsigned long optional_flags(const struct crashres_request *request)
{
	return (request->no_cma ? KEXEC_FILE_FLAG_NO_CMA : 0) |
	       (request->force_dtb ? KEXEC_FILE_FLAG_FORCE_DTB : 0);
}

/* The file that @attempt passes as the kernel. */
static const struct crashres_input *kernel_of(const struct crashres_plan *plan,
					      const struct crs_attempt *attempt)
{
	return attempt->check == CRASHRES_CHECK_SEALED ? plan->sealed_kernel : attempt->kernel->file;
}

/* Makes an attempt with kexec_file_load. Returns 0 or the errno. */
static int load_files(struct walk *walk, const struct crs_attempt *attempt)
{
	const struct crashres_plan *plan = walk->plan;
	const struct crashres_input *kernel = kernel_of(plan, attempt);
	unsigned long optional = optional_flags(&plan->request);
	struct arguments arguments = {
		.call = CRASHRES_CALL_FILE_LOAD,
		.flags = file_load_flags(walk->caller.slot) | optional |
			 (plan->initrd ? 0 : KEXEC_FILE_FLAG_NO_INITRAMFS),
		.kernel_fd = descriptor_of(kernel, attempt->original_files),
		.initrd_fd = plan->initrd ? descriptor_of(plan->initrd, attempt->original_files) :
					    -1,
		.cmdline = plan->command_line,
	};
	int error = call(&walk->caller, &arguments);

	if (!error || !optional ||
	    !crs_attempts_may_drop_flags(&walk->caller.limit, attempt->call, error))
		return error;
	crs_log(walk->caller.ctx, CRASHRES_LOG_INFO,
		"kexec_file_load is tried again without no_cma and force_dtb, which older kernels "
		"do not know");
	arguments.flags &= ~optional;
	return call(&walk->caller, &arguments);
}

/* ------------------------------------------------------------ the walk */

/* Returns why no sealed Image could be made; NULL if it was made, or is not in the list. */
static const char *find_sealing_failure(const struct crs_attempts *attempts)
{
	for (size_t i = 0; i < attempts->count; i++)
		if (attempts->items[i].check == CRASHRES_CHECK_SEALED)
			return attempts->items[i].reason;
	return NULL;
}

/* Logs that the loaded crash kernel has no check, with all reasons. @check: a NONE_ value. */
static void warn_of_lost_check(struct walk *walk, enum crashres_check check)
{
	const char *failure = find_sealing_failure(&walk->plan->attempts), *reason;

	switch (check) {
	case CRASHRES_CHECK_NONE_SIGNATURE:
		reason = "the running kernel demands a signature, and sealing would break the "
			 "signature";
		break;
	case CRASHRES_CHECK_NONE_SEALING_OFF:
		reason = "kexec_load was not possible, and the request forbids sealing";
		break;
	default:
		reason = failure ? "the kernel could not be sealed" :
				   "the running kernel refused the sealed Image";
		break;
	}
	crs_log(walk->caller.ctx, CRASHRES_LOG_WARNING,
		"the crash kernel is loaded, and nothing will check it after a panic: %s%s%s%s%s",
		reason, failure ? ": " : "", failure ? failure : "", *walk->refused ? ": " : "",
		walk->refused);
}

/* Fills the result after attempt @index succeeded, and logs the warnings about it. */
static void record_success(struct walk *walk, size_t index)
{
	const struct crashres_plan *plan = walk->plan;
	const struct crs_attempt *attempt = &plan->attempts.items[index];
	struct crashres_result *result = &walk->result;

	result->attempt = index;
	result->call = attempt->call;
	result->check = attempt->check;
	result->slot = CRASHRES_SLOT_STATE_LOADED;
	result->signature_refused = false;
	result->original_files = crs_plan_passes_original_files(plan, attempt);
	if (attempt->call == CRASHRES_CALL_FILE_LOAD)
		crs_attempts_warn_of_device_tree(walk->caller.ctx, &walk->plan->attempts,
						 &plan->request, plan->kernel);
	crs_plan_warn_of_ignored_policy(walk->caller.ctx, walk->plan, attempt);
	if (crs_attempts_loses_check(&plan->request, attempt))
		warn_of_lost_check(walk, attempt->check);
}

/*
 * Updates the state of the slot after a failed attempt. EMPTY stays EMPTY, because no failed
 * call fills the slot. UNCHANGED adds nothing to what an earlier attempt did.
 */
static void record_slot_state(struct walk *walk, const struct crs_attempt *attempt, int error)
{
	enum crashres_slot_state state = crs_attempts_slot_state(attempt->call, walk->caller.slot,
								 error);
	enum crashres_slot_state *known = &walk->result.slot;

	if (*known == CRASHRES_SLOT_STATE_EMPTY || state == CRASHRES_SLOT_STATE_UNCHANGED)
		return;
	*known = state;
}

/* Appends @more to @text, which has @size bytes. A text that is too long is cut off. */
static void append(char *text, size_t size, const char *more)
{
	size_t used = strlen(text);

	snprintf(text + used, size - used, "%s", more);
}

/* Appends the last error to the sentences of the failed attempts. */
static void append_refusal(struct walk *walk)
{
	if (*walk->refused)
		append(walk->refused, sizeof(walk->refused), "; then ");
	append(walk->refused, sizeof(walk->refused), walk->caller.ctx->error);
}

/*
 * Is @kernel a little-endian arm64 Image that is not longer than its image_size? The kernel returns
 * EINVAL for a longer one (sanity_check_segment_list() in kernel/kexec_core.c).
 */
static bool is_complete_image(struct crashres_ctx *ctx, const struct crashres_input *kernel)
{
	struct crs_image image;

	return crs_image_parse(ctx, kernel->data, kernel->size, &image) == CRASHRES_OK &&
	       kernel->size <= image.image_size;
}

/* Collects the facts about a failed attempt that explain its errno. */
static struct crs_refusal make_attempt_refusal(const struct walk *walk,
					       const struct crs_attempt *attempt, int error)
{
	const struct crashres_plan *plan = walk->plan;
	const struct crs_permissions *permissions = &plan->machine->permissions;
	struct crs_refusal refusal = make_refusal(&walk->caller, attempt->call, error);

	refusal.pages_differ = plan->attempts.pages_differ;
	refusal.locked_down = crs_lockdown_demands_signature(permissions) == CRASHRES_ANSWER_YES;
	refusal.privileged = permissions->privileged == CRASHRES_ANSWER_YES;
	refusal.enforced = crs_signature_can_be_enforced(permissions);
	refusal.no_verifier = crs_kernel_config_no_verifier(&permissions->config);
	if (attempt->call == CRASHRES_CALL_FILE_LOAD) {
		const struct crashres_input *kernel = kernel_of(plan, attempt);

		refusal.signatures = crs_pe_find_signatures(kernel->data, kernel->size);
		refusal.complete_image = is_complete_image(walk->caller.ctx, kernel);
	}
	return refusal;
}

/* Records that attempt @index failed, and sets the sentence. */
static enum crashres_status record_refusal(struct walk *walk, size_t index,
					   const struct crs_refusal *refusal)
{
	const struct crs_attempt *attempt = &walk->plan->attempts.items[index];
	enum crashres_status status;

	walk->result.errors[index] = refusal->error;
	walk->result.signature_refused = crs_is_signature_refusal(refusal);
	record_slot_state(walk, attempt, refusal->error);
	status = fail_call(&walk->caller, refusal, crs_call_name(attempt->call));
	append_refusal(walk);
	return status;
}

/*
 * Prepares attempt *@index. If that is impossible, *@index moves to the next possible attempt,
 * which is prepared in turn. Fails if no other attempt may follow.
 */
static enum crashres_status prepare(struct walk *walk, size_t *index)
{
	enum crashres_status status = CRASHRES_OK;

	while (*index != CRS_NO_ATTEMPT && status == CRASHRES_OK &&
	       !walk->plan->attempts.items[*index].prepared) {
		status = crs_plan_prepare(walk->caller.ctx, walk->plan, *index);
		*index = crs_attempts_find_possible(&walk->plan->attempts, *index);
	}
	return status;
}

/* Returns the attempt that follows after attempt @index failed with @error, or CRS_NO_ATTEMPT. */
static size_t choose_next(struct walk *walk, size_t index, int error)
{
	const struct crs_limit *limit = &walk->caller.limit;
	size_t next = crs_attempts_find_next(&walk->plan->attempts, index, error, limit);

	if (limit->limited && !limit->left)
		crs_log(walk->caller.ctx, CRASHRES_LOG_WARNING,
			"the refused call was the last call that %s allows: no other attempt is "
			"made",
			crs_limit_name(walk->caller.slot));
	if (next == CRS_NO_ATTEMPT)
		return next;
	crs_log(walk->caller.ctx, CRASHRES_LOG_INFO, "%s: the next attempt is %s", walk->refused,
		crs_call_name(walk->plan->attempts.items[next].call));
	return next;
}

/* Makes attempts until one succeeds or none may follow. */
static enum crashres_status walk_attempts(struct walk *walk)
{
	struct crashres_ctx *ctx = walk->caller.ctx;
	size_t index = crs_attempts_find_possible(&walk->plan->attempts, 0);
	enum crashres_status status = crashres_plan_check_possible(ctx, walk->plan);

	if (status != CRASHRES_OK)
		return status;
	while (index != CRS_NO_ATTEMPT) {
		const struct crs_attempt *attempt;
		struct crs_refusal refusal;
		int error;

		status = prepare(walk, &index);
		if (status != CRASHRES_OK) {
			append_refusal(walk);
			break;
		}
		attempt = &walk->plan->attempts.items[index];
		error = attempt->call == CRASHRES_CALL_LOAD ? load_segments(walk) :
							     load_files(walk, attempt);
		if (!error) {
			record_success(walk, index);
			return CRASHRES_OK;
		}
		refusal = make_attempt_refusal(walk, attempt, error);
		status = record_refusal(walk, index, &refusal);
		index = choose_next(walk, index, crs_refusal_reason(&refusal));
		if (index == CRS_NO_ATTEMPT && error == ENOSYS &&
		    crs_attempts_explain_none_left(ctx, &walk->plan->attempts))
			return status;
	}
	return crs_fail(ctx, status, "%s%s", walk->refused,
			walk->result.slot == CRASHRES_SLOT_STATE_EMPTY ?
			"; no crash kernel is loaded now" : "");
}

/*
 * Returns the lower limit of two readings. A limit can only decrease (kexec_limit_handler() in
 * kernel/kexec_core.c). Another program can have used calls since the machine was read.
 */
static struct crs_limit lower_limit(struct crs_limit a, struct crs_limit b)
{
	if (!a.limited || !b.limited)
		return a.limited ? a : b;
	return a.left < b.left ? a : b;
}

enum crashres_status crashres_load(struct crashres_ctx *ctx, struct crashres_plan *plan,
				   struct crashres_result *result)
{
	struct walk walk = {
		.caller = {
			.ctx = ctx,
			.slot = plan->request.slot,
			.limit = lower_limit(plan->machine->permissions.limits[plan->request.slot],
					     crs_limit_read(ctx, plan->request.slot)),
		},
		.plan = plan,
		.result = {
			.size = sizeof(walk.result),
			.attempt = CRASHRES_NO_ATTEMPT,
			.check = CRASHRES_CHECK_NONE,
			.slot = CRASHRES_SLOT_STATE_UNCHANGED,
		},
	};
	enum crashres_status status = CRASHRES_OK;

	/* An invalid result->size must fail before anything is loaded. */
	if (result)
		status = crs_copy_struct_out(ctx, "result", &walk.result, sizeof(walk.result),
					     result);
	if (status == CRASHRES_OK)
		status = crashres_can_load(ctx);
	if (status != CRASHRES_OK)
		return status;
	status = walk_attempts(&walk);
	walk.result.calls = walk.caller.calls;
	if (result)
		crs_init_struct(&walk.result, sizeof(walk.result), result, result->size);
	return status;
}

void crashres_result_init(struct crashres_result *result, size_t size)
{
	const struct crashres_result defaults = CRASHRES_RESULT_INIT;

	crs_init_struct(&defaults, sizeof(defaults), result, size);
}

/* ------------------------------------------------------------ unload */

/* Empties the slot with one system call: kexec_load with 0 segments, or a flag. */
static enum crashres_status unload_with(struct caller *caller, enum crashres_call by)
{
	const struct arguments load = {
		.call = CRASHRES_CALL_LOAD,
		.flags = load_flags(caller->slot),
	};
	const struct arguments file_load = {
		.call = CRASHRES_CALL_FILE_LOAD,
		.flags = file_load_flags(caller->slot) | KEXEC_FILE_FLAG_UNLOAD,
		.kernel_fd = -1,
		.initrd_fd = -1,
	};
	bool is_load = by == CRASHRES_CALL_LOAD;
	int error = call(caller, is_load ? &load : &file_load);
	struct crs_refusal refusal;

	if (!error)
		return CRASHRES_OK;
	refusal = make_refusal(caller, by, error);
	return fail_call(caller, &refusal, is_load ? "kexec unload" : "kexec_file_load(unload)");
}

enum crashres_status crashres_unload(struct crashres_ctx *ctx, enum crashres_slot slot,
				     enum crashres_call call)
{
	struct caller caller = { .ctx = ctx, .slot = slot };
	enum crashres_status status = crashres_can_load(ctx);

	if (status != CRASHRES_OK)
		return status;
	caller.limit = crs_limit_read(ctx, slot);
	if (call == CRASHRES_CALL_LOAD)
		return unload_with(&caller, CRASHRES_CALL_LOAD);
	/*
	 * kexec_file_load comes first: wherever kexec_load is allowed, kexec_file_load is allowed
	 * too, and IMA logs an error for each kexec_load that it refuses.
	 */
	status = unload_with(&caller, CRASHRES_CALL_FILE_LOAD);
	if (status != CRASHRES_ERR_SYSCALL_UNAVAILABLE || call == CRASHRES_CALL_FILE_LOAD)
		return status;
	crs_log(ctx, CRASHRES_LOG_INFO, "%s", ctx->error);
	return unload_with(&caller, CRASHRES_CALL_LOAD);
}
