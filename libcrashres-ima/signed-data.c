/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* signed-data.c: parse a CMS structure as the kernel's pkcs7_parser.c does. */
#include <openssl/err.h>
#include <openssl/pkcs7.h>
#include <openssl/ts.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "signed-data.h"

/* Object identifiers, as the bytes of their value. */
#define ARC_PKCS7	"\x2a\x86\x48\x86\xf7\x0d\x01\x07"	/* 1.2.840.113549.1.7 */
#define ARC_PKCS9	"\x2a\x86\x48\x86\xf7\x0d\x01\x09"	/* 1.2.840.113549.1.9 */
#define ARC_MICROSOFT	"\x2b\x06\x01\x04\x01\x82\x37"		/* 1.3.6.1.4.1.311 */
#define ARC_PKCS1	"\x2a\x86\x48\x86\xf7\x0d\x01\x01"	/* 1.2.840.113549.1.1 */
#define ARC_ECDSA	"\x2a\x86\x48\xce\x3d\x04"		/* 1.2.840.10045.4 */

#define OID_DATA		ARC_PKCS7 "\x01"
#define OID_SIGNED_DATA		ARC_PKCS7 "\x02"
#define OID_CONTENT_TYPE	ARC_PKCS9 "\x03"
#define OID_MESSAGE_DIGEST	ARC_PKCS9 "\x04"
#define OID_SIGNING_TIME	ARC_PKCS9 "\x05"
#define OID_COUNTERSIGNATURE	ARC_PKCS9 "\x06"
#define OID_SMIME_CAPABILITIES	ARC_PKCS9 "\x0f"
#define OID_INDIRECT_DATA	ARC_MICROSOFT "\x02\x01\x04"
#define OID_STATEMENT_TYPE	ARC_MICROSOFT "\x02\x01\x0b"
#define OID_OPUS_INFO		ARC_MICROSOFT "\x02\x01\x0c"
#define OID_TIMESTAMP		ARC_MICROSOFT "\x03\x03\x01"
#define OID_RSA			ARC_PKCS1 "\x01"
#define OID_PSS			ARC_PKCS1 "\x0a"

/* Attributes of which the kernel accepts one value. */
static const struct single {
	const char *oid;
	size_t size;			/* bytes of @oid */
	bool authenticode;		/* only beside SPC_INDIRECT_DATA */
} singles[] = {
#define SINGLE(oid, authenticode) { oid, sizeof(oid) - 1, authenticode }
	SINGLE(OID_CONTENT_TYPE, false),
	SINGLE(OID_MESSAGE_DIGEST, false),
	SINGLE(OID_SIGNING_TIME, false),
	SINGLE(OID_SMIME_CAPABILITIES, true),
	SINGLE(OID_STATEMENT_TYPE, true),
	SINGLE(OID_OPUS_INFO, true),
};

enum { CONTENT_TYPE, MESSAGE_DIGEST, SINGLE_COUNT = 6 };

_Static_assert(sizeof(singles) / sizeof(*singles) == SINGLE_COUNT, "one row for each attribute");

static enum crashres_status fail_damaged(struct crashres_ctx *ctx)
{
	return crs_fail(ctx, CRASHRES_ERR_FORMAT, "the CMS structure is damaged");
}

/* Reads an INTEGER of one byte. Returns -1 for any other element. */
static int read_version(struct crs_der *der)
{
	struct crs_der_element element;

	if (!crs_der_take(der, CRS_DER_INTEGER, &element) || element.value.size != 1)
		return -1;
	return element.value.data[0];
}

/* Reads an AlgorithmIdentifier, with or without parameters. */
static bool read_algorithm(struct crs_der *der, struct crs_bytes *oid)
{
	struct crs_der_element element, parameters;
	struct crs_der inside;

	if (!crs_der_enter(der, CRS_DER_SEQUENCE, &inside) ||
	    !crs_der_take(&inside, CRS_DER_OID, &element))
		return false;
	*oid = element.value;
	return !inside.left || (crs_der_next(&inside, &parameters) && !inside.left);
}

static bool read_hashes(struct crs_der *der)
{
	struct crs_der inside;
	struct crs_bytes oid;

	if (!crs_der_enter(der, CRS_DER_SET, &inside))
		return false;
	do {
		if (!read_algorithm(&inside, &oid))
			return false;
	} while (inside.left);
	return true;
}

/* Reads encapContentInfo. The kernel wants the content in one element of any type. */
static enum crashres_status read_content(struct crashres_ctx *ctx, struct crs_der *der,
					 struct crs_signed_data *data)
{
	struct crs_der_element type, content;
	struct crs_der inside, outer;

	if (!crs_der_enter(der, CRS_DER_SEQUENCE, &inside) ||
	    !crs_der_take(&inside, CRS_DER_OID, &type))
		return fail_damaged(ctx);
	data->authenticode = CRS_BYTES_ARE(type.value, OID_INDIRECT_DATA);
	if (!data->authenticode && !CRS_BYTES_ARE(type.value, OID_DATA))
		return crs_fail(ctx, CRASHRES_ERR_FORMAT,
				"the content type of the CMS structure is neither data nor "
				"Authenticode");
	if (crs_der_enter(&inside, CRS_DER_TAGGED + 0, &outer)) {
		if (!crs_der_next(&outer, &content) || outer.left)
			return fail_damaged(ctx);
		data->content = content.value;
		data->content_element = content.whole;
	}
	return inside.left ? fail_damaged(ctx) : CRASHRES_OK;
}

/* Appends the certificate in @der. */
static enum crashres_status add_certificate(struct crashres_ctx *ctx, struct crs_bytes der,
					    struct crs_signed_data *data)
{
	struct crashres_certificate **list =
		reallocarray(data->certificates, data->certificate_count + 1, sizeof(*list));
	enum crashres_status status;

	if (!list)
		return crs_fail_memory(ctx);
	data->certificates = list;
	status = crs_certificate_from_der(ctx, der, &list[data->certificate_count]);
	if (status == CRASHRES_OK)
		data->certificate_count++;
	/* Here a damaged key is a fact about the file. */
	if (status == CRASHRES_ERR_KEY)
		status = CRASHRES_ERR_FORMAT;
	return crs_prefix_error(ctx, status, "certificate %zu of the CMS structure",
				data->certificate_count + 1);
}

/* Reads the optional certificates. If the kernel refuses one, it refuses the structure. */
static enum crashres_status read_certificates(struct crashres_ctx *ctx, struct crs_der *der,
					      struct crs_signed_data *data)
{
	enum crashres_status status = CRASHRES_OK;
	struct crs_der_element certificate;
	struct crs_der inside;

	if (!crs_der_enter(der, CRS_DER_TAGGED + 0, &inside))
		return CRASHRES_OK;
	do {
		if (!crs_der_take(&inside, CRS_DER_SEQUENCE, &certificate))
			return fail_damaged(ctx);
		status = add_certificate(ctx, certificate.whole, data);
	} while (status == CRASHRES_OK && inside.left);
	return status;
}

/* Reads the name of the signer. @version: of the SignerInfo. */
static bool read_signer_id(struct crs_der *der, int version, struct crs_signed_data *data)
{
	struct crs_der_element serial, key;
	struct crs_bytes issuer;
	struct crs_der inside;

	if (version == 3) {
		if (!crs_der_take(der, CRS_DER_SIMPLE + 0, &key))
			return false;
		data->signer.first = key.value;
		return key.value.size;
	}
	if (!crs_der_enter(der, CRS_DER_SEQUENCE, &inside))
		return false;
	data->issuer = (struct crs_bytes){ inside.at, 0 };
	if (!crs_x509_name(&inside, &issuer))
		return false;
	data->issuer.size = (size_t)(inside.at - data->issuer.data);
	if (!crs_der_take(&inside, CRS_DER_INTEGER, &serial) || inside.left)
		return false;
	data->serial = serial.whole;
	data->signer = (struct crs_x509_id){ serial.value, issuer };
	return true;
}

static enum crashres_status read_hash(struct crashres_ctx *ctx, struct crs_der *der,
				      struct crs_signed_data *data)
{
	struct crs_bytes oid;

	if (!read_algorithm(der, &oid))
		return fail_damaged(ctx);
	if (!crs_hash_from_oid(oid, &data->hash))
		return crs_fail(ctx, CRASHRES_ERR_UNSUPPORTED,
				"the hash is neither sha256, sha384 nor sha512");
	return CRASHRES_OK;
}

/* Stores the value of a signed attribute that the result needs. */
static bool store_attribute(struct crs_bytes oid, const struct crs_der_element *value,
			    struct crs_signed_data *data)
{
	if (CRS_BYTES_ARE(oid, OID_CONTENT_TYPE))
		return value->tag == CRS_DER_OID &&
		       (data->authenticode ? CRS_BYTES_ARE(value->value, OID_INDIRECT_DATA) :
					     CRS_BYTES_ARE(value->value, OID_DATA));
	if (CRS_BYTES_ARE(oid, OID_MESSAGE_DIGEST)) {
		data->message_digest = value->value;
		return value->tag == CRS_DER_OCTET_STRING;
	}
	if (CRS_BYTES_ARE(oid, OID_SIGNING_TIME)) {
		data->has_time = true;
		return crs_der_time(value, &data->time);
	}
	return true;
}

/*
 * Checks one value of a signed attribute (pkcs7_sig_note_authenticated_attr()).
 * @seen: one flag for each row of singles[].
 */
static enum crashres_status check_attribute(struct crashres_ctx *ctx, struct crs_bytes oid,
					    const struct crs_der_element *value,
					    bool seen[SINGLE_COUNT], struct crs_signed_data *data)
{
	for (size_t i = 0; i < SINGLE_COUNT; i++) {
		if (!crs_bytes_equal(oid, singles[i].oid, singles[i].size))
			continue;
		if (seen[i])
			return crs_fail(ctx, CRASHRES_ERR_FORMAT,
					"a signed attribute occurs twice");
		seen[i] = true;
		if (singles[i].authenticode && !data->authenticode)
			return crs_fail(ctx, CRASHRES_ERR_FORMAT,
					"a signed attribute is for Authenticode only");
	}
	if (!store_attribute(oid, value, data))
		return crs_fail(ctx, CRASHRES_ERR_FORMAT,
				"the signed content type, digest or time is damaged");
	return CRASHRES_OK;
}

/* Reads one Attribute: an identifier and a SET with at least one value. */
static bool read_attribute(struct crs_der *der, struct crs_bytes *oid, struct crs_der *values)
{
	struct crs_der_element element;
	struct crs_der inside;

	if (!crs_der_enter(der, CRS_DER_SEQUENCE, &inside) ||
	    !crs_der_take(&inside, CRS_DER_OID, &element) ||
	    !crs_der_enter(&inside, CRS_DER_SET, values) || inside.left || !values->left)
		return false;
	*oid = element.value;
	return true;
}

/* Reads the elements of signedAttrs. */
static enum crashres_status read_signed_list(struct crashres_ctx *ctx, struct crs_der list,
					     struct crs_signed_data *data)
{
	bool seen[SINGLE_COUNT] = { false };
	struct crs_der_element value;
	struct crs_der values;
	struct crs_bytes oid;

	while (list.left) {
		if (!read_attribute(&list, &oid, &values))
			return fail_damaged(ctx);
		while (values.left) {
			enum crashres_status status;

			if (!crs_der_next(&values, &value))
				return fail_damaged(ctx);
			status = check_attribute(ctx, oid, &value, seen, data);
			if (status != CRASHRES_OK)
				return status;
		}
	}
	if (!seen[CONTENT_TYPE] || !seen[MESSAGE_DIGEST])
		return crs_fail(ctx, CRASHRES_ERR_FORMAT,
				"the signed attributes lack the content type or the digest");
	return CRASHRES_OK;
}

static enum crashres_status read_signed_attributes(struct crashres_ctx *ctx, struct crs_der *der,
						   struct crs_signed_data *data)
{
	struct crs_der_element element;

	if (crs_der_take(der, CRS_DER_TAGGED + 0, &element)) {
		data->attributes = (struct crs_bytes){ element.whole.data + 1,
						       element.whole.size - 1 };
		return read_signed_list(ctx, crs_der_inside(element.value), data);
	}
	if (data->authenticode)
		return crs_fail(ctx, CRASHRES_ERR_FORMAT,
				"an Authenticode signature needs signed attributes");
	return CRASHRES_OK;
}

/* Reads signatureAlgorithm by the rules of pkcs7_sig_note_pkey_algo(). */
static enum crashres_status read_scheme(struct crashres_ctx *ctx, struct crs_der *der,
					struct crs_signed_data *data)
{
	struct crs_bytes oid;

	if (!read_algorithm(der, &oid))
		return fail_damaged(ctx);
	if (CRS_BYTES_ARE(oid, OID_RSA)) {
		data->type = CRASHRES_KEY_RSA;
		return CRASHRES_OK;
	}
	/* ecdsa-with-SHA1, and ecdsa-with-SHA224 to -SHA512. */
	if (CRS_BYTES_ARE(oid, ARC_ECDSA "\x01") || CRS_BYTES_ARE(oid, ARC_ECDSA "\x03\x01") ||
	    CRS_BYTES_ARE(oid, ARC_ECDSA "\x03\x02") || CRS_BYTES_ARE(oid, ARC_ECDSA "\x03\x03") ||
	    CRS_BYTES_ARE(oid, ARC_ECDSA "\x03\x04")) {
		data->type = CRASHRES_KEY_ECDSA;
		return CRASHRES_OK;
	}
	if (CRS_BYTES_ARE(oid, OID_PSS))
		return crs_fail(ctx, CRASHRES_ERR_UNSUPPORTED,
				"the signature is RSASSA-PSS, which the kernel cannot verify");
	if (oid.size == sizeof(OID_RSA) - 1 && !memcmp(oid.data, ARC_PKCS1, sizeof(ARC_PKCS1) - 1))
		return crs_fail(ctx, CRASHRES_ERR_UNSUPPORTED,
				"the signature algorithm is a combination of RSA and a hash, the "
				"kernel accepts only rsaEncryption");
	return crs_fail(ctx, CRASHRES_ERR_UNSUPPORTED,
			"the signature algorithm is neither rsaEncryption nor ECDSA with SHA");
}

/* Reads the optional unsigned attributes. The kernel ignores their values. */
static bool read_unsigned_attributes(struct crs_der *der, struct crs_signed_data *data)
{
	struct crs_der_element value;
	struct crs_der list, values;
	struct crs_bytes oid;

	if (!crs_der_enter(der, CRS_DER_TAGGED + 1, &list))
		return true;
	do {
		if (!read_attribute(&list, &oid, &values))
			return false;
		while (values.left) {
			if (!crs_der_next(&values, &value))
				return false;
			if (CRS_BYTES_ARE(oid, OID_COUNTERSIGNATURE))
				data->countersignature = value.whole;
			if (CRS_BYTES_ARE(oid, OID_TIMESTAMP))
				data->timestamp = value.whole;
		}
	} while (list.left);
	return true;
}

/* Reads the members of a SignerInfo after its name of the signer. */
static enum crashres_status read_signature(struct crashres_ctx *ctx, struct crs_der *der,
					   struct crs_signed_data *data)
{
	struct crs_der_element signature;
	enum crashres_status status = read_hash(ctx, der, data);

	if (status == CRASHRES_OK)
		status = read_signed_attributes(ctx, der, data);
	if (status == CRASHRES_OK)
		status = read_scheme(ctx, der, data);
	if (status != CRASHRES_OK)
		return status;
	if (!crs_der_take(der, CRS_DER_OCTET_STRING, &signature) ||
	    !read_unsigned_attributes(der, data) || der->left)
		return fail_damaged(ctx);
	data->signature = signature.value;
	return CRASHRES_OK;
}

/* Counts the elements in @der. */
static int count_elements(struct crs_der der)
{
	struct crs_der_element element;
	int count = 0;

	while (crs_der_next(&der, &element))
		count++;
	return count;
}

/* Reads the only SignerInfo. @version: of the SignedData. */
static enum crashres_status read_signer(struct crashres_ctx *ctx, struct crs_der *der, int version,
					struct crs_signed_data *data)
{
	struct crs_der list, inside;
	int count, signer_version;

	if (!crs_der_enter(der, CRS_DER_SET, &list))
		return fail_damaged(ctx);
	count = count_elements(list);
	if (count != 1)
		return crs_fail(ctx, CRASHRES_ERR_UNSUPPORTED,
				"the CMS structure has %d signers, not one", count);
	if (!crs_der_enter(&list, CRS_DER_SEQUENCE, &inside) || list.left)
		return fail_damaged(ctx);
	signer_version = read_version(&inside);
	if (signer_version != version)
		return crs_fail(ctx, CRASHRES_ERR_FORMAT,
				"the SignerInfo has version %d, the SignedData version %d: the "
				"kernel accepts only equal versions", signer_version, version);
	if (!read_signer_id(&inside, version, data))
		return fail_damaged(ctx);
	return read_signature(ctx, &inside, data);
}

/* Reads the SignedData in @der into @data, which is still empty. */
static enum crashres_status read_all(struct crashres_ctx *ctx, struct crs_der der,
				     struct crs_signed_data *data)
{
	int version = read_version(&der);
	enum crashres_status status;

	if (version != 1 && version != 3)
		return crs_fail(ctx, CRASHRES_ERR_FORMAT,
				"the SignedData has version %d, the kernel accepts 1 and 3",
				version);
	if (!read_hashes(&der))
		return fail_damaged(ctx);
	status = read_content(ctx, &der, data);
	if (status == CRASHRES_OK)
		status = read_certificates(ctx, &der, data);
	if (status != CRASHRES_OK)
		return status;
	if (der.left && (der.at[0] & ~2) == CRS_DER_TAGGED + 1)
		return crs_fail(ctx, CRASHRES_ERR_UNSUPPORTED,
				"the CMS structure contains a revocation list, which the kernel "
				"cannot read");
	status = read_signer(ctx, &der, version, data);
	return status == CRASHRES_OK && der.left ? fail_damaged(ctx) : status;
}

/* Reads the outer structure. @inside: out; the members of the SignedData. */
static enum crashres_status open_outer(struct crashres_ctx *ctx, const void *der, size_t size,
				       struct crs_der *inside)
{
	struct crs_der all = crs_der_inside((struct crs_bytes){ der, size }), outer, content;
	const uint8_t *bytes = der;
	struct crs_der_element type;

	if (size > CRS_DER_LIMIT)
		return crs_fail(ctx, CRASHRES_ERR_FORMAT,
				"the CMS structure has %zu bytes, the kernel accepts at most %d",
				size, CRS_DER_LIMIT);
	if (size >= 2 && bytes[0] == CRS_DER_SEQUENCE && bytes[1] == 0x80)
		return crs_fail(ctx, CRASHRES_ERR_UNSUPPORTED,
				"the CMS structure has indefinite lengths (BER), it is not DER");
	if (!crs_der_enter(&all, CRS_DER_SEQUENCE, &outer) ||
	    !crs_der_take(&outer, CRS_DER_OID, &type))
		return fail_damaged(ctx);
	if (!CRS_BYTES_ARE(type.value, OID_SIGNED_DATA))
		return crs_fail(ctx, CRASHRES_ERR_FORMAT, "the CMS structure is not a signature");
	if (!crs_der_enter(&outer, CRS_DER_TAGGED + 0, &content) || outer.left ||
	    !crs_der_enter(&content, CRS_DER_SEQUENCE, inside) || content.left)
		return fail_damaged(ctx);
	return CRASHRES_OK;
}

enum crashres_status crs_signed_data_parse(struct crashres_ctx *ctx, const void *der, size_t size,
					   struct crs_signed_data *data)
{
	CRS_CLEANUP(crs_signed_data_clear) struct crs_signed_data new = CRS_SIGNED_DATA_NONE;
	struct crs_der inside;
	enum crashres_status status = open_outer(ctx, der, size, &inside);

	if (status == CRASHRES_OK)
		status = read_all(ctx, inside, &new);
	if (status != CRASHRES_OK)
		return status;
	/* The caller owns the certificates now. */
	*data = new;
	new = (struct crs_signed_data)CRS_SIGNED_DATA_NONE;
	return CRASHRES_OK;
}

void crs_signed_data_clear(struct crs_signed_data *data)
{
	while (data->certificate_count)
		crashres_certificate_free(data->certificates[--data->certificate_count]);
	free(data->certificates);
	data->certificates = NULL;
}

static void print_issuer(BIO *bio, const struct crs_signed_data *data)
{
	const unsigned char *at = data->issuer.data;
	X509_NAME *issuer = d2i_X509_NAME(NULL, &at, (long)data->issuer.size);
	ASN1_INTEGER *serial;
	char name[256];

	at = data->serial.data;
	serial = d2i_ASN1_INTEGER(NULL, &at, (long)data->serial.size);
	if (issuer && serial) {
		crs_name_text(issuer, name, sizeof(name));
		BIO_printf(bio, "issuer %s, serial ", name);
		i2a_ASN1_INTEGER(bio, serial);
	}
	X509_NAME_free(issuer);
	ASN1_INTEGER_free(serial);
}

void crs_signed_data_signer_text(const struct crs_signed_data *data, char *text, size_t capacity)
{
	CRS_CLEANUP(crs_bio_freep) BIO *bio = BIO_new(BIO_s_mem());

	*text = '\0';
	if (!bio)
		return;
	if (data->issuer.data) {
		print_issuer(bio, data);
	} else {
		BIO_puts(bio, "id:");
		for (size_t i = 0; i < data->signer.first.size; i++)
			BIO_printf(bio, "%02x", data->signer.first.data[i]);
	}
	crs_bio_text(bio, text, capacity);
	ERR_clear_error();
}

enum crashres_status crs_signed_data_digest(struct crashres_ctx *ctx,
					    const struct crs_signed_data *data,
					    struct crs_bytes content, struct crs_digest *digest,
					    bool *matches)
{
	CRS_CLEANUP(crs_freep) uint8_t *set = NULL;
	struct crs_digest new;
	enum crashres_status status = crs_digest_make(ctx, data->hash, content.data, content.size,
						      &new);

	if (status != CRASHRES_OK)
		return status;
	*matches = true;
	if (!data->attributes.data) {
		*digest = new;
		return CRASHRES_OK;
	}
	*matches = crs_bytes_equal(data->message_digest, new.bytes, new.size);
	/* In the structure the tag is [0]. The signature covers the same bytes as a SET. */
	set = malloc(1 + data->attributes.size);
	if (!set)
		return crs_fail_memory(ctx);
	set[0] = CRS_DER_SET;
	memcpy(set + 1, data->attributes.data, data->attributes.size);
	return crs_digest_make(ctx, data->hash, set, 1 + data->attributes.size, digest);
}

/* Finds signingTime in the signed attributes of the SignerInfo in @der (RFC 5652, 11.4). */
static bool read_countersignature(struct crs_bytes der, int64_t *time)
{
	struct crs_der all = crs_der_inside(der), signer, list, values;
	struct crs_der_element element;
	struct crs_bytes oid;

	if (!crs_der_enter(&all, CRS_DER_SEQUENCE, &signer))
		return false;
	while (signer.left && signer.at[0] != CRS_DER_TAGGED + 0)
		if (!crs_der_next(&signer, &element))
			return false;
	if (!crs_der_enter(&signer, CRS_DER_TAGGED + 0, &list))
		return false;
	while (read_attribute(&list, &oid, &values))
		if (CRS_BYTES_ARE(oid, OID_SIGNING_TIME))
			return crs_der_next(&values, &element) && crs_der_time(&element, time);
	return false;
}

/* Reads the time in an RFC 3161 token, with OpenSSL. */
static bool read_timestamp(struct crs_bytes der, int64_t *time)
{
	const unsigned char *at = der.data;
	PKCS7 *token = d2i_PKCS7(NULL, &at, (long)der.size);
	TS_TST_INFO *info = token ? PKCS7_to_TS_TST_INFO(token) : NULL;
	const ASN1_GENERALIZEDTIME *stamp = info ? TS_TST_INFO_get_time(info) : NULL;
	struct tm tm;
	bool ok = stamp && ASN1_TIME_to_tm(stamp, &tm) == 1;

	if (ok)
		*time = timegm(&tm);
	TS_TST_INFO_free(info);
	PKCS7_free(token);
	ERR_clear_error();
	return ok;
}

enum crashres_time_source crs_signed_data_time(const struct crs_signed_data *data, int64_t *time)
{
	if (data->has_time) {
		*time = data->time;
		return CRASHRES_TIME_SIGNER;
	}
	if (data->timestamp.data && read_timestamp(data->timestamp, time))
		return CRASHRES_TIME_COUNTERSIGNATURE;
	if (data->countersignature.data && read_countersignature(data->countersignature, time))
		return CRASHRES_TIME_COUNTERSIGNATURE;
	return CRASHRES_TIME_UNKNOWN;
}
