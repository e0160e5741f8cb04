/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_ima_x509.c: certificates that OpenSSL reads and the kernel refuses (x509.c). The parser
 * looks at the form alone, so these certificates need no right key and no right signature.
 */
#include "../../libcrashres-ima/x509.h"
#include "pack.h"
#include "support.h"

#define ALGORITHM	"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01"	/* rsaEncryption... */
#define RSA		ALGORITHM "\x01\x05\x00"
#define RSA_SHA256	ALGORITHM "\x0b\x05\x00"
#define CN		"\x06\x03\x55\x04\x03\x0c\x01u"
#define NAME		"\x30\x0c\x31\x0a\x30\x08" CN
#define EC_P256(parameters, size, rest) "\x30" size "\x30" rest "\x06\x07\x2a\x86\x48\xce\x3d\x02\x01" \
			parameters "\x03\x03\x00\x04\x01"
#define P256		"\x2a\x86\x48\xce\x3d\x03\x01\x07"
#define EXTENSIONS(list_size, sequence_size, list) "\xa3" list_size "\x30" sequence_size list
#define AUTHORITY(size, value_size, value) "\x30" size "\x06\x03\x55\x1d\x23\x04" value_size value
#define KEY_ID		"\x30\x04\x80\x02\x12\x34"

/* The members of TBSCertificate, without the optional unique ids. */
enum { CERTIFICATE_VERSION, SERIAL, SIGNATURE, ISSUER, VALIDITY, SUBJECT, KEY, EXTENSION, MEMBERS };

struct member {
	const char *data;
	size_t size;			/* bytes */
};

#define MEMBER(text) (struct member){ text, sizeof(text) - 1 }

static const struct member good[MEMBERS] = {
	[CERTIFICATE_VERSION] = { "\xa0\x03\x02\x01\x02", 5 },
	[SERIAL] = { "\x02\x01\x05", 3 },
	[SIGNATURE] = { RSA_SHA256, sizeof(RSA_SHA256) - 1 },
	[ISSUER] = { NAME, sizeof(NAME) - 1 },
	[VALIDITY] = { "\x30\x1e\x17\x0d" "260101000000Z" "\x17\x0d" "270101000000Z", 32 },
	[SUBJECT] = { NAME, sizeof(NAME) - 1 },
	[KEY] = { "\x30\x1a" RSA "\x03\x09\x00\x30\x06\x02\x01\x23\x02\x01\x03", 28 },
	[EXTENSION] = { EXTENSIONS("\x11", "\x0f", AUTHORITY("\x0d", "\x06", KEY_ID)), 19 },
};

/* Adds @size bytes at @data to @der. */
static void add(struct bytes *der, const void *data, size_t size)
{
	memcpy(der->data + der->size, data, size);
	der->size += size;
}

/* Writes the length of a SEQUENCE of two bytes at @at: the rest of @der. */
static void set_length(struct bytes *der, size_t at)
{
	size_t length = der->size - at - 4;

	memcpy(der->data + at, "\x30\x82", 2);
	der->data[at + 2] = (uint8_t)(length >> 8);
	der->data[at + 3] = (uint8_t)length;
}

/* Parses the good certificate with @data as the member @index. */
static enum crashres_status parse(struct unit *unit, int index, struct member member,
				  struct crs_x509 *x509)
{
	struct bytes der = { unit_alloc(1024), 8 };
	enum crashres_status status;

	for (int i = 0; i < MEMBERS; i++)
		add(&der, i == index ? member.data : good[i].data,
		    i == index ? member.size : good[i].size);
	set_length(&der, 4);
	add(&der, RSA_SHA256 "\x03\x02\x00\x01", sizeof(RSA_SHA256 "\x03\x02\x00\x01") - 1);
	set_length(&der, 0);
	status = crs_x509_parse(unit->ctx, (struct crs_bytes){ der.data, der.size }, x509);
	/* The ids point into these bytes. The tests compare their sizes alone. */
	free(der.data);
	return status;
}

static void accept(struct unit *unit, int index, struct member member)
{
	struct crs_x509 x509;

	assert_ok(unit, parse(unit, index, member, &x509));
}

static void refuse(struct unit *unit, int index, struct member member, const char *field)
{
	struct crs_x509 x509;
	char sentence[200];

	snprintf(sentence, sizeof(sentence), "the kernel cannot read the certificate: %s", field);
	mark_untouched(x509);
	assert_fails(unit, parse(unit, index, member, &x509), CRASHRES_ERR_FORMAT, sentence);
	assert_untouched(x509);
}

static void test_names(void **state)
{
	static const struct member names[] = {
		{ "\x30\x00", 2 },					/* no SET */
		{ "\x30\x02\x31\x00", 4 },				/* an empty SET */
		{ "\x30\x04\x31\x02\x05\x00", 6 },			/* no SEQUENCE */
		{ "\x30\x04\x31\x02\x30\x00", 6 },			/* no identifier */
		{ "\x30\x09\x31\x07\x30\x05\x06\x03\x55\x04\x03", 11 },	/* no value */
		{ "\x30\x0e\x31\x0c\x30\x0a" CN "\x05\x00", 16 },	/* two values */
		{ "\x30\x0f\x31\x0d\x30\x83\x00\x00\x08" CN, 17 },	/* a length of 3 bytes */
		{ "\x30\x0e\x31\x0a\x30\x08" CN "\x31\x00", 16 },	/* an empty SET at the end */
	};

	for (size_t i = 0; i < COUNT(names); i++) {
		refuse(*state, ISSUER, names[i], "version, serial number, names or dates");
		refuse(*state, SUBJECT, names[i], "version, serial number, names or dates");
	}
	accept(*state, SUBJECT, MEMBER("\x30\x16\x31\x14\x30\x08" CN "\x30\x08" CN));
	accept(*state, SUBJECT, MEMBER("\x30\x81\x0c\x31\x0a\x30\x08" CN));
}

static void test_version(void **state)
{
	accept(*state, CERTIFICATE_VERSION, MEMBER(""));
	accept(*state, CERTIFICATE_VERSION, MEMBER("\xa0\x03\x02\x01\x07"));
	refuse(*state, CERTIFICATE_VERSION, MEMBER("\xa0\x00"), "version, serial number, names or dates");
	refuse(*state, CERTIFICATE_VERSION, MEMBER("\xa0\x03\x04\x01\x02"),
	       "version, serial number, names or dates");
	refuse(*state, CERTIFICATE_VERSION, MEMBER("\xa0\x06\x02\x83\x00\x00\x01\x02"),
	       "version, serial number, names or dates");
	refuse(*state, CERTIFICATE_VERSION, MEMBER("\xa0\x06\x02\x01\x02\x02\x01\x02"),
	       "version, serial number, names or dates");
}

static void test_rsa_keys(void **state)
{
	static const struct member keys[] = {
		/* Lengths of 3 bytes: of the SEQUENCE, of the exponent. */
		{ "\x30\x1d" RSA "\x03\x0c\x00\x30\x83\x00\x00\x06\x02\x01\x23\x02\x01\x03", 31 },
		{ "\x30\x1d" RSA "\x03\x0c\x00\x30\x09\x02\x01\x23\x02\x83\x00\x00\x01\x03", 31 },
		/* Without exponent, and with a third number. */
		{ "\x30\x17" RSA "\x03\x06\x00\x30\x03\x02\x01\x23", 25 },
		{ "\x30\x1d" RSA "\x03\x0c\x00\x30\x09\x02\x01\x23\x02\x01\x03\x02\x01\x03", 31 },
		/* The exponent is longer than the modulus, or empty. */
		{ "\x30\x1b" RSA "\x03\x0a\x00\x30\x07\x02\x01\x23\x02\x02\x01\x03", 29 },
		{ "\x30\x19" RSA "\x03\x08\x00\x30\x05\x02\x01\x23\x02\x00", 27 },
	};

	for (size_t i = 0; i < COUNT(keys); i++)
		refuse(*state, KEY, keys[i], "public key");
	/* The kernel ignores bytes after the key. */
	accept(*state, KEY, MEMBER("\x30\x1b" RSA "\x03\x0a\x00\x30\x06\x02\x01\x23\x02\x01\x03x"));
}

static void test_names_of_curves(void **state)
{
	accept(*state, KEY, MEMBER(EC_P256("\x06\x08" P256, "\x1a", "\x13")));
	refuse(*state, KEY, MEMBER(EC_P256("\x06\x81\x08" P256, "\x1b", "\x14")),
	       "the EC key has parameters instead of a named curve");
	refuse(*state, KEY, MEMBER(EC_P256("\x05\x00", "\x12", "\x0b")),
	       "the EC key has parameters instead of a named curve");
}

/* The kernel parses the last authorityKeyIdentifier alone. */
static void test_several_authority_key_identifiers(void **state)
{
	struct unit *unit = *state;
	struct crs_x509 x509;

	assert_ok(unit, parse(unit, -1, MEMBER(""), &x509));
	assert_int_equal(x509.authority_key.first.size, 2);
	assert_ok(unit, parse(unit, EXTENSION, MEMBER(EXTENSIONS("\x1c", "\x1a",
		AUTHORITY("\x0d", "\x06", KEY_ID) AUTHORITY("\x09", "\x02", "\x30\x00"))), &x509));
	assert_null(x509.authority_key.first.data);
	assert_null(x509.authority.first.data);
	assert_ok(unit, parse(unit, EXTENSION, MEMBER(EXTENSIONS("\x1c", "\x1a",
		AUTHORITY("\x09", "\x02", "\x31\x00") AUTHORITY("\x0d", "\x06", KEY_ID))), &x509));
	assert_int_equal(x509.authority_key.first.size, 2);
}

static void test_the_name_in_an_authority_key_identifier(void **state)
{
	refuse(*state, EXTENSION, MEMBER(EXTENSIONS("\x19", "\x17", AUTHORITY("\x15", "\x0e",
	       "\x30\x0c\x80\x02\x12\x34\xa1\x06\xa4\x04\x30\x02\x31\x00"))),
	       "authorityKeyIdentifier");
	refuse(*state, EXTENSION, MEMBER(EXTENSIONS("\x0d", "\x0b", AUTHORITY("\x09", "\x02",
	       "\x31\x00"))), "authorityKeyIdentifier");
	accept(*state, EXTENSION, MEMBER(EXTENSIONS("\x23", "\x21", AUTHORITY("\x1f", "\x18",
	       "\x30\x16\x80\x02\x12\x34\xa1\x10\xa4\x0e" NAME))));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT_TEST(test_names),
		UNIT_TEST(test_version),
		UNIT_TEST(test_rsa_keys),
		UNIT_TEST(test_names_of_curves),
		UNIT_TEST(test_several_authority_key_identifiers),
		UNIT_TEST(test_the_name_in_an_authority_key_identifier),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
