/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>

#include "../kernel/kernel.h"
#include "../machine/machine.h"
#include "attempts.h"
#include "cmdline.h"
#include "layout.h"
#include "plan.h"

/* What a plan is made of. */
struct draft {
	struct crashres_ctx *ctx;
	const struct crashres_machine *machine;
	const struct crashres_kernel *kernel;
	const struct crashres_request *request;
	struct crashres_plan *plan;
};

static const struct crashres_input *initrd_of(const struct draft *draft)
{
	return draft->request->initrd ? draft->request->initrd : draft->kernel->initrd;
}

/* The kernel file's own line is for its first boot, and reserves memory for a crash kernel too. */
static enum crashres_status make_command_line(struct draft *draft)
{
	const struct crashres_request *request = draft->request;
	const char *reused = request->reuse_cmdline ? draft->machine->cmdline : NULL;
	const char *append = request->command_line;

	if (!reused && !append && request->slot == CRASHRES_SLOT_CRASH)
		reused = draft->kernel->command_line;
	else if (!reused && !append)
		append = draft->kernel->command_line;
	return crs_cmdline_make(draft->ctx, reused, append, request->slot,
				&draft->plan->command_line);
}

static enum crashres_status seal_kernel(struct draft *draft)
{
	const struct crashres_request *request = draft->request;
	struct crashres_seal_request seal = CRASHRES_SEAL_REQUEST_INIT;

	seal.initrd = initrd_of(draft);
	seal.on_damage = request->on_damage;
	seal.repair = request->repair;
	seal.check_seconds = request->check_seconds;
	seal.on_timeout = request->on_timeout;
	draft->plan->or_unsealed = request->sealing == CRASHRES_SEALING_AUTO &&
				   !request->purgatory_required;
	return crashres_seal(draft->ctx, draft->machine, draft->kernel, &seal,
			     &draft->plan->sealed_kernel);
}

/* The kernel reads the files again, and decides all else. */
static enum crashres_status make_for_files(struct draft *draft)
{
	struct crashres_plan *plan = draft->plan;
	enum crashres_status status = CRASHRES_OK;

	if (!draft->machine->iomem.hidden)
		status = crs_layout_check_reserved(draft->ctx, draft->machine,
						   draft->request->slot);
	if (status == CRASHRES_OK)
		status = make_command_line(draft);
	plan->kernel = draft->kernel->file;
	plan->initrd = initrd_of(draft);
	plan->no_cma = draft->request->no_cma;
	plan->force_dtb = draft->request->force_dtb;
	plan->sealed = crs_attempts_sealed(draft->machine, draft->kernel,
					       draft->request);
	if (status == CRASHRES_OK && plan->sealed == CRASHRES_SEALED_NO_SIGNATURE &&
	    draft->request->purgatory_required)
		return crs_fail(draft->ctx, CRASHRES_ERR_REQUEST,
				"what is to be checked: the running kernel demands a signature: seal "
				"the kernel and sign it (crashres seal, crashres sign)");
	if (status == CRASHRES_OK && plan->sealed == CRASHRES_SEALED_YES)
		status = seal_kernel(draft);
	return status;
}

static enum crashres_status make_segmented(struct draft *draft)
{
	enum crashres_status status = make_command_line(draft);

	if (status != CRASHRES_OK)
		return status;
	return crs_segments_make(draft->ctx, draft->machine, draft->kernel, draft->request,
				 draft->plan->command_line, &draft->plan->segments);
}

enum crashres_status crashres_plan_make(struct crashres_ctx *ctx,
					const struct crashres_machine *machine,
					const struct crashres_kernel *kernel,
					const struct crashres_request *request,
					struct crashres_plan **plan)
{
	struct draft draft = {
		.ctx = ctx,
		.machine = machine,
		.kernel = kernel,
		.request = request,
	};
	enum crashres_call calls[2];
	struct crashres_range window;
	enum crashres_status status;

	if (request->size != sizeof(*request))
		return crs_fail(ctx, CRASHRES_ERR_REQUEST, "request of %zu bytes, this library's has %zu",
				request->size, sizeof(*request));
	if (!crs_range_make(request->window.base, request->window.size, &window))
		return crs_fail(ctx, CRASHRES_ERR_REQUEST, "request: the window wraps");
	if (request->reuse_cmdline && !machine->cmdline)
		return crs_fail(ctx, CRASHRES_ERR_OS,
				"--reuse-cmdline: /proc/cmdline cannot be read");
	draft.plan = calloc(1, sizeof(*draft.plan));
	if (!draft.plan)
		return crs_fail_memory(ctx);
	crashres_calls(machine, request, calls);
	draft.plan->slot = request->slot;
	draft.plan->call = calls[0];
	status = crs_call_check(ctx, kernel, request, calls[0]);
	if (status == CRASHRES_OK)
		status = calls[0] == CRASHRES_CALL_FILE_LOAD ? make_for_files(&draft) :
							       make_segmented(&draft);
	if (status != CRASHRES_OK) {
		crashres_plan_free(draft.plan);
		return status;
	}
	*plan = draft.plan;
	return CRASHRES_OK;
}

void crashres_plan_free(struct crashres_plan *plan)
{
	if (!plan)
		return;
	free(plan->command_line);
	crs_segments_free(&plan->segments);
	crashres_input_close(plan->sealed_kernel);
	free(plan);
}

enum crashres_slot crashres_plan_slot(const struct crashres_plan *plan)
{
	return plan->slot;
}

enum crashres_call crashres_plan_call(const struct crashres_plan *plan)
{
	return plan->call;
}

struct crashres_files crashres_plan_files(const struct crashres_plan *plan)
{
	return (struct crashres_files){
		.kernel = plan->kernel ? plan->kernel->name : NULL,
		.initrd = plan->initrd ? plan->initrd->name : NULL,
	};
}

enum crashres_sealed crashres_plan_sealed(const struct crashres_plan *plan)
{
	return plan->sealed;
}

struct crashres_repair crashres_plan_repair(const struct crashres_plan *plan)
{
	return plan->segments.repair;
}

uint64_t crashres_plan_entry(const struct crashres_plan *plan)
{
	return plan->segments.entry;
}

const char *crashres_plan_command_line(const struct crashres_plan *plan)
{
	return plan->command_line;
}

const struct crashres_segment *crashres_plan_segments(const struct crashres_plan *plan,
						      size_t *count)
{
	*count = plan->segments.count;
	return plan->segments.items;
}
