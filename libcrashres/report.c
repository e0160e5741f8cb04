/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads what purgatory left. Any machine may show any device tree: nothing in it is trusted. */
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
#define FDT_LIMIT	(16U << 20)

/* What every version has: it tells whether the rest is worth a look. */
#define TEMPLATE_SIZE	offsetof(struct purgatory_record, outcome)

#define NS_PER_SECOND	1000000000ULL

_Static_assert(sizeof(((struct crashres_damage *)0)->segment) ==
	       sizeof(((struct purgatory_damage *)0)->segment), "names are copied");
_Static_assert(sizeof(((struct crashres_damage *)0)->found) == PURGATORY_FOUND_MAX,
	       "found bytes are copied");

_Static_assert((int)CRASHRES_SHA256_PORTABLE == PG_SHA256_PORTABLE &&
	       (int)CRASHRES_SHA256_VECTORS == PG_SHA256_VECTORS &&
	       (int)CRASHRES_SHA256_INSTRUCTIONS == PG_SHA256_INSTRUCTIONS, "taken over as they are");

/* As the record has it, in this machine's byte order. */
static void to_host(struct purgatory_record *record)
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

static size_t listed(const struct purgatory_record *record)
{
	return record->damage_count < PURGATORY_DAMAGE_MAX ? (size_t)record->damage_count :
							     PURGATORY_DAMAGE_MAX;
}

static bool damage_is_sane(const struct purgatory_record *record)
{
	for (size_t i = 0; i < listed(record); i++) {
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

static bool record_is_sane(const struct purgatory_record *record)
{
	return record->repaired <= record->damaged && record->damaged <= record->blocks &&
	       record->damage_count <= record->damaged &&
	       (record->damage_count != 0) == (record->damaged != 0) &&
	       outcome_is_sane(record) && damage_is_sane(record);
}

/* @ticks of @frequency a second, without wrapping. */
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

static enum crashres_status make_report(struct crashres_ctx *ctx,
					const struct purgatory_record *record,
					struct crashres_report **report)
{
	size_t count = listed(record);
	/* One allocation: the list stands behind the report, which it is part of. */
	struct crashres_report *made = calloc(1, sizeof(*made) + count * sizeof(*made->damage));
	struct crashres_damage *damage = made ? (struct crashres_damage *)(made + 1) : NULL;

	if (!made)
		return crs_fail_memory(ctx);
	made->size = sizeof(*made);
	made->damage = damage;
	made->outcome = (enum crashres_outcome)record->outcome;
	made->exception_level = record->flags & PURGATORY_FLAG_EL2 ? 2 : 1;
	made->vhe = record->flags & PURGATORY_FLAG_E2H;
	made->mmu = record->flags & PURGATORY_FLAG_MMU;
	made->timed_out = record->flags & PURGATORY_FLAG_TIME_OUT;
	made->unclean = record->flags & PURGATORY_FLAG_UNCLEAN;
	made->table_damaged[0] = record->flags & PURGATORY_FLAG_TABLE_0;
	made->table_damaged[1] = record->flags & PURGATORY_FLAG_TABLE_1;
	made->sha256 = (enum crashres_sha256)(record->flags >> PURGATORY_FLAG_SHA256_SHIFT & 0xff);
	made->started = record->started;
	made->nanoseconds = nanoseconds(record->ticks, record->frequency);
	made->block_size = PURGATORY_BLOCK_SIZE;
	made->blocks = record->blocks;
	made->damaged = record->damaged;
	made->repaired = record->repaired;
	made->damage_count = record->damage_count;
	made->listed = count;
	for (size_t i = 0; i < count; i++)
		fill_damage(&record->damage[i], &damage[i]);
	*report = made;
	return CRASHRES_OK;
}

static const char *const place = "/chosen/" PURGATORY_RECORD_PROPERTY;

static enum crashres_status check_record(struct crashres_ctx *ctx,
					 const struct purgatory_record *record, size_t size)
{
	if (size < TEMPLATE_SIZE || record->magic != PURGATORY_RECORD_MAGIC)
		return crs_fail(ctx, CRASHRES_ERR_FORMAT, "%s: not a record", place);
	if (record->version != PURGATORY_RECORD_VERSION)
		return crs_fail(ctx, CRASHRES_ERR_UNSUPPORTED, "%s: version %" PRIu32
				", this library reads %d", place, record->version,
				PURGATORY_RECORD_VERSION);
	if (size != sizeof(*record))
		return crs_fail(ctx, CRASHRES_ERR_FORMAT, "%s: %zu bytes, not %zu", place, size,
				sizeof(*record));
	if (record->outcome == PURGATORY_OUTCOME_NONE)
		return crs_fail(ctx, CRASHRES_ERR_NO_RECORD, "%s is empty: purgatory did not run", place);
	if (record->size != sizeof(*record) || !record_is_sane(record))
		return crs_fail(ctx, CRASHRES_ERR_FORMAT, "%s: damaged", place);
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
		return crs_fail(ctx, CRASHRES_ERR_FORMAT, "damaged device tree: %s",
				fdt_strerror(error));
	chosen = fdt_path_offset(dtb, "/chosen");
	if (chosen >= 0)
		value = fdt_getprop(dtb, chosen, PURGATORY_RECORD_PROPERTY, &length);
	if (!value)
		return crs_fail(ctx, CRASHRES_ERR_NO_RECORD, "no %s: no purgatory of crashres has "
				"started this kernel, or it had nothing to check", place);
	memcpy(&record, value, (size_t)length < sizeof(record) ? (size_t)length : sizeof(record));
	to_host(&record);
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
