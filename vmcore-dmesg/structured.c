/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The log of kernel/printk/printk.c in Linux 3.5 to 5.9: records of any length in a buffer, each
 * with a head; one of length 0 says that the next is at the start of the buffer.
 */
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "log.h"

/* LOG_BUF_LEN_MAX: 2 GiB. */
#define LENGTH_LIMIT (1ULL << 31)

/* Addresses and offsets of the kernel's, by VMCOREINFO. */
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

/* Its name before Linux 3.11. */
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
	uint64_t priority;		/* where facility and level are in a head; 0: unknown */
	uint64_t caller;		/* where the caller is; 0: nowhere */
	uint64_t data;
	uint32_t size, first, next;
};

/*
 * Behind dict_len VMCOREINFO says nothing more: there is facility, then level in upper bits, as
 * in struct printk_log always, and with CONFIG_PRINTK_CALLER the caller. The older struct log had
 * both in one number at first.
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
 * The record at @index, which ends where this returns; 0 where nothing can be known of the next
 * one, which is said. *@wraps: none here, and the next one is at the start.
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
		/* The kernel keeps room for the head that says to go on at the start. */
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

/* From @index to @end, or to the record that says to go on at the start: then true. */
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
	/* The part behind the start is whole even where the one before the end is damaged. */
	print_run(&buffer, buffer.first, UINT64_MAX, output);
	if (print_run(&buffer, 0, buffer.next, output))
		report_damage(&buffer, buffer.next, "the log ends before this offset");
}
