/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_ima_imasig.c: the bytes of security.ima, at the borders of every field. */
#include "../../libcrashres-ima/imasig.h"
#include "support.h"

/* A valid attribute by the table in imasig.h: key id 0x1a2b3c4d, signature of 5 bytes. */
static const uint8_t good[] = {
	0x03, 0x02, 0x04, 0x1a, 0x2b, 0x3c, 0x4d, 0x00, 0x05, 's', 'i', 'g', 'n', '!',
};

/* Expects that parsing fails with @status and @sentence, and leaves the result untouched. */
static void refuse(struct unit *unit, const void *data, size_t size, enum crashres_status status,
		   const char *sentence)
{
	struct crs_imasig imasig;

	mark_untouched(imasig);
	assert_fails(unit, crs_imasig_parse(unit->ctx, data, size, &imasig), status, sentence);
	assert_untouched(imasig);
}

static void test_parses_the_kernels_format(void **state)
{
	struct unit *unit = *state;
	struct crs_imasig imasig;

	assert_ok(unit, crs_imasig_parse(unit->ctx, good, sizeof(good), &imasig));
	assert_int_equal(imasig.hash, CRASHRES_HASH_SHA256);
	assert_int_equal(imasig.key_id, 0x1a2b3c4d);
	assert_ptr_equal(imasig.signature, good + 9);
	assert_int_equal(imasig.size, 5);
}

static void test_formats_the_same_bytes(void **state)
{
	static const enum crashres_hash hashes[] = {
		CRASHRES_HASH_SHA256, CRASHRES_HASH_SHA384, CRASHRES_HASH_SHA512,
	};
	struct unit *unit = *state;

	for (size_t i = 0; i < COUNT(hashes); i++) {
		const struct crs_imasig imasig = { hashes[i], 0x1a2b3c4d, good + 9, 5 };
		uint8_t wanted[sizeof(good)], *data;
		size_t size;

		memcpy(wanted, good, sizeof(good));
		wanted[2] = 4 + i;
		assert_ok(unit, crs_imasig_format(unit->ctx, &imasig, &data, &size));
		assert_int_equal(size, sizeof(wanted));
		assert_memory_equal(data, wanted, sizeof(wanted));
		free(data);
	}
}

static void test_the_largest_size_and_one_more(void **state)
{
	struct unit *unit = *state;
	struct crs_imasig imasig = { CRASHRES_HASH_SHA512, 0xffffffff, NULL, 65535 }, read;
	uint8_t *signature = unit_alloc(65536), *data = UNTOUCHED;
	size_t size = 1;

	imasig.signature = signature;
	imasig.size++;
	assert_fails(unit, crs_imasig_format(unit->ctx, &imasig, &data, &size), CRASHRES_ERR_LIMIT,
		     "the signature has 65536 bytes, security.ima holds at most 65535");
	assert_ptr_equal(data, UNTOUCHED);
	assert_int_equal(size, 1);
	imasig.size--;
	assert_ok(unit, crs_imasig_format(unit->ctx, &imasig, &data, &size));
	assert_int_equal(size, 9 + 65535);
	assert_ok(unit, crs_imasig_parse(unit->ctx, data, size, &read));
	assert_int_equal(read.size, 65535);
	assert_int_equal(read.key_id, 0xffffffff);
	free(data);
	free(signature);
}

static void test_every_truncation(void **state)
{
	struct unit *unit = *state;

	for (size_t size = 0; size < sizeof(good); size++) {
		/* A buffer of exactly this size: AddressSanitizer then reports a read beyond it. */
		uint8_t *part = malloc(size ? size : 1);
		char sentence[100];

		memcpy(part, good, size);
		if (size < 9)
			snprintf(sentence, sizeof(sentence),
				 "truncated: the header ends at byte 9, the data at byte %zu", size);
		else
			snprintf(sentence, sizeof(sentence),
				 "truncated: the signature ends at byte 14, the data at byte %zu", size);
		refuse(unit, part, size, CRASHRES_ERR_FORMAT, sentence);
		free(part);
	}
}

static void test_a_byte_too_many(void **state)
{
	uint8_t longer[sizeof(good) + 1] = { 0 };

	memcpy(longer, good, sizeof(good));
	refuse(*state, longer, sizeof(longer), CRASHRES_ERR_FORMAT,
	       "damaged: the signature ends at byte 14, the data at byte 15");
}

static void test_every_first_byte(void **state)
{
	uint8_t other[sizeof(good)];

	memcpy(other, good, sizeof(good));
	for (unsigned int type = 0; type < 256; type++) {
		char sentence[100];

		other[0] = type;
		snprintf(sentence, sizeof(sentence), "the type byte is 0x%02x%s, not 0x03 (signature)",
			 type, type == 1 || type == 4 ? " (digest)" :
			       type == 6 ? " (fs-verity signature)" : "");
		if (type == 6)
			refuse(*state, other, sizeof(other), CRASHRES_ERR_UNSUPPORTED, sentence);
		else if (type != 3)
			refuse(*state, other, sizeof(other), CRASHRES_ERR_FORMAT, sentence);
	}
}

static void test_every_version_and_hash(void **state)
{
	struct unit *unit = *state;
	struct crs_imasig imasig;
	uint8_t other[sizeof(good)];
	char sentence[100];

	for (unsigned int value = 0; value < 256; value++) {
		memcpy(other, good, sizeof(good));
		other[1] = value;
		snprintf(sentence, sizeof(sentence),
			 "the signature has version %u, not 2", value);
		if (value != 2)
			refuse(unit, other, sizeof(other), CRASHRES_ERR_UNSUPPORTED, sentence);
		other[1] = 2;
		other[2] = value;
		snprintf(sentence, sizeof(sentence),
			 "unknown hash %u: neither 4 (sha256), 5 (sha384) nor 6 (sha512)", value);
		if (value < 4 || value > 6)
			refuse(unit, other, sizeof(other), CRASHRES_ERR_UNSUPPORTED, sentence);
		else
			assert_ok(unit, crs_imasig_parse(unit->ctx, other, sizeof(other), &imasig));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT_TEST(test_parses_the_kernels_format),
		UNIT_TEST(test_formats_the_same_bytes),
		UNIT_TEST(test_the_largest_size_and_one_more),
		UNIT_TEST(test_every_truncation),
		UNIT_TEST(test_a_byte_too_many),
		UNIT_TEST(test_every_first_byte),
		UNIT_TEST(test_every_version_and_hash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
