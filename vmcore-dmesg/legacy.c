/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Prints the log of Linux before 3.5: a ring of characters (kernel/printk.c).
 *
 *     log_buf         pointer to the ring
 *     log_buf_len     bytes in the ring, a power of two
 *     log_end         position behind the last character, 32 bits; grows and wraps
 *     logged_chars    characters since the last "dmesg -c", at most log_buf_len
 *
 * A position modulo log_buf_len is an offset in the ring. A line is text that ends with a newline.
 * Before the text stand the priority, "<6>", and with CONFIG_PRINTK_TIME the time,
 * "[    1.234567] ". Text output prints this prefix unchanged; JSON shows it as numbers.
 */
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "log.h"

/* Largest ring: log_buf_len= is a power of two that fits an int. */
#define LENGTH_LIMIT (1ULL << 31)

/* The smallest page size. A dump contains a page completely or not at all. */
#define PAGE_SIZE 4096U

/* Bytes that hold the longest prefix: "<191>[12345678901.123456] ". */
#define PREFIX_SIZE 32

/* Virtual addresses of the variables, from VMCOREINFO. */
struct layout {
	uint64_t log_buf, log_buf_len, log_end;
};

#define FIELD(key, member) { key, offsetof(struct layout, member) }
static const struct vmcoreinfo_field symbols[] = {
	FIELD("SYMBOL(log_buf)", log_buf),
	FIELD("SYMBOL(log_buf_len)", log_buf_len),
	FIELD("SYMBOL(log_end)", log_end),
	{ NULL, 0 },
};

/* The ring. A position modulo size is an offset in the ring. */
struct buffer {
	struct core *core;
	uint64_t data;			/* virtual address of the ring */
	uint32_t size;			/* bytes, a power of two */
	uint32_t end;			/* position behind the last character */
	uint32_t filled;		/* characters before end, at most size */
};

/* Reads the variables and checks them. Returns false if the log cannot be read. */
static bool read_header(struct buffer *buffer, const struct vmcoreinfo *info)
{
	struct core *core = buffer->core;
	struct layout layout;
	uint64_t logged_chars;

	if (!vmcoreinfo_read_fields(core->trouble, info, symbols, &layout) ||
	    !core_read_u64(core, layout.log_buf, &buffer->data, "log_buf") ||
	    !core_read_u32(core, layout.log_buf_len, &buffer->size, "log_buf_len") ||
	    !core_read_u32(core, layout.log_end, &buffer->end, "log_end"))
		return false;
	if (!buffer->size || buffer->size > LENGTH_LIMIT || buffer->size & (buffer->size - 1)) {
		trouble_report(core->trouble, EXIT_LOG_HEADER,
			       "the log header is damaged: log_buf_len is %" PRIu32, buffer->size);
		return false;
	}
	/*
	 * Without logged_chars in VMCOREINFO, all characters count. If log_end has wrapped at 2^32
	 * and is small again, this shows too few characters, but never wrong ones.
	 */
	buffer->filled = buffer->end < buffer->size ? buffer->end : buffer->size;
	if (vmcoreinfo_find(info, "SYMBOL(logged_chars)", &logged_chars) &&
	    !core_read_u32(core, logged_chars, &buffer->filled, "logged_chars"))
		return false;
	if (buffer->filled > buffer->size) {
		trouble_report(core->trouble, EXIT_LOG_HEADER,
			       "the log header is damaged: %" PRIu32
			       " characters in a buffer of %" PRIu32,
			       buffer->filled, buffer->size);
		buffer->filled = buffer->size;
	}
	return true;
}

/* Sets @text to the one or two areas of memory that hold @count characters from @position on. */
static void split_at_end(const struct buffer *buffer, uint32_t position, uint32_t count,
			 struct record_text text[2])
{
	uint32_t index = position & (buffer->size - 1), first = buffer->size - index;

	if (first > count)
		first = count;
	text[0] = (struct record_text){ buffer->data + index, first };
	text[1] = (struct record_text){ buffer->data, count - first };
}

/*
 * The number of characters from @position to the end of its page or of the ring. Reads do not
 * cross pages, so that a missing page is reported once and the next page is still printed.
 */
static uint32_t count_left_in_page(const struct buffer *buffer, uint32_t position)
{
	uint32_t index = position & (buffer->size - 1), end = buffer->size - index;
	uint32_t left = PAGE_SIZE - (uint32_t)((buffer->data + index) % PAGE_SIZE);

	return left < end ? left : end;
}

/*
 * Copies at most @count characters from @position to @out, up to the end of the page. Returns the
 * number of characters copied; 0 if they cannot be read.
 */
static uint32_t copy_characters(struct buffer *buffer, uint32_t position, uint32_t count, char *out)
{
	uint64_t index = position & (buffer->size - 1);
	uint32_t left = count_left_in_page(buffer, position);

	return (uint32_t)core_read_some(buffer->core, buffer->data + index, out,
					count < left ? count : left, "log text");
}

/* ------------------------------------------------ priority and time of a line */

/*
 * Parses digits at @text. Returns the position behind them, or NULL without digits or if the value
 * exceeds @limit.
 */
static const char *parse_digits(const char *text, uint64_t limit, uint64_t *value)
{
	const char *start = text;

	for (*value = 0; *text >= '0' && *text <= '9' && *value <= limit; text++)
		*value = *value * 10 + (uint64_t)(*text - '0');
	return text > start && *value <= limit ? text : NULL;
}

/*
 * Parses "<N>" at the start of a line: N is 8 * facility + level, at most 191 (syslog(3)). Returns
 * the position behind it, or @text if the line has no priority.
 */
static const char *parse_priority(const char *text, struct record *record)
{
	const char *end;
	uint64_t value;

	if (*text != '<')
		return text;
	end = parse_digits(text + 1, 191, &value);
	if (!end || *end != '>')
		return text;
	record->level = (int)value & 7;
	record->facility = (int)value >> 3;
	return end + 1;
}

/* Parses "[SECONDS.MICROSECONDS] ". Returns the position behind it, or @text without a time. */
static const char *parse_time(const char *text, struct record *record)
{
	const char *end = text + 1, *micro;
	uint64_t seconds, microseconds;

	if (*text != '[')
		return text;
	while (*end == ' ')
		end++;
	end = parse_digits(end, UINT32_MAX, &seconds);
	if (!end || *end != '.')
		return text;
	micro = end + 1;
	end = parse_digits(micro, 999999, &microseconds);
	if (!end || end - micro != 6 || *end != ']')
		return text;
	record->has_time = true;
	record->time_ns = (seconds * 1000000 + microseconds) * 1000;
	end++;
	return *end == ' ' ? end + 1 : end;
}

/* Prints the line of @count characters at @position. Only JSON parses the prefix. */
static void print_line(struct buffer *buffer, uint32_t position, uint32_t count,
		       struct output *output)
{
	struct record record = { .level = RECORD_UNKNOWN, .facility = RECORD_UNKNOWN };
	char prefix[PREFIX_SIZE + 1] = "";

	split_at_end(buffer, position, count, record.text);
	if (output->json) {
		uint32_t size = count < PREFIX_SIZE ? count : PREFIX_SIZE;

		for (uint32_t done = 0, got = 1; done < size && got; done += got)
			got = copy_characters(buffer, position + done, size - done, prefix + done);
		record.prefix_size =
			(unsigned int)(parse_time(parse_priority(prefix, &record), &record) -
				       prefix);
	}
	output_record(output, buffer->core, &record);
}

/*
 * Returns the length of the line at @position without its newline. @left: characters in the log
 * from there on. *@newlines: out; 1, or 0 if the log or the readable part ends before a newline.
 */
static uint32_t measure_line(struct buffer *buffer, uint32_t position, uint32_t left,
			     uint32_t *newlines)
{
	uint32_t length = 0, got = 1;
	char part[512];

	*newlines = 0;
	while (length < left && got) {
		const char *end;

		got = copy_characters(buffer, position + length,
				      left - length < sizeof(part) ? left - length : sizeof(part),
				      part);
		end = memchr(part, '\n', got);
		*newlines = !!end;
		if (end)
			return length + (uint32_t)(end - part);
		length += got;
	}
	return length;
}

void legacy_print(struct core *core, const struct vmcoreinfo *info, struct output *output)
{
	struct buffer buffer = { .core = core };
	uint32_t left, length, newlines;

	if (!read_header(&buffer, info))
		return;
	for (left = buffer.filled; left && !output->failed; left -= length + newlines) {
		length = measure_line(&buffer, buffer.end - left, left, &newlines);
		if (length || newlines)
			print_line(&buffer, buffer.end - left, length, output);
		/* The page cannot be read: go on in the next page. */
		if (!newlines && length < left) {
			uint32_t skip = count_left_in_page(&buffer, buffer.end - left + length);

			if (trouble_is_too_much(core->trouble))
				return;
			length += skip < left - length ? skip : left - length;
		}
	}
}
