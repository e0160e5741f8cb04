/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The signature behind a file's own bytes, as behind kernel modules (Linux,
 * include/linux/module_signature.h): the content, a detached CMS in DER, 12 bytes
 * that say how long that is, a marker that ends the file.
 */
#ifndef CRS_IMA_MODSIG_H
#define CRS_IMA_MODSIG_H

#include "openssl.h"

/* The 12 bytes, and the marker. */
#define CRS_MODSIG_TRAILER (12 + 28)

struct crs_modsig {
	size_t content_size;		/* what is signed: the bytes before the CMS */
	const uint8_t *cms;
	size_t cms_size;
};

/*
 * The outermost signature of @data, which @modsig borrows.
 *
 * Return:
 *   CRASHRES_ERR_NO_SIGNATURE  it does not end with the marker
 *   CRASHRES_ERR_FORMAT        the 12 bytes are not what the kernel takes
 */
enum crashres_status crs_modsig_parse(struct crashres_ctx *ctx, const void *data, size_t size,
				      struct crs_modsig *modsig);

/* The size of @data without any signature that was appended; damaged ones stay. */
size_t crs_modsig_strip(struct crashres_ctx *ctx, const void *data, size_t size);

/* What follows the CMS. */
void crs_modsig_trailer(size_t cms_size, uint8_t trailer[CRS_MODSIG_TRAILER]);

/*
 * How much of the @size bytes at @data to keep in front of @more bytes. An arm64
 * Image that would not fit into its image_size then, which kexec_file_load(2)
 * answers with EINVAL (its bufsz is over memsz), loses zeros at its end: since
 * Linux 6.12 what an EFI zboot file holds is padded up to image_size. Nothing of a
 * PE section goes, and nothing at all where there is an EFI signature, which
 * covers every byte.
 *
 * Return: CRASHRES_ERR_LIMIT where that is not enough.
 */
enum crashres_status crs_modsig_make_room(struct crashres_ctx *ctx, const void *data, size_t size,
					  size_t more, size_t *keep);

#endif
