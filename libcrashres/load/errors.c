/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* errors.c: explains the errno of a kexec system call in words. */
#include <errno.h>
#include <stddef.h>

#include "errors.h"

/*
 * Errors that both system calls return for the same reasons: EPERM from kexec_load_permitted(),
 * EADDRNOTAVAIL from sanity_check_segment_list(), EBUSY from the kexec lock.
 */
static const char *explain_either(int error, enum crashres_slot slot)
{
	switch (error) {
	case EPERM:
		return "kexec needs root, or kernel.kexec_load_disabled is 1, or lockdown forbids "
		       "the call";
	case EADDRNOTAVAIL:
		return slot == CRASHRES_SLOT_CRASH ?
		       "the kernel's crash region is not where /proc/iomem showed it" : NULL;
	case EBUSY:
		return "another kexec is at work";
	case ENOMEM:
		return "the kernel is short of memory";
	default:
		return NULL;
	}
}

/* kexec_load returns EACCES only from the hook of IMA (kexec_load_check()). */
static const char *explain_load(int error, enum crashres_slot slot)
{
	switch (error) {
	case EACCES:
		return "IMA demands a signed kernel, which only kexec_file_load can load";
	case ENOSYS:
		return "the running kernel was built without CONFIG_KEXEC";
	default:
		return explain_either(error, slot);
	}
}

/*
 * Signature errors come from kimage_validate_signature() (kernel/kexec_file.c) and from IMA
 * (security/integrity/ima): ENODATA without a signature, ENOKEY for an unknown key.
 */
static const char *explain_file_load(int error, enum crashres_slot slot)
{
	switch (error) {
	case EACCES:
		return "IMA finds no valid signature on the kernel or the initrd";
	case EADDRNOTAVAIL:
		return "the running kernel finds no room for the segments";
	case EINVAL:
	case ENOEXEC:
		return "the file is not an arm64 Image that the running kernel accepts on this CPU";
	case ENODATA:
		return "the kernel file is not signed";
	case ENOKEY:
		return "the running kernel does not trust the key of the signature";
	case EKEYREJECTED:
	case EBADMSG:
	case ELIBBAD:
	case ENOPKG:
		return "the signature is damaged, or the running kernel cannot verify its type";
	case ENOSYS:
		return "syscall kexec_file_load not available: "
		       "the running kernel was built without CONFIG_KEXEC_FILE";
	default:
		return explain_either(error, slot);
	}
}

/*
 * Explains EPERM if the limit is 0 now. kexec_load_permitted() (kernel/kexec_core.c) checks
 * CAP_SYS_BOOT and kexec_load_disabled, then it decreases the limit. All other checks follow, so
 * a call that lockdown refuses can still use up the limit.
 */
static const char *explain_limit(enum crashres_slot slot, enum crs_limit_state limit)
{
	static const char *const sentences[2][2] = {
		{ "kexec needs root, or lockdown forbids the call; kernel.kexec_load_limit_reboot "
		  "is 0 now",
		  "kernel.kexec_load_limit_reboot is 0: the kernel accepts no further call before a "
		  "reboot" },
		{ "kexec needs root, or lockdown forbids the call; kernel.kexec_load_limit_panic "
		  "is 0 now",
		  "kernel.kexec_load_limit_panic is 0: the kernel accepts no further call before a "
		  "reboot" },
	};

	return sentences[slot == CRASHRES_SLOT_CRASH][limit == CRS_LIMIT_USED_UP_BEFORE];
}

const char *crs_explain_refusal(const struct crs_refusal *refusal)
{
	if (refusal->error == EPERM && refusal->limit != CRS_LIMIT_OPEN)
		return explain_limit(refusal->slot, refusal->limit);
	if (refusal->call == CRASHRES_CALL_LOAD)
		return explain_load(refusal->error, refusal->slot);
	if (refusal->error == EINVAL && refusal->pages_differ)
		return "the kernel has another page size than the running kernel: perhaps this CPU "
		       "does not support it";
	return explain_file_load(refusal->error, refusal->slot);
}
