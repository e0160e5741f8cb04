/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The only file that makes a kexec system call. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "load.h"
#include "plan/plan.h"

/* include/uapi/linux/kexec.h */
#define FLAG_ON_CRASH	0x00000001UL
#define FLAG_ARCH_ARM64	(183UL << 16)

/* A loader that runs at the same time holds the kernel's lock for well under a second. */
#define BUSY_TRIES	20
#define BUSY_PAUSE_NS	100000000L

long crs_kexec_load(unsigned long entry, unsigned long count,
		    const struct kexec_segment *segments, unsigned long flags)
{
#ifdef __aarch64__
	return syscall(SYS_kexec_load, entry, count, segments, flags);
#else
	(void)entry;
	(void)count;
	(void)segments;
	(void)flags;
	errno = ENOEXEC;
	return -1;
#endif
}

static long call(struct crashres_ctx *ctx, unsigned long entry, size_t count,
		 const struct kexec_segment *segments, enum crashres_slot slot)
{
	const struct timespec pause = { .tv_nsec = BUSY_PAUSE_NS };
	unsigned long flags = FLAG_ARCH_ARM64 | (slot == CRASHRES_SLOT_CRASH ? FLAG_ON_CRASH : 0);
	long result = ctx->kexec_load(entry, count, segments, flags);

	for (int tries = 1; result < 0 && errno == EBUSY && tries < BUSY_TRIES; tries++) {
		nanosleep(&pause, NULL);
		result = ctx->kexec_load(entry, count, segments, flags);
	}
	return result;
}

/* What each errno means here (kernel/kexec.c, kernel/kexec_core.c), for a person. */
static const char *explain(int error, enum crashres_slot slot)
{
	switch (error) {
	case EPERM:
		return "needs root; or kernel.kexec_load_disabled is set, or lockdown forbids it";
	case EACCES:
		return "IMA demands a signed kernel, which only kexec_file_load can bring";
	case EADDRNOTAVAIL:
		return slot == CRASHRES_SLOT_CRASH ?
		       "the kernel's crash region is not where /proc/iomem showed it" : NULL;
	case EBUSY:
		return "another kexec is at work";
	case ENOSYS:
		return "the running kernel was built without CONFIG_KEXEC";
	case ENOMEM:
		return "the kernel is short of memory";
	default:
		return NULL;
	}
}

static enum crashres_status fail_call(struct crashres_ctx *ctx, const char *what, int error,
				      enum crashres_slot slot, const char *consequence)
{
	const char *reason = explain(error, slot);

	return crs_fail(ctx, CRASHRES_ERR_KERNEL, "%s failed: %s%s%s%s%s", what, strerror(error),
			reason ? " (" : "", reason ? reason : "", reason ? ")" : "", consequence);
}

/*
 * These are answered before the kernel lets go of the image it holds
 * (do_kexec_load). EFAULT is not: a segment's bytes are copied after that, and
 * reading a mapped file can fail.
 */
static bool keeps_old_image(int error)
{
	return error == EPERM || error == EACCES || error == EBUSY || error == ENOSYS;
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

enum crashres_status crashres_load(struct crashres_ctx *ctx, const struct crashres_plan *plan)
{
	struct kexec_segment segments[CRS_SEGMENTS_MAX];
	enum crashres_status status = crashres_can_load(ctx);

	if (status != CRASHRES_OK)
		return status;
	for (size_t i = 0; i < plan->segment_count; i++) {
		const struct crashres_segment *segment = &plan->segments[i];

		segments[i] = (struct kexec_segment){
			.buf = segment->data,
			.bufsz = segment->data_size,
			.mem = (const void *)(uintptr_t)segment->range.base,
			.memsz = segment->range.size,
		};
	}
	if (call(ctx, plan->entry, plan->segment_count, segments, plan->slot) < 0) {
		bool empty = plan->slot == CRASHRES_SLOT_CRASH && !keeps_old_image(errno);

		return fail_call(ctx, "kexec_load", errno, plan->slot,
				 empty ? "; no crash kernel is loaded now" : "");
	}
	return CRASHRES_OK;
}

enum crashres_status crashres_unload(struct crashres_ctx *ctx, enum crashres_slot slot)
{
	enum crashres_status status = crashres_can_load(ctx);

	if (status != CRASHRES_OK)
		return status;
	if (call(ctx, 0, 0, NULL, slot) < 0)
		return fail_call(ctx, "kexec unload", errno, slot, "");
	return CRASHRES_OK;
}
