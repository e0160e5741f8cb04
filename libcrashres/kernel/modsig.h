/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * modsig.h: a signature appended to a file, in the same layout as in kernel modules.
 *
 *   content                          the signed bytes
 *   CMS structure                    DER, see cms.h
 *   struct module_signature          12 bytes, the "fields":
 *     offset  bytes  field
 *     0       1      algo, 0
 *     1       1      hash, 0
 *     2       1      id_type, 2 (PKEY_ID_PKCS7)
 *     3       1      signer_len, 0
 *     4       1      key_id_len, 0
 *     5       3      padding, 0
 *     8       4      sig_len: size of the CMS structure, big-endian
 *   "~Module signature appended~\n"  28 bytes, the "marker"; the file ends here
 *
 * Source: Linux, include/linux/module_signature.h; mod_check_sig() in
 * kernel/module_signature.c; ima_read_modsig() in security/integrity/ima/ima_modsig.c.
 */
#ifndef CRS_MODSIG_H
#define CRS_MODSIG_H

#include "../base/ctx.h"

/* Bytes of the fields and of the marker. */
#define CRS_MODSIG_TRAILER (12 + 28)

struct crs_modsig {
	size_t content_size;		/* bytes before the CMS structure */
	const uint8_t *cms;		/* borrowed */
	size_t cms_size;		/* bytes */
};

/* Do the @size bytes at @data end with the marker? */
bool crs_modsig_is_at(const void *data, size_t size);

/*
 * Parses the last signature of @data, which is hostile. @modsig: out; borrows @data.
 *
 * Return:
 *   CRASHRES_ERR_NO_SIGNATURE  @data does not end with the marker
 *   CRASHRES_ERR_FORMAT        the kernel refuses the fields
 */
enum crashres_status crs_modsig_parse(struct crashres_ctx *ctx, const void *data, size_t size,
				      struct crs_modsig *modsig);

/*
 * Returns the size of @data without its appended signatures, one or several. A damaged
 * signature counts as content.
 */
size_t crs_modsig_strip(struct crashres_ctx *ctx, const void *data, size_t size);

/* Writes the fields and the marker for a CMS structure of @cms_size bytes, at most 4 GiB - 1. */
void crs_modsig_trailer(size_t cms_size, uint8_t trailer[CRS_MODSIG_TRAILER]);

/*
 * Computes how many of the @size bytes at @data to keep before @more bytes of
 * signature. @keep: out; bytes.
 *
 * For an arm64 Image, kexec_file_load(2) makes a segment with memsz = image_size, and
 * fails with EINVAL if the file is longer. Since Linux 6.12 the Image inside an EFI zboot file is
 * padded with zeros up to image_size, so there is no room for a signature. In this
 * case the function cuts zeros from the end. It cuts no byte of a PE section, and
 * nothing at all if the Image has a PE signature, which covers every byte. Other
 * files are kept whole.
 *
 * Return: CRASHRES_ERR_LIMIT if the Image is still too long.
 */
enum crashres_status crs_modsig_make_room(struct crashres_ctx *ctx, const void *data, size_t size,
					  size_t more, size_t *keep);

#endif
