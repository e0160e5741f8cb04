/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tests the PE parser (kernel/pe.c; PE/COFF specification). A wrong program reads outside a
 * hostile file.
 */
#include "../../libcrashres/kernel/pe.h"
#include "support.h"
#include "wrap.h"

/* Returns a PE file of 1536 bytes with two sections. The caller frees it. */
static struct bytes make_two_sections(void)
{
	struct bytes code = { (uint8_t *)(uintptr_t)"code", 4 };
	const struct wrap_section sections[] = {
		{ ".text", code, 0 }, { ".eightch", code, 0x12345 },
	};

	return wrap_pe(sections, 2);
}

static void test_headers_and_sections_are_read(void **state)
{
	struct bytes file = make_two_sections();
	struct crs_pe_section section;
	struct crs_pe pe;

	assert_true(crs_pe_parse(file.data, file.size, &pe));
	assert_int_equal(pe.machine, CRS_PE_ARM64);
	assert_int_equal(pe.section_count, 2);
	assert_int_equal(pe.section_table, WRAP_PE_SECTIONS);
	assert_true(crs_pe_section(&pe, 0, &section));
	assert_string_equal(section.name, ".text");
	assert_int_equal(section.virtual_size, 4);
	assert_int_equal(section.raw_size, 512);
	assert_int_equal(section.raw_offset, 512);
	assert_true(crs_pe_section(&pe, 1, &section));
	assert_string_equal(section.name, ".eightch");	/* 8 letters: no NUL in the file */
	assert_int_equal(section.virtual_size, 0x12345);
	assert_int_equal(section.raw_offset, 1024);
	assert_int_equal(crs_pe_sections_end(&pe), 1536);
	assert_int_equal(crs_pe_signatures_end(&pe), 0);
	free(file.data);
}

static void test_truncated_headers_are_refused_at_every_length(void **state)
{
	struct bytes file = make_two_sections();
	struct crs_pe_section section;
	struct crs_pe pe;

	for (size_t size = 0; size < WRAP_PE_HEADER + 22; size++) {
		mark_untouched(pe);
		assert_false(crs_pe_parse(file.data, size, &pe));
		assert_untouched(pe);
	}
	for (size_t size = WRAP_PE_HEADER + 22; size < WRAP_PE_SECTIONS + 40; size++) {
		assert_true(crs_pe_parse(file.data, size, &pe));
		mark_untouched(section);
		assert_false(crs_pe_section(&pe, 0, &section));
		assert_untouched(section);
		assert_int_equal(crs_pe_sections_end(&pe), WRAP_PE_SECTIONS + 40);
	}
	assert_true(crs_pe_parse(file.data, WRAP_PE_SECTIONS + 40, &pe));
	assert_true(crs_pe_section(&pe, 0, &section));
	assert_false(crs_pe_section(&pe, 1, &section));
	assert_int_equal(crs_pe_sections_end(&pe), WRAP_PE_SECTIONS + 80);
	assert_false(crs_pe_section(&pe, UINT32_MAX, &section));
	free(file.data);
}

static void test_other_magics_are_not_a_pe_file(void **state)
{
	static const size_t needed[] = { 0, 1, WRAP_PE_HEADER, WRAP_PE_HEADER + 1,
					 WRAP_PE_HEADER + 2, WRAP_PE_HEADER + 3, 60, 63 };
	struct bytes file = make_two_sections();
	struct crs_pe pe;

	for (size_t i = 0; i < COUNT(needed); i++) {
		file.data[needed[i]] ^= 0x80;
		assert_false(crs_pe_parse(file.data, file.size, &pe));
		file.data[needed[i]] ^= 0x80;
	}
	free(file.data);
}

static void test_end_of_65535_sections_is_found(void **state)
{
	const size_t size = WRAP_PE_SECTIONS + 65535 * 40;
	struct bytes file = make_two_sections();
	uint8_t *large = unit_alloc(size);
	struct crs_pe pe;

	unit_put_le(file.data + WRAP_PE_HEADER + 6, 2, 65535);
	assert_true(crs_pe_parse(file.data, file.size, &pe));
	/* 30 section headers fit into 1536 bytes; the table is truncated at the 31st. */
	assert_int_equal(crs_pe_sections_end(&pe), WRAP_PE_SECTIONS + 31 * 40);
	memcpy(large, file.data, 1024);
	assert_true(crs_pe_parse(large, size, &pe));
	assert_int_equal(crs_pe_sections_end(&pe), 1536);
	unit_put_le(large + size - 24, 4, UINT32_MAX);
	unit_put_le(large + size - 20, 4, UINT32_MAX);
	assert_int_equal(crs_pe_sections_end(&pe), 2ULL * UINT32_MAX);
	assert_true(crs_pe_parse(large, size - 1, &pe));
	assert_int_equal(crs_pe_sections_end(&pe), size);
	free(large);
	free(file.data);
}

/* Writes data directory 4 (certificate table): file offset and size in bytes. */
static void put_signatures(uint8_t *data, uint32_t offset, uint32_t size)
{
	unit_put_le(data + WRAP_PE_OPTIONAL + 144, 4, offset);
	unit_put_le(data + WRAP_PE_OPTIONAL + 148, 4, size);
}

static void test_end_of_the_signatures_is_found(void **state)
{
	struct bytes file = make_two_sections();	/* 1536 bytes */
	struct crs_pe pe;

	assert_true(crs_pe_parse(file.data, file.size, &pe));
	put_signatures(file.data, 1528, 8);
	assert_int_equal(crs_pe_signatures_end(&pe), 1536);
	put_signatures(file.data, 1528, 7);
	assert_int_equal(crs_pe_signatures_end(&pe), 1535);
	put_signatures(file.data, 1528, 9);
	assert_int_equal(crs_pe_signatures_end(&pe), 0);
	put_signatures(file.data, UINT32_MAX, UINT32_MAX);
	assert_int_equal(crs_pe_signatures_end(&pe), 0);
	put_signatures(file.data, 100, 0);
	assert_int_equal(crs_pe_signatures_end(&pe), 0);
	put_signatures(file.data, 100, 8);
	assert_int_equal(crs_pe_signatures_end(&pe), 108);
	/* Too few directories; not PE32+; an optional header that is too short. */
	unit_put_le(file.data + WRAP_PE_OPTIONAL + 108, 4, 4);
	assert_int_equal(crs_pe_signatures_end(&pe), 0);
	unit_put_le(file.data + WRAP_PE_OPTIONAL + 108, 4, 5);
	assert_int_equal(crs_pe_signatures_end(&pe), 108);
	unit_put_le(file.data + WRAP_PE_OPTIONAL, 2, 0x10b);
	assert_int_equal(crs_pe_signatures_end(&pe), 0);
	unit_put_le(file.data + WRAP_PE_OPTIONAL, 2, 0x20b);
	unit_put_le(file.data + WRAP_PE_HEADER + 20, 2, 151);
	assert_true(crs_pe_parse(file.data, file.size, &pe));
	assert_int_equal(crs_pe_signatures_end(&pe), 0);
	unit_put_le(file.data + WRAP_PE_HEADER + 20, 2, 152);
	assert_true(crs_pe_parse(file.data, file.size, &pe));
	assert_int_equal(crs_pe_signatures_end(&pe), 108);
	assert_true(crs_pe_parse(file.data, WRAP_PE_OPTIONAL + 151, &pe));
	assert_int_equal(crs_pe_signatures_end(&pe), 0);
	free(file.data);
}

static void test_state_of_the_signatures_is_found(void **state)
{
	struct bytes file = make_two_sections();	/* 1536 bytes */

	assert_int_equal(crs_pe_find_signatures(file.data, file.size), CRS_PE_SIGNATURES_NONE);
	put_signatures(file.data, 1528, 8);
	assert_int_equal(crs_pe_find_signatures(file.data, file.size), CRS_PE_SIGNATURES_PRESENT);
	assert_int_equal(crs_pe_find_signatures(file.data, 1535), CRS_PE_SIGNATURES_CUT);
	put_signatures(file.data, UINT32_MAX, UINT32_MAX);
	assert_int_equal(crs_pe_find_signatures(file.data, file.size), CRS_PE_SIGNATURES_CUT);
	assert_int_equal(crs_pe_find_signatures("MZ", 2), CRS_PE_SIGNATURES_NONE);
	assert_int_equal(crs_pe_find_signatures(NULL, 0), CRS_PE_SIGNATURES_NONE);
	free(file.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT_TEST(test_state_of_the_signatures_is_found),
		UNIT_TEST(test_headers_and_sections_are_read),
		UNIT_TEST(test_truncated_headers_are_refused_at_every_length),
		UNIT_TEST(test_other_magics_are_not_a_pe_file),
		UNIT_TEST(test_end_of_65535_sections_is_found),
		UNIT_TEST(test_end_of_the_signatures_is_found),
	};

	return cmocka_run_group_tests_name("pe", tests, NULL, NULL);
}
