/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* x509.c: read the fields of a certificate that the kernel uses. */
#include <string.h>

#include "x509.h"

/* Object identifiers, as the bytes of their value. */
#define OID_RSA_WITH_SHA1	"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05"	/* 1.2.840.113549.1.1.5 */
#define OID_RSA_WITH_SHA256	"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b"	/* ....11 */
#define OID_RSA_WITH_SHA384	"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c"
#define OID_RSA_WITH_SHA512	"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d"
#define OID_ECDSA_WITH_SHA1	"\x2a\x86\x48\xce\x3d\x04\x01"		/* 1.2.840.10045.4.1 */
#define OID_ECDSA_WITH_SHA256	"\x2a\x86\x48\xce\x3d\x04\x03\x02"	/* 1.2.840.10045.4.3.2 */
#define OID_ECDSA_WITH_SHA384	"\x2a\x86\x48\xce\x3d\x04\x03\x03"
#define OID_ECDSA_WITH_SHA512	"\x2a\x86\x48\xce\x3d\x04\x03\x04"
#define OID_RSA			"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"	/* 1.2.840.113549.1.1.1 */
#define OID_EC			"\x2a\x86\x48\xce\x3d\x02\x01"		/* 1.2.840.10045.2.1 */
#define OID_KEY_IDENTIFIER	"\x55\x1d\x0e"				/* 2.5.29.14 */
#define OID_KEY_USAGE		"\x55\x1d\x0f"
#define OID_BASIC_CONSTRAINTS	"\x55\x1d\x13"
#define OID_AUTHORITY		"\x55\x1d\x23"

#define OID_COMMON_NAME		"\x55\x04\x03"				/* 2.5.4.3 */
#define OID_ORGANIZATION	"\x55\x04\x0a"
#define OID_EMAIL		"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01"	/* 1.2.840.113549.1.9.1 */

#define O_PREFIX		7	/* bytes of O with which CN can start */

#define UNCOMPRESSED_POINT	0x04	/* SEC 1, 2.3.3 */

/* Tags of GeneralName without elements inside: addresses, URI and the like (RFC 5280, 4.2.1.6). */
#define IS_SIMPLE_NAME(tag)	((tag) == 0x81 || (tag) == 0x82 || ((tag) >= 0x86 && (tag) <= 0x88))
#define DIRECTORY_NAME		(CRS_DER_TAGGED + 4)

/* Returns the byte at @index of both parts together. */
static uint8_t byte_at(const struct crs_x509_id *id, size_t index)
{
	return index < id->first.size ? id->first.data[index] :
					id->second.data[index - id->first.size];
}

bool crs_x509_id_same(const struct crs_x509_id *a, const struct crs_x509_id *b)
{
	size_t size = a->first.size + a->second.size;

	if (!a->first.data || !b->first.data || size != b->first.size + b->second.size)
		return false;
	for (size_t i = 0; i < size; i++)
		if (byte_at(a, i) != byte_at(b, i))
			return false;
	return true;
}

static enum crashres_status fail_damaged(struct crashres_ctx *ctx, const char *field)
{
	return crs_fail(ctx, CRASHRES_ERR_FORMAT, "the kernel cannot read the certificate: %s",
			field);
}

/* Reads an AlgorithmIdentifier. @parameters: out; no data if there are none. */
static bool read_algorithm(struct crs_der *der, struct crs_bytes *oid,
			   struct crs_der_element *parameters)
{
	struct crs_der_element element;
	struct crs_der inside;

	*parameters = (struct crs_der_element){ .tag = 0 };
	if (!crs_der_enter(der, CRS_DER_SEQUENCE, &inside) ||
	    !crs_der_take(&inside, CRS_DER_OID, &element))
		return false;
	*oid = element.value;
	return !inside.left || (crs_der_next(&inside, parameters) && !inside.left);
}

/* Returns true for the signature algorithms that each kernel has (x509_note_sig_algo()). */
static bool is_known_signature(struct crs_bytes oid)
{
	return CRS_BYTES_ARE(oid, OID_RSA_WITH_SHA1) || CRS_BYTES_ARE(oid, OID_RSA_WITH_SHA256) ||
	       CRS_BYTES_ARE(oid, OID_RSA_WITH_SHA384) || CRS_BYTES_ARE(oid, OID_RSA_WITH_SHA512) ||
	       CRS_BYTES_ARE(oid, OID_ECDSA_WITH_SHA1) ||
	       CRS_BYTES_ARE(oid, OID_ECDSA_WITH_SHA256) ||
	       CRS_BYTES_ARE(oid, OID_ECDSA_WITH_SHA384) ||
	       CRS_BYTES_ARE(oid, OID_ECDSA_WITH_SHA512);
}

/* Reads a RelativeDistinguishedName: at least one identifier with a value. */
static bool read_name_part(struct crs_der *der)
{
	struct crs_der_element element;
	struct crs_der list, pair;

	if (!crs_der_enter(der, CRS_DER_SET, &list))
		return false;
	do {
		if (!crs_der_enter(&list, CRS_DER_SEQUENCE, &pair) ||
		    !crs_der_take(&pair, CRS_DER_OID, &element) ||
		    !crs_der_next(&pair, &element) || pair.left)
			return false;
	} while (list.left);
	return true;
}

bool crs_x509_name(struct crs_der *der, struct crs_bytes *name)
{
	struct crs_der_element element;
	struct crs_der inside;

	if (!crs_der_take(der, CRS_DER_SEQUENCE, &element))
		return false;
	inside = crs_der_inside(element.value);
	do {
		if (!read_name_part(&inside))
			return false;
	} while (inside.left);
	*name = element.value;
	return true;
}

static bool read_validity(struct crs_der *der, struct crs_x509 *x509)
{
	struct crs_der_element before, after;
	struct crs_der inside;

	return crs_der_enter(der, CRS_DER_SEQUENCE, &inside) && crs_der_next(&inside, &before) &&
	       crs_der_next(&inside, &after) && !inside.left &&
	       crs_der_time(&before, &x509->not_before) && crs_der_time(&after, &x509->not_after);
}

/*
 * Checks an RSAPublicKey (rsapubkey.asn1, rsa_get_n(), rsa_get_e()): modulus and exponent. The
 * kernel ignores bytes after it.
 */
static bool is_rsa_key(struct crs_bytes key)
{
	struct crs_der der = crs_der_inside(key), inside;
	struct crs_der_element modulus, exponent;

	return crs_der_enter(&der, CRS_DER_SEQUENCE, &inside) &&
	       crs_der_take(&inside, CRS_DER_INTEGER, &modulus) &&
	       crs_der_take(&inside, CRS_DER_INTEGER, &exponent) && !inside.left &&
	       exponent.value.size && exponent.value.size <= modulus.value.size;
}

/* Returns true for the name of a curve with a length of one byte (parse_OID()). */
static bool is_curve_name(const struct crs_der_element *parameters)
{
	return parameters->tag == CRS_DER_OID &&
	       parameters->whole.size == parameters->value.size + 2;
}

/*
 * Checks the form of the public key. OpenSSL reads the key itself. The kernel needs a curve
 * by its name and an uncompressed point (parse_OID(), ecdsa_set_pub_key()).
 */
static enum crashres_status check_key(struct crashres_ctx *ctx, struct crs_der *der)
{
	struct crs_der_element bits, parameters;
	struct crs_bytes oid;
	struct crs_der inside;

	if (!crs_der_enter(der, CRS_DER_SEQUENCE, &inside) ||
	    !read_algorithm(&inside, &oid, &parameters) ||
	    !crs_der_take(&inside, CRS_DER_BIT_STRING, &bits) || inside.left ||
	    bits.value.size < 2 || bits.value.data[0])
		return fail_damaged(ctx, "public key");
	if (CRS_BYTES_ARE(oid, OID_RSA))
		return is_rsa_key((struct crs_bytes){ bits.value.data + 1, bits.value.size - 1 }) ?
		       CRASHRES_OK : fail_damaged(ctx, "public key");
	if (!CRS_BYTES_ARE(oid, OID_EC))
		return crs_fail(ctx, CRASHRES_ERR_UNSUPPORTED,
				"the certificate has neither an RSA key nor an EC key");
	if (!is_curve_name(&parameters))
		return fail_damaged(ctx, "the EC key has parameters instead of a named curve");
	if (bits.value.data[1] != UNCOMPRESSED_POINT)
		return fail_damaged(ctx, "the point of the EC key is compressed");
	return CRASHRES_OK;
}

/* Reads the names in authorityCertIssuer. The kernel uses the last directory name. */
static bool read_authority_issuer(struct crs_der names, struct crs_bytes *issuer)
{
	struct crs_der_element name;
	struct crs_der inside;

	while (names.left) {
		if (!crs_der_next(&names, &name))
			return false;
		inside = crs_der_inside(name.value);
		if (name.tag == DIRECTORY_NAME) {
			if (!crs_x509_name(&inside, issuer) || inside.left)
				return false;
		} else if (!IS_SIMPLE_NAME(name.tag)) {
			return false;
		}
	}
	return true;
}

/* Reads an AuthorityKeyIdentifier: [0] key id, [1] issuer's names, [2] serial number. */
static bool read_authority(struct crs_bytes value, struct crs_x509 *x509)
{
	struct crs_der der = crs_der_inside(value), inside, names;
	struct crs_bytes issuer = { NULL, 0 };
	struct crs_der_element element;

	if (!crs_der_enter(&der, CRS_DER_SEQUENCE, &inside))
		return false;
	if (crs_der_take(&inside, CRS_DER_SIMPLE + 0, &element))
		x509->authority_key.first = element.value;
	if (crs_der_enter(&inside, CRS_DER_TAGGED + 1, &names) &&
	    !read_authority_issuer(names, &issuer))
		return false;
	if (crs_der_take(&inside, CRS_DER_SIMPLE + 2, &element) && issuer.data)
		x509->authority = (struct crs_x509_id){ element.value, issuer };
	return !inside.left;
}

/* The kernel accepts an empty SEQUENCE, and one that starts with the BOOLEAN TRUE. */
static bool is_valid_constraint(struct crs_bytes value)
{
	const uint8_t *data = value.data;

	return value.size >= 2 && data[0] == CRS_DER_SEQUENCE && data[1] == value.size - 2 &&
	       (!data[1] || (value.size >= 5 && data[2] == CRS_DER_BOOLEAN && data[3] == 1 &&
			     data[4] == 0xff));
}

/* Stores the SubjectKeyIdentifier. The kernel accepts one, of 1 to 127 bytes. */
static bool read_key_identifier(struct crs_bytes value, struct crs_x509 *x509)
{
	if (x509->key.first.data || value.size < 3 || value.data[0] != CRS_DER_OCTET_STRING ||
	    value.data[1] != value.size - 2)
		return false;
	x509->key.first = (struct crs_bytes){ value.data + 2, value.size - 2 };
	return true;
}

/*
 * Reads one extension by the rules of x509_process_extension(). @authority: set to the
 * AuthorityKeyIdentifier, which the caller reads: only the last one counts.
 */
static enum crashres_status read_extension(struct crashres_ctx *ctx, struct crs_bytes oid,
					   struct crs_bytes value, struct crs_bytes *authority,
					   struct crs_x509 *x509)
{
	if (CRS_BYTES_ARE(oid, OID_KEY_IDENTIFIER) && !read_key_identifier(value, x509))
		return fail_damaged(ctx, "subjectKeyIdentifier");
	if (CRS_BYTES_ARE(oid, OID_KEY_USAGE) &&
	    (value.size < 4 || value.data[0] != CRS_DER_BIT_STRING || value.data[2] >= 8))
		return fail_damaged(ctx, "keyUsage");
	if (CRS_BYTES_ARE(oid, OID_BASIC_CONSTRAINTS) && !is_valid_constraint(value))
		return fail_damaged(ctx, "basicConstraints");
	if (CRS_BYTES_ARE(oid, OID_AUTHORITY))
		*authority = value;
	return CRASHRES_OK;
}

static enum crashres_status read_extensions(struct crashres_ctx *ctx, struct crs_der der,
					    struct crs_x509 *x509)
{
	struct crs_der_element oid, critical, value;
	struct crs_bytes authority = { NULL, 0 };
	struct crs_der list, inside;

	if (!crs_der_enter(&der, CRS_DER_SEQUENCE, &list) || der.left)
		return fail_damaged(ctx, "extensions");
	do {
		enum crashres_status status;

		if (!crs_der_enter(&list, CRS_DER_SEQUENCE, &inside) ||
		    !crs_der_take(&inside, CRS_DER_OID, &oid))
			return fail_damaged(ctx, "extensions");
		crs_der_take(&inside, CRS_DER_BOOLEAN, &critical);
		if (!crs_der_take(&inside, CRS_DER_OCTET_STRING, &value) || inside.left)
			return fail_damaged(ctx, "extensions");
		status = read_extension(ctx, oid.value, value.value, &authority, x509);
		if (status != CRASHRES_OK)
			return status;
	} while (list.left);
	if (authority.data && !read_authority(authority, x509))
		return fail_damaged(ctx, "authorityKeyIdentifier");
	return CRASHRES_OK;
}

/* Reads the optional version, of any value. */
static bool read_version(struct crs_der *der)
{
	struct crs_der_element version;
	struct crs_der inside;

	return !crs_der_enter(der, CRS_DER_TAGGED + 0, &inside) ||
	       (crs_der_take(&inside, CRS_DER_INTEGER, &version) && !inside.left);
}

/* Reads the members before the public key. @algorithm: out; of the signature. */
static bool read_start(struct crs_der *der, struct crs_bytes *algorithm, struct crs_x509 *x509)
{
	struct crs_der_element serial, parameters;

	if (!read_version(der) || !crs_der_take(der, CRS_DER_INTEGER, &serial) ||
	    !read_algorithm(der, algorithm, &parameters) ||
	    !crs_x509_name(der, &x509->issuer) || !read_validity(der, x509) ||
	    !crs_x509_name(der, &x509->subject))
		return false;
	x509->id = (struct crs_x509_id){ serial.value, x509->issuer };
	return true;
}

/* Reads TBSCertificate. @algorithm: out; of the signature. */
static enum crashres_status read_body(struct crashres_ctx *ctx, struct crs_der der,
				      struct crs_bytes *algorithm, struct crs_x509 *x509)
{
	struct crs_der_element unique;
	struct crs_der extensions;
	enum crashres_status status;

	if (!read_start(&der, algorithm, x509))
		return fail_damaged(ctx, "version, serial number, names or dates");
	if (!is_known_signature(*algorithm))
		return crs_fail(ctx, CRASHRES_ERR_UNSUPPORTED,
				"the certificate is signed with neither RSA (PKCS #1 v1.5) nor "
				"ECDSA, with sha1, sha256, sha384 or sha512");
	status = check_key(ctx, &der);
	if (status != CRASHRES_OK)
		return status;
	crs_der_take(&der, CRS_DER_SIMPLE + 1, &unique);
	crs_der_take(&der, CRS_DER_SIMPLE + 2, &unique);
	if (crs_der_enter(&der, CRS_DER_TAGGED + 3, &extensions)) {
		status = read_extensions(ctx, extensions, x509);
		if (status != CRASHRES_OK)
			return status;
	}
	return der.left ? fail_damaged(ctx, "unknown fields") : CRASHRES_OK;
}

enum crashres_status crs_x509_parse(struct crashres_ctx *ctx, struct crs_bytes der,
				    struct crs_x509 *x509)
{
	struct crs_der all = crs_der_inside(der), outer, body;
	struct crs_bytes inner_algorithm, outer_algorithm;
	struct crs_der_element parameters, signature;
	struct crs_x509 new = { .not_before = 0 };
	enum crashres_status status;

	if (der.size > CRS_DER_LIMIT || !crs_der_enter(&all, CRS_DER_SEQUENCE, &outer) ||
	    !crs_der_enter(&outer, CRS_DER_SEQUENCE, &body))
		return fail_damaged(ctx, "it is damaged");
	status = read_body(ctx, body, &inner_algorithm, &new);
	if (status != CRASHRES_OK)
		return status;
	if (!read_algorithm(&outer, &outer_algorithm, &parameters) ||
	    !crs_der_take(&outer, CRS_DER_BIT_STRING, &signature) || outer.left ||
	    !signature.value.size || signature.value.data[0])
		return fail_damaged(ctx, "signature");
	if (!crs_bytes_equal(outer_algorithm, inner_algorithm.data, inner_algorithm.size))
		return fail_damaged(ctx, "it names two signature algorithms");
	*x509 = new;
	return CRASHRES_OK;
}

/* The attributes of a name that the kernel writes. */
struct name_parts {
	struct crs_bytes common_name;
	struct crs_bytes organization;
	struct crs_bytes email;
};

/* Reads one RelativeDistinguishedName, a SET of attributes. */
static bool read_name_parts(struct crs_der set, struct name_parts *parts)
{
	while (set.left) {
		struct crs_der_element oid, value;
		struct crs_der inside;

		if (!crs_der_enter(&set, CRS_DER_SEQUENCE, &inside) ||
		    !crs_der_take(&inside, CRS_DER_OID, &oid) || !crs_der_next(&inside, &value))
			return false;
		if (CRS_BYTES_ARE(oid.value, OID_COMMON_NAME))
			parts->common_name = value.value;
		else if (CRS_BYTES_ARE(oid.value, OID_ORGANIZATION))
			parts->organization = value.value;
		else if (CRS_BYTES_ARE(oid.value, OID_EMAIL))
			parts->email = value.value;
	}
	return true;
}

/* Does CN start with O, so that the kernel leaves out O? */
static bool repeats_organization(const struct name_parts *parts)
{
	struct crs_bytes cn = parts->common_name, o = parts->organization;

	return (cn.size >= o.size && !memcmp(cn.data, o.data, o.size)) ||
	       (cn.size >= O_PREFIX && o.size >= O_PREFIX && !memcmp(cn.data, o.data, O_PREFIX));
}

/* Chooses the parts of the text, in their order. Returns their number. */
static size_t choose_parts(const struct name_parts *parts, struct crs_bytes chosen[3])
{
	static const struct crs_bytes colon = { (const uint8_t *)": ", 2 };

	if (!parts->common_name.size) {
		chosen[0] = parts->organization.size ? parts->organization : parts->email;
		return 1;
	}
	if (!parts->organization.size || repeats_organization(parts)) {
		chosen[0] = parts->common_name;
		return 1;
	}
	chosen[0] = parts->organization;
	chosen[1] = colon;
	chosen[2] = parts->common_name;
	return 3;
}

bool crs_x509_name_is(struct crs_bytes name, const char *text, size_t size)
{
	struct crs_der der = crs_der_inside(name), set;
	struct name_parts parts = { .common_name = { NULL, 0 } };
	struct crs_bytes chosen[3];
	size_t count, used = 0;

	while (der.left)
		if (!crs_der_enter(&der, CRS_DER_SET, &set) || !read_name_parts(set, &parts))
			return false;
	count = choose_parts(&parts, chosen);
	for (size_t i = 0; i < count; i++)
		for (size_t at = 0; at < chosen[i].size; at++) {
			if (!chosen[i].data[at])
				return used == size;
			if (used == size || (uint8_t)text[used++] != chosen[i].data[at])
				return false;
		}
	return used == size;
}
