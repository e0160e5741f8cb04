/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * attempts.h: decides which system calls can load a kernel, in which order, and which
 * attempt follows after a refusal.
 *
 * No other file decides this. crashres_load() walks the list, and commands print it.
 *
 * A list has at most three attempts. The longest list, for a crash kernel with
 * CRASHRES_CALL_AUTO:
 *
 *   1  kexec_load        with purgatory
 *   2  kexec_file_load   of a sealed Image
 *   3  kexec_file_load   of the unsealed kernel, without a check
 *
 * Many lists are shorter. For example, attempt 2 is missing if the running kernel demands a
 * signature or if the request forbids sealing. Attempt 3 is missing if the request requires
 * purgatory. If the kernel is sealed already, one attempt replaces 2 and 3.
 *
 * The request can have a ready sealed Image: sealed and signed earlier. If the running kernel
 * demands a signature, or can demand one, attempt 2 is kexec_file_load of this Image.
 *
 * For a normal kernel kexec_file_load comes first, and the kernel is sealed only with
 * CRASHRES_SEALING_ALWAYS.
 */
#ifndef CRS_ATTEMPTS_H
#define CRS_ATTEMPTS_H

#include "../kernel/kernel.h"
#include "../machine/machine.h"

#define CRS_ATTEMPTS_MAX 3
#define CRS_NO_ATTEMPT	SIZE_MAX

/* One system call that can load the kernel. */
struct crs_attempt {
	enum crashres_call call;	/* LOAD or FILE_LOAD */
	enum crashres_check check;	/* how the kernel is checked if the attempt succeeds */
	const struct crashres_kernel *kernel;	/* the kernel to load, borrowed: that of the plan, or
					   the ready sealed Image of the request */
	bool original_files;		/* pass the descriptors of the original files, not of our
					   copies, because IMA reads signatures from the
					   attributes of the original files */
	bool prepared;			/* crs_plan_prepare() made the segments or the files */
	enum crashres_status status;	/* CRASHRES_OK: the attempt is possible */
	char *reason;			/* why the attempt is impossible, from malloc(); NULL:
					   possible */
};

/* The list of attempts, in the order in which they are made. */
struct crs_attempts {
	struct crs_attempt items[CRS_ATTEMPTS_MAX];
	size_t count;			/* used elements of items */
	enum crashres_slot slot;
	struct crs_limit limit;		/* the number of calls that the running kernel still
					   accepted when the machine was read */
	bool pages_differ;		/* the new kernel and the running kernel have different
					   page sizes */
	bool device_tree_warned;	/* the warning about an ignored device tree was logged */
};

/* The name of a system call for messages: "kexec_load" or "kexec_file_load". */
const char *crs_call_name(enum crashres_call call);

/*
 * Makes the list of attempts for @request. Attempts that are impossible on @machine stay in
 * the list with a status and a reason.
 *
 * @attempts: out; release with crs_attempts_free(), after a failure too.
 *
 * Return: CRASHRES_ERR_REQUEST if no system call supports all members of @request.
 */
enum crashres_status crs_attempts_list(struct crashres_ctx *ctx,
				       const struct crashres_machine *machine,
				       const struct crashres_kernel *kernel,
				       const struct crashres_request *request,
				       struct crs_attempts *attempts);

/*
 * Does a list for @request use a ready sealed Image? Does not read @request->sealed. The answers
 * are those of crashres_plan_uses_sealed().
 */
enum crashres_answer crs_attempts_use_ready_image(const struct crashres_machine *machine,
						  const struct crashres_kernel *kernel,
						  const struct crashres_request *request);

/*
 * The attempt with a sealed Image that was made before the load: with @request->sealed, or with
 * a kernel that is sealed already. CRS_NO_ATTEMPT: the list has none.
 */
size_t crs_attempts_find_already_sealed(const struct crs_attempts *attempts);
void crs_attempts_free(struct crs_attempts *attempts);

/*
 * Marks attempt @index as impossible, with @status and with crashres_error() as the reason.
 *
 * Return: CRASHRES_ERR_MEMORY if the reason cannot be copied.
 */
enum crashres_status crs_attempts_exclude(struct crashres_ctx *ctx, struct crs_attempts *attempts,
					  size_t index, enum crashres_status status);

/*
 * The preparation of @attempt failed with @status. Returns true if another attempt can be made
 * instead, and false if the whole plan must fail.
 */
bool crs_attempts_may_exclude(const struct crashres_ctx *ctx, const struct crs_attempt *attempt,
			      enum crashres_status status);

/* The index of the first possible attempt from @index on, or CRS_NO_ATTEMPT. */
size_t crs_attempts_find_possible(const struct crs_attempts *attempts, size_t index);

/*
 * The index of the attempt that follows if attempt @index failed with errno @error, or
 * CRS_NO_ATTEMPT. @limit: calls that the running kernel still accepts after the failure.
 */
size_t crs_attempts_find_next(const struct crs_attempts *attempts, size_t index, int error,
			      const struct crs_limit *limit);

/*
 * For the description of a plan, before any system call: the index of the attempt that can
 * follow attempt @index, or CRS_NO_ATTEMPT. @refusal: out; the kind of refusal after which that
 * attempt follows.
 */
size_t crs_attempts_predict_next(const struct crs_attempts *attempts, size_t index,
				 enum crashres_refusal *refusal);

/*
 * Does @error mean that the running kernel lacks system call @call, forbids it, or does not know
 * the format of the file? Then the other system call can still load the same kernel.
 */
bool crs_attempts_is_unavailable(enum crashres_call call, int error);

/*
 * Sets one sentence for the end of a list: kexec_load is excluded, and kexec_file_load is
 * missing. Returns false, without a sentence, if kexec_load is not excluded. Call it only if
 * the running kernel has no kexec_file_load.
 */
bool crs_attempts_explain_none_left(struct crashres_ctx *ctx, const struct crs_attempts *attempts);

/* The content of the slot after a call that failed with @error. */
enum crashres_slot_state crs_attempts_slot_state(enum crashres_call call, enum crashres_slot slot,
						 int error);

/*
 * May a call that failed with @error be repeated after a pause? Only after EBUSY (another
 * kexec call is running), and only if @limit allows more calls. @tries: how often the call was
 * made so far.
 */
bool crs_attempts_may_repeat(const struct crs_limit *limit, int error, unsigned int tries);

/*
 * May a call that failed with @error be repeated without its optional flags? An older kernel
 * does not know these flags and returns EINVAL.
 */
bool crs_attempts_may_drop_flags(const struct crs_limit *limit, enum crashres_call call, int error);

/* Does a call that failed with @error (0: succeeded) count against the kernel's limit of calls? */
bool crs_attempts_is_counted(int error);

/* Does the user need a warning, because @request wants a check and @attempt makes none? */
bool crs_attempts_loses_check(const struct crashres_request *request,
			      const struct crs_attempt *attempt);

/*
 * Logs once for each list that kexec_file_load ignores the device tree of the request or of
 * the kernel file. No warning if there is no such device tree.
 */
void crs_attempts_warn_of_device_tree(struct crashres_ctx *ctx, struct crs_attempts *attempts,
				      const struct crashres_request *request,
				      const struct crashres_kernel *kernel);

#endif
