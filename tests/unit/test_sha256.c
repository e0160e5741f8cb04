/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tests SHA-256 (purgatory/shared/sha256.c) by portable C, by vectors and by the SHA-2
 * instructions. A wrong program reports damage in every block, or accepts damaged ones. OpenSSL
 * is the oracle.
 */
#include <openssl/evp.h>
#ifdef __aarch64__
#include <sys/auxv.h>
#endif

#include "../../purgatory/shared/sha256.h"
#include "support.h"

static void check_hex(const uint8_t *digest, const char *wanted)
{
	char hex[2 * PG_SHA256_DIGEST_SIZE + 1];

	for (size_t i = 0; i < PG_SHA256_DIGEST_SIZE; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	assert_string_equal(hex, wanted);
}

/* Whether the CPU of the test can run @method. */
static bool has_method(enum pg_sha256_method method)
{
	if (method != PG_SHA256_INSTRUCTIONS)
		return true;
#ifdef __aarch64__
	return getauxval(AT_HWCAP) & HWCAP_SHA2;
#else
	return false;
#endif
}

static void hash_by(enum pg_sha256_method method, const void *data, size_t size, uint8_t *digest)
{
	struct pg_sha256 sha;

	pg_sha256_init(&sha, method);
	pg_sha256_update(&sha, data, size);
	pg_sha256_final(&sha, digest);
}

/* Hashes by every method that this CPU has, and asserts that the digests are equal. */
static void hash(const void *data, size_t size, uint8_t *digest)
{
	uint8_t again[PG_SHA256_DIGEST_SIZE];

	hash_by(PG_SHA256_PORTABLE, data, size, digest);
	for (int method = PG_SHA256_VECTORS; method <= PG_SHA256_INSTRUCTIONS; method++)
		if (has_method(method)) {
			hash_by(method, data, size, again);
			assert_memory_equal(digest, again, sizeof(again));
		}
}

static void check_against_openssl(const void *data, size_t size, const uint8_t *digest)
{
	uint8_t wanted[PG_SHA256_DIGEST_SIZE];

	assert_int_equal(EVP_Digest(data, size, wanted, NULL, EVP_sha256(), NULL), 1);
	assert_memory_equal(digest, wanted, sizeof(wanted));
}

/* FIPS 180-4 and its example values (NIST CSRC). */
static void test_published_vectors_match(void **state)
{
	/* Columns: message, digest in hexadecimal. */
	static const struct {
		const char *text, *digest;
	} vectors[] = {
		{ "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
		{ "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
		{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
		{ "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopq"
		  "klmnopqrlmnopqrsmnopqrstnopqrstu",
		  "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1" },
	};

	for (size_t i = 0; i < COUNT(vectors); i++) {
		uint8_t digest[PG_SHA256_DIGEST_SIZE];

		hash(vectors[i].text, strlen(vectors[i].text), digest);
		check_hex(digest, vectors[i].digest);
	}
}

static void test_digest_of_a_million_letters_matches_fips_180(void **state)
{
	uint8_t *data = unit_alloc(1000000), digest[PG_SHA256_DIGEST_SIZE];

	memset(data, 'a', 1000000);
	hash(data, 1000000, digest);
	check_hex(digest, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
	free(data);
}

/*
 * Tries every length up to 260 bytes (four blocks of 64 bytes and four bytes) at every offset
 * from an aligned address.
 */
static void test_every_length_and_alignment_matches_openssl(void **state)
{
	uint8_t *data = unit_alloc(1024), digest[PG_SHA256_DIGEST_SIZE];

	unit_fill(data, 1024, 7);
	for (size_t offset = 0; offset < 8; offset++)
		for (size_t size = 0; size <= 260; size++) {
			hash(data + offset, size, digest);
			check_against_openssl(data + offset, size, digest);
		}
	free(data);
}

static void test_random_splits_give_the_same_digest(void **state)
{
	uint8_t *data = unit_alloc(70000), digest[PG_SHA256_DIGEST_SIZE];
	uint32_t seed = 99;

	unit_fill(data, 70000, 3);
	for (int round = 0; round < 400; round++) {
		size_t offset = unit_random(&seed) % 5000, size = unit_random(&seed) % 60000;
		struct pg_sha256 sha;

		pg_sha256_init(&sha, PG_SHA256_PORTABLE);
		for (size_t done = 0; done < size;) {
			size_t part = unit_random(&seed) % (round % 2 ? 200 : 20000);

			part = part < size - done ? part : size - done;
			pg_sha256_update(&sha, data + offset + done, part);
			done += part;
		}
		pg_sha256_final(&sha, digest);
		check_against_openssl(data + offset, size, digest);
	}
	free(data);
}

/* In words of only zeros or ones, additions carry nowhere or everywhere. */
static void test_uniform_bytes_match_openssl(void **state)
{
	uint8_t *data = unit_alloc(4096), digest[PG_SHA256_DIGEST_SIZE];

	for (unsigned int byte = 0; byte < 256; byte++) {
		memset(data, (int)byte, 4096);
		hash(data, 4096, digest);
		check_against_openssl(data, 4096, digest);
	}
	free(data);
}

/* The length field has 64 bits; 512 MiB are 2^32 bits. */
static void test_more_than_2_to_the_32_bits_match_openssl(void **state)
{
	const size_t chunk = MIB;
	uint8_t *data = unit_alloc(chunk), digest[PG_SHA256_DIGEST_SIZE], wanted[32];
	EVP_MD_CTX *oracle = EVP_MD_CTX_new();
	struct pg_sha256 sha;

	assert_int_equal(EVP_DigestInit(oracle, EVP_sha256()), 1);
	pg_sha256_init(&sha, PG_SHA256_PORTABLE);
	for (int i = 0; i < 513; i++) {
		pg_sha256_update(&sha, data, chunk);
		assert_int_equal(EVP_DigestUpdate(oracle, data, chunk), 1);
	}
	pg_sha256_final(&sha, digest);
	assert_int_equal(EVP_DigestFinal(oracle, wanted, NULL), 1);
	assert_memory_equal(digest, wanted, sizeof(wanted));
	EVP_MD_CTX_free(oracle);
	free(data);
}

/* Asserts two digests that are computed at once; @size is a multiple of 64 bytes. */
static void check_two(enum pg_sha256_method method, const uint8_t *a, const uint8_t *b, size_t size)
{
	uint8_t digest[2][PG_SHA256_DIGEST_SIZE] __attribute__((aligned(4)));

	pg_sha256_two(method, a, b, size, digest[0], digest[1]);
	check_against_openssl(a, size, digest[0]);
	check_against_openssl(b, size, digest[1]);
}

/* Asserts four digests that are computed at once; @size is a multiple of 64 bytes. */
static void check_four(enum pg_sha256_method method, const uint8_t *const from[4], size_t size)
{
	uint8_t digests[4][PG_SHA256_DIGEST_SIZE] __attribute__((aligned(4)));
	const void *const data[4] = { from[0], from[1], from[2], from[3] };

	pg_sha256_four(method, data, size, digests);
	for (int i = 0; i < 4; i++)
		check_against_openssl(from[i], size, digests[i]);
}

/* Tries different messages and repeated ones, for every multiple of 64 bytes up to 4096 bytes. */
static void test_two_and_four_messages_at_once_match_openssl(void **state)
{
	uint8_t *data = unit_alloc(4 * 4096 + 8);

	unit_fill(data, 4 * 4096 + 8, 5);
	for (int method = PG_SHA256_PORTABLE; method <= PG_SHA256_INSTRUCTIONS; method++)
		for (size_t size = 64; has_method(method) && size <= 4096; size += 64) {
			const uint8_t *a = data, *b = data + 4100, *c = b + 4096, *d = c + 4096;

			check_two(method, a, b, size);
			check_two(method, b, b, size);
			check_four(method, (const uint8_t *[]){ a, b, c, d }, size);
			check_four(method, (const uint8_t *[]){ c, c, a, c }, size);
		}
	free(data);
}

/*
 * In words of only zeros or ones, additions carry nowhere or everywhere. A carry must not reach
 * the next lane of a vector. Tried: every combination of three messages in four lanes.
 */
static void test_carries_do_not_reach_the_next_lane(void **state)
{
	uint8_t *data = unit_alloc(3 * 4096);

	memset(data + 4096, 0xff, 4096);
	unit_fill(data + 2 * 4096, 4096, 11);
	for (int method = PG_SHA256_PORTABLE; method <= PG_SHA256_INSTRUCTIONS; method++)
		for (unsigned int lanes = 0; has_method(method) && lanes < 81; lanes++) {
			const uint8_t *from[4];

			for (unsigned int i = 0, rest = lanes; i < 4; i++, rest /= 3)
				from[i] = data + rest % 3 * 4096;
			check_four(method, from, 4096);
			check_two(method, from[0], from[1], 4096);
		}
	free(data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT_TEST(test_two_and_four_messages_at_once_match_openssl),
		UNIT_TEST(test_carries_do_not_reach_the_next_lane),
		cmocka_unit_test(test_published_vectors_match),
		cmocka_unit_test(test_digest_of_a_million_letters_matches_fips_180),
		cmocka_unit_test(test_every_length_and_alignment_matches_openssl),
		cmocka_unit_test(test_random_splits_give_the_same_digest),
		cmocka_unit_test(test_uniform_bytes_match_openssl),
		cmocka_unit_test(test_more_than_2_to_the_32_bits_match_openssl),
	};

	return cmocka_run_group_tests_name("sha256", tests, NULL, NULL);
}
