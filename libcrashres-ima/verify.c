/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* verify.c: crashres_verify_input(): read a signature from its place and verify it. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "../libcrashres/base/input.h"
#include "../libcrashres/base/root.h"
#include "../libcrashres/kernel/modsig.h"
#include "authenticode.h"
#include "imasig.h"
#include "text.h"
#include "trust.h"

/* The parameters of one crashres_verify() for the functions below. All are borrowed. */
struct work {
	struct crashres_ctx *ctx;
	const struct crashres_input *file;
	struct crs_trusted trusted;			/* the caller's certificates */
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
	crs_text_trim(result->problem);
	result->valid = false;
}

/* Adds @text to the warnings. */
static void add_warning(struct crashres_verification *result, const char *text)
{
	size_t used = strlen(result->warning);

	snprintf(result->warning + used, sizeof(result->warning) - used, "%s%s", used ? "; " : "",
		 text);
}

/* Stores the subject of @certificate as the last one of the chain. */
static void add_to_chain(struct crashres_verification *result,
			 const struct crashres_certificate *certificate)
{
	size_t used = strlen(result->chain);
	char text[128];

	if (!result->chain_length)
		crs_text_copy(result->signer, sizeof(result->signer), certificate->subject);
	snprintf(result->chain + used, sizeof(result->chain) - used, "%s\n", certificate->subject);
	crs_text_trim(result->chain);
	result->chain_length++;
	if (!*result->warning && crs_key_warning(certificate->pkey, certificate->type, text,
						 sizeof(text)))
		add_warning(result, text);
}

/* Stores the result @check of verifying with the key of type @type. */
static void set_result(struct crashres_verification *result, enum crashres_key_type type,
		       enum crs_key_result check)
{
	result->type = type;
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
	case CRS_KEY_NO_MEMORY:
		break;
	}
	if (type == CRASHRES_KEY_RSA)
		set_problem(result, "the signature is damaged, or was made with another key");
	else
		set_problem(result, "the file was changed, or the signature is damaged or was "
			    "made with another key");
}

/* ------------------------------------------------------------ security.ima */

/* Verifies the signature with one certificate. Return: CRASHRES_ERR_MEMORY. */
static enum crashres_status check_imasig(struct work *work, const struct crs_imasig *imasig,
					 const struct crs_digest *digest,
					 const struct crashres_certificate *certificate,
					 enum crs_key_result *check)
{
	*check = crs_key_verify(certificate->pkey, certificate->type, digest, imasig->signature,
				imasig->size);
	return *check == CRS_KEY_NO_MEMORY ? crs_fail_memory(work->ctx) : CRASHRES_OK;
}

/* Stores the certificate that fits a signature in security.ima. */
static void set_certificate(struct crashres_verification *result,
			    const struct crashres_certificate *certificate)
{
	result->certificate = certificate;
	result->chain_length = 0;
	*result->chain = *result->warning = '\0';
	add_to_chain(result, certificate);
}

/*
 * No certificate has the key id of the signature, so the kernel would not find the key
 * either. Tries all certificates, to report a wrong key id in the signature, and a
 * certificate whose key has no id.
 */
static enum crashres_status set_key_id_problem(struct work *work, const struct crs_imasig *imasig,
					       const struct crs_digest *digest)
{
	struct crashres_verification *result = work->result;

	result->key_unknown = true;
	for (size_t i = 0; i < work->trusted.count; i++) {
		const struct crashres_certificate *certificate = work->trusted.certificates[i];
		enum crs_key_result check;

		if (check_imasig(work, imasig, digest, certificate, &check) != CRASHRES_OK)
			return CRASHRES_ERR_MEMORY;
		if (check != CRS_KEY_VALID)
			continue;
		set_certificate(result, certificate);
		set_result(result, certificate->type, CRS_KEY_VALID);
		if (certificate->has_key_id)
			set_problem(result,
				    "the signature names the key id:%08" PRIx32
				    ", but was made with the key id:%08" PRIx32,
				    imasig->key_id, certificate->key_id);
		else
			set_problem(result,
				    "the certificate has no subjectKeyIdentifier, so the kernel "
				    "cannot find its key");
		return CRASHRES_OK;
	}
	set_problem(result, "no given certificate has the key id:%08" PRIx32, imasig->key_id);
	return CRASHRES_OK;
}

/* Verifies with all certificates that have the key id: the last 4 bytes are not unique. */
static enum crashres_status try_certificates(struct work *work, const struct crs_imasig *imasig,
					     const struct crs_digest *digest)
{
	struct crashres_verification *result = work->result;
	size_t found = 0;

	for (size_t i = 0; i < work->trusted.count; i++) {
		const struct crashres_certificate *certificate = work->trusted.certificates[i];
		enum crs_key_result check;

		if (!certificate->has_key_id || certificate->key_id != imasig->key_id)
			continue;
		found++;
		if (result->valid)
			continue;
		if (check_imasig(work, imasig, digest, certificate, &check) != CRASHRES_OK)
			return CRASHRES_ERR_MEMORY;
		set_certificate(result, certificate);
		set_result(result, certificate->type, check);
	}
	if (result->valid)
		*result->problem = '\0';
	if (result->valid && found > 1)
		add_warning(result, "several certificates have this key id, and the kernel tries "
			    "only the first that it finds");
	return found ? CRASHRES_OK : set_key_id_problem(work, imasig, digest);
}

/* Verifies @size bytes of security.ima at @data, which are hostile. */
static enum crashres_status verify_imasig(struct work *work, const void *data, size_t size)
{
	struct crashres_verification *result = work->result;
	struct crs_imasig imasig;
	struct crs_digest digest;
	enum crashres_status status;

	status = crs_imasig_parse(work->ctx, data, size, &imasig);
	if (status != CRASHRES_OK)
		return status;
	result->hash = imasig.hash;
	snprintf(result->key, sizeof(result->key), "id:%08" PRIx32, imasig.key_id);
	status = crs_digest_make(work->ctx, imasig.hash, work->file->data, work->file->size,
				 &digest);
	return status == CRASHRES_OK ? try_certificates(work, &imasig, &digest) : status;
}

/*
 * Reads security.ima. @data: out; from malloc(), the caller frees it.
 * Return: CRASHRES_ERR_NO_SIGNATURE if there is no such attribute.
 */
static enum crashres_status read_xattr(struct work *work, uint8_t **data, size_t *size)
{
	/* An input from a device or a pipe has no attributes: original_fd is -1. */
	int fd = work->file->original_fd;
	ssize_t length = fd < 0 ? -1 : fgetxattr(fd, "security.ima", NULL, 0);
	uint8_t *new = NULL;

	if (fd < 0 || (length < 0 && (errno == ENODATA || errno == EOPNOTSUPP)))
		return crs_fail(work->ctx, CRASHRES_ERR_NO_SIGNATURE, "no security.ima");
	if (length >= 0) {
		new = malloc((size_t)length + 1);
		if (!new)
			return crs_fail_memory(work->ctx);
		length = fgetxattr(fd, "security.ima", new, (size_t)length);
	}
	if (length < 0) {
		free(new);
		return crs_fail_errno(work->ctx, CRASHRES_ERR_OS, errno,
				      "cannot read security.ima");
	}
	*data = new;
	*size = (size_t)length;
	return CRASHRES_OK;
}

static enum crashres_status verify_xattr(struct work *work)
{
	CRS_CLEANUP(crs_freep) uint8_t *data = NULL;
	size_t size;
	enum crashres_status status = read_xattr(work, &data, &size);

	if (status != CRASHRES_OK)
		return status;
	/* A digest is not a signature. */
	if (crs_imasig_is_digest(data, size))
		return crs_fail(work->ctx, CRASHRES_ERR_NO_SIGNATURE,
				"security.ima contains a digest, not a signature");
	return verify_imasig(work, data, size);
}

static enum crashres_status verify_sigfile(struct work *work)
{
	CRS_CLEANUP(crs_freep) uint8_t *data = NULL;
	CRS_CLEANUP(crs_freep) char *path = NULL;
	CRS_CLEANUP(crs_closep) int fd = -1;
	enum crashres_status status;
	struct stat st;
	size_t size;

	if (asprintf(&path, "%s.sig", work->file->name) < 0) {
		path = NULL;
		return crs_fail_memory(work->ctx);
	}
	/* O_NONBLOCK: a FIFO must not block here. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT)
		return crs_fail(work->ctx, CRASHRES_ERR_NO_SIGNATURE, "no %s", path);
	if (fd < 0 || fstat(fd, &st) < 0)
		return crs_fail_errno(work->ctx, CRASHRES_ERR_OS, errno, "%s: cannot open", path);
	if (!S_ISREG(st.st_mode))
		return crs_fail(work->ctx, CRASHRES_ERR_FORMAT,
				"the signature file is not a regular file");
	status = crs_read_fd(work->ctx, fd, CRS_IMASIG_FILE_LIMIT, path, &data, &size);
	return status == CRASHRES_OK ? verify_imasig(work, data, size) : status;
}

/* ----------------------------------------------------------- CMS structures */

/* Stores what the search for a trusted certificate found. @data: only for the signer's name. */
static void set_trust(struct crashres_verification *result, const struct crs_signed_data *data,
		      const struct crs_trust *trust)
{
	char name[400];

	crs_text_copy(name, sizeof(name), trust->length ? trust->path[0]->subject : result->key);
	result->certificate = trust->trusted;
	for (size_t i = 0; i < trust->length; i++)
		add_to_chain(result, trust->path[i]);
	if (trust->length)
		set_result(result, data->type, trust->check);
	if (trust->check != CRS_KEY_VALID)
		return;
	result->key_unknown = !trust->trusted && !trust->problem;
	if (trust->problem)
		set_problem(result, "%s", trust->problem);
	else if (!trust->trusted && trust->length)
		set_problem(result, "no given certificate is in the chain of the signer, %s",
			    name);
	else if (!trust->trusted)
		set_problem(result, "no given certificate matches the signer, %s", name);
	if (result->key_unknown)
		result->digest = CRASHRES_DIGEST_UNKNOWN;
	if (trust->ambiguous)
		add_warning(result, "several certificates have this name, and the kernel tries "
			    "only the first that it finds");
}

/* Verifies a CMS structure with the signed content @content. */
static enum crashres_status verify_signed_data(struct work *work,
					       const struct crs_signed_data *data,
					       struct crs_bytes content)
{
	CRS_CLEANUP(crs_trust_clear) struct crs_trust trust = CRS_TRUST_NONE;
	struct crashres_verification *result = work->result;
	struct crs_digest digest;
	enum crashres_status status;
	bool matches;

	result->hash = data->hash;
	result->time_source = crs_signed_data_time(data, &result->time);
	crs_signed_data_signer_text(data, result->key, sizeof(result->key));
	status = crs_signed_data_digest(work->ctx, data, content, &digest, &matches);
	if (status == CRASHRES_OK)
		status = crs_trust_check(work->ctx, data, &digest, &work->trusted, &trust);
	if (status != CRASHRES_OK)
		return status;
	set_trust(result, data, &trust);
	if (result->valid && !matches)
		set_problem(result, "the signed attributes contain another digest than that of the "
			    "signed content");
	return CRASHRES_OK;
}

/* Checks what the kernel demands of an appended signature (pkcs7_verify()). */
static enum crashres_status check_appended(struct crashres_ctx *ctx,
					   const struct crs_signed_data *data)
{
	if (data->authenticode)
		return crs_fail(ctx, CRASHRES_ERR_FORMAT,
				"the content type of the CMS structure is Authenticode, the kernel "
				"accepts only data in an appended signature");
	if (data->attributes.data)
		return crs_fail(ctx, CRASHRES_ERR_FORMAT,
				"the CMS structure has signed attributes, which the kernel refuses "
				"in an appended signature");
	if (data->content_element.data)
		return crs_fail(ctx, CRASHRES_ERR_FORMAT,
				"the CMS structure contains the signed content");
	return CRASHRES_OK;
}

/* The type byte of a digest after which the kernel goes on (IMA_XATTR_DIGEST_NG). */
#define TYPE_DIGEST_NG	0x04
#define TYPE_SIGNATURE	0x03

/*
 * Verifies the signature in security.ima, beside a valid appended one. The kernel goes on to
 * the appended signature only if it does not know the key of the first one.
 */
static enum crashres_status check_imasig_before(struct work *work, const uint8_t *data,
						size_t size)
{
	struct crashres_verification other = { .size = sizeof(other) };
	struct work first = { work->ctx, work->file, work->trusted, &other };
	enum crashres_status status = verify_imasig(&first, data, size);

	if (status == CRASHRES_ERR_MEMORY)
		return status;
	if (status != CRASHRES_OK || (!other.valid && !other.key_unknown))
		set_problem(work->result,
			    "the signature in security.ima is not valid, so the kernel does not try "
			    "the appended signature");
	return CRASHRES_OK;
}

/*
 * Checks whether the kernel asks for the appended signature at all: security.ima comes first
 * (ima_appraise_measurement()).
 */
static enum crashres_status check_xattr_before(struct work *work)
{
	CRS_CLEANUP(crs_freep) uint8_t *data = NULL;
	size_t size;
	enum crashres_status status = read_xattr(work, &data, &size);

	if (status != CRASHRES_OK)
		return status == CRASHRES_ERR_NO_SIGNATURE ? CRASHRES_OK : status;
	if (size && data[0] == TYPE_DIGEST_NG)
		return CRASHRES_OK;
	if (size && data[0] == TYPE_SIGNATURE)
		return check_imasig_before(work, data, size);
	if (size)
		set_problem(work->result,
			    "security.ima has the type 0x%02x, so the kernel does not try the "
			    "appended signature", data[0]);
	else
		set_problem(work->result,
			    "security.ima is empty, so the kernel does not try the appended "
			    "signature");
	return CRASHRES_OK;
}

static enum crashres_status verify_appended(struct work *work)
{
	CRS_CLEANUP(crs_signed_data_clear) struct crs_signed_data data = CRS_SIGNED_DATA_NONE;
	const struct crashres_input *file = work->file;
	struct crs_modsig modsig;
	enum crashres_status status = crs_modsig_parse(work->ctx, file->data, file->size, &modsig);

	if (status == CRASHRES_OK)
		status = crs_signed_data_parse(work->ctx, modsig.cms, modsig.cms_size, &data);
	if (status == CRASHRES_OK)
		status = check_appended(work->ctx, &data);
	if (status == CRASHRES_OK)
		status = verify_signed_data(work, &data, (struct crs_bytes){
			file->data, modsig.content_size });
	if (status == CRASHRES_OK && work->result->valid)
		status = check_xattr_before(work);
	return status;
}

/* Compares the digest in @data with the digest of the PE file. */
static enum crashres_status compare_pe_digest(struct work *work,
					      const struct crs_authenticode *signature,
					      const struct crs_signed_data *data)
{
	struct crs_digest signed_digest, digest;
	enum crashres_status status = crs_authenticode_signed_digest(
		work->ctx, data->content_element, &signed_digest);

	if (status == CRASHRES_OK)
		status = crs_authenticode_digest(work->ctx, signature, signed_digest.hash, &digest);
	if (status != CRASHRES_OK)
		return status;
	work->result->hash = signed_digest.hash;
	if (!memcmp(signed_digest.bytes, digest.bytes, digest.size))
		return CRASHRES_OK;
	work->result->digest = CRASHRES_DIGEST_DIFFERS;
	set_problem(work->result, "the file was changed after it was signed");
	return CRASHRES_OK;
}

/* Verifies in the order of verify_pefile_signature(): signer and chain, then the file. */
static enum crashres_status verify_pe(struct work *work)
{
	CRS_CLEANUP(crs_signed_data_clear) struct crs_signed_data data = CRS_SIGNED_DATA_NONE;
	struct crs_authenticode signature;
	enum crashres_status status = crs_authenticode_parse(work->ctx, work->file->data,
							     work->file->size, &signature);

	if (status == CRASHRES_OK)
		status = crs_signed_data_parse(work->ctx, signature.cms.data, signature.cms.size,
					       &data);
	if (status != CRASHRES_OK)
		return status;
	if (!data.authenticode || !data.content_element.data)
		return crs_fail(work->ctx, CRASHRES_ERR_FORMAT,
				"the CMS structure contains no Authenticode digest");
	status = verify_signed_data(work, &data, data.content);
	if (status == CRASHRES_OK && work->result->valid)
		status = compare_pe_digest(work, &signature, &data);
	return status;
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
		status = verify_pe(work);
		break;
	default:
		return crs_fail(work->ctx, CRASHRES_ERR_REQUEST, "unknown kind of signature %d",
				(int)work->result->signature);
	}
	if (status != CRASHRES_ERR_FORMAT && status != CRASHRES_ERR_UNSUPPORTED)
		return status;
	set_problem(work->result, "%s", crashres_error(work->ctx));
	work->result->digest = CRASHRES_DIGEST_UNKNOWN;
	return CRASHRES_OK;
}

enum crashres_status crashres_verify_input(struct crashres_ctx *ctx,
					   const struct crashres_input *file,
					   enum crashres_signature signature,
					   struct crashres_certificate *const *certificates,
					   size_t count,
					   struct crashres_verification **verification)
{
	struct crashres_verification *new = calloc(1, sizeof(*new));
	enum crashres_status status;

	if (new) {
		new->size = sizeof(*new);
		new->signature = signature;
		status = verify(&(struct work){ ctx, file, { certificates, count }, new });
	} else {
		status = crs_fail_memory(ctx);
	}
	if (status != CRASHRES_OK) {
		free(new);
		return crs_prefix_error(ctx, status, "verify %s", file->name);
	}
	*verification = new;
	return CRASHRES_OK;
}

enum crashres_status crashres_verify(struct crashres_ctx *ctx, const char *path,
				     enum crashres_signature signature,
				     struct crashres_certificate *const *certificates, size_t count,
				     struct crashres_verification **verification)
{
	struct crashres_input *file;
	enum crashres_status status = crashres_input_open(ctx, path, &file);

	if (status != CRASHRES_OK)
		return crs_prefix_error(ctx, status, "verify");
	status = crashres_verify_input(ctx, file, signature, certificates, count, verification);
	crashres_input_close(file);
	return status;
}
