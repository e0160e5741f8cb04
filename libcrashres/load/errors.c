/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* errors.c: explains the errno of a kexec system call in words. */
#include <errno.h>
#include <stddef.h>

#include "errors.h"

/* ENOTSUPP of include/linux/errno.h, which the kernel returns to programs by mistake. */
#define ERROR_FORMAT 524

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
 * kimage_validate_signature() (kernel/kexec_file.c) returns the error of the PE signature only if
 * the running kernel enforces signatures (sig_enforce). Under lockdown it returns EPERM for all of
 * them. So the sentence says what the headers of the file show.
 *
 * [privileged][signatures]: without CAP_SYS_BOOT the kernel returns EPERM, too.
 */
static const char *explain_lockdown(const struct crs_refusal *refusal)
{
	/* [privileged][no_verifier]; the first column is another table. */
	static const char *const unverified[2][3] = {
		{ NULL,
		  "kexec needs root, or lockdown demands a PE signature, and the running kernel "
		  "was built without CONFIG_KEXEC_IMAGE_VERIFY_SIG, so it cannot verify any",
		  "kexec needs root, or lockdown demands a PE signature, and /boot/config-RELEASE "
		  "says that the running kernel cannot verify any (no "
		  "CONFIG_KEXEC_IMAGE_VERIFY_SIG)" },
		{ NULL,
		  "lockdown demands a PE signature, and the running kernel was built without "
		  "CONFIG_KEXEC_IMAGE_VERIFY_SIG, so it cannot verify any",
		  "lockdown demands a PE signature, and /boot/config-RELEASE says that the running "
		  "kernel cannot verify any (no CONFIG_KEXEC_IMAGE_VERIFY_SIG)" },
	};
	static const char *const sentences[2][3] = {
		{ "kexec needs root, or lockdown demands a PE signature, and the kernel file has "
		  "none",
		  "kexec needs root, or lockdown demands a PE signature, and that of the kernel "
		  "file is cut off",
		  "kexec needs root, or lockdown demands a valid PE signature: the kernel file was "
		  "changed after signing, or the running kernel does not trust the key" },
		{ "lockdown demands a PE signature, and the kernel file has none",
		  "lockdown demands a PE signature, and that of the kernel file is cut off",
		  "lockdown demands a valid PE signature: the kernel file was changed after "
		  "signing, or the running kernel does not trust the key" },
	};

	if (refusal->no_verifier != CRS_CONFIG_NONE)
		return unverified[refusal->privileged][refusal->no_verifier];
	return sentences[refusal->privileged][refusal->signatures];
}

/* The kernel returns EKEYREJECTED for each file, also for one without a signature. */
static const char *explain_no_verifier(enum crs_config_source source)
{
	return source == CRS_CONFIG_KERNEL ?
	       "the running kernel cannot verify any PE signature: it was built without "
	       "CONFIG_KEXEC_IMAGE_VERIFY_SIG" :
	       "the running kernel cannot verify any PE signature: /boot/config-RELEASE has no "
	       "CONFIG_KEXEC_IMAGE_VERIFY_SIG";
}

/*
 * Does EINVAL come from the verification of the PE signature? image_probe() and image_load() in
 * arch/arm64/kernel/kexec_image.c return it, too, but not for a complete Image.
 */
static bool is_wrong_value(const struct crs_refusal *refusal)
{
	return refusal->error == EINVAL && refusal->enforced && refusal->complete_image &&
	       !refusal->pages_differ && refusal->signatures == CRS_PE_SIGNATURES_PRESENT;
}

/*
 * Errors of verify_pefile_signature() (crypto/asymmetric_keys/verify_pefile.c), which the kernel
 * returns if it enforces PE signatures, and EACCES of IMA (security/integrity/ima):
 *
 *   ENODATA         the certificate table of the PE header is empty
 *   ELIBBAD         no complete PE file, or the certificate table is damaged
 *   EBADMSG         the PKCS #7 message in the table is damaged, or a digest has a wrong size
 *   EMSGSIZE        the PKCS #7 message is shorter than its ASN.1 header says
 *   ENOTSUPP (524)  the table has another revision or type; libc has no name for this number
 *   ENOPKG          an algorithm that the running kernel does not have
 *   ENOKEY          no keyring of the kernel has a key of the certificate chain
 *   EKEYREJECTED    the digest of the file is wrong, .blacklist has a key of the chain, or the
 *                   kernel was built without KEXEC_IMAGE_VERIFY_SIG
 *   EINVAL          the value of an RSA signature does not fit the key
 *                   (pkcs1pad_verify_complete() in crypto/rsa-pkcs1pad.c), or the kernel refuses
 *                   the size of the key (rsa_check_key_length()); see is_wrong_value()
 */
static const char *explain_signature(const struct crs_refusal *refusal)
{
	switch (refusal->error) {
	case EACCES:
		return "IMA finds no valid signature on the kernel or the initrd";
	case ENODATA:
		return "the running kernel demands a PE signature, and the kernel file has none";
	case ELIBBAD:
		return "the running kernel demands a PE signature: that of the kernel file is cut off, "
		       "or the file is not a complete PE file";
	case EBADMSG:
	case EMSGSIZE:
		return "the PE signature of the kernel file is damaged";
	case ERROR_FORMAT:
	case ENOPKG:
		return "the running kernel cannot verify this type of PE signature";
	case ENOKEY:
		return "the running kernel does not trust the key of the PE signature";
	case EKEYREJECTED:
		return refusal->no_verifier != CRS_CONFIG_NONE ?
		       explain_no_verifier(refusal->no_verifier) :
		       "the kernel file or its PE signature was changed after signing, or the key is "
		       "revoked";
	default:
		return NULL;
	}
}

static const char *explain_format(void)
{
	return "the file is not an arm64 Image that the running kernel accepts on this CPU";
}

static const char *explain_file_load(const struct crs_refusal *refusal)
{
	switch (refusal->error) {
	case EPERM:
		return refusal->locked_down ? explain_lockdown(refusal) :
					      explain_either(EPERM, refusal->slot);
	case EADDRNOTAVAIL:
		return "the running kernel finds no room for the segments";
	case EINVAL:
		return is_wrong_value(refusal) ?
		       "the PE signature of the kernel file does not fit the key, or the running "
		       "kernel cannot use the key" : explain_format();
	case ENOEXEC:
		return explain_format();
	case ENOSYS:
		return "syscall kexec_file_load not available: "
		       "the running kernel was built without CONFIG_KEXEC_FILE";
	default:
		return crs_is_signature_refusal(refusal) ? explain_signature(refusal) :
							   explain_either(refusal->error, refusal->slot);
	}
}

bool crs_is_signature_refusal(const struct crs_refusal *refusal)
{
	if (refusal->call != CRASHRES_CALL_FILE_LOAD)
		return false;
	if (refusal->error == EPERM)
		return refusal->locked_down && refusal->limit != CRS_LIMIT_USED_UP_BEFORE;
	return is_wrong_value(refusal) || explain_signature(refusal);
}

int crs_refusal_reason(const struct crs_refusal *refusal)
{
	bool signature = refusal->error == EINVAL && crs_is_signature_refusal(refusal);

	return signature ? EKEYREJECTED : refusal->error;
}

bool crs_is_signature_error(int error)
{
	const struct crs_refusal refusal = { .call = CRASHRES_CALL_FILE_LOAD, .error = error };

	return crs_is_signature_refusal(&refusal);
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
	return explain_file_load(refusal);
}
