/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* plan.c: makes a plan from machine, kernel and request; the public functions of the plan. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/struct-size.h"
#include "cmdline.h"
#include "layout.h"
#include "plan.h"
#include "sealed-image.h"
#include "sealed-initrd.h"

/* ------------------------------------------------------------ prepare an attempt */

/* Makes the segments for kexec_load. After a failure plan->segments is empty again. */
static enum crashres_status make_segments(struct crashres_ctx *ctx, struct crashres_plan *plan)
{
	enum crashres_status status = crs_segments_make(ctx, plan->machine, plan->kernel,
							&plan->request, plan->command_line,
							&plan->segments);

	if (status == CRASHRES_OK)
		return status;
	crs_segments_free(&plan->segments);
	plan->segments = (struct crs_segments){ 0 };
	return status;
}

/* Makes a sealed Image from the kernel, with the settings of the request. */
static enum crashres_status seal_kernel(struct crashres_ctx *ctx, struct crashres_plan *plan)
{
	struct crashres_seal_request seal = CRASHRES_SEAL_REQUEST_INIT;

	seal.initrd = plan->initrd;
	seal.on_damage = plan->request.on_damage;
	seal.repair = plan->request.repair;
	seal.check_seconds = plan->request.check_seconds;
	seal.on_timeout = plan->request.on_timeout;
	return crs_seal(ctx, plan->machine, plan->kernel, &seal, &plan->sealed_kernel);
}

/*
 * Makes sure that @input (may be NULL) has a file descriptor for kexec_file_load: the original
 * file, which is open already, or a memfd from crs_input_fd().
 *
 * All descriptors are made before the system call, because a failed call can remove the previous
 * crash kernel.
 */
static enum crashres_status make_descriptor(struct crashres_ctx *ctx,
					    const struct crs_attempt *attempt,
					    const struct crashres_input *input)
{
	int fd;

	if (!input || (attempt->original_files && input->original_fd >= 0))
		return CRASHRES_OK;
	return crs_input_fd(ctx, input, &fd);
}

/* Makes the segments or the files for the system call of attempt @index. */
static enum crashres_status make_attempt(struct crashres_ctx *ctx, struct crashres_plan *plan,
					 size_t index)
{
	const struct crs_attempt *attempt = &plan->attempts.items[index];
	enum crashres_status status;

	if (attempt->call == CRASHRES_CALL_LOAD)
		return make_segments(ctx, plan);
	status = make_descriptor(ctx, attempt, plan->initrd);
	if (status != CRASHRES_OK)
		return status;
	return attempt->check == CRASHRES_CHECK_SEALED ?
	       seal_kernel(ctx, plan) : make_descriptor(ctx, attempt, attempt->kernel->file);
}

enum crashres_status crs_plan_prepare(struct crashres_ctx *ctx, struct crashres_plan *plan,
				      size_t index)
{
	struct crs_attempts *attempts = &plan->attempts;
	enum crashres_status status;

	if (attempts->items[index].prepared || attempts->items[index].status != CRASHRES_OK)
		return CRASHRES_OK;
	status = make_attempt(ctx, plan, index);
	if (status == CRASHRES_OK) {
		attempts->items[index].prepared = true;
		return status;
	}
	/* Without another attempt, return the error of this attempt: it shows the cause. */
	if (crs_attempts_find_possible(attempts, index + 1) == CRS_NO_ATTEMPT ||
	    !crs_attempts_may_exclude(ctx, &attempts->items[index], status))
		return status;
	crs_log(ctx, CRASHRES_LOG_INFO, "%s is impossible: %s",
		crs_call_name(attempts->items[index].call), ctx->error);
	return crs_attempts_exclude(ctx, attempts, index, status);
}

/*
 * Prepares the first possible attempt. If crs_plan_prepare() marks this attempt as impossible,
 * the function prepares the next possible attempt, and so on. It also succeeds if the list has
 * no possible attempt.
 */
static enum crashres_status prepare_first(struct crashres_ctx *ctx, struct crashres_plan *plan)
{
	enum crashres_status status = CRASHRES_OK;
	size_t index;

	while (status == CRASHRES_OK &&
	       (index = crs_attempts_find_possible(&plan->attempts, 0)) != CRS_NO_ATTEMPT &&
	       !plan->attempts.items[index].prepared)
		status = crs_plan_prepare(ctx, plan, index);
	return status;
}

/* ------------------------------------------------------------ make the plan */

/* Rejects unknown enum values. A program that was compiled for a newer library can pass them. */
static enum crashres_status check_enums(struct crashres_ctx *ctx,
					const struct crashres_request *request)
{
	enum crashres_status status = crs_purgatory_check_policy(ctx, request->on_damage,
								 request->on_timeout);

	if (status != CRASHRES_OK)
		return status;
	if ((unsigned int)request->slot > CRASHRES_SLOT_CRASH)
		return crs_fail_member(ctx, CRASHRES_ERR_REQUEST, CRASHRES_MEMBER_SLOT,
				       "unknown slot %d", (int)request->slot);
	if ((unsigned int)request->call > CRASHRES_CALL_FILE_LOAD)
		return crs_fail_member(ctx, CRASHRES_ERR_REQUEST, CRASHRES_MEMBER_CALL,
				       "unknown system call %d", (int)request->call);
	if ((unsigned int)request->sealing > CRASHRES_SEALING_NEVER)
		return crs_fail_member(ctx, CRASHRES_ERR_REQUEST, CRASHRES_MEMBER_SEALING,
				       "unknown sealing mode %d", (int)request->sealing);
	return CRASHRES_OK;
}

/* Checks the members of @request that can be checked without the kernel. */
static enum crashres_status check_request(struct crashres_ctx *ctx,
					  const struct crashres_machine *machine,
					  const struct crashres_request *request)
{
	struct crashres_range window;
	enum crashres_status status = check_enums(ctx, request);

	if (status != CRASHRES_OK)
		return status;
	if (!crs_range_make(request->window.base, request->window.size, &window))
		return crs_fail_member(ctx, CRASHRES_ERR_REQUEST, CRASHRES_MEMBER_WINDOW,
				       "the window ends above the highest address");
	if (request->sealed && !crashres_kernel_is_sealed(request->sealed))
		return crs_fail_member(ctx, CRASHRES_ERR_REQUEST, CRASHRES_MEMBER_SEALED,
				       "%s: is not a sealed Image", request->sealed->file->name);
	if (request->reuse_cmdline && !machine->cmdline)
		return crs_fail_member(ctx, CRASHRES_ERR_OS, CRASHRES_MEMBER_REUSE_CMDLINE,
				       "cannot read /proc/cmdline");
	return CRASHRES_OK;
}

/*
 * Makes the command line of the new kernel: the running kernel's line if the request reuses
 * it, then the requested line. If the request has neither, the line in the kernel file is used.
 *
 * The line in the kernel file is meant for a normal boot and can contain crashkernel=. So for
 * the crash slot it is passed as @reused, because crs_cmdline_make() filters only @reused.
 */
static enum crashres_status make_command_line(struct crashres_ctx *ctx, struct crashres_plan *plan)
{
	const struct crashres_request *request = &plan->request;
	const char *reused = request->reuse_cmdline ? plan->machine->cmdline : NULL;
	const char *append = request->command_line;

	if (!reused && !append && request->slot == CRASHRES_SLOT_CRASH)
		reused = plan->kernel->command_line;
	else if (!reused && !append)
		append = plan->kernel->command_line;
	return crs_cmdline_make(ctx, reused, append, request->slot, &plan->command_line);
}

/*
 * Does the first possible attempt use the settings of a kernel file that was sealed earlier?
 * kexec_load does not: it loads another purgatory, with the settings of the request.
 */
static bool starts_with_sealed(const struct crashres_plan *plan)
{
	size_t first = crs_attempts_find_possible(&plan->attempts, 0);

	return first != CRS_NO_ATTEMPT &&
	       plan->attempts.items[first].check == CRASHRES_CHECK_ALREADY_SEALED;
}

/* Has the request settings that only a new purgatory can carry out? */
static bool has_policy(const struct crashres_request *request)
{
	const struct crashres_request defaults = CRASHRES_REQUEST_INIT;

	return request->on_damage != defaults.on_damage || request->repair != defaults.repair ||
	       request->check_seconds != defaults.check_seconds ||
	       request->on_timeout != defaults.on_timeout;
}

void crs_plan_warn_of_ignored_policy(struct crashres_ctx *ctx, struct crashres_plan *plan,
				     const struct crs_attempt *attempt)
{
	if (attempt->check != CRASHRES_CHECK_ALREADY_SEALED || plan->policy_warned ||
	    !has_policy(&plan->request))
		return;
	plan->policy_warned = true;
	crs_log(ctx, CRASHRES_LOG_WARNING,
		"%s is already sealed: the requested settings for damage, repair and time "
		"are ignored", attempt->kernel->file->name);
}

/*
 * Logs the warning now if the first possible attempt ignores settings. If a later attempt does so,
 * load.c logs the warning when that attempt succeeds.
 */
static void warn_of_first_policy(struct crashres_ctx *ctx, struct crashres_plan *plan)
{
	size_t first = crs_attempts_find_possible(&plan->attempts, 0);

	if (first != CRS_NO_ATTEMPT)
		crs_plan_warn_of_ignored_policy(ctx, plan, &plan->attempts.items[first]);
}

/*
 * A kernel that is sealed already must fit the initrd, also if kexec_load comes first. A ready
 * sealed Image must fit only if the list has it.
 */
static enum crashres_status check_sealed_initrd(struct crashres_ctx *ctx,
						const struct crashres_plan *plan)
{
	size_t index = crs_attempts_find_already_sealed(&plan->attempts);

	return crs_sealed_initrd_check(ctx, index == CRS_NO_ATTEMPT ? plan->kernel :
				       plan->attempts.items[index].kernel, plan->initrd,
				       starts_with_sealed(plan));
}

/* Lists the attempts, makes the command line, and prepares the first possible attempt. */
static enum crashres_status make_plan(struct crashres_ctx *ctx, struct crashres_plan *plan)
{
	const struct crashres_machine *machine = plan->machine;
	enum crashres_status status;

	/*
	 * prepare_first() comes last, because it can hash hundreds of MiB.
	 *
	 * If /proc/iomem hides its addresses, nobody knows whether memory is reserved. Then
	 * kexec_load fails in prepare_first(), but kexec_file_load can work.
	 */
	status = crs_attempts_list(ctx, machine, plan->kernel, &plan->request, &plan->attempts);
	if (status == CRASHRES_OK && !machine->iomem.hidden)
		status = crs_layout_check_reserved(ctx, machine, plan->request.slot);
	if (status == CRASHRES_OK)
		status = check_sealed_initrd(ctx, plan);
	if (status == CRASHRES_OK)
		warn_of_first_policy(ctx, plan);
	if (status == CRASHRES_OK)
		status = make_command_line(ctx, plan);
	return status == CRASHRES_OK ? prepare_first(ctx, plan) : status;
}

enum crashres_status crashres_plan_make(struct crashres_ctx *ctx,
					const struct crashres_machine *machine,
					const struct crashres_kernel *kernel,
					const struct crashres_request *request,
					struct crashres_plan **plan)
{
	struct crashres_request full = CRASHRES_REQUEST_INIT;
	struct crashres_plan *new;
	enum crashres_status status = crs_copy_struct_in(ctx, "request", request, &full,
							  sizeof(full));

	if (status == CRASHRES_OK)
		status = check_request(ctx, machine, &full);
	if (status != CRASHRES_OK)
		return status;
	new = calloc(1, sizeof(*new));
	if (!new)
		return crs_fail_memory(ctx);
	new->machine = machine;
	new->kernel = kernel;
	new->request = full;
	new->initrd = full.initrd ? full.initrd : kernel->initrd;
	status = make_plan(ctx, new);
	if (status != CRASHRES_OK) {
		crashres_plan_free(new);
		return status;
	}
	*plan = new;
	return CRASHRES_OK;
}

enum crashres_status crashres_plan_uses_sealed(struct crashres_ctx *ctx,
					       const struct crashres_machine *machine,
					       const struct crashres_kernel *kernel,
					       const struct crashres_request *request,
					       enum crashres_answer *answer)
{
	struct crashres_request full = CRASHRES_REQUEST_INIT;
	enum crashres_status status = crs_copy_struct_in(ctx, "request", request, &full,
							  sizeof(full));

	if (status == CRASHRES_OK)
		*answer = crs_attempts_use_ready_image(machine, kernel, &full);
	return status;
}

void crashres_plan_free(struct crashres_plan *plan)
{
	if (!plan)
		return;
	crs_attempts_free(&plan->attempts);
	crs_segments_free(&plan->segments);
	crashres_input_close(plan->sealed_kernel);
	free(plan->command_line);
	free(plan);
}

/* ------------------------------------------------------------ describe the plan */

enum crashres_slot crashres_plan_slot(const struct crashres_plan *plan)
{
	return plan->request.slot;
}

const char *crashres_plan_command_line(const struct crashres_plan *plan)
{
	return plan->command_line;
}

size_t crashres_plan_attempt_count(const struct crashres_plan *plan)
{
	return plan->attempts.count;
}

bool crs_plan_passes_original_files(const struct crashres_plan *plan,
				    const struct crs_attempt *attempt)
{
	return attempt->original_files && (attempt->kernel->file->original_fd >= 0 ||
				     (plan->initrd && plan->initrd->original_fd >= 0));
}

static enum crashres_status check_index(struct crashres_ctx *ctx, const struct crashres_plan *plan,
					size_t index)
{
	if (index < plan->attempts.count)
		return CRASHRES_OK;
	return crs_fail(ctx, CRASHRES_ERR_REQUEST, "no attempt %zu: the plan has %zu attempts",
			index, plan->attempts.count);
}

static void describe_files(const struct crashres_plan *plan, const struct crs_attempt *item,
			   struct crashres_attempt *attempt)
{
	attempt->kernel = item->kernel->file->name;
	attempt->initrd = plan->initrd ? plan->initrd->name : NULL;
}

static void describe_segments(const struct crashres_plan *plan, struct crashres_attempt *attempt)
{
	attempt->segments = plan->segments.items;
	attempt->segment_count = plan->segments.count;
	attempt->entry = plan->segments.entry;
	attempt->repair = plan->segments.repair;
}

enum crashres_status crashres_plan_attempt(struct crashres_ctx *ctx,
					   const struct crashres_plan *plan, size_t index,
					   struct crashres_attempt *attempt)
{
	enum crashres_status status = check_index(ctx, plan, index);
	struct crashres_attempt full = CRASHRES_ATTEMPT_INIT;
	const struct crs_attempt *item;

	if (status != CRASHRES_OK)
		return status;
	item = &plan->attempts.items[index];
	full.call = item->call;
	full.check = item->check;
	full.status = item->status;
	full.reason = item->reason;
	full.original_files = crs_plan_passes_original_files(plan, item);
	full.next = crs_attempts_predict_next(&plan->attempts, index, &full.refusal);
	if (item->call == CRASHRES_CALL_LOAD)
		describe_segments(plan, &full);
	else
		describe_files(plan, item, &full);
	return crs_copy_struct_out(ctx, "attempt", &full, sizeof(full), attempt);
}

enum crashres_status crashres_plan_prepare(struct crashres_ctx *ctx, struct crashres_plan *plan,
					   size_t index)
{
	enum crashres_status status = check_index(ctx, plan, index);

	if (status == CRASHRES_OK)
		status = crs_plan_prepare(ctx, plan, index);
	if (status == CRASHRES_OK || status == CRASHRES_ERR_MEMORY || index >= plan->attempts.count)
		return status;
	/* Mark only this attempt as impossible. The caller can still show the other attempts. */
	return crs_attempts_exclude(ctx, &plan->attempts, index, status);
}

/* Do two impossible attempts have the same system call and the same reason? */
static bool has_same_reason(const struct crs_attempt *a, const struct crs_attempt *b)
{
	return a->call == b->call && !strcmp(a->reason, b->reason);
}

/* Is an attempt impossible because the running kernel lacks kexec_file_load? */
static bool lacks_file_load(const struct crs_attempts *attempts)
{
	for (size_t i = 0; i < attempts->count; i++)
		if (attempts->items[i].status == CRASHRES_ERR_SYSCALL_UNAVAILABLE)
			return true;
	return false;
}

/*
 * Sets a sentence with the reasons of all attempts, such as "kexec_load: REASON;
 * kexec_file_load: REASON". Adjacent attempts with the same call and reason are named once.
 * If an attempt has the status CRASHRES_ERR_REQUEST, the function returns this status.
 */
static enum crashres_status fail_impossible(struct crashres_ctx *ctx,
					    const struct crashres_plan *plan)
{
	const struct crs_attempts *attempts = &plan->attempts;
	enum crashres_status status = CRASHRES_ERR_SYSCALL;
	char text[sizeof(ctx->error)] = "";
	size_t used = 0;

	if (lacks_file_load(attempts) &&
	    crs_attempts_explain_none_left(ctx, attempts))
		return CRASHRES_ERR_SYSCALL_UNAVAILABLE;
	for (size_t i = 0; i < attempts->count && used < sizeof(text); i++) {
		const struct crs_attempt *attempt = &attempts->items[i];

		if (attempt->status == CRASHRES_ERR_REQUEST)
			status = CRASHRES_ERR_REQUEST;
		if (i && has_same_reason(attempt, attempt - 1))
			continue;
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s: %s",
					 i ? "; " : "", crs_call_name(attempt->call),
					 attempt->reason);
	}
	return crs_fail(ctx, status, "%s", text);
}

enum crashres_status crashres_plan_check_possible(struct crashres_ctx *ctx,
						  const struct crashres_plan *plan)
{
	return crs_attempts_find_possible(&plan->attempts, 0) == CRS_NO_ATTEMPT ?
	       fail_impossible(ctx, plan) : CRASHRES_OK;
}

void crashres_request_init(struct crashres_request *request, size_t size)
{
	const struct crashres_request defaults = CRASHRES_REQUEST_INIT;

	crs_init_struct(&defaults, sizeof(defaults), request, size);
}

void crashres_attempt_init(struct crashres_attempt *attempt, size_t size)
{
	const struct crashres_attempt defaults = CRASHRES_ATTEMPT_INIT;

	crs_init_struct(&defaults, sizeof(defaults), attempt, size);
}
