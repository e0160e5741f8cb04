/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * signed-data.h: parse a CMS structure by the rules of the kernel (RFC 5652; the kernel
 * and PKCS call it PKCS #7). DER of:
 *
 *   ContentInfo
 *     contentType              signedData
 *     SignedData
 *       version                1 or 3
 *       digestAlgorithms
 *       encapContentInfo       data, or SPC_INDIRECT_DATA with eContent (authenticode.h)
 *       certificates           optional
 *       signerInfos            exactly one:
 *         version              1 with an issuer, 3 with a SubjectKeyIdentifier; the same
 *                              as above
 *         sid                  issuer and serial number, or a SubjectKeyIdentifier
 *         digestAlgorithm      sha256, sha384 or sha512
 *         signedAttrs          optional
 *         signatureAlgorithm   rsaEncryption, or ecdsa-with-SHA...
 *         signature
 *         unsignedAttrs        optional; time stamps
 *
 * Source: Linux, crypto/asymmetric_keys/pkcs7.asn1 and pkcs7_parser.c. The kernel also
 * accepts other hashes, several signers, and indefinite lengths (BER).
 */
#ifndef CRS_IMA_SIGNED_DATA_H
#define CRS_IMA_SIGNED_DATA_H

#include "certificate.h"

/* Initialise with CRS_SIGNED_DATA_NONE, release with crs_signed_data_clear(). */
struct crs_signed_data {
	bool authenticode;		/* the content type is SPC_INDIRECT_DATA, else data */
	struct crs_bytes content;	/* eContent without tag and length; no data: detached */
	struct crs_bytes content_element;	/* the same with tag and length */
	struct crs_x509_id signer;	/* by which the kernel looks up the key */
	struct crs_bytes issuer;	/* DER of the signer's issuer; no data: by key id */
	struct crs_bytes serial;	/* DER of the signer's serial number; likewise */
	enum crashres_hash hash;
	enum crashres_key_type type;	/* of the signature */
	struct crs_bytes signature;
	struct crs_bytes attributes;	/* signed; without the tag; no data: none */
	struct crs_bytes message_digest;	/* a signed attribute */
	bool has_time;			/* there is a signed attribute signingTime */
	int64_t time;			/* its value; seconds since 1970, UTC */
	struct crs_bytes countersignature;	/* unsigned attribute: DER of a SignerInfo */
	struct crs_bytes timestamp;	/* unsigned attribute: DER of an RFC 3161 token */
	struct crashres_certificate **certificates;	/* owned, in the order of the structure */
	size_t certificate_count;
};

#define CRS_SIGNED_DATA_NONE { .certificates = NULL }

/*
 * Parses @size bytes at @der, which are hostile. Bytes after the structure are ignored, as
 * the kernel does.
 *
 * @data: out; declare it with CRS_CLEANUP(crs_signed_data_clear). Borrows @der.
 *
 * Return:
 *   CRASHRES_ERR_FORMAT       not a SignedData, or the kernel refuses a field
 *   CRASHRES_ERR_UNSUPPORTED  an algorithm or a form that the kernel or this library does
 *                             not know
 */
enum crashres_status crs_signed_data_parse(struct crashres_ctx *ctx, const void *der, size_t size,
					   struct crs_signed_data *data);
void crs_signed_data_clear(struct crs_signed_data *data);

/*
 * Writes the name of the signer to @text, cut to @capacity bytes with the NUL:
 * "issuer CN = kdump, serial 1F2E" or "id:1a2b3c4d...".
 */
void crs_signed_data_signer_text(const struct crs_signed_data *data, char *text, size_t capacity);

/*
 * Computes the digest that the signature covers: of @content, or of the signed attributes,
 * which contain the digest of @content (RFC 5652, 5.4).
 *
 * @matches: out; false if the attributes contain another digest. @digest is set all the same.
 */
enum crashres_status crs_signed_data_digest(struct crashres_ctx *ctx,
					    const struct crs_signed_data *data,
					    struct crs_bytes content, struct crs_digest *digest,
					    bool *matches);

/*
 * Reads the time of signing: from the signed attribute signingTime, else from an RFC 3161 token
 * or a countersignature. These two are not signed by the signer, and their own signatures are not
 * verified: anybody can add them. @time: out; seconds since 1970, UTC; unchanged for
 * CRASHRES_TIME_UNKNOWN.
 */
enum crashres_time_source crs_signed_data_time(const struct crs_signed_data *data, int64_t *time);

#endif
