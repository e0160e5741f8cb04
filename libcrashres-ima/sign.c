/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sign.c: crashres_sign(): make a signature and write it to its place. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

#include "../libcrashres/base/input.h"
#include "../libcrashres/base/replace.h"
#include "../libcrashres/base/struct-size.h"
#include "../libcrashres/kernel/modsig.h"
#include "../libcrashres/kernel/pe.h"
#include "../libcrashres/kernel/zboot.h"
#include "attribute.h"
#include "cms.h"
#include "imasig.h"
#include "sigfile.h"

/* The size of each struct must change with every new member, so it has no padding at its end. */
CRS_ASSERT_NO_TAIL_PADDING(crashres_sign_request, reserved);
CRS_ASSERT_NO_TAIL_PADDING(crashres_verification, chain_length);

/* Checks the hash, the place and the members that belong to the place. */
static enum crashres_status check_place(struct crashres_ctx *ctx,
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
	case CRASHRES_SIGNATURE_SIGFILE:
		break;
	case CRASHRES_SIGNATURE_PE:
		return crs_fail(ctx, CRASHRES_ERR_REQUEST,
				"the library makes no PE signatures: sbsign and pesign make them");
	default:
		return crs_fail(ctx, CRASHRES_ERR_REQUEST, "unknown kind of signature %d",
				(int)request->signature);
	}
	return CRASHRES_OK;
}

/* Checks the key, or the given signature, and the certificate beside it. */
static enum crashres_status check_signer(struct crashres_ctx *ctx,
					 const struct crashres_sign_request *request)
{
	if (!request->key && !request->given_signature)
		return crs_fail(ctx, CRASHRES_ERR_REQUEST,
				"the request has neither a key nor a signature");
	if (request->key && request->given_signature)
		return crs_fail(ctx, CRASHRES_ERR_REQUEST,
				"a key and a given signature exclude each other");
	if (request->given_signature && !request->certificate)
		return crs_fail(ctx, CRASHRES_ERR_REQUEST,
				"a given signature needs a certificate");
	/* An appended signature names issuer and serial number instead of the key id. */
	if (request->certificate && !request->certificate->has_key_id &&
	    request->signature != CRASHRES_SIGNATURE_APPENDED)
		return crs_fail(ctx, CRASHRES_ERR_REQUEST,
				"the certificate \"%s\" has no subjectKeyIdentifier, so the kernel "
				"cannot find its key",
				request->certificate->subject);
	if (request->key && request->certificate)
		return crs_certificate_check_key(ctx, request->certificate, request->key);
	if (request->key && !request->key->has_public)
		return crs_fail(ctx, CRASHRES_ERR_REQUEST,
				"key %s has no public key, so only a certificate can supply the "
				"key id",
				request->key->name);
	return CRASHRES_OK;
}

/* --------------------------------------------------------------- content */

/*
 * An appended signature voids the PE signature: the digest of a PE signature covers all bytes
 * after the sections except the certificate table (Microsoft, "Windows Authenticode
 * Portable Executable Signature Format"). Such a file no longer boots with UEFI Secure Boot.
 */
static enum crashres_status check_pe(struct crashres_ctx *ctx,
				     const struct crashres_sign_request *request,
				     const struct crashres_input *file, size_t size)
{
	struct crs_pe pe;

	if (!crs_pe_parse(file->data, size, &pe) || !crs_pe_signatures_end(&pe))
		return CRASHRES_OK;
	if (!request->force)
		return crs_fail(ctx, CRASHRES_ERR_PE_SIGNATURE,
				"the file has a PE signature, which an appended signature makes "
				"invalid");
	crs_log(ctx, CRASHRES_LOG_WARNING,
		"%s: the appended signature makes the PE signature invalid", file->name);
	return CRASHRES_OK;
}

/*
 * Computes how many bytes an appended signature takes. No key is needed, so a token signs
 * only once: the structure is built around @zeros. A signature of the certificate's key never
 * has more bytes, and only an ECDSA signature can have fewer.
 */
static enum crashres_status size_of_appended(struct crashres_ctx *ctx,
					     const struct crashres_sign_request *request,
					     size_t *size)
{
	int length = EVP_PKEY_get_size(request->certificate->pkey);
	CRS_CLEANUP(crs_freep) uint8_t *zeros = calloc(1, length > 0 ? (size_t)length : 1);
	CRS_CLEANUP(crs_freep) uint8_t *cms = NULL;
	enum crashres_status status;
	size_t cms_size;

	if (!zeros)
		return crs_fail_memory(ctx);
	status = crs_cms_format(ctx, request->certificate, request->hash, zeros,
				length > 0 ? (size_t)length : 0, &cms, &cms_size);
	if (status == CRASHRES_OK)
		*size = cms_size + CRS_MODSIG_TRAILER;
	return status;
}

/*
 * Finds the content that an appended signature covers: the file without old signatures and,
 * if a full Image needs the room, without zero bytes at its end. The result depends only on
 * the file, the certificate and the hash, so that crashres_sign_digest() and
 * crashres_sign() agree.
 *
 * @size: out; bytes from the start of the file.
 */
static enum crashres_status find_appended_content(struct crashres_ctx *ctx,
						  const struct crashres_sign_request *request,
						  const struct crashres_input *file, size_t *size)
{
	size_t whole = crs_modsig_strip(ctx, file->data, file->size), more = 0, keep;
	enum crashres_status status = check_pe(ctx, request, file, whole);

	if (status == CRASHRES_OK)
		status = size_of_appended(ctx, request, &more);
	if (status == CRASHRES_OK)
		status = crs_modsig_make_room(ctx, file->data, whole, more, &keep);
	if (status != CRASHRES_OK)
		return status;
	if (keep != whole)
		crs_log(ctx, CRASHRES_LOG_INFO,
			"%s: removed %zu zero bytes at the end to make room for the signature",
			file->name, whole - keep);
	*size = keep;
	return CRASHRES_OK;
}

/* Finds the bytes that a signature at the place of @request covers. */
static enum crashres_status find_content(struct crashres_ctx *ctx,
					 const struct crashres_sign_request *request,
					 const struct crashres_input *file, size_t *size)
{
	if (request->signature == CRASHRES_SIGNATURE_APPENDED)
		return find_appended_content(ctx, request, file, size);
	*size = file->size;
	return CRASHRES_OK;
}

/* -------------------------------------------------------------- signature */

/* A signature made with the key of the request, or given in it. */
struct signature {
	uint8_t *data;			/* see key.h; owned */
	size_t size;			/* bytes */
};

static void clear_signature(struct signature *signature)
{
	free(signature->data);
}

/* Fails with the reason why the certificate does not verify a given signature. */
static enum crashres_status refuse_given(struct crashres_ctx *ctx,
					 const struct crashres_certificate *certificate,
					 enum crs_key_result result)
{
	if (result == CRS_KEY_OTHER_DIGEST)
		return crs_fail(ctx, CRASHRES_ERR_REQUEST,
				"the given signature is of other content than this file");
	return crs_fail(ctx, CRASHRES_ERR_REQUEST,
			"the given signature is damaged, %sor was not made with the key of the "
			"certificate \"%s\"",
			certificate->type == CRASHRES_KEY_RSA ? "" : "is of other content, ",
			certificate->subject);
}

/*
 * Verifies @signature with the certificate before it is written. This finds a signature of
 * another file or key, and a private key in a token that lacks its public key.
 */
static enum crashres_status check_signature(struct crashres_ctx *ctx,
					    const struct crashres_sign_request *request,
					    const struct crs_digest *digest,
					    const struct signature *signature)
{
	const struct crashres_certificate *certificate = request->certificate;
	enum crs_key_result result;

	if (!certificate)
		return CRASHRES_OK;
	result = crs_key_verify(certificate->pkey, certificate->type, digest, signature->data,
				signature->size);
	if (result == CRS_KEY_VALID)
		return CRASHRES_OK;
	if (result == CRS_KEY_NO_MEMORY)
		return crs_fail_memory(ctx);
	if (request->given_signature)
		return refuse_given(ctx, certificate, result);
	return crs_fail(ctx, CRASHRES_ERR_REQUEST,
			"key %s is not the key of the certificate \"%s\"", request->key->name,
			certificate->subject);
}

/* Copies the signature that was made elsewhere. @signature: out; see clear_signature(). */
static enum crashres_status copy_given(struct crashres_ctx *ctx,
				       const struct crashres_sign_request *request,
				       struct signature *signature)
{
	signature->data = malloc(request->given_size ? request->given_size : 1);
	if (!signature->data)
		return crs_fail_memory(ctx);
	memcpy(signature->data, request->given_signature, request->given_size);
	signature->size = request->given_size;
	return CRASHRES_OK;
}

/*
 * Signs the first @content_size bytes of @file, or takes the given signature of them.
 *
 * @signature: in: no data; out: release with clear_signature(), also after a failure.
 */
static enum crashres_status get_signature(struct crashres_ctx *ctx,
					  const struct crashres_sign_request *request,
					  const struct crashres_input *file, size_t content_size,
					  struct signature *signature)
{
	struct crs_digest digest;
	enum crashres_status status = crs_digest_make(ctx, request->hash, file->data, content_size,
						      &digest);

	if (status != CRASHRES_OK)
		return status;
	if (request->given_signature)
		status = copy_given(ctx, request, signature);
	else
		status = crs_key_sign(ctx, request->key, &digest, &signature->data,
				      &signature->size);
	if (status != CRASHRES_OK)
		return status;
	return check_signature(ctx, request, &digest, signature);
}

/* ----------------------------------------------------------------- places */

/*
 * Sets security.ima of the opened file @fd. The path is not used again, because it could name
 * another file in the meantime. @fd: -1: a file that cannot have attributes.
 */
static enum crashres_status set_xattr(struct crashres_ctx *ctx, int fd, const struct iovec *imasig)
{
	if (fd >= 0 && !fsetxattr(fd, "security.ima", imasig->iov_base, imasig->iov_len, 0))
		return CRASHRES_OK;
	if (fd < 0 || errno == EOPNOTSUPP)
		return crs_fail(ctx, CRASHRES_ERR_UNSUPPORTED,
				"the file system does not support security.ima");
	return crs_attribute_fail(ctx, fd, errno, "set");
}

/* crs_new_file.finish: sets security.ima of a new file. @data: the bytes, a struct iovec. */
static enum crashres_status finish_with_xattr(struct crashres_ctx *ctx, int fd, const void *data)
{
	return set_xattr(ctx, fd, data);
}

/* Writes the content to @output, which never has its name without security.ima. */
static enum crashres_status write_with_xattr(struct crashres_ctx *ctx, const char *output,
					     const struct crashres_input *file,
					     const struct iovec *imasig)
{
	const struct iovec content = { (void *)(uintptr_t)file->data, file->size };
	const struct crs_new_file new = {
		.parts = &content, .count = 1, .mode = file->mode,
		.finish = finish_with_xattr, .finish_data = imasig,
	};
	CRS_CLEANUP(crs_target_close) struct crs_target target;
	enum crashres_status status = crs_target_open(ctx, output, CRS_TARGET_FOLLOW, &target);

	return status == CRASHRES_OK ? crs_target_write(ctx, &target, &new) : status;
}

/*
 * Opens FILE.sig for writing. Nobody named it, so a link there is replaced, and a file of another
 * program is not. Parameters as crs_sigfile_open().
 */
static enum crashres_status open_own_sigfile(struct crashres_ctx *ctx, bool force,
					     const struct crashres_input *file, char **path,
					     struct crs_target *target)
{
	enum crashres_status status = crs_sigfile_open(ctx, file, path, target);

	if (status != CRASHRES_OK || force || target->old < 0 || !S_ISREG(target->st.st_mode))
		return status;
	return crs_sigfile_check(ctx, target);
}

/* Writes the bytes of security.ima to the output, or to FILE.sig if there is none. */
static enum crashres_status write_sigfile(struct crashres_ctx *ctx,
					  const struct crashres_sign_request *request,
					  const struct crashres_input *file,
					  const struct iovec *imasig)
{
	const struct crs_new_file new = { .parts = imasig, .count = 1, .mode = file->mode & 0666 };
	CRS_CLEANUP(crs_freep) char *path = NULL;
	CRS_CLEANUP(crs_target_close) struct crs_target target = CRS_TARGET_CLOSED;
	enum crashres_status status;

	if (request->output)
		status = crs_target_open(ctx, request->output, CRS_TARGET_FOLLOW, &target);
	else
		status = open_own_sigfile(ctx, request->force, file, &path, &target);
	if (status == CRASHRES_OK && crs_target_is(&target, file->original_fd))
		status = crs_fail(ctx, CRASHRES_ERR_REQUEST, "%s: is the file to sign",
				  target.path);
	return status == CRASHRES_OK ? crs_target_write(ctx, &target, &new) : status;
}

/*
 * Writes the signature to security.ima or to a signature file. The key id comes from the
 * certificate if there is one, because its SubjectKeyIdentifier need not be a hash of the key.
 */
static enum crashres_status write_imasig(struct crashres_ctx *ctx,
					 const struct crashres_sign_request *request,
					 const struct crashres_input *file,
					 const struct signature *signature)
{
	const struct crs_imasig imasig = {
		.hash = request->hash,
		.key_id = request->certificate ? request->certificate->key_id :
						 request->key->key_id,
		.signature = signature->data,
		.size = signature->size,
	};
	CRS_CLEANUP(crs_freep) uint8_t *data = NULL;
	size_t size;
	enum crashres_status status = crs_imasig_format(ctx, &imasig, &data, &size);
	const struct iovec bytes = { data, status == CRASHRES_OK ? size : 0 };

	if (status != CRASHRES_OK)
		return status;
	if (request->signature == CRASHRES_SIGNATURE_XATTR)
		return request->output ? write_with_xattr(ctx, request->output, file, &bytes) :
					 set_xattr(ctx, file->original_fd, &bytes);
	return write_sigfile(ctx, request, file, &bytes);
}

/*
 * Writes the content, the CMS structure, the fields and the marker; see modsig.h. They
 * replace the file, and so its old appended signatures.
 */
static enum crashres_status write_appended(struct crashres_ctx *ctx,
					   const struct crashres_sign_request *request,
					   const struct crashres_input *file, size_t content_size,
					   const struct signature *signature)
{
	CRS_CLEANUP(crs_freep) uint8_t *cms = NULL;
	uint8_t trailer[CRS_MODSIG_TRAILER];
	size_t cms_size;
	enum crashres_status status = crs_cms_format(ctx, request->certificate, request->hash,
						     signature->data, signature->size, &cms,
						     &cms_size);
	const struct iovec parts[] = {
		{ (void *)(uintptr_t)file->data, content_size },
		{ cms, status == CRASHRES_OK ? cms_size : 0 },
		{ trailer, sizeof(trailer) },
	};

	if (status != CRASHRES_OK)
		return status;
	crs_modsig_trailer(cms_size, trailer);
	return crs_replace_input(ctx, file, request->output, parts, 3);
}

static enum crashres_status sign(struct crashres_ctx *ctx,
				 const struct crashres_sign_request *request,
				 const struct crashres_input *file)
{
	CRS_CLEANUP(clear_signature) struct signature signature = { .data = NULL };
	size_t content_size;
	enum crashres_status status = find_content(ctx, request, file, &content_size);

	if (status == CRASHRES_OK)
		status = get_signature(ctx, request, file, content_size, &signature);
	if (status != CRASHRES_OK)
		return status;
	if (request->signature == CRASHRES_SIGNATURE_APPENDED)
		return write_appended(ctx, request, file, content_size, &signature);
	return write_imasig(ctx, request, file, &signature);
}

/* ------------------------------------------------------------ public calls */

/* Opens the file to sign. @file: out; the caller closes it. */
static enum crashres_status open_file(struct crashres_ctx *ctx, const char *path,
				      struct crashres_input **file)
{
	enum crashres_status status = crashres_input_open(ctx, path, file);

	if (status == CRASHRES_OK && crs_zboot_probe((*file)->data, (*file)->size))
		crs_log(ctx, CRASHRES_LOG_WARNING,
			"%s: is an EFI zboot file: kexec loads the unpacked Image, which this "
			"signature does not cover",
			path);
	return status;
}

/* Logs a warning if the signer's key is too weak for some kernels. */
static void warn_of_key(struct crashres_ctx *ctx, const struct crashres_sign_request *request)
{
	char text[128];
	bool weak = request->certificate ?
		crs_key_warning(request->certificate->pkey, request->certificate->type, text,
				sizeof(text)) :
		crs_key_warning(request->key->pkey, request->key->type, text, sizeof(text));

	if (weak)
		crs_log(ctx, CRASHRES_LOG_WARNING, "%s", text);
}

/* Copies and checks the request. @full: out. */
static enum crashres_status read_request(struct crashres_ctx *ctx,
					 const struct crashres_sign_request *request,
					 struct crashres_sign_request *full)
{
	enum crashres_status status = crs_copy_struct_in(ctx, "sign request", request, full,
							  sizeof(*full));

	if (status == CRASHRES_OK)
		status = check_place(ctx, full);
	return status == CRASHRES_OK ? check_signer(ctx, full) : status;
}

enum crashres_status crashres_sign(struct crashres_ctx *ctx,
				   const struct crashres_sign_request *request, const char *path)
{
	struct crashres_sign_request full = CRASHRES_SIGN_REQUEST_INIT;
	enum crashres_status status = read_request(ctx, request, &full);
	struct crashres_input *file;

	if (status == CRASHRES_OK && full.signature == CRASHRES_SIGNATURE_XATTR && full.output)
		status = crs_fail(ctx, CRASHRES_ERR_REQUEST,
				  "a signature in security.ima has no output file");
	if (status == CRASHRES_OK)
		status = open_file(ctx, path, &file);
	if (status != CRASHRES_OK)
		return crs_prefix_error(ctx, status, "sign");
	warn_of_key(ctx, &full);
	status = sign(ctx, &full, file);
	crashres_input_close(file);
	return crs_prefix_error(ctx, status, "sign %s", path);
}

enum crashres_status crashres_sign_input(struct crashres_ctx *ctx,
					 const struct crashres_sign_request *request,
					 const struct crashres_input *input)
{
	struct crashres_sign_request full = CRASHRES_SIGN_REQUEST_INIT;
	enum crashres_status status = read_request(ctx, request, &full);

	if (status == CRASHRES_OK && !full.output)
		status = crs_fail(ctx, CRASHRES_ERR_REQUEST, "the request has no output file");
	if (status != CRASHRES_OK)
		return crs_prefix_error(ctx, status, "sign");
	warn_of_key(ctx, &full);
	return crs_prefix_error(ctx, sign(ctx, &full, input), "sign %s", input->name);
}

enum crashres_status crashres_sign_digest(struct crashres_ctx *ctx,
					  const struct crashres_sign_request *request,
					  const char *path, struct crashres_digest *digest)
{
	struct crashres_sign_request full = CRASHRES_SIGN_REQUEST_INIT;
	enum crashres_status status = crs_copy_struct_in(ctx, "sign request", request, &full,
							  sizeof(full));
	struct crashres_input *file;
	struct crs_digest made;
	size_t size;

	if (status == CRASHRES_OK)
		status = check_place(ctx, &full);
	if (status == CRASHRES_OK)
		status = open_file(ctx, path, &file);
	if (status != CRASHRES_OK)
		return crs_prefix_error(ctx, status, "sign");
	status = find_content(ctx, &full, file, &size);
	if (status == CRASHRES_OK)
		status = crs_digest_make(ctx, full.hash, file->data, size, &made);
	crashres_input_close(file);
	if (status != CRASHRES_OK)
		return crs_prefix_error(ctx, status, "sign %s", path);
	*digest = (struct crashres_digest){ .size = made.size };
	memcpy(digest->bytes, made.bytes, made.size);
	return CRASHRES_OK;
}

void crashres_sign_request_init(struct crashres_sign_request *request, size_t size)
{
	const struct crashres_sign_request defaults = CRASHRES_SIGN_REQUEST_INIT;

	crs_init_struct(&defaults, sizeof(defaults), request, size);
}
