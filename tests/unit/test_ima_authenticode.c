/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_ima_authenticode.c: the signature of a PE file (authenticode.c; the rules are those of
 * Linux, verify_pefile.c and mscode_parser.c). A wrong digest accepts a changed kernel.
 */
#include "../../libcrashres-ima/authenticode.h"
#include "../../libcrashres-ima/trust.h"
#include "signer.h"
#include "support.h"

#define SECTIONS	(64 + 24 + 240)		/* offset of the section table */
#define HEADERS_SIZE	(64 + 24 + 60)		/* offset of the field SizeOfHeaders */

/* A signed PE file and its signer. */
struct signed_file {
	EVP_PKEY *key;
	struct bytes certificate;
	struct bytes file;
};

static struct signed_file make_file(void)
{
	struct signed_file made = { .key = signer_key() };

	made.certificate = signer_certificate(made.key);
	made.file = signer_pe(made.key, made.certificate);
	return made;
}

static void free_file(struct signed_file *made)
{
	EVP_PKEY_free(made->key);
	free(made->certificate.data);
	free(made->file.data);
}

/* Parses the file and asserts whether its digest is the signed one. */
static void check_digest(struct unit *unit, struct bytes file, bool same)
{
	CRS_CLEANUP(crs_signed_data_clear) struct crs_signed_data data = CRS_SIGNED_DATA_NONE;
	struct crs_authenticode signature;
	struct crs_digest digest, wanted;

	assert_ok(unit, crs_authenticode_parse(unit->ctx, file.data, file.size, &signature));
	assert_ok(unit, crs_signed_data_parse(unit->ctx, signature.cms.data, signature.cms.size,
					      &data));
	assert_true(data.authenticode);
	assert_ok(unit, crs_authenticode_signed_digest(unit->ctx, data.content_element, &wanted));
	assert_ok(unit, crs_authenticode_digest(unit->ctx, &signature, wanted.hash, &digest));
	assert_int_equal(digest.size, 32);
	assert_int_equal(!memcmp(digest.bytes, wanted.bytes, 32), same);
}

static void test_digest_covers_all_but_checksum_entry_and_table(void **state)
{
	struct signed_file made = make_file();

	check_digest(*state, made.file, true);
	for (size_t at = 66; at < SIGNER_PE_TABLE; at += 7) {
		bool covered = at < SIGNER_PE_CHECKSUM || at >= SIGNER_PE_CHECKSUM + 4;

		/* Fields of the headers that other tests change. */
		if (at >= 64 && at < 92 + 40)
			continue;
		if ((at >= SIGNER_PE_ENTRY && at < SIGNER_PE_ENTRY + 8) ||
		    (at >= HEADERS_SIZE && at < HEADERS_SIZE + 4) ||
		    (at >= 64 + 24 + 108 && at < 64 + 24 + 112) ||
		    (at >= SECTIONS && at < SECTIONS + 80))
			continue;
		made.file.data[at] ^= 0x10;
		check_digest(*state, made.file, !covered);
		made.file.data[at] ^= 0x10;
	}
	free_file(&made);
}

/* The kernel sorts the sections by their place in the file, so the order of the headers is free. */
static void test_sections_are_sorted(void **state)
{
	struct unit *unit = *state;
	struct signed_file made = make_file();
	struct crs_authenticode signature;
	struct crs_digest before, after, sum;
	uint8_t *headers = made.file.data + SECTIONS, swapped[80];
	struct crs_bytes parts[4];

	made.file.data[1024] = 'x';
	assert_ok(unit, crs_authenticode_parse(unit->ctx, made.file.data, made.file.size,
					       &signature));
	assert_ok(unit, crs_authenticode_digest(unit->ctx, &signature, CRASHRES_HASH_SHA256,
						&before));
	memcpy(swapped, headers + 40, 40);
	memcpy(swapped + 40, headers, 40);
	memcpy(headers, swapped, 80);
	assert_ok(unit, crs_authenticode_digest(unit->ctx, &signature, CRASHRES_HASH_SHA256,
						&after));
	assert_memory_not_equal(before.bytes, after.bytes, 32);
	/* Only the bytes of the headers differ: the content keeps its order. */
	parts[0] = (struct crs_bytes){ made.file.data, SIGNER_PE_CHECKSUM };
	parts[1] = (struct crs_bytes){ made.file.data + SIGNER_PE_CHECKSUM + 4,
				       SIGNER_PE_ENTRY - SIGNER_PE_CHECKSUM - 4 };
	parts[2] = (struct crs_bytes){ made.file.data + SIGNER_PE_ENTRY + 8,
				       SIGNER_PE_TABLE - SIGNER_PE_ENTRY - 8 };
	assert_ok(unit, crs_digest_parts(unit->ctx, CRASHRES_HASH_SHA256, parts, 3, &sum));
	assert_memory_equal(after.bytes, sum.bytes, 32);
	free_file(&made);
}

/* Writes @value of @width bytes at @at and expects @status and @sentence from the parser. */
static void refuse(struct unit *unit, struct bytes file, size_t at, size_t width, uint64_t value,
		   enum crashres_status status, const char *sentence)
{
	uint64_t old = unit_get_le(file.data + at, width);
	struct crs_authenticode signature;

	unit_put_le(file.data + at, width, value);
	mark_untouched(signature);
	assert_fails(unit, crs_authenticode_parse(unit->ctx, file.data, file.size, &signature),
		     status, sentence);
	assert_untouched(signature);
	unit_put_le(file.data + at, width, old);
}

/* The offset of the PE header is then at byte 12 of the PE header, in a field that nobody reads. */
static void test_a_pe_header_inside_the_dos_header(void **state)
{
	struct signed_file made = make_file();

	memmove(made.file.data + 48, made.file.data + 64, SECTIONS + 80 - 64);
	refuse(*state, made.file, 60, 4, 48, CRASHRES_ERR_FORMAT,
	       "the PE header starts at byte 48, inside the DOS header of 64 bytes");
	free_file(&made);
}

static void test_headers_and_tables_that_the_kernel_refuses(void **state)
{
	struct unit *unit = *state;
	struct signed_file made = make_file();
	struct bytes file = made.file;
	char sentence[200];

	refuse(unit, file, 0, 1, 'X', CRASHRES_ERR_NO_SIGNATURE, "no PE signature");
	refuse(unit, file, SIGNER_PE_ENTRY, 4, 0, CRASHRES_ERR_NO_SIGNATURE, "no PE signature");
	refuse(unit, file, SIGNER_PE_ENTRY + 4, 4, 0, CRASHRES_ERR_NO_SIGNATURE, "no PE signature");
	refuse(unit, file, HEADERS_SIZE, 4, SECTIONS + 79, CRASHRES_ERR_FORMAT,
	       "the PE headers end at byte 408, the field SizeOfHeaders has the value 407");
	refuse(unit, file, HEADERS_SIZE, 4, 1537, CRASHRES_ERR_FORMAT,
	       "the certificate table overlaps the PE headers");
	refuse(unit, file, 64 + 6, 2, 0, CRASHRES_ERR_FORMAT, "the PE file has no sections");
	refuse(unit, file, 64 + 20, 2, 248, CRASHRES_ERR_FORMAT,
	       "the optional header of the PE file has the wrong size");
	snprintf(sentence, sizeof(sentence),
		 "truncated: the certificate table ends at byte %zu, the file at byte %zu",
		 file.size + 1, file.size);
	refuse(unit, file, SIGNER_PE_ENTRY, 4, SIGNER_PE_TABLE + 1, CRASHRES_ERR_FORMAT, sentence);
	refuse(unit, file, SIGNER_PE_ENTRY + 4, 4, 7, CRASHRES_ERR_FORMAT,
	       "truncated: the first signature is longer than the certificate table, 7 bytes");
	refuse(unit, file, SIGNER_PE_TABLE, 4, 11, CRASHRES_ERR_FORMAT,
	       "the first signature is empty");
	refuse(unit, file, SIGNER_PE_TABLE + 8, 1, 0x31, CRASHRES_ERR_FORMAT,
	       "the first signature is not DER of a CMS structure");
	refuse(unit, file, SIGNER_PE_TABLE + 8, 2, 0x8330, CRASHRES_ERR_FORMAT,
	       "the first signature is not DER of a CMS structure");
	free_file(&made);
}

/* Writes @value to a field of section 1 and expects @sentence instead of a digest. */
static void refuse_section(struct unit *unit, struct bytes file, size_t field, uint64_t value,
			   const char *sentence)
{
	uint64_t old = unit_get_le(file.data + SECTIONS + field, 4);
	struct crs_authenticode signature;
	struct crs_digest digest;

	unit_put_le(file.data + SECTIONS + field, 4, value);
	assert_ok(unit, crs_authenticode_parse(unit->ctx, file.data, file.size, &signature));
	mark_untouched(digest);
	assert_fails(unit, crs_authenticode_digest(unit->ctx, &signature, CRASHRES_HASH_SHA256,
						   &digest), CRASHRES_ERR_FORMAT, sentence);
	assert_untouched(digest);
	unit_put_le(file.data + SECTIONS + field, 4, old);
}

static void test_sections_outside_the_file(void **state)
{
	struct signed_file made = make_file();
	size_t size = made.file.size;
	char sentence[200];

	snprintf(sentence, sizeof(sentence),
		 "truncated: section 1 ends at byte %zu, the file at byte %zu", size + 1, size);
	refuse_section(*state, made.file, 20, size - 511, sentence);
	snprintf(sentence, sizeof(sentence),
		 "truncated: section 1 ends at byte 8589934590, the file at byte %zu", size);
	unit_put_le(made.file.data + SECTIONS + 20, 4, UINT32_MAX);
	refuse_section(*state, made.file, 16, UINT32_MAX, sentence);
	unit_put_le(made.file.data + SECTIONS + 20, 4, 512);
	refuse_section(*state, made.file, 16, 1100, "the certificate table overlaps the sections");
	free_file(&made);
}

static void test_damaged_indirect_data(void **state)
{
	static const char damaged[] = "the signed content is not the digest of a PE file";
	struct unit *unit = *state;
	struct signed_file made = make_file();
	CRS_CLEANUP(crs_signed_data_clear) struct crs_signed_data data = CRS_SIGNED_DATA_NONE;
	struct crs_authenticode signature;
	struct crs_digest digest;
	struct crs_bytes content;
	uint8_t *copy;

	assert_ok(unit, crs_authenticode_parse(unit->ctx, made.file.data, made.file.size,
					       &signature));
	assert_ok(unit, crs_signed_data_parse(unit->ctx, signature.cms.data, signature.cms.size,
					      &data));
	copy = unit_alloc(data.content_element.size);
	memcpy(copy, data.content_element.data, data.content_element.size);
	content = (struct crs_bytes){ copy, data.content_element.size };
	for (size_t size = 0; size < content.size; size++) {
		mark_untouched(digest);
		assert_fails(unit, crs_authenticode_signed_digest(
			unit->ctx, (struct crs_bytes){ copy, size }, &digest),
			CRASHRES_ERR_FORMAT, damaged);
		assert_untouched(digest);
	}
	copy[2 + 13] = 0x16;	/* the last byte of SPC_PE_IMAGE_DATA */
	assert_fails(unit, crs_authenticode_signed_digest(unit->ctx, content, &digest),
		     CRASHRES_ERR_FORMAT, damaged);
	copy[2 + 13] = 0x15;	/* an old pesign wrote this number */
	assert_ok(unit, crs_authenticode_signed_digest(unit->ctx, content, &digest));
	copy[2 + 30] = 2;	/* sha384 */
	assert_fails(unit, crs_authenticode_signed_digest(unit->ctx, content, &digest),
		     CRASHRES_ERR_FORMAT, "the signed digest has 32 bytes, a sha384 digest has 48");
	copy[2 + 30] = 4;	/* sha224 */
	assert_fails(unit, crs_authenticode_signed_digest(unit->ctx, content, &digest),
		     CRASHRES_ERR_UNSUPPORTED,
		     "the hash of the PE file is neither sha256, sha384 nor sha512");
	free(copy);
	free_file(&made);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT_TEST(test_digest_covers_all_but_checksum_entry_and_table),
		UNIT_TEST(test_sections_are_sorted),
		UNIT_TEST(test_a_pe_header_inside_the_dos_header),
		UNIT_TEST(test_headers_and_tables_that_the_kernel_refuses),
		UNIT_TEST(test_sections_outside_the_file),
		UNIT_TEST(test_damaged_indirect_data),
	};

	return cmocka_run_group_tests_name("authenticode", tests, NULL, NULL);
}
