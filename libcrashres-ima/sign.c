/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/xattr.h>

#include "../libcrashres/base/input.h"
#include "../libcrashres/base/struct-size.h"
#include "../libcrashres/kernel/pe.h"
#include "../libcrashres/kernel/zboot.h"
#include "cms.h"
#include "imasig.h"
#include "modsig.h"
#include "replace.h"

/* By so much two CMS of the same key differ: r and s of ECDSA have no fixed length. */
#define CMS_SLACK 16

/* Every struct of ima.h that has a size member, by its last member. */
CRS_ASSERT_NO_TAIL_PADDING(crashres_sign_request, output);
CRS_ASSERT_NO_TAIL_PADDING(crashres_verification, key);

static enum crashres_status check_request(struct crashres_ctx *ctx,
					  const struct crashres_sign_request *request)
{
	if (!crs_hash_is_known(request->hash))
		return crs_fail(ctx, CRASHRES_ERR_REQUEST, "unknown hash %d", (int)request->hash);
	switch (request->signature) {
	case CRASHRES_SIGNATURE_APPENDED:
		if (!request->certificate)
			return crs_fail(ctx, CRASHRES_ERR_REQUEST,
					"an appended signature names its signer's certificate: "
					"one is needed");
		break;
	case CRASHRES_SIGNATURE_XATTR:
		if (request->output)
			return crs_fail(ctx, CRASHRES_ERR_REQUEST,
					"security.ima belongs to the file itself: no output is "
					"possible");
		break;
	case CRASHRES_SIGNATURE_SIGFILE:
		break;
	default:
		return crs_fail(ctx, CRASHRES_ERR_REQUEST, "unknown kind of signature %d",
				(int)request->signature);
	}
	if (request->certificate)
		return crs_certificate_check_key(ctx, request->certificate, request->key);
	return CRASHRES_OK;
}

/* The attribute's bytes. */
static enum crashres_status make_imasig(struct crashres_ctx *ctx,
					const struct crashres_sign_request *request,
					const struct crashres_input *file, uint8_t **data,
					size_t *size)
{
	CRS_CLEANUP(crs_freep) uint8_t *signature = NULL;
	struct crs_imasig imasig = {
		.hash = request->hash,
		.key_id = request->certificate ? request->certificate->key_id :
						 request->key->key_id,
	};
	struct crs_digest digest;
	enum crashres_status status;

	status = crs_digest_make(ctx, request->hash, file->data, file->size, &digest);
	if (status == CRASHRES_OK)
		status = crs_key_sign(ctx, request->key, &digest, &signature, &imasig.size);
	if (status != CRASHRES_OK)
		return status;
	imasig.signature = signature;
	return crs_imasig_format(ctx, &imasig, data, size);
}

static enum crashres_status set_xattr(struct crashres_ctx *ctx, const struct crashres_input *file,
				      const uint8_t *data, size_t size)
{
	if (file->original_fd >= 0 && !fsetxattr(file->original_fd, "security.ima", data, size, 0))
		return CRASHRES_OK;
	if (file->original_fd < 0 || errno == EOPNOTSUPP)
		return crs_fail(ctx, CRASHRES_ERR_UNSUPPORTED,
				"its file system has no attribute security.ima");
	if (errno == EPERM || errno == EACCES)
		return crs_fail_errno(ctx, CRASHRES_ERR_PERMISSION, errno,
				      "security.ima, which needs CAP_SYS_ADMIN");
	return crs_fail_errno(ctx, CRASHRES_ERR_OS, errno, "security.ima");
}

/* Its owner and mode are those of a new file. A device has none that a file could use. */
static int model_fd(const struct crashres_input *file)
{
	return file->original_fd >= 0 ? file->original_fd : file->fd;
}

static enum crashres_status write_sigfile(struct crashres_ctx *ctx, const char *output,
					  const struct crashres_input *file, uint8_t *data,
					  size_t size)
{
	const struct iovec part = { data, size };
	CRS_CLEANUP(crs_freep) char *path = NULL;

	if (!output && asprintf(&path, "%s.sig", file->name) < 0) {
		path = NULL;
		return crs_fail_memory(ctx);
	}
	return crs_replace_file(ctx, output ? output : path, model_fd(file), CRS_REPLACE_MODE_ONLY,
				&part, 1);
}

static enum crashres_status sign_imasig(struct crashres_ctx *ctx,
					const struct crashres_sign_request *request,
					const struct crashres_input *file)
{
	CRS_CLEANUP(crs_freep) uint8_t *data = NULL;
	size_t size;
	enum crashres_status status = make_imasig(ctx, request, file, &data, &size);

	if (status != CRASHRES_OK)
		return status;
	if (request->signature == CRASHRES_SIGNATURE_XATTR)
		return set_xattr(ctx, file, data, size);
	return write_sigfile(ctx, request->output, file, data, size);
}

static enum crashres_status write_appended(struct crashres_ctx *ctx, const char *path,
					   const struct crashres_input *file, size_t content_size,
					   uint8_t *cms, size_t cms_size)
{
	uint8_t trailer[CRS_MODSIG_TRAILER];
	const struct iovec parts[] = {
		{ (void *)(uintptr_t)file->data, content_size },
		{ cms, cms_size },
		{ trailer, sizeof(trailer) },
	};

	crs_modsig_trailer(cms_size, trailer);
	return crs_replace_file(ctx, path, model_fd(file), CRS_REPLACE_ALL_ATTRIBUTES, parts, 3);
}

/* Where zeros have to go, they go before the signature is made, whose size must be known. */
static enum crashres_status make_cms(struct crashres_ctx *ctx,
				     const struct crashres_sign_request *request,
				     const struct crashres_input *file, size_t *content_size,
				     uint8_t **cms, size_t *cms_size)
{
	CRS_CLEANUP(crs_freep) uint8_t *first = NULL;
	size_t whole = *content_size, first_size;
	enum crashres_status status;

	status = crs_cms_sign(ctx, request->key, request->certificate, request->hash, file->data,
			      whole, &first, &first_size);
	if (status == CRASHRES_OK)
		status = crs_modsig_make_room(ctx, file->data, whole,
					      first_size + CMS_SLACK + CRS_MODSIG_TRAILER,
					      content_size);
	if (status != CRASHRES_OK)
		return status;
	if (*content_size == whole) {
		*cms = first;
		*cms_size = first_size;
		first = NULL;
		return CRASHRES_OK;
	}
	crs_log(ctx, CRASHRES_LOG_INFO,
		"%s: %zu zeros less at its end, to make room for the signature",
		file->name, whole - *content_size);
	return crs_cms_sign(ctx, request->key, request->certificate, request->hash, file->data,
			    *content_size, cms, cms_size);
}

static enum crashres_status sign_appended(struct crashres_ctx *ctx,
					  const struct crashres_sign_request *request,
					  const struct crashres_input *file)
{
	CRS_CLEANUP(crs_freep) uint8_t *cms = NULL;
	size_t content_size = crs_modsig_strip(ctx, file->data, file->size), cms_size;
	enum crashres_status status;
	struct crs_pe pe;

	/* All bytes behind the sections but the signatures count (PE Format, Authenticode). */
	if (crs_pe_parse(file->data, content_size, &pe) && crs_pe_signatures_end(&pe))
		crs_log(ctx, CRASHRES_LOG_WARNING,
			"%s: its EFI signature does not cover what is appended, and will "
			"not verify",
			file->name);
	status = make_cms(ctx, request, file, &content_size, &cms, &cms_size);
	if (status != CRASHRES_OK)
		return status;
	return write_appended(ctx, request->output ? request->output : file->name, file,
			      content_size, cms, cms_size);
}

enum crashres_status crashres_sign(struct crashres_ctx *ctx,
				   const struct crashres_sign_request *given, const char *path)
{
	struct crashres_sign_request full = CRASHRES_SIGN_REQUEST_INIT;
	const struct crashres_sign_request *request = &full;
	enum crashres_status status = crs_copy_struct_in(ctx, "sign request", given, &full,
							  sizeof(full));
	struct crashres_input *file;

	if (status == CRASHRES_OK)
		status = check_request(ctx, request);
	if (status == CRASHRES_OK)
		status = crashres_input_open(ctx, path, &file);
	if (status != CRASHRES_OK)
		return crs_prefix_error(ctx, status, "sign");
	if (crs_zboot_probe(file->data, file->size))
		crs_log(ctx, CRASHRES_LOG_WARNING,
			"%s: kexec_file_load takes the Image inside, which has no signature "
			"by this",
			path);
	if (request->signature == CRASHRES_SIGNATURE_APPENDED)
		status = sign_appended(ctx, request, file);
	else
		status = sign_imasig(ctx, request, file);
	crashres_input_close(file);
	return crs_prefix_error(ctx, status, "sign %s", path);
}

void crashres_sign_request_init(struct crashres_sign_request *request, size_t size)
{
	const struct crashres_sign_request defaults = CRASHRES_SIGN_REQUEST_INIT;

	crs_init_struct(&defaults, sizeof(defaults), request, size);
}
