/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * der.h: read the elements of DER one after the other, with the limits of the kernel.
 *
 * The kernel finds a signer by the raw bytes of a name and of a serial number, and it
 * checks some extensions byte by byte. OpenSSL's objects hide these bytes, and OpenSSL
 * accepts more encodings. So the structures that the kernel parses are walked here, and
 * OpenSSL does the cryptography.
 *
 * An element: tag (1 byte), length (1 byte, or 0x81 and 1 byte, or 0x82 and 2 bytes),
 * value. Source: X.690, 8.1; asn1_ber_decoder() in lib/asn1_decoder.c, which also
 * refuses longer tags and lengths. The kernel accepts indefinite lengths, too; these
 * functions do not.
 */
#ifndef CRS_IMA_DER_H
#define CRS_IMA_DER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes. The kernel's decoder refuses a longer structure. */
#define CRS_DER_LIMIT	65535

enum {
	CRS_DER_BOOLEAN = 0x01,
	CRS_DER_INTEGER = 0x02,
	CRS_DER_BIT_STRING = 0x03,
	CRS_DER_OCTET_STRING = 0x04,
	CRS_DER_OID = 0x06,
	CRS_DER_UTC_TIME = 0x17,
	CRS_DER_GENERALIZED_TIME = 0x18,
	CRS_DER_SEQUENCE = 0x30,
	CRS_DER_SET = 0x31,
	CRS_DER_SIMPLE = 0x80,		/* + n: [n] of a type without elements inside */
	CRS_DER_TAGGED = 0xa0,		/* + n: [n] of a type with elements inside */
};

/* Bytes inside a structure. */
struct crs_bytes {
	const uint8_t *data;		/* borrowed; NULL: absent */
	size_t size;			/* bytes */
};

/* The elements that are still to be read. */
struct crs_der {
	const uint8_t *at;		/* borrowed */
	size_t left;			/* bytes */
};

struct crs_der_element {
	uint8_t tag;
	struct crs_bytes value;
	struct crs_bytes whole;		/* with tag and length */
};

/* Returns a reader of the elements inside @bytes. */
struct crs_der crs_der_inside(struct crs_bytes bytes);

/* Reads the next element. Returns false at the end and for a damaged element. */
bool crs_der_next(struct crs_der *der, struct crs_der_element *element);

/* Like crs_der_next(). Returns false and reads nothing if the next element has another tag. */
bool crs_der_take(struct crs_der *der, uint8_t tag, struct crs_der_element *element);

/* Like crs_der_take(), and continues with the elements inside the element. */
bool crs_der_enter(struct crs_der *der, uint8_t tag, struct crs_der *inside);

/* Returns true if @bytes is present and has the same bytes as @data. */
bool crs_bytes_equal(struct crs_bytes bytes, const void *data, size_t size);

/* For an object identifier or another string constant with embedded zeros. */
#define CRS_BYTES_ARE(bytes, string) crs_bytes_equal(bytes, string, sizeof(string) - 1)

/*
 * Decodes a UTCTime or GeneralizedTime by the rules of x509_decode_time(): seconds and "Z"
 * must be present; a GeneralizedTime of 1950 to 2049 and years before 1970 are refused.
 *
 * @time: out; seconds since 1970, UTC.
 */
bool crs_der_time(const struct crs_der_element *element, int64_t *time);

#endif
