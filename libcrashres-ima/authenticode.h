/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * authenticode.h: the signature in the certificate table of a PE file.
 *
 * Directory entry 4 of the PE headers gives the file offset and the size of the table. The
 * table is a list; the kernel reads its first entry only:
 *
 *   offset  bytes  field (WIN_CERTIFICATE, little-endian)
 *   0       4      length of the entry, with these fields
 *   4       2      revision, 0x0200
 *   6       2      type, 2 (WIN_CERT_TYPE_PKCS_SIGNED_DATA)
 *   8              CMS structure, see signed-data.h; zeros can follow
 *
 * The content of the CMS structure is the digest of the file (SpcIndirectDataContent):
 *
 *   SEQUENCE
 *     SEQUENCE                 OID SPC_PE_IMAGE_DATA, and a value that is not used
 *     SEQUENCE                 DigestInfo: hash algorithm, OCTET STRING digest
 *
 * The digest covers these bytes, in this order:
 *
 *   the headers (SizeOfHeaders), without CheckSum and without directory entry 4
 *   the sections, sorted by their place in the file
 *   the bytes between the sum of these sizes and the table, counted from the end
 *
 * Source: Microsoft, "Windows Authenticode Portable Executable Signature Format"; Linux,
 * crypto/asymmetric_keys/verify_pefile.c, mscode.asn1 and mscode_parser.c.
 */
#ifndef CRS_IMA_AUTHENTICODE_H
#define CRS_IMA_AUTHENTICODE_H

#include "../libcrashres/kernel/pe.h"
#include "digest.h"

/* Everything points into the file. */
struct crs_authenticode {
	struct crs_pe pe;
	struct crs_pe_table table;
	struct crs_bytes cms;		/* without padding */
};

/*
 * Finds the first signature of @size bytes at @data, which are hostile.
 *
 * @signature: out; borrows @data.
 *
 * Return:
 *   CRASHRES_ERR_NO_SIGNATURE  not a PE file, or a PE file without a certificate table
 *   CRASHRES_ERR_FORMAT        the kernel refuses the headers or the table
 *   CRASHRES_ERR_UNSUPPORTED   the first entry is not a CMS structure
 */
enum crashres_status crs_authenticode_parse(struct crashres_ctx *ctx, const void *data, size_t size,
					    struct crs_authenticode *signature);

/*
 * Computes the digest of the file. Return: CRASHRES_ERR_FORMAT if a section lies outside the
 * file, or if all sections together are larger than the file.
 */
enum crashres_status crs_authenticode_digest(struct crashres_ctx *ctx,
					     const struct crs_authenticode *signature,
					     enum crashres_hash hash, struct crs_digest *digest);

/*
 * Parses SpcIndirectDataContent, @content, which is hostile. @digest: out; the digest that was
 * signed.
 *
 * Return: CRASHRES_ERR_FORMAT; CRASHRES_ERR_UNSUPPORTED for another hash.
 */
enum crashres_status crs_authenticode_signed_digest(struct crashres_ctx *ctx,
						    struct crs_bytes content,
						    struct crs_digest *digest);

#endif
