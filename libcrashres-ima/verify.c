/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* verify.c: crashres_verify(): read a signature from its place and verify it. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

#include "../libcrashres/base/input.h"
#include "../libcrashres/base/root.h"
#include "cms.h"
#include "imasig.h"
#include "modsig.h"

/* Bytes of FILE.sig. An attribute cannot be larger (XATTR_SIZE_MAX). */
#define SIGFILE_LIMIT	(64U << 10)

/* The parameters of one crashres_verify() for the functions below. All are borrowed. */
struct work {
	struct crashres_ctx *ctx;
	const struct crashres_input *file;
	struct crashres_certificate *const *certificates;
	size_t count;					/* of @certificates */
	struct crashres_verification *result;		/* filled step by step */
};

__attribute__((format(printf, 2, 3)))
/* Stores the reason why the signature is not valid. */
static void set_problem(struct crashres_verification *result, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(result->problem, sizeof(result->problem), format, args);
	va_end(args);
}

/* Stores the signer's certificate and the result @check of verifying with its key. */
static void set_result(struct crashres_verification *result,
		       const struct crashres_certificate *certificate, enum crs_key_result check)
{
	result->certificate = certificate;
	result->type = certificate->type;
	snprintf(result->signer, sizeof(result->signer), "%s", certificate->subject);
	switch (check) {
	case CRS_KEY_VALID:
		result->digest = CRASHRES_DIGEST_MATCHES;
		result->valid = true;
		return;
	case CRS_KEY_OTHER_DIGEST:
		result->digest = CRASHRES_DIGEST_DIFFERS;
		set_problem(result, "the file was changed after it was signed");
		return;
	case CRS_KEY_NO_MATCH:
		break;
	}
	if (certificate->type == CRASHRES_KEY_RSA)
		set_problem(result, "the signature is damaged, or was made with another key");
	else
		set_problem(result, "the file was changed, or the signature is damaged or was "
			    "made with another key");
}

/*
 * No certificate has the key id of the signature, so the kernel would not find the key
 * either. Tries all certificates, to report a wrong key id in the signature.
 */
static void set_key_id_problem(struct work *work, const struct crs_imasig *imasig,
			       const struct crs_digest *digest)
{
	for (size_t i = 0; i < work->count; i++) {
		const struct crashres_certificate *certificate = work->certificates[i];

		if (crs_key_verify(certificate->pkey, certificate->type, digest, imasig->signature,
				   imasig->size) != CRS_KEY_VALID)
			continue;
		set_result(work->result, certificate, CRS_KEY_VALID);
		work->result->valid = false;
		set_problem(work->result,
			    "the signature names the key id:%08" PRIx32
			    ", but was made with the key id:%08" PRIx32,
			    imasig->key_id, certificate->key_id);
		return;
	}
	work->result->key_unknown = true;
	set_problem(work->result, "no given certificate has the key id:%08" PRIx32, imasig->key_id);
}

/*
 * Verifies @size bytes of security.ima at @data, which are hostile. Several certificates
 * can have the same key id: the last 4 bytes are not unique.
 */
static enum crashres_status verify_imasig(struct work *work, const void *data, size_t size)
{
	struct crashres_verification *result = work->result;
	struct crs_imasig imasig;
	struct crs_digest digest;
	enum crashres_status status;
	bool found = false;

	status = crs_imasig_parse(work->ctx, data, size, &imasig);
	if (status != CRASHRES_OK)
		return status;
	result->hash = imasig.hash;
	snprintf(result->key, sizeof(result->key), "id:%08" PRIx32, imasig.key_id);
	status = crs_digest_make(work->ctx, imasig.hash, work->file->data, work->file->size,
				 &digest);
	if (status != CRASHRES_OK)
		return status;
	for (size_t i = 0; i < work->count && !result->valid; i++) {
		const struct crashres_certificate *certificate = work->certificates[i];

		if (certificate->key_id != imasig.key_id)
			continue;
		found = true;
		set_result(result, certificate,
			   crs_key_verify(certificate->pkey, certificate->type, &digest,
					  imasig.signature, imasig.size));
	}
	if (!found)
		set_key_id_problem(work, &imasig, &digest);
	return CRASHRES_OK;
}

static enum crashres_status verify_xattr(struct work *work)
{
	/* An input from a device or a pipe has no attributes: original_fd is -1. */
	int fd = work->file->original_fd;
	ssize_t size = fd < 0 ? -1 : fgetxattr(fd, "security.ima", NULL, 0);
	CRS_CLEANUP(crs_freep) uint8_t *data = NULL;

	if (fd < 0 || (size < 0 && (errno == ENODATA || errno == EOPNOTSUPP)))
		return crs_fail(work->ctx, CRASHRES_ERR_NO_SIGNATURE, "no security.ima");
	if (size >= 0) {
		data = malloc((size_t)size + 1);
		if (!data)
			return crs_fail_memory(work->ctx);
		size = fgetxattr(fd, "security.ima", data, (size_t)size);
	}
	if (size < 0)
		return crs_fail_errno(work->ctx, CRASHRES_ERR_OS, errno,
				      "cannot read security.ima");
	/*
	 * A digest is not a signature. After a digest of type 0x04 the kernel tries the
	 * appended signature (ima_appraise_measurement()).
	 */
	if (crs_imasig_is_digest(data, (size_t)size))
		return crs_fail(work->ctx, CRASHRES_ERR_NO_SIGNATURE,
				"security.ima contains a digest, not a signature");
	return verify_imasig(work, data, (size_t)size);
}

static enum crashres_status verify_sigfile(struct work *work)
{
	CRS_CLEANUP(crs_freep) uint8_t *data = NULL;
	CRS_CLEANUP(crs_freep) char *path = NULL;
	CRS_CLEANUP(crs_closep) int fd = -1;
	enum crashres_status status;
	size_t size;

	if (asprintf(&path, "%s.sig", work->file->name) < 0) {
		path = NULL;
		return crs_fail_memory(work->ctx);
	}
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return crs_fail(work->ctx, CRASHRES_ERR_NO_SIGNATURE, "no %s", path);
	if (fd < 0)
		return crs_fail_errno(work->ctx, CRASHRES_ERR_OS, errno, "%s: cannot open", path);
	status = crs_read_fd(work->ctx, fd, SIGFILE_LIMIT, path, &data, &size);
	return status == CRASHRES_OK ? verify_imasig(work, data, size) : status;
}

/*
 * Verifies a CMS structure over the first @content_size bytes of the file, with each
 * certificate that the structure names.
 */
static enum crashres_status verify_cms(struct work *work, const struct crs_cms *cms,
				       size_t content_size)
{
	struct crashres_verification *result = work->result;
	struct crs_digest digest;
	enum crashres_status status;
	bool found = false;

	result->hash = cms->hash;
	crs_cms_signer_text(cms, result->key, sizeof(result->key));
	status = crs_digest_make(work->ctx, cms->hash, work->file->data, content_size, &digest);
	if (status != CRASHRES_OK)
		return status;
	for (size_t i = 0; i < work->count && !result->valid; i++) {
		if (!crs_cms_names_signer(cms, work->certificates[i]))
			continue;
		found = true;
		set_result(result, work->certificates[i],
			   crs_cms_verify(cms, work->certificates[i], &digest));
	}
	result->key_unknown = !found;
	if (!found)
		set_problem(result, "no given certificate matches the signer, %.400s", result->key);
	return CRASHRES_OK;
}

static enum crashres_status verify_appended(struct work *work)
{
	CRS_CLEANUP(crs_cms_clear) struct crs_cms cms = CRS_CMS_NONE;
	struct crs_modsig modsig;
	enum crashres_status status = crs_modsig_parse(work->ctx, work->file->data,
						       work->file->size, &modsig);

	if (status == CRASHRES_OK)
		status = crs_cms_parse(work->ctx, modsig.cms, modsig.cms_size, &cms);
	if (status != CRASHRES_OK)
		return status;
	return verify_cms(work, &cms, modsig.content_size);
}

/*
 * Verifies the signature at the place that the result names. A signature that cannot be
 * parsed is a result with a problem, not an error of the caller.
 */
static enum crashres_status verify(struct work *work)
{
	enum crashres_status status;

	switch (work->result->signature) {
	case CRASHRES_SIGNATURE_XATTR:
		status = verify_xattr(work);
		break;
	case CRASHRES_SIGNATURE_SIGFILE:
		status = verify_sigfile(work);
		break;
	case CRASHRES_SIGNATURE_APPENDED:
		status = verify_appended(work);
		break;
	case CRASHRES_SIGNATURE_PE:
		return crs_fail(work->ctx, CRASHRES_ERR_NO_SIGNATURE, "no PE signature");
	default:
		return crs_fail(work->ctx, CRASHRES_ERR_REQUEST, "unknown kind of signature %d",
				(int)work->result->signature);
	}
	if (status != CRASHRES_ERR_FORMAT && status != CRASHRES_ERR_UNSUPPORTED)
		return status;
	set_problem(work->result, "%.500s", crashres_error(work->ctx));
	return CRASHRES_OK;
}

enum crashres_status crashres_verify(struct crashres_ctx *ctx, const char *path,
				     enum crashres_signature signature,
				     struct crashres_certificate *const *certificates, size_t count,
				     struct crashres_verification **verification)
{
	struct crashres_verification *new;
	struct crashres_input *file;
	enum crashres_status status = crashres_input_open(ctx, path, &file);

	if (status != CRASHRES_OK)
		return crs_prefix_error(ctx, status, "verify");
	new = calloc(1, sizeof(*new));
	if (new) {
		new->size = sizeof(*new);
		new->signature = signature;
		status = verify(&(struct work){ ctx, file, certificates, count, new });
	} else {
		status = crs_fail_memory(ctx);
	}
	crashres_input_close(file);
	if (status != CRASHRES_OK) {
		free(new);
		return crs_prefix_error(ctx, status, "verify %s", path);
	}
	*verification = new;
	return CRASHRES_OK;
}
