/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Walks a plan. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "../base/input.h"
#include "../plan/attempts.h"
#include "../plan/plan.h"
#include "errors.h"
#include "kexec.h"
#include "syscalls.h"

/* A loader that runs at the same time holds the kernel's lock for well under a second. */
#define BUSY_TRIES	20
#define BUSY_PAUSE_NS	100000000L

/* For a call that failed: pauses and says yes where it may succeed now. */
static bool try_again(int *tries)
{
	const struct timespec pause = { .tv_nsec = BUSY_PAUSE_NS };

	if (errno != EBUSY || ++*tries >= BUSY_TRIES)
		return false;
	nanosleep(&pause, NULL);
	return true;
}

static long call_load(struct crashres_ctx *ctx, unsigned long entry, size_t count,
		      const struct kexec_segment *segments, enum crashres_slot slot,
		      unsigned long flags)
{
	int tries = 0;
	long result;

	flags |= KEXEC_FLAG_ARCH_ARM64 | (slot == CRASHRES_SLOT_CRASH ? KEXEC_FLAG_ON_CRASH : 0);
	do
		result = ctx->kexec_load(entry, count, segments, flags);
	while (result < 0 && try_again(&tries));
	return result;
}

static long call_file_load(struct crashres_ctx *ctx, int kernel_fd, int initrd_fd,
			   const char *cmdline, enum crashres_slot slot, unsigned long flags)
{
	unsigned long size = cmdline && *cmdline ? strlen(cmdline) + 1 : 0;
	int tries = 0;
	long result;

	flags |= slot == CRASHRES_SLOT_CRASH ? KEXEC_FILE_FLAG_ON_CRASH : 0;
	do
		result = ctx->kexec_file_load(kernel_fd, initrd_fd, size, size ? cmdline : NULL,
					      flags);
	while (result < 0 && try_again(&tries));
	return result;
}

static enum crashres_status fail_call(struct crashres_ctx *ctx, enum crashres_status status,
				      const char *what, int error, const char *reason,
				      const char *consequence)
{
	return crs_fail(ctx, status, "%s failed: %s%s%s%s%s", what, strerror(error),
			reason ? " (" : "", reason ? reason : "", reason ? ")" : "", consequence);
}

/*
 * These are answered before the kernel lets go of the image it holds
 * (do_kexec_load). EFAULT is not: a segment's bytes are copied after that, and
 * reading a mapped file can fail.
 */
static bool load_not_begun(int error)
{
	return error == EPERM || error == EACCES || error == EBUSY || error == ENOSYS;
}

/* Is this no verdict on the kernel file, but on the call? EBUSY says nothing of either. */
static bool load_refused(int error)
{
	return load_not_begun(error) && error != EBUSY;
}

/* EINVAL is what arm64 says to a format it does not know. */
static bool file_load_refused(int error)
{
	return error == ENOSYS || error == ENOEXEC || error == EINVAL || error == EOPNOTSUPP;
}

static const char *consequence(enum crashres_slot slot, bool not_begun)
{
	return slot == CRASHRES_SLOT_CRASH && !not_begun ? "; no crash kernel is loaded now" : "";
}

enum crashres_status crashres_can_load(struct crashres_ctx *ctx)
{
#ifndef __aarch64__
	if (ctx->kexec_load == crs_kexec_load)
		return crs_fail(ctx, CRASHRES_ERR_UNSUPPORTED,
				"this machine is not arm64: it can plan a load (--dry-run), not do it");
#endif
	if (!ctx->own_root)
		return crs_fail(ctx, CRASHRES_ERR_UNSUPPORTED,
				"the plan is for another machine: below another root nothing is loaded");
	return CRASHRES_OK;
}

static enum crashres_status load_segments(struct crashres_ctx *ctx,
					  const struct crashres_plan *plan)
{
	struct kexec_segment segments[CRS_SEGMENTS_MAX];

	for (size_t i = 0; i < plan->segments.count; i++) {
		const struct crashres_segment *segment = &plan->segments.items[i];

		segments[i] = (struct kexec_segment){
			.buf = segment->data,
			.bufsz = segment->data_size,
			.mem = (const void *)(uintptr_t)segment->range.base,
			.memsz = segment->range.size,
		};
	}
	if (call_load(ctx, plan->segments.entry, plan->segments.count, segments, plan->slot,
		      plan->segments.hotplug ? KEXEC_FLAG_HOTPLUG : 0) < 0)
		return fail_call(ctx, load_refused(errno) ? CRASHRES_ERR_SYSCALL_UNAVAILABLE : CRASHRES_ERR_SYSCALL,
				 "kexec_load", errno, crs_explain_load(errno, plan->slot),
				 consequence(plan->slot, load_not_begun(errno)));
	return CRASHRES_OK;
}

/*
 * A kernel that was sealed here goes with the initrd whose digests it has. Any other
 * kernel goes as the original file, with the original initrd: only those have the
 * attribute security.ima (base/input.h).
 */
static int descriptor_of(const struct crashres_input *input, bool original)
{
	return original && input->original_fd >= 0 ? input->original_fd : input->fd;
}

static long load_files_with(struct crashres_ctx *ctx, const struct crashres_plan *plan, int kernel_fd,
			    unsigned long flags)
{
	bool sealed = plan->sealed_kernel && kernel_fd == plan->sealed_kernel->fd;

	return call_file_load(ctx, kernel_fd,
			      plan->initrd ? descriptor_of(plan->initrd, !sealed) : -1,
			      plan->command_line, plan->slot,
			      flags | (plan->initrd ? 0 : KEXEC_FILE_FLAG_NO_INITRAMFS));
}

/* A kernel that is older than --no-cma and --force-dtb does not do what they are against. */
static long load_files_as_wished(struct crashres_ctx *ctx, const struct crashres_plan *plan,
				 int kernel_fd)
{
	unsigned long wishes = (plan->no_cma ? KEXEC_FILE_FLAG_NO_CMA : 0) |
			       (plan->force_dtb ? KEXEC_FILE_FLAG_FORCE_DTB : 0);
	long result = load_files_with(ctx, plan, kernel_fd, wishes);

	if (result == 0 || errno != EINVAL || !wishes)
		return result;
	crs_log(ctx, CRASHRES_LOG_INFO,
		"once more, for a kernel that knows neither --no-cma nor --force-dtb");
	return load_files_with(ctx, plan, kernel_fd, 0);
}

/* Would the kernel as it is, with its signature and without what sealing adds, be taken? */
static bool may_do_unsealed(int error)
{
	return error == EACCES || error == EPERM || error == ENODATA || error == ENOKEY ||
	       error == EKEYREJECTED || error == EBADMSG || error == ELIBBAD || error == ENOPKG ||
	       error == EADDRNOTAVAIL || error == ENOMEM;
}

static long load_sealed_or_not(struct crashres_ctx *ctx, const struct crashres_plan *plan)
{
	long result;

	if (!plan->sealed_kernel)
		return load_files_as_wished(ctx, plan, descriptor_of(plan->kernel, true));
	result = load_files_as_wished(ctx, plan, plan->sealed_kernel->fd);
	if (result == 0 || !plan->or_unsealed || !may_do_unsealed(errno))
		return result;
	crs_log(ctx, CRASHRES_LOG_INFO, "%s: %s: once more as it is, and so unchecked",
		plan->sealed_kernel->name, strerror(errno));
	return load_files_as_wished(ctx, plan, descriptor_of(plan->kernel, true));
}

/* Memory of the caller gets a descriptor before the system call, which must not fail for that. */
static enum crashres_status need_descriptors(struct crashres_ctx *ctx,
					     const struct crashres_plan *plan)
{
	int fd;
	enum crashres_status status = crs_input_fd(ctx, plan->kernel, &fd);

	return status == CRASHRES_OK && plan->initrd ? crs_input_fd(ctx, plan->initrd, &fd) : status;
}

static enum crashres_status load_files(struct crashres_ctx *ctx, const struct crashres_plan *plan)
{
	enum crashres_status status = need_descriptors(ctx, plan);
	bool not_begun;

	if (status != CRASHRES_OK)
		return status;
	if (load_sealed_or_not(ctx, plan) == 0)
		return CRASHRES_OK;
	/* EPERM can be lockdown's word, when the old image is gone, or come before: so no word of it. */
	not_begun = errno == ENOSYS || errno == EBUSY || errno == EPERM;
	return fail_call(ctx, file_load_refused(errno) ? CRASHRES_ERR_SYSCALL_UNAVAILABLE : CRASHRES_ERR_SYSCALL,
			 "kexec_file_load", errno, crs_explain_file_load(errno, plan->slot),
			 consequence(plan->slot, not_begun));
}

enum crashres_status crashres_load(struct crashres_ctx *ctx, const struct crashres_plan *plan)
{
	enum crashres_status status = crashres_can_load(ctx);

	if (status != CRASHRES_OK)
		return status;
	return plan->call == CRASHRES_CALL_FILE_LOAD ? load_files(ctx, plan) :
						       load_segments(ctx, plan);
}

static enum crashres_status unload_by_load(struct crashres_ctx *ctx, enum crashres_slot slot)
{
	if (call_load(ctx, 0, 0, NULL, slot, 0) == 0)
		return CRASHRES_OK;
	return fail_call(ctx, load_refused(errno) ? CRASHRES_ERR_SYSCALL_UNAVAILABLE : CRASHRES_ERR_SYSCALL,
			 "kexec unload", errno, crs_explain_load(errno, slot), "");
}

static enum crashres_status unload_by_file_load(struct crashres_ctx *ctx, enum crashres_slot slot)
{
	if (call_file_load(ctx, -1, -1, NULL, slot, KEXEC_FILE_FLAG_UNLOAD) == 0)
		return CRASHRES_OK;
	return fail_call(ctx, errno == ENOSYS ? CRASHRES_ERR_SYSCALL_UNAVAILABLE : CRASHRES_ERR_SYSCALL,
			 "kexec_file_load(unload)", errno, crs_explain_file_load(errno, slot), "");
}

enum crashres_status crashres_unload(struct crashres_ctx *ctx, enum crashres_slot slot,
				     enum crashres_call call)
{
	enum crashres_status status = crashres_can_load(ctx);

	if (status != CRASHRES_OK)
		return status;
	if (call == CRASHRES_CALL_LOAD)
		return unload_by_load(ctx, slot);
	/* It is allowed wherever the other one is, and IMA does not complain of it. */
	status = unload_by_file_load(ctx, slot);
	if (status != CRASHRES_ERR_SYSCALL_UNAVAILABLE || call == CRASHRES_CALL_FILE_LOAD)
		return status;
	crs_log(ctx, CRASHRES_LOG_INFO, "%s", ctx->error);
	return unload_by_load(ctx, slot);
}
