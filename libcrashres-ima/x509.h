/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * x509.h: the fields of an X.509 certificate (RFC 5280) that the kernel uses, as raw
 * bytes. The kernel compares names and numbers byte by byte.
 *
 * Source: Linux, crypto/asymmetric_keys/x509.asn1, x509_akid.asn1 and
 * x509_cert_parser.c.
 */
#ifndef CRS_IMA_X509_H
#define CRS_IMA_X509_H

#include "../libcrashres/base/ctx.h"
#include "der.h"

/*
 * A name of a key inside the kernel: the bytes of @first and @second, one after the other
 * (asymmetric_key_generate_id()). Either serial number and issuer, or a key identifier.
 */
struct crs_x509_id {
	struct crs_bytes first;		/* data == NULL: there is no such id */
	struct crs_bytes second;
};

/* Returns true if both are present and have the same bytes (asymmetric_key_id_same()). */
bool crs_x509_id_same(const struct crs_x509_id *a, const struct crs_x509_id *b);

/* All bytes belong to the certificate. */
struct crs_x509 {
	struct crs_bytes issuer;	/* the elements of the name */
	struct crs_bytes subject;	/* likewise */
	struct crs_x509_id id;		/* serial number and issuer */
	struct crs_x509_id key;		/* SubjectKeyIdentifier */
	struct crs_x509_id authority;	/* serial number and issuer of the issuer's certificate */
	struct crs_x509_id authority_key;	/* SubjectKeyIdentifier of the issuer */
	int64_t not_before;		/* seconds since 1970, UTC */
	int64_t not_after;		/* likewise */
};

/*
 * Reads a Name: a SEQUENCE of at least one SET of at least one SEQUENCE of an identifier and
 * a value of any type. The kernel reads each of them. @name: out; the elements inside.
 */
bool crs_x509_name(struct crs_der *der, struct crs_bytes *name);

/*
 * Is @text, @size bytes, the text that the kernel makes of @name, the elements of a Name? The
 * kernel makes it for the description of a key (x509_fabricate_name()):
 *
 *   CN               if there is no O, or if CN starts with all of O or with its first 7 bytes
 *   O: CN            with another O
 *   O, or e-mail     without CN; the e-mail address only without O, too
 *
 * If an attribute occurs twice, its last value counts. The text ends at a zero byte.
 */
bool crs_x509_name_is(struct crs_bytes name, const char *text, size_t size);

/*
 * Reads the certificate in @der, which is hostile. @x509: out; borrows @der.
 *
 * Return:
 *   CRASHRES_ERR_FORMAT       not a certificate, or the kernel's parser refuses a field
 *   CRASHRES_ERR_UNSUPPORTED  the kernel does not know the signature algorithm or the
 *                             kind of key; the hashes sha224 and sha3, which not every
 *                             kernel has, count as unknown
 */
enum crashres_status crs_x509_parse(struct crashres_ctx *ctx, struct crs_bytes der,
				    struct crs_x509 *x509);

#endif
