/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "../base/range.h"
#include "attempts.h"

const char *crs_call_name(enum crashres_call call)
{
	return call == CRASHRES_CALL_FILE_LOAD ? "kexec_file_load" : "kexec_load";
}

static bool is_narrowed(struct crashres_range window)
{
	return !crs_range_equal(window, (struct crashres_range){ 0, UINT64_MAX });
}

/* What only segments of our own can do; NULL where nothing of it is asked for. */
static const char *needs_load(const struct crashres_request *request)
{
	if (request->dtb)
		return "--dtb";
	if (is_narrowed(request->window))
		return "--mem-min and --mem-max";
	if (request->entry)
		return "--entry";
	if (request->purgatory_mmu_off)
		return "--purgatory-mmu=off";
	/* A sealed Image brings purgatory along. */
	if (request->purgatory_required && (request->slot == CRASHRES_SLOT_NORMAL ||
					    request->sealing == CRASHRES_SEALING_NEVER))
		return "what is to be checked";
	return NULL;
}

/* What only the running kernel's own loader can do. */
static const char *needs_file_load(const struct crashres_request *request)
{
	if (request->no_cma)
		return "--no-cma";
	if (request->force_dtb)
		return "--force-dtb";
	if (request->sealing == CRASHRES_SEALING_ALWAYS)
		return "--seal=always";
	return NULL;
}

enum crashres_status crs_call_check(struct crashres_ctx *ctx,
				    const struct crashres_kernel *kernel,
				    const struct crashres_request *request,
				    enum crashres_call call)
{
	const char *load = needs_load(request), *file_load = needs_file_load(request);

	if (call == CRASHRES_CALL_FILE_LOAD && load)
		return crs_fail(ctx, CRASHRES_ERR_REQUEST,
				"%s: only kexec_load (-c) can do that, not kexec_file_load (-s%s%s)",
				load, file_load ? ", " : "", file_load ? file_load : "");
	if (call == CRASHRES_CALL_LOAD && file_load)
		return crs_fail(ctx, CRASHRES_ERR_REQUEST,
				"%s: only kexec_file_load (-s) can do that, not kexec_load (-c)",
				file_load);
	if (call == CRASHRES_CALL_FILE_LOAD && kernel->dtb)
		crs_log(ctx, CRASHRES_LOG_WARNING,
			"%s is not used: kexec_file_load takes no device tree", kernel->dtb->name);
	return CRASHRES_OK;
}

/*
 * A crash kernel goes by kexec_load, because it carries purgatory; where lockdown
 * forbids that there is no use in asking, and every call that fails counts against
 * kernel.kexec_load_limit_panic. Any other kernel goes by kexec_file_load, which
 * hands IMA's measurements and KHO on to it.
 */
size_t crashres_calls(const struct crashres_machine *machine,
		      const struct crashres_request *request, enum crashres_call calls[2])
{
	bool crash = request->slot == CRASHRES_SLOT_CRASH;
	bool load_first = crash && !machine->locked_down;

	calls[0] = request->call;
	if (request->call == CRASHRES_CALL_AUTO && needs_load(request))
		calls[0] = CRASHRES_CALL_LOAD;
	else if (request->call == CRASHRES_CALL_AUTO && needs_file_load(request))
		calls[0] = CRASHRES_CALL_FILE_LOAD;
	if (calls[0] != CRASHRES_CALL_AUTO)
		return 1;
	calls[0] = load_first ? CRASHRES_CALL_LOAD : CRASHRES_CALL_FILE_LOAD;
	calls[1] = load_first ? CRASHRES_CALL_FILE_LOAD : CRASHRES_CALL_LOAD;
	return 2;
}

enum crashres_sealed crs_attempts_sealed(const struct crashres_machine *machine,
					 const struct crashres_kernel *kernel,
					 const struct crashres_request *request)
{
	if (crashres_kernel_is_sealed(kernel))
		return CRASHRES_SEALED_BEFORE;
	if (request->sealing == CRASHRES_SEALING_ALWAYS)
		return CRASHRES_SEALED_YES;
	if (request->sealing == CRASHRES_SEALING_NEVER || request->slot != CRASHRES_SLOT_CRASH ||
	    request->no_checks)
		return CRASHRES_SEALED_NO;
	return machine->locked_down || machine->appraised ? CRASHRES_SEALED_NO_SIGNATURE :
							    CRASHRES_SEALED_YES;
}
