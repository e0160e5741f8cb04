/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Prints the log of Linux 3.5 to 5.9: records of variable length in a buffer
 * (kernel/printk/printk.c).
 *
 *     log_buf          pointer to the buffer
 *     log_buf_len      bytes in the buffer
 *     log_first_idx    offset of the oldest record
 *     log_next_idx     offset behind the newest record
 *
 * Each record begins with a header, struct printk_log (struct log before Linux 3.11). VMCOREINFO
 * has the offsets of the first four members (struct log: of the first three):
 *
 *      0  u64 ts_nsec     time since boot
 *      8  u16 len         bytes of the whole record; 0: the next record is at offset 0
 *     10  u16 text_len    bytes of text, which follows the header
 *     12  u16 dict_len    bytes of the dictionary, which follows the text and is not printed
 *     14  u8  facility
 *     15  u8  flags (5 bits), level (upper 3 bits)
 *     16  u32 caller_id   with CONFIG_PRINTK_CALLER (Linux 5.1)
 */
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "log.h"

/* LOG_BUF_LEN_MAX of printk.c: 2 GiB. */
#define LENGTH_LIMIT (1ULL << 31)

/*
 * From VMCOREINFO: virtual addresses of the variables; size of the record header and offsets of
 * its members in bytes. Each size and offset is at most STRUCT_LIMIT, see vmcoreinfo.c.
 */
struct layout {
	uint64_t log_buf, log_buf_len, first_idx, next_idx;
	uint64_t head_size, ts_nsec, len, text_len;
};

#define FIELD(key, member) { key, offsetof(struct layout, member) }
static const struct vmcoreinfo_field symbols[] = {
	FIELD("SYMBOL(log_buf)", log_buf),
	FIELD("SYMBOL(log_buf_len)", log_buf_len),
	FIELD("SYMBOL(log_first_idx)", first_idx),
	FIELD("SYMBOL(log_next_idx)", next_idx),
	{ NULL, 0 },
};

static const struct vmcoreinfo_field fields[] = {
	FIELD("SIZE(printk_log)", head_size),
	FIELD("OFFSET(printk_log.ts_nsec)", ts_nsec),
	FIELD("OFFSET(printk_log.len)", len),
	FIELD("OFFSET(printk_log.text_len)", text_len),
	{ NULL, 0 },
};

/* The same struct by its name before Linux 3.11. */
static const struct vmcoreinfo_field old_fields[] = {
	FIELD("SIZE(log)", head_size),
	FIELD("OFFSET(log.ts_nsec)", ts_nsec),
	FIELD("OFFSET(log.len)", len),
	FIELD("OFFSET(log.text_len)", text_len),
	{ NULL, 0 },
};

struct buffer {
	struct core *core;
	struct layout layout;
	uint64_t priority;		/* offset of facility and level in the header; 0: unknown */
	uint64_t caller;		/* offset of caller_id in the header; 0: none */
	uint64_t data;			/* virtual address of the buffer */
	uint32_t size;			/* bytes in the buffer */
	uint32_t first, next;		/* offsets of the oldest record and behind the newest one */
};

/*
 * Derives the offsets of facility, level and caller_id, which VMCOREINFO does not have: in struct
 * printk_log they always follow dict_len, and the size of the struct tells whether caller_id is
 * there. The older struct log is left out, because Linux 3.5 stored facility and level otherwise.
 */
static void find_unlisted_fields(struct buffer *buffer, const struct vmcoreinfo *info)
{
	uint64_t dict_len, size = buffer->layout.head_size;

	if (!vmcoreinfo_find(info, "OFFSET(printk_log.dict_len)", &dict_len) || dict_len >= size)
		return;
	if (size - dict_len >= 4)
		buffer->priority = dict_len + 2;
	if (size - dict_len >= 8)
		buffer->caller = dict_len + 4;
}

/* Reads and checks the variables. Returns false if the log cannot be read. */
static bool read_header(struct buffer *buffer)
{
	const struct layout *layout = &buffer->layout;
	struct core *core = buffer->core;

	if (!core_read_u64(core, layout->log_buf, &buffer->data, "log_buf") ||
	    !core_read_u32(core, layout->log_buf_len, &buffer->size, "log_buf_len") ||
	    !core_read_u32(core, layout->first_idx, &buffer->first, "log_first_idx") ||
	    !core_read_u32(core, layout->next_idx, &buffer->next, "log_next_idx"))
		return false;
	if (buffer->size <= LENGTH_LIMIT && buffer->first <= buffer->size &&
	    buffer->next <= buffer->size && layout->head_size)
		return true;
	trouble_report(core->trouble, EXIT_LOG_HEADER,
		       "the log header is damaged: log_first_idx %" PRIu32 ", log_next_idx %" PRIu32
		       ", log_buf_len %" PRIu32,
		       buffer->first, buffer->next, buffer->size);
	return false;
}

static void report_damage(struct buffer *buffer, uint64_t index, const char *sentence)
{
	trouble_report(buffer->core->trouble, EXIT_RECORD, "record at offset %" PRIu64 ": %s",
		       index, sentence);
}

/* Reads the header fields that are printed, of the record at offset @index. */
static bool read_fields(struct buffer *buffer, uint64_t index, struct record *record)
{
	static const char item[] = "log record";
	const struct layout *layout = &buffer->layout;
	uint64_t head = buffer->data + index;
	struct core *core = buffer->core;
	unsigned char priority[2];

	if (!core_read_u64(core, head + layout->ts_nsec, &record->time_ns, item) ||
	    (buffer->caller && !core_read_u32(core, head + buffer->caller, &record->caller, item)))
		return false;
	record->has_time = true;
	record->has_caller = buffer->caller;
	record->level = record->facility = RECORD_UNKNOWN;
	if (!buffer->priority)
		return true;
	if (!core_read(core, head + buffer->priority, priority, sizeof(priority), item))
		return false;
	record->facility = priority[0];
	record->level = priority[1] >> 5;
	return true;
}

/*
 * Reads the record at offset @index. Returns the offset behind it, or 0 if there is no record to
 * print: then *@wraps tells that the next record is at offset 0, else the error was reported.
 */
static uint64_t read_record(struct buffer *buffer, uint64_t index, struct record *record,
			    bool *wraps)
{
	static const char item[] = "log record";
	const struct layout *layout = &buffer->layout;
	uint64_t head = buffer->data + index;
	uint16_t len, text_len;

	*wraps = false;
	memset(record, 0, sizeof(*record));
	if (buffer->size - index < layout->head_size) {
		/*
		 * log_store() always leaves room for the header of length 0 that marks the end,
		 * so that an undamaged record never begins here.
		 */
		report_damage(buffer, index, "the record does not fit into the buffer");
		return 0;
	}
	if (!core_read_u16(buffer->core, head + layout->len, &len, item))
		return 0;
	*wraps = !len;
	if (!len)
		return 0;
	if (len < layout->head_size || len > buffer->size - index) {
		report_damage(buffer, index, "the length is damaged");
		return 0;
	}
	if (!core_read_u16(buffer->core, head + layout->text_len, &text_len, item) ||
	    !read_fields(buffer, index, record))
		return 0;
	record->text[0].vaddr = head + layout->head_size;
	record->text[0].size = text_len;
	if (text_len > len - layout->head_size) {
		report_damage(buffer, index, "the text is truncated");
		record->text[0].size = len - layout->head_size;
	}
	return index + len;
}

/*
 * Prints the records from offset @index to @end. Returns true if a header of length 0 came first:
 * the next record is at offset 0.
 */
static bool print_run(struct buffer *buffer, uint64_t index, uint64_t end, struct output *output)
{
	struct record record;
	bool wraps = false;

	while (index != end && !output->failed && !trouble_is_too_much(buffer->core->trouble)) {
		uint64_t after = read_record(buffer, index, &record, &wraps);

		if (!after)
			break;
		output_record(output, buffer->core, &record);
		if (after > end && index < end) {
			report_damage(buffer, index, "the record overlaps the end of the log");
			break;
		}
		index = after;
	}
	return wraps;
}

void structured_print(struct core *core, const struct vmcoreinfo *info, struct output *output)
{
	bool old = !vmcoreinfo_has(info, "SIZE(printk_log)") && vmcoreinfo_has(info, "SIZE(log)");
	struct buffer buffer = { .core = core };

	if (!vmcoreinfo_read_fields(core->trouble, info, symbols, &buffer.layout) ||
	    !vmcoreinfo_read_fields(core->trouble, info, old ? old_fields : fields,
				    &buffer.layout) ||
	    !read_header(&buffer))
		return;
	find_unlisted_fields(&buffer, info);
	if (buffer.first <= buffer.next) {
		if (print_run(&buffer, buffer.first, buffer.next, output))
			report_damage(&buffer, buffer.next, "the log ends before this offset");
		return;
	}
	/* The log has wrapped. Print its second part even if the first part is damaged. */
	print_run(&buffer, buffer.first, UINT64_MAX, output);
	if (print_run(&buffer, 0, buffer.next, output))
		report_damage(&buffer, buffer.next, "the log ends before this offset");
}
