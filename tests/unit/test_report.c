/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tests the report (libcrashres/report.c), read from purgatory's record in /chosen of the
 * capture kernel. A wrong program believes a damaged record, or prints control characters from
 * it.
 */
#include <libfdt.h>

#include "../../libcrashres/report.h"
#include "../../purgatory/abi.h"
#include "support.h"

#define DAMAGED_RECORD	"/chosen/crashres,record is damaged"

/* Returns a valid record of a repaired kernel. Each test changes the members that it is about. */
static struct purgatory_record repaired(void)
{
	return (struct purgatory_record){
		.magic = PURGATORY_RECORD_MAGIC,
		.version = PURGATORY_RECORD_VERSION,
		.size = sizeof(struct purgatory_record),
		.outcome = PURGATORY_OUTCOME_REPAIRED,
		.flags = PURGATORY_FLAG_MMU | PURGATORY_FLAG_EL2 | PURGATORY_FLAG_E2H |
			 PURGATORY_FLAG_TABLE_1 | 2 << PURGATORY_FLAG_SHA256_SHIFT,
		.started = 123456789,
		.ticks = 2500000,
		.frequency = 25000000,
		.blocks = 1000,
		.damaged = 3,
		.repaired = 3,
		.damage_count = 2,
		.damage = {
			{ "kernel", 0x2345, 2, 2, 16, 0, "0123456789abcdef" },
			{ "initrd", 0x1000, 1, 1, 3, 0, "xyz" },
		},
	};
}

/* Returns a valid record of an intact kernel. */
static struct purgatory_record intact(void)
{
	struct purgatory_record record = repaired();

	record.outcome = PURGATORY_OUTCOME_INTACT;
	record.flags = 0;
	record.damaged = record.repaired = record.damage_count = 0;
	return record;
}

/*
 * Reads the report from a tree whose record has the first @size bytes of @record; NULL: no
 * record.
 */
static enum crashres_status read_part(struct unit *unit, const void *record, size_t size,
				      struct crashres_report **report)
{
	uint8_t dtb[8192];

	assert_int_equal(fdt_create(dtb, sizeof(dtb)), 0);
	fdt_finish_reservemap(dtb);
	fdt_begin_node(dtb, "");
	fdt_begin_node(dtb, "chosen");
	if (record)
		fdt_property(dtb, "crashres,record", record, size);
	fdt_end_node(dtb);
	fdt_end_node(dtb);
	assert_int_equal(fdt_finish(dtb), 0);
	return crs_report_from_dtb(unit->ctx, dtb, fdt_totalsize(dtb), report);
}

static struct crashres_report *read_ok(struct unit *unit, struct purgatory_record record)
{
	struct crashres_report *report;

	assert_ok(unit, read_part(unit, &record, sizeof(record), &report));
	return report;
}

/* Asserts that reading fails with @status and @sentence. */
static void refuse_part(struct unit *unit, const void *record, size_t size,
			enum crashres_status status, const char *sentence)
{
	struct crashres_report *report = UNTOUCHED;

	assert_fails(unit, read_part(unit, record, size, &report), status, sentence);
	assert_ptr_equal(report, UNTOUCHED);
}

static void refuse(struct unit *unit, struct purgatory_record record, enum crashres_status status,
		   const char *sentence)
{
	refuse_part(unit, &record, sizeof(record), status, sentence);
}

static void test_record_of_a_repaired_kernel_is_read(void **state)
{
	struct crashres_report *report = read_ok(*state, repaired());

	assert_int_equal(report->outcome, CRASHRES_OUTCOME_REPAIRED);
	assert_int_equal(report->exception_level, 2);
	assert_true(report->vhe);
	assert_true(report->mmu);
	assert_false(report->timed_out);
	assert_false(report->table_damaged[0]);
	assert_true(report->table_damaged[1]);
	assert_int_equal(report->sha256, CRASHRES_SHA256_INSTRUCTIONS);
	assert_int_equal(report->started, 123456789);
	assert_int_equal(report->nanoseconds, 100000000);
	assert_int_equal(report->block_size, 4096);
	assert_int_equal(report->blocks, 1000);
	assert_int_equal(report->damaged, 3);
	assert_int_equal(report->repaired, 3);
	assert_int_equal(report->damage_count, 2);
	assert_int_equal(report->listed, 2);
	assert_string_equal(report->damage[0].segment, "kernel");
	assert_int_equal(report->damage[0].offset, 0x2345);
	assert_int_equal(report->damage[0].blocks, 2);
	assert_int_equal(report->damage[0].repaired, 2);
	assert_int_equal(report->damage[0].found_size, 16);
	assert_memory_equal(report->damage[0].found, "0123456789abcdef", 16);
	assert_string_equal(report->damage[1].segment, "initrd");
	assert_int_equal(report->damage[1].found_size, 3);
	assert_memory_equal(report->damage[1].found, "xyz\0\0\0\0\0\0\0\0\0\0\0\0", 16);
	crashres_report_free(report);
}

static void test_record_of_an_intact_kernel_is_read(void **state)
{
	struct crashres_report *report = read_ok(*state, intact());

	assert_int_equal(report->outcome, CRASHRES_OUTCOME_INTACT);
	assert_int_equal(report->exception_level, 1);
	assert_false(report->vhe);
	assert_false(report->mmu);
	assert_false(report->table_damaged[0]);
	assert_false(report->table_damaged[1]);
	assert_int_equal(report->sha256, CRASHRES_SHA256_PORTABLE);
	assert_int_equal(report->listed, 0);
	crashres_report_free(report);
}

static void test_record_of_a_damaged_or_unchecked_kernel_is_read(void **state)
{
	struct purgatory_record record = repaired();
	struct crashres_report *report;

	record.outcome = PURGATORY_OUTCOME_DAMAGED;
	record.repaired = 2;
	report = read_ok(*state, record);
	assert_int_equal(report->outcome, CRASHRES_OUTCOME_DAMAGED);
	crashres_report_free(report);
	/* Running out of time without damage is a separate outcome. */
	record = intact();
	record.outcome = PURGATORY_OUTCOME_INCOMPLETE;
	record.flags = PURGATORY_FLAG_TIME_OUT;
	report = read_ok(*state, record);
	assert_int_equal(report->outcome, CRASHRES_OUTCOME_INCOMPLETE);
	assert_true(report->timed_out);
	assert_false(report->unclean);
	crashres_report_free(report);
	/* No block is damaged, but the cleaning of a cache failed. */
	record = intact();
	record.outcome = PURGATORY_OUTCOME_DAMAGED;
	record.flags = PURGATORY_FLAG_UNCLEAN;
	report = read_ok(*state, record);
	assert_int_equal(report->outcome, CRASHRES_OUTCOME_DAMAGED);
	assert_true(report->unclean);
	crashres_report_free(report);
}

static void test_listed_damage_ends_with_the_room_of_the_record(void **state)
{
	struct purgatory_record record = repaired();
	struct crashres_report *report;

	for (size_t i = 0; i < PURGATORY_DAMAGE_MAX; i++)
		record.damage[i] = record.damage[1];
	record.damaged = record.repaired = 20;
	record.damage_count = 17;
	report = read_ok(*state, record);
	assert_int_equal(report->damage_count, 17);
	assert_int_equal(report->listed, PURGATORY_DAMAGE_MAX);
	assert_int_equal(report->damage[PURGATORY_DAMAGE_MAX - 1].offset, 0x1000);
	crashres_report_free(report);
}

/* Asserts the time in nanoseconds for @ticks of a counter with @frequency in Hz. */
static void check_time(struct unit *unit, uint64_t ticks, uint64_t frequency, uint64_t expected)
{
	struct purgatory_record record = intact();
	struct crashres_report *report;

	record.ticks = ticks;
	record.frequency = frequency;
	report = read_ok(unit, record);
	assert_int_equal(report->nanoseconds, expected);
	crashres_report_free(report);
}

static void test_ticks_are_converted_to_nanoseconds(void **state)
{
	check_time(*state, 0, 1000, 0);
	check_time(*state, 1, 1000000000, 1);
	check_time(*state, 62500000 + 1, 62500000, 1000000016);
	check_time(*state, 5, 0, 0);
	check_time(*state, UINT64_MAX, UINT32_MAX, 4294967297ULL * 1000000000);
	check_time(*state, UINT64_MAX, 1, UINT64_MAX);
	check_time(*state, 5, 1ULL << 32, 0);
}

static void test_missing_or_empty_record_is_reported(void **state)
{
	struct purgatory_record record = repaired();
	struct crashres_report *report = UNTOUCHED;
	struct unit *unit = *state;

	refuse_part(unit, NULL, 0, CRASHRES_ERR_NO_RECORD,
		    "no /chosen/crashres,record: no purgatory of crashres started this kernel, "
		    "or purgatory had nothing to check");
	record.outcome = PURGATORY_OUTCOME_NONE;
	refuse(unit, record, CRASHRES_ERR_NO_RECORD,
	       "/chosen/crashres,record is empty: purgatory did not run");
	assert_fails(unit, crs_report_from_dtb(unit->ctx, "no tree", 8, &report),
		     CRASHRES_ERR_FORMAT, "the device tree is damaged: FDT_ERR_TRUNCATED");
	assert_ptr_equal(report, UNTOUCHED);
}

static void test_other_magic_version_or_size_is_refused(void **state)
{
	struct purgatory_record record = repaired();

	record.magic++;
	refuse(*state, record, CRASHRES_ERR_FORMAT, "/chosen/crashres,record is not a record");
	record = repaired();
	record.version = 3;
	refuse(*state, record, CRASHRES_ERR_UNSUPPORTED,
	       "/chosen/crashres,record has version 3, this library reads version 2");
	record = repaired();
	record.size--;
	refuse(*state, record, CRASHRES_ERR_FORMAT, DAMAGED_RECORD);
}

static void test_record_of_another_length_is_refused(void **state)
{
	const struct purgatory_record record = intact();
	uint8_t longer[sizeof(record) + 4] = { 0 };
	char sentence[100];

	memcpy(longer, &record, sizeof(record));
	for (size_t size = 0; size < sizeof(longer); size++) {
		if (size == sizeof(record))
			continue;
		snprintf(sentence, sizeof(sentence),
			 "/chosen/crashres,record has %zu bytes, not %zu", size, sizeof(record));
		refuse_part(*state, longer, size, CRASHRES_ERR_FORMAT,
			    size < 16 ? "/chosen/crashres,record is not a record" : sentence);
	}
}

/*
 * Each change alone contradicts the rest of the record. Columns: offset and width of the member
 * in bytes, new value.
 */
static void test_inconsistent_record_is_refused(void **state)
{
	static const struct {
		size_t offset, width;
		uint64_t value;
	} changes[] = {
		{ offsetof(struct purgatory_record, outcome), 4, 5 },
		{ offsetof(struct purgatory_record, outcome), 4, PURGATORY_OUTCOME_INCOMPLETE },
		{ offsetof(struct purgatory_record, flags), 4, PURGATORY_FLAG_UNCLEAN },
		{ offsetof(struct purgatory_record, outcome), 4, PURGATORY_OUTCOME_INTACT },
		{ offsetof(struct purgatory_record, outcome), 4, PURGATORY_OUTCOME_DAMAGED },
		{ offsetof(struct purgatory_record, flags), 4, PURGATORY_FLAG_TIME_OUT },
		{ offsetof(struct purgatory_record, blocks), 8, 2 },
		{ offsetof(struct purgatory_record, damaged), 8, 4 },
		{ offsetof(struct purgatory_record, damaged), 8, 0 },
		{ offsetof(struct purgatory_record, repaired), 8, 4 },
		{ offsetof(struct purgatory_record, repaired), 8, 2 },
		{ offsetof(struct purgatory_record, damage_count), 8, 0 },
		{ offsetof(struct purgatory_record, damage_count), 8, 4 },
		{ offsetof(struct purgatory_record, damage_count), 8, UINT64_MAX },
		{ offsetof(struct purgatory_record, damage[0].blocks), 8, 4 },
		{ offsetof(struct purgatory_record, damage[0].blocks), 8, 1 },
		{ offsetof(struct purgatory_record, damage[0].repaired), 8, 3 },
		{ offsetof(struct purgatory_record, damage[1].found_size), 4, 17 },
		{ offsetof(struct purgatory_record, damage[0].segment), 1, '\n' },
		{ offsetof(struct purgatory_record, damage[1].segment[3]), 1, 0x1b },
		{ offsetof(struct purgatory_record, damage[1].segment[3]), 1, 0x80 },
	};

	for (size_t i = 0; i < COUNT(changes); i++) {
		struct purgatory_record record = repaired();

		unit_put_le((uint8_t *)&record + changes[i].offset, changes[i].width,
			    changes[i].value);
		refuse(*state, record, CRASHRES_ERR_FORMAT, DAMAGED_RECORD);
	}
}

static void test_segment_name_without_nul_is_refused(void **state)
{
	struct purgatory_record record = repaired();

	memset(record.damage[1].segment, 'x', sizeof(record.damage[1].segment));
	refuse(*state, record, CRASHRES_ERR_FORMAT, DAMAGED_RECORD);
}

static void test_record_is_read_below_the_root(void **state)
{
	struct unit *unit = *state;
	struct crashres_report *report = UNTOUCHED;
	char *root = unit_path(unit, "root");

	unit_write_text(unit, "root/sys/firmware/other", "");
	assert_ok(unit, crashres_ctx_set_root(unit->ctx, root));
	assert_fails(unit, crashres_report_read(unit->ctx, &report), CRASHRES_ERR_NO_RECORD,
		     "no /sys/firmware/fdt");
	unit_write_text(unit, "root/sys/firmware/fdt", "no tree");
	assert_fails(unit, crashres_report_read(unit->ctx, &report), CRASHRES_ERR_FORMAT,
		     "/sys/firmware/fdt: the device tree is damaged: FDT_ERR_TRUNCATED");
	assert_ptr_equal(report, UNTOUCHED);
	free(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT_TEST(test_record_of_a_repaired_kernel_is_read),
		UNIT_TEST(test_record_of_an_intact_kernel_is_read),
		UNIT_TEST(test_record_of_a_damaged_or_unchecked_kernel_is_read),
		UNIT_TEST(test_listed_damage_ends_with_the_room_of_the_record),
		UNIT_TEST(test_ticks_are_converted_to_nanoseconds),
		UNIT_TEST(test_missing_or_empty_record_is_reported),
		UNIT_TEST(test_other_magic_version_or_size_is_refused),
		UNIT_TEST(test_record_of_another_length_is_refused),
		UNIT_TEST(test_inconsistent_record_is_refused),
		UNIT_TEST(test_segment_name_without_nul_is_refused),
		UNIT_TEST(test_record_is_read_below_the_root),
	};

	return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
