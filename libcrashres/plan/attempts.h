/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which system calls load a kernel, in which order, and what follows a refusal.
 * Nothing else in the library or the commands decides any of it.
 */
#ifndef CRS_ATTEMPTS_H
#define CRS_ATTEMPTS_H

#include "../kernel/kernel.h"
#include "../machine/machine.h"

#define CRS_ATTEMPTS_MAX 3
#define CRS_NO_ATTEMPT	SIZE_MAX

struct crs_attempt {
	enum crashres_call call;
	enum crashres_check check;	/* if it succeeds */
	bool original_files;			/* hands over the files themselves, not our copies */
	bool prepared;			/* its bytes are there */
	enum crashres_status status;	/* CRASHRES_OK: possible */
	char *reason;			/* else why it is impossible; in the heap */
};

struct crs_attempts {
	struct crs_attempt items[CRS_ATTEMPTS_MAX];
	size_t count;
	enum crashres_slot slot;
	struct crs_limit limit;		/* of calls, before the first attempt */
	bool pages_differ;		/* the kernel's page size is not the running kernel's */
	bool device_tree_warned;	/* the user knows that the device tree is ignored */
};

/* The name for sentences: "kexec_load", "kexec_file_load". */
const char *crs_call_name(enum crashres_call call);

/*
 * All attempts for @request, in order. crs_attempts_free() releases the list,
 * after a failure too. CRASHRES_ERR_REQUEST where no call can do all that is asked for.
 */
enum crashres_status crs_attempts_list(struct crashres_ctx *ctx,
				       const struct crashres_machine *machine,
				       const struct crashres_kernel *kernel,
				       const struct crashres_request *request,
				       struct crs_attempts *attempts);
void crs_attempts_free(struct crs_attempts *attempts);

/* The sentence of the last failure becomes the reason why attempt @index is impossible. */
enum crashres_status crs_attempts_exclude(struct crashres_ctx *ctx, struct crs_attempts *attempts,
					  size_t index, enum crashres_status status);

/* May another call follow if the bytes of @attempt could not be made? */
bool crs_attempts_may_exclude(const struct crashres_ctx *ctx, const struct crs_attempt *attempt,
			      enum crashres_status status);

/* The first possible attempt from @index on, or CRS_NO_ATTEMPT. */
size_t crs_attempts_find_possible(const struct crs_attempts *attempts, size_t index);

/*
 * The attempt that follows if the kernel answers @error to attempt @index, or CRS_NO_ATTEMPT.
 * @limit counts the calls that are left then.
 */
size_t crs_attempts_find_next(const struct crs_attempts *attempts, size_t index, int error,
			  const struct crs_limit *limit);

/* The attempt that any errno can lead to from @index, and by which kind of refusal. */
size_t crs_attempts_predict_next(const struct crs_attempts *attempts, size_t index,
			 enum crashres_refusal *refusal);

/* Is @error no verdict on the kernel file, but on the call? EBUSY says nothing of either. */
bool crs_attempts_is_unavailable(enum crashres_call call, int error);

/* What an errno says about the image that the slot held before. */
enum crashres_slot_state crs_attempts_slot_state(enum crashres_call call, enum crashres_slot slot,
					   int error);

/* May a call that met another kexec at work be repeated? Each one counts against @limit. */
bool crs_attempts_may_repeat(const struct crs_limit *limit, int error, unsigned int tries);

/* Flags that an older kernel does not know: may the call be repeated without them? */
bool crs_attempts_may_drop_flags(const struct crs_limit *limit, enum crashres_call call, int error);

/* Does a call that was answered with @error count against the limit? */
bool crs_attempts_is_counted(int error);

/* Does the request want a check that attempt @index does not bring? */
bool crs_attempts_loses_check(const struct crashres_request *request,
			      const struct crs_attempt *attempt);

/* Once: kexec_file_load does without the device tree of the request or of the kernel file. */
void crs_attempts_warn_of_device_tree(struct crashres_ctx *ctx, struct crs_attempts *attempts,
				      const struct crashres_request *request,
				      const struct crashres_kernel *kernel);

#endif
