/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sign.c: crashres_sign(): make a signature and write it to its place. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/xattr.h>

#include "../libcrashres/base/input.h"
#include "../libcrashres/base/replace.h"
#include "../libcrashres/base/struct-size.h"
#include "../libcrashres/kernel/pe.h"
#include "../libcrashres/kernel/zboot.h"
#include "cms.h"
#include "imasig.h"
#include "modsig.h"

/*
 * Bytes. The sizes of two CMS structures of one key differ by less than this, because only
 * the sizes of r and s in an ECDSA signature vary.
 */
#define CMS_SLACK 16

/* The size of each struct must change with every new member, so it has no padding at its end. */
CRS_ASSERT_NO_TAIL_PADDING(crashres_sign_request, output);
CRS_ASSERT_NO_TAIL_PADDING(crashres_verification, chain_length);

/* Fails with CRASHRES_ERR_REQUEST if members of @request are unknown or contradict each other. */
static enum crashres_status check_request(struct crashres_ctx *ctx,
					  const struct crashres_sign_request *request)
{
	if (!crs_hash_is_known(request->hash))
		return crs_fail(ctx, CRASHRES_ERR_REQUEST, "unknown hash %d", (int)request->hash);
	switch (request->signature) {
	case CRASHRES_SIGNATURE_APPENDED:
		if (!request->certificate)
			return crs_fail(ctx, CRASHRES_ERR_REQUEST,
					"an appended signature needs a certificate");
		break;
	case CRASHRES_SIGNATURE_XATTR:
		if (request->output)
			return crs_fail(ctx, CRASHRES_ERR_REQUEST,
					"a signature in security.ima has no output file");
		break;
	case CRASHRES_SIGNATURE_SIGFILE:
		break;
	case CRASHRES_SIGNATURE_PE:
		return crs_fail(ctx, CRASHRES_ERR_REQUEST,
				"the library makes no PE signatures: sbsign and pesign make them");
	default:
		return crs_fail(ctx, CRASHRES_ERR_REQUEST, "unknown kind of signature %d",
				(int)request->signature);
	}
	if (request->certificate)
		return crs_certificate_check_key(ctx, request->certificate, request->key);
	return CRASHRES_OK;
}

/*
 * Makes the bytes of security.ima. The key id comes from the certificate if there is one,
 * because its SubjectKeyIdentifier need not be a hash of the key.
 *
 * @data: out; from malloc(), the caller frees it.
 */
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

/*
 * Sets security.ima of the opened file. The path is not used again, because it could name
 * another file in the meantime.
 */
static enum crashres_status set_xattr(struct crashres_ctx *ctx, const struct crashres_input *file,
				      const uint8_t *data, size_t size)
{
	if (file->original_fd >= 0 && !fsetxattr(file->original_fd, "security.ima", data, size, 0))
		return CRASHRES_OK;
	if (file->original_fd < 0 || errno == EOPNOTSUPP)
		return crs_fail(ctx, CRASHRES_ERR_UNSUPPORTED,
				"the file system does not support security.ima");
	if (errno == EPERM || errno == EACCES)
		return crs_fail_errno(ctx, CRASHRES_ERR_PERMISSION, errno,
				      "cannot set security.ima (this needs CAP_SYS_ADMIN)");
	return crs_fail_errno(ctx, CRASHRES_ERR_OS, errno, "cannot set security.ima");
}

/*
 * Returns the descriptor whose owner and mode a new file gets. An input from a device or
 * a pipe has no usable mode, so its memfd is used instead.
 */
static int model_fd(const struct crashres_input *file)
{
	return file->original_fd >= 0 ? file->original_fd : file->fd;
}

/* Writes the bytes of security.ima to @output, or to FILE.sig if @output is NULL. */
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

/* Signs for security.ima, and sets the attribute or writes a signature file. */
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

/* Writes the content, the CMS structure, the fields and the marker to @path; see modsig.h. */
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

/*
 * Makes the CMS structure. To know its size, sign the whole content first. If the Image must
 * lose zeros for a signature of that size, sign the shorter content again.
 *
 * @content_size: in: size without old signatures; out: bytes of content to write.
 * @cms:          out; from malloc(), the caller frees it.
 */
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
		"%s: removed %zu zero bytes at the end to make room for the signature",
		file->name, whole - *content_size);
	return crs_cms_sign(ctx, request->key, request->certificate, request->hash, file->data,
			    *content_size, cms, cms_size);
}

/* Replaces the appended signatures of the file by a new one. */
static enum crashres_status sign_appended(struct crashres_ctx *ctx,
					  const struct crashres_sign_request *request,
					  const struct crashres_input *file)
{
	CRS_CLEANUP(crs_freep) uint8_t *cms = NULL;
	size_t content_size = crs_modsig_strip(ctx, file->data, file->size), cms_size;
	enum crashres_status status;
	struct crs_pe pe;

	/*
	 * The digest of an EFI signature covers all bytes after the sections except the
	 * certificate table (Microsoft, "Windows Authenticode Portable Executable
	 * Signature Format"). Appended bytes change this digest.
	 */
	if (crs_pe_parse(file->data, content_size, &pe) && crs_pe_signatures_end(&pe))
		crs_log(ctx, CRASHRES_LOG_WARNING,
			"%s: the appended signature makes the EFI signature invalid", file->name);
	status = make_cms(ctx, request, file, &content_size, &cms, &cms_size);
	if (status != CRASHRES_OK)
		return status;
	return write_appended(ctx, request->output ? request->output : file->name, file,
			      content_size, cms, cms_size);
}

enum crashres_status crashres_sign(struct crashres_ctx *ctx,
				   const struct crashres_sign_request *request, const char *path)
{
	struct crashres_sign_request full = CRASHRES_SIGN_REQUEST_INIT;
	enum crashres_status status = crs_copy_struct_in(ctx, "sign request", request, &full,
							  sizeof(full));
	struct crashres_input *file;

	if (status == CRASHRES_OK)
		status = check_request(ctx, &full);
	if (status == CRASHRES_OK)
		status = crashres_input_open(ctx, path, &file);
	if (status != CRASHRES_OK)
		return crs_prefix_error(ctx, status, "sign");
	if (crs_zboot_probe(file->data, file->size))
		crs_log(ctx, CRASHRES_LOG_WARNING,
			"%s: is an EFI zboot file: kexec loads the unpacked Image, which this "
			"signature does not cover",
			path);
	if (full.signature == CRASHRES_SIGNATURE_APPENDED)
		status = sign_appended(ctx, &full, file);
	else
		status = sign_imasig(ctx, &full, file);
	crashres_input_close(file);
	return crs_prefix_error(ctx, status, "sign %s", path);
}

void crashres_sign_request_init(struct crashres_sign_request *request, size_t size)
{
	const struct crashres_sign_request defaults = CRASHRES_SIGN_REQUEST_INIT;

	crs_init_struct(&defaults, sizeof(defaults), request, size);
}
