/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads the record of purgatory and makes a report from it.
 *
 * The library (in a sealed Image: purgatory) adds a property with an empty record to
 * /chosen of the device tree. Purgatory fills in this record (struct purgatory_record,
 * purgatory/abi.h) before it starts the capture kernel. The capture kernel shows the
 * device tree in /sys/firmware/fdt.
 *
 * Any kernel, firmware or copy of a machine can show any bytes there, so all values are checked.
 */
#include <endian.h>
#include <inttypes.h>
#include <libfdt.h>
#include <stdlib.h>
#include <string.h>

#include "../purgatory/abi.h"
#include "../purgatory/shared/sha256.h"
#include "base/fdt.h"
#include "base/root.h"
#include "report.h"

#define FDT_PATH	"sys/firmware/fdt"
#define FDT_LIMIT	(16U << 20)	/* bytes; the arm64 kernel accepts 2 MiB */

/* Bytes of magic, version and size, which the record has in every version. */
#define TEMPLATE_SIZE	offsetof(struct purgatory_record, outcome)

#define NS_PER_SECOND	1000000000ULL

_Static_assert(sizeof(((struct crashres_damage *)0)->segment) ==
	       sizeof(((struct purgatory_damage *)0)->segment), "fill_damage() copies the names");
_Static_assert(sizeof(((struct crashres_damage *)0)->found) == PURGATORY_FOUND_MAX,
	       "fill_damage() copies the found bytes");

_Static_assert((int)CRASHRES_SHA256_PORTABLE == PG_SHA256_PORTABLE &&
	       (int)CRASHRES_SHA256_VECTORS == PG_SHA256_VECTORS &&
	       (int)CRASHRES_SHA256_INSTRUCTIONS == PG_SHA256_INSTRUCTIONS,
	       "make_report() copies the values");

/* Converts all fields of the record from little-endian to host byte order, in place. */
static void convert_to_host(struct purgatory_record *record)
{
	record->magic = le64toh(record->magic);
	record->version = le32toh(record->version);
	record->size = le32toh(record->size);
	record->outcome = le32toh(record->outcome);
	record->flags = le32toh(record->flags);
	record->started = le64toh(record->started);
	record->ticks = le64toh(record->ticks);
	record->frequency = le64toh(record->frequency);
	record->blocks = le64toh(record->blocks);
	record->damaged = le64toh(record->damaged);
	record->repaired = le64toh(record->repaired);
	record->damage_count = le64toh(record->damage_count);
	for (size_t i = 0; i < PURGATORY_DAMAGE_MAX; i++) {
		struct purgatory_damage *damage = &record->damage[i];

		damage->offset = le64toh(damage->offset);
		damage->blocks = le64toh(damage->blocks);
		damage->repaired = le64toh(damage->repaired);
		damage->found_size = le32toh(damage->found_size);
	}
}

/* Returns how many entries of record->damage are filled: damage_count, at most all. */
static size_t count_listed(const struct purgatory_record *record)
{
	return record->damage_count < PURGATORY_DAMAGE_MAX ? (size_t)record->damage_count :
							     PURGATORY_DAMAGE_MAX;
}

/* Checks counts and names of all damaged places. Names are printed, so they must be ASCII. */
static bool damage_is_sane(const struct purgatory_record *record)
{
	for (size_t i = 0; i < count_listed(record); i++) {
		const struct purgatory_damage *damage = &record->damage[i];

		if (!memchr(damage->segment, '\0', sizeof(damage->segment)) ||
		    damage->repaired > damage->blocks || damage->blocks > record->damaged ||
		    damage->found_size > sizeof(damage->found))
			return false;
		for (const char *c = damage->segment; *c; c++)
			if (*c < ' ' || *c > '~')
				return false;
	}
	return true;
}

/* Does the outcome agree with the counts and flags, by the definitions in purgatory/abi.h? */
static bool outcome_is_sane(const struct purgatory_record *record)
{
	bool timed_out = record->flags & PURGATORY_FLAG_TIME_OUT;
	bool unclean = record->flags & PURGATORY_FLAG_UNCLEAN;

	switch (record->outcome) {
	case PURGATORY_OUTCOME_INTACT:
		return !record->damaged && !timed_out && !unclean;
	case PURGATORY_OUTCOME_REPAIRED:
		return record->damaged && record->repaired == record->damaged && !timed_out &&
		       !unclean;
	case PURGATORY_OUTCOME_DAMAGED:
		return record->repaired < record->damaged || (record->damaged && timed_out) ||
		       unclean;
	case PURGATORY_OUTCOME_INCOMPLETE:
		return !record->damaged && timed_out && !unclean;
	default:
		return false;
	}
}

/* Checks all values that the report passes on. The record has the right version and size. */
static bool record_is_sane(const struct purgatory_record *record)
{
	return record->repaired <= record->damaged && record->damaged <= record->blocks &&
	       record->damage_count <= record->damaged &&
	       (record->damage_count != 0) == (record->damaged != 0) &&
	       outcome_is_sane(record) && damage_is_sane(record);
}

/*
 * Converts ticks of the counter to nanoseconds. @frequency: ticks a second, from CNTFRQ_EL0,
 * a 32-bit register. Returns 0 for an impossible frequency, UINT64_MAX if the result does
 * not fit.
 */
static uint64_t nanoseconds(uint64_t ticks, uint64_t frequency)
{
	uint64_t seconds, rest;

	if (!frequency || frequency > UINT32_MAX)
		return 0;
	seconds = ticks / frequency;
	rest = ticks % frequency;
	if (seconds > UINT64_MAX / NS_PER_SECOND - 1)
		return UINT64_MAX;
	return seconds * NS_PER_SECOND + rest * NS_PER_SECOND / frequency;
}

static void fill_damage(const struct purgatory_damage *from, struct crashres_damage *to)
{
	memcpy(to->segment, from->segment, sizeof(to->segment));
	to->offset = from->offset;
	to->blocks = from->blocks;
	to->repaired = from->repaired;
	to->found_size = from->found_size;
	memcpy(to->found, from->found, from->found_size);
}

/* Makes a report from a record that check_record() accepted. */
static enum crashres_status make_report(struct crashres_ctx *ctx,
					const struct purgatory_record *record,
					struct crashres_report **report)
{
	size_t count = count_listed(record);
	/* One allocation for the report and its list, so crashres_report_free() frees both. */
	struct crashres_report *new = calloc(1, sizeof(*new) + count * sizeof(*new->damage));
	struct crashres_damage *damage = new ? (struct crashres_damage *)(new + 1) : NULL;

	if (!new)
		return crs_fail_memory(ctx);
	new->size = sizeof(*new);
	new->damage = damage;
	new->outcome = (enum crashres_outcome)record->outcome;
	new->exception_level = record->flags & PURGATORY_FLAG_EL2 ? 2 : 1;
	new->vhe = record->flags & PURGATORY_FLAG_E2H;
	new->mmu = record->flags & PURGATORY_FLAG_MMU;
	new->timed_out = record->flags & PURGATORY_FLAG_TIME_OUT;
	new->unclean = record->flags & PURGATORY_FLAG_UNCLEAN;
	new->table_damaged[0] = record->flags & PURGATORY_FLAG_TABLE_0;
	new->table_damaged[1] = record->flags & PURGATORY_FLAG_TABLE_1;
	new->sha256 = (enum crashres_sha256)(record->flags >> PURGATORY_FLAG_SHA256_SHIFT & 0xff);
	new->started = record->started;
	new->nanoseconds = nanoseconds(record->ticks, record->frequency);
	new->block_size = PURGATORY_BLOCK_SIZE;
	new->blocks = record->blocks;
	new->damaged = record->damaged;
	new->repaired = record->repaired;
	new->damage_count = record->damage_count;
	new->listed = count;
	for (size_t i = 0; i < count; i++)
		fill_damage(&record->damage[i], &damage[i]);
	*report = new;
	return CRASHRES_OK;
}

/* For messages. */
static const char *const record_path = "/chosen/" PURGATORY_RECORD_PROPERTY;

/* @size: bytes of the property. The rest of @record is zero if the property is smaller. */
static enum crashres_status check_record(struct crashres_ctx *ctx,
					 const struct purgatory_record *record, size_t size)
{
	if (size < TEMPLATE_SIZE || record->magic != PURGATORY_RECORD_MAGIC)
		return crs_fail(ctx, CRASHRES_ERR_FORMAT, "%s is not a record", record_path);
	if (record->version != PURGATORY_RECORD_VERSION)
		return crs_fail(ctx, CRASHRES_ERR_UNSUPPORTED, "%s has version %" PRIu32
				", this library reads version %d", record_path, record->version,
				PURGATORY_RECORD_VERSION);
	if (size != sizeof(*record))
		return crs_fail(ctx, CRASHRES_ERR_FORMAT, "%s has %zu bytes, not %zu", record_path,
				size, sizeof(*record));
	if (record->outcome == PURGATORY_OUTCOME_NONE)
		return crs_fail(ctx, CRASHRES_ERR_NO_RECORD, "%s is empty: purgatory did not run",
				record_path);
	if (record->size != sizeof(*record) || !record_is_sane(record))
		return crs_fail(ctx, CRASHRES_ERR_FORMAT, "%s is damaged", record_path);
	return CRASHRES_OK;
}

enum crashres_status crs_report_from_dtb(struct crashres_ctx *ctx, const void *dtb, size_t size,
					 struct crashres_report **report)
{
	struct purgatory_record record = { 0 };
	enum crashres_status status;
	const void *value = NULL;
	int error, chosen, length = 0;

	error = crs_fdt_check(dtb, size);
	if (error)
		return crs_fail(ctx, CRASHRES_ERR_FORMAT, "the device tree is damaged: %s",
				fdt_strerror(error));
	chosen = fdt_path_offset(dtb, "/chosen");
	if (chosen >= 0)
		value = fdt_getprop(dtb, chosen, PURGATORY_RECORD_PROPERTY, &length);
	if (!value)
		return crs_fail(ctx, CRASHRES_ERR_NO_RECORD, "no %s: no purgatory of crashres "
				"started this kernel, or purgatory had nothing to check",
				record_path);
	memcpy(&record, value, (size_t)length < sizeof(record) ? (size_t)length : sizeof(record));
	convert_to_host(&record);
	status = check_record(ctx, &record, (size_t)length);
	return status == CRASHRES_OK ? make_report(ctx, &record, report) : status;
}

enum crashres_status crashres_report_read(struct crashres_ctx *ctx, struct crashres_report **report)
{
	CRS_CLEANUP(crs_freep) uint8_t *dtb = NULL;
	enum crashres_status status;
	size_t size;

	if (crs_root_lacks(ctx, FDT_PATH))
		return crs_fail(ctx, CRASHRES_ERR_NO_RECORD, "no /" FDT_PATH);
	status = crs_root_read(ctx, FDT_PATH, FDT_LIMIT, &dtb, &size);
	if (status != CRASHRES_OK)
		return status;
	return crs_prefix_error(ctx, crs_report_from_dtb(ctx, dtb, size, report), "/" FDT_PATH);
}

void crashres_report_free(struct crashres_report *report)
{
	free(report);
}
