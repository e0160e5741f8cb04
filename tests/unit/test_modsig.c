/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_modsig.c: the appended signature, and the room for it in an Image. */
#include "../../libcrashres/kernel/modsig.h"
#include "support.h"
#include "wrap.h"

#define MARKER		"~Module signature appended~\n"
#define NO_FIELDS	"the signature fields do not describe a CMS signature"

/* A valid file by the table in modsig.h: content of 7 bytes, CMS structure of 3 bytes. */
static const char good[] = "content" "cms" "\0\0\2\0\0\0\0\0\0\0\0\3" MARKER;

#define GOOD_SIZE	(sizeof(good) - 1)
#define FIELDS		10		/* offset of the fields in good, bytes */

/* Expects that parsing fails with @status and @sentence, and leaves the result untouched. */
static void refuse(struct unit *unit, const void *data, size_t size, enum crashres_status status,
		   const char *sentence)
{
	struct crs_modsig modsig;

	mark_untouched(modsig);
	assert_fails(unit, crs_modsig_parse(unit->ctx, data, size, &modsig), status, sentence);
	assert_untouched(modsig);
}

static void test_parses_the_kernels_format(void **state)
{
	struct unit *unit = *state;
	struct crs_modsig modsig;

	assert_ok(unit, crs_modsig_parse(unit->ctx, good, GOOD_SIZE, &modsig));
	assert_int_equal(modsig.content_size, 7);
	assert_ptr_equal(modsig.cms, good + 7);
	assert_int_equal(modsig.cms_size, 3);
}

static void test_trailer_bytes(void **state)
{
	static const char wanted[] = "\0\0\2\0\0\0\0\0\x12\x34\x56\x78" MARKER;
	uint8_t trailer[CRS_MODSIG_TRAILER];

	assert_int_equal(CRS_MODSIG_TRAILER, sizeof(wanted) - 1);
	crs_modsig_trailer(0x12345678, trailer);
	assert_memory_equal(trailer, wanted, sizeof(trailer));
}

static void test_every_truncation(void **state)
{
	for (size_t size = 0; size < GOOD_SIZE; size++) {
		uint8_t *part = malloc(size ? size : 1);

		memcpy(part, good, size);
		refuse(*state, part, size, CRASHRES_ERR_NO_SIGNATURE, "no appended signature");
		free(part);
	}
}

static void test_cut_at_the_front(void **state)
{
	struct unit *unit = *state;
	struct crs_modsig modsig;

	/* At least one byte of content is required: mod_check_sig() demands it. */
	assert_ok(unit, crs_modsig_parse(unit->ctx, good + 6, GOOD_SIZE - 6, &modsig));
	assert_int_equal(modsig.content_size, 1);
	refuse(unit, good + 7, GOOD_SIZE - 7, CRASHRES_ERR_FORMAT,
	       "the file has no content before the signature");
	for (size_t cut = 8; cut <= FIELDS; cut++) {
		char sentence[120];

		snprintf(sentence, sizeof(sentence), 
			 "truncated: the signature has 3 bytes, the file has %zu before the "
			 "signature fields", FIELDS - cut);
		refuse(unit, good + cut, GOOD_SIZE - cut, CRASHRES_ERR_FORMAT, sentence);
	}
	for (size_t cut = FIELDS + 1; cut <= FIELDS + 12; cut++) {
		char sentence[120];

		snprintf(sentence, sizeof(sentence), "truncated: the signature fields have 12 bytes, "
			 "only %zu precede the marker", FIELDS + 12 - cut);
		refuse(unit, good + cut, GOOD_SIZE - cut, CRASHRES_ERR_FORMAT, sentence);
	}
	refuse(unit, good + FIELDS + 13, GOOD_SIZE - FIELDS - 13, CRASHRES_ERR_NO_SIGNATURE,
	       "no appended signature");
}

static void test_every_bit_of_fields_and_marker(void **state)
{
	struct unit *unit = *state;
	uint8_t other[GOOD_SIZE];

	for (size_t i = FIELDS; i < GOOD_SIZE; i++) {
		for (unsigned int bit = 0; bit < 8; bit++) {
			struct crs_modsig modsig;
			enum crashres_status status;

			memcpy(other, good, GOOD_SIZE);
			other[i] ^= 1 << bit;
			mark_untouched(modsig);
			status = crs_modsig_parse(unit->ctx, other, GOOD_SIZE, &modsig);
			if (i >= FIELDS + 12) {
				assert_int_equal(status, CRASHRES_ERR_NO_SIGNATURE);
			} else if (i < FIELDS + 8) {
				assert_int_equal(status, CRASHRES_ERR_FORMAT);
				assert_string_equal(crashres_error(unit->ctx), NO_FIELDS);
			} else if (i == FIELDS + 11 && bit < 3) {
				assert_int_equal(status, CRASHRES_OK);	/* size 2, 1 or 7 */
				assert_int_equal(modsig.cms_size, 3 ^ 1 << bit);
				continue;
			} else {
				assert_int_equal(status, CRASHRES_ERR_FORMAT);
			}
			assert_untouched(modsig);
		}
	}
}

static void test_strips_all_signatures(void **state)
{
	struct unit *unit = *state;
	uint8_t data[GOOD_SIZE + 2 + CRS_MODSIG_TRAILER];

	memcpy(data, good, GOOD_SIZE);
	memcpy(data + GOOD_SIZE, "xy", 2);
	crs_modsig_trailer(2, data + GOOD_SIZE + 2);
	assert_int_equal(crs_modsig_strip(unit->ctx, data, sizeof(data)), 7);
	assert_int_equal(crs_modsig_strip(unit->ctx, data, GOOD_SIZE), 7);
	assert_int_equal(crs_modsig_strip(unit->ctx, data, GOOD_SIZE - 1), GOOD_SIZE - 1);
	assert_int_equal(crs_modsig_strip(unit->ctx, data, 0), 0);
}

/*
 * Writes an Image header (booting.rst) and code up to byte @code_end. The rest of @data stays
 * zero.
 */
static void put_image(uint8_t *data, uint64_t image_size, size_t code_end)
{
	memset(data + 64, 0xd5, code_end - 64);
	unit_put_le(data + 16, 8, image_size);
	memcpy(data + 56, "ARM\x64", 4);
}

static void test_keeps_all_if_there_is_room(void **state)
{
	struct unit *unit = *state;
	uint8_t *data = unit_alloc(8192);
	size_t keep = 1;

	put_image(data, 8192, 5000);
	assert_ok(unit, crs_modsig_make_room(unit->ctx, data, 6000, 2192, &keep));
	assert_int_equal(keep, 6000);
	free(data);
}

static void test_cuts_zeros_at_the_end(void **state)
{
	struct unit *unit = *state;
	uint8_t *data = unit_alloc(8192);
	size_t keep = 1;

	put_image(data, 8192, 5000);
	assert_ok(unit, crs_modsig_make_room(unit->ctx, data, 6000, 2193, &keep));
	assert_int_equal(keep, 5000);
	assert_ok(unit, crs_modsig_make_room(unit->ctx, data, 8192, 3192, &keep));
	assert_int_equal(keep, 5000);
	keep = 1;
	assert_fails(unit, crs_modsig_make_room(unit->ctx, data, 8192, 3193, &keep),
		     CRASHRES_ERR_LIMIT,
		     "no room for a signature: the signed Image has 8193 bytes, kexec_file_load "
		     "accepts at most image_size, 0x2000");
	assert_int_equal(keep, 1);
	/* The kernel rounds image_size up to its page size. */
	put_image(data, 4097, 5000);
	assert_ok(unit, crs_modsig_make_room(unit->ctx, data, 8192, 3192, &keep));
	assert_int_equal(keep, 5000);
	free(data);
}

static void test_keeps_other_files_whole(void **state)
{
	struct unit *unit = *state;
	uint8_t *data = unit_alloc(8192);
	size_t keep;

	assert_ok(unit, crs_modsig_make_room(unit->ctx, data, 8192, 1 << 20, &keep));
	assert_int_equal(keep, 8192);
	put_image(data, 0, 5000);	/* image_size 0: the kernel refuses it anyway */
	assert_ok(unit, crs_modsig_make_room(unit->ctx, data, 8192, 1 << 20, &keep));
	assert_int_equal(keep, 8192);
	free(data);
}

/*
 * Returns 8 KiB that are both an EFI program and an Image. The only section ends at byte
 * 1024; zeros follow. The caller frees it.
 */
static uint8_t *make_efi_image(void)
{
	struct bytes code = { (uint8_t *)(uintptr_t)"code", 4 };
	const struct wrap_section section = { ".text", code, 0 };
	struct bytes pe = wrap_pe(&section, 1);
	uint8_t *data = unit_alloc(8192);

	assert_int_equal(pe.size, 1024);
	memcpy(data, pe.data, pe.size);
	free(pe.data);
	unit_put_le(data + 16, 8, 8192);
	memcpy(data + 56, "ARM\x64", 4);
	return data;
}

static void test_keeps_sections_whole(void **state)
{
	struct unit *unit = *state;
	uint8_t *data = make_efi_image();
	size_t keep;

	assert_ok(unit, crs_modsig_make_room(unit->ctx, data, 8192, 100, &keep));
	assert_int_equal(keep, 1024);
	data[3000] = 1;
	assert_ok(unit, crs_modsig_make_room(unit->ctx, data, 8192, 100, &keep));
	assert_int_equal(keep, 3001);
	free(data);
}

static void test_keeps_every_byte_of_an_efi_signature(void **state)
{
	struct unit *unit = *state;
	uint8_t *data = make_efi_image();
	size_t keep = 1;

	/* PE32+ with 16 data directories. The fifth is the certificate table. */
	unit_put_le(data + WRAP_PE_OPTIONAL, 2, 0x20b);
	unit_put_le(data + WRAP_PE_OPTIONAL + 108, 4, 16);
	unit_put_le(data + WRAP_PE_OPTIONAL + 144, 4, 2048);
	unit_put_le(data + WRAP_PE_OPTIONAL + 148, 4, 512);
	assert_fails(unit, crs_modsig_make_room(unit->ctx, data, 8192, 100, &keep),
		     CRASHRES_ERR_LIMIT,
		     "no room for a signature: the signed Image has 8292 bytes, kexec_file_load "
		     "accepts at most image_size, 0x2000");
	assert_int_equal(keep, 1);
	assert_ok(unit, crs_modsig_make_room(unit->ctx, data, 8092, 100, &keep));
	assert_int_equal(keep, 8092);
	free(data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT_TEST(test_parses_the_kernels_format),
		UNIT_TEST(test_trailer_bytes),
		UNIT_TEST(test_every_truncation),
		UNIT_TEST(test_cut_at_the_front),
		UNIT_TEST(test_every_bit_of_fields_and_marker),
		UNIT_TEST(test_strips_all_signatures),
		UNIT_TEST(test_keeps_all_if_there_is_room),
		UNIT_TEST(test_cuts_zeros_at_the_end),
		UNIT_TEST(test_keeps_other_files_whole),
		UNIT_TEST(test_keeps_sections_whole),
		UNIT_TEST(test_keeps_every_byte_of_an_efi_signature),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
