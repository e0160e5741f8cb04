/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writes records and VMCOREINFO as text or as JSON, through a buffer, to a file or stdout. stdio
 * is not used, because it does not tell which write() failed and why.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "json.h"
#include "output.h"

/*
 * Most bytes of output; kexec-tools has the same limit and exit status 53. A log has 2 GiB at most
 * (log_buf_len), but damaged records can refer to the same text again and again.
 */
#define TOTAL_LIMIT INT32_MAX

#define NSEC_PER_SEC 1000000000U

/* Bytes of text that are read at a time. */
#define TEXT_PART 512

/* -------------------------------------------------------------- writing */

/* Reports the first failure. After that nothing is written. */
static void fail(struct output *output, int status, const char *sentence)
{
	if (!output->failed)
		trouble_report_output(output->trouble, status, output->name, sentence);
	output->failed = true;
}

/* Reports errno after a failed system call. @action: the failed step, "cannot write". */
static void fail_system(struct output *output, const char *action)
{
	char sentence[128];

	snprintf(sentence, sizeof(sentence), "%s: %s", action, strerror(errno));
	fail(output, EXIT_WRITE, sentence);
}

/* Writes the buffer. write() can write less than it was asked to. */
static void flush(struct output *output)
{
	size_t done = 0;

	while (done < output->used && !output->failed) {
		ssize_t got = write(output->fd, output->buffer + done, output->used - done);

		if (got > 0)
			done += (size_t)got;
		else if (!got)
			fail(output, EXIT_WRITE, "cannot write: the file takes no more bytes");
		else if (errno != EINTR)
			fail_system(output, "cannot write");
	}
	output->used = 0;
}

/* Adds bytes to the output. */
static void put(struct output *output, const void *bytes, size_t size)
{
	size_t done = 0;

	output->total += size;
	if (output->total > TOTAL_LIMIT)
		fail(output, EXIT_TOO_MUCH, "more than 2 GiB of output: the rest is missing");
	while (done < size && !output->failed) {
		size_t part = sizeof(output->buffer) - output->used;

		if (part > size - done)
			part = size - done;
		memcpy(output->buffer + output->used, (const char *)bytes + done, part);
		output->used += part;
		done += part;
		if (output->used == sizeof(output->buffer))
			flush(output);
	}
}

/* Adds formatted text of at most 63 bytes: only for numbers and short constant names. */
static void __attribute__((format(printf, 2, 3))) put_format(struct output *output,
							     const char *format, ...)
{
	char text[64];
	va_list arguments;
	int size;

	va_start(arguments, format);
	size = vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	put(output, text, (size_t)size);
}

/* ------------------------------------------------------- open and close */

/*
 * Checks and empties the output file, and sets mode 0600: a log can contain secrets, and root
 * often writes it into a folder for several users (CVE-2021-20269 of kexec-tools). The dump
 * itself must not be the output, because it would be emptied.
 */
static bool prepare_file(struct output *output, const struct core *core)
{
	struct stat target, source;

	if (fstat(output->fd, &target) || fstat(core->file.fd, &source)) {
		fail_system(output, "cannot read the file status");
		return false;
	}
	if (target.st_dev == source.st_dev && target.st_ino == source.st_ino) {
		fail(output, EXIT_USAGE, "is the dump file itself");
		return false;
	}
	if (!S_ISREG(target.st_mode))
		return true;
	if (fchmod(output->fd, 0600)) {
		fail_system(output, "cannot set the mode");
		return false;
	}
	if (ftruncate(output->fd, 0)) {
		fail_system(output, "cannot empty the file");
		return false;
	}
	return true;
}

bool output_open(struct output *output, const char *path, const struct core *core)
{
	output->fd = STDOUT_FILENO;
	output->name = path ? path : "standard output";
	output->trouble = core->trouble;
	output->failed = false;
	output->total = 0;
	output->used = 0;
	if (!path)
		return true;
	output->fd = open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY, 0600);
	if (output->fd < 0) {
		if (errno == ELOOP)
			fail(output, EXIT_WRITE, "is a symbolic link");
		else
			fail_system(output, "cannot open");
		return false;
	}
	if (prepare_file(output, core))
		return true;
	close(output->fd);
	return false;
}

/* Some file systems, such as NFS, report a failed write only at close(). */
void output_close(struct output *output)
{
	flush(output);
	if (close(output->fd))
		fail_system(output, "cannot write");
}

/* ----------------------------------------------------------------- text */

/* isprint() or isspace() in the C locale, independent of the locale of the user. */
static bool is_printable(unsigned char byte)
{
	return (byte >= ' ' && byte <= '~') || (byte >= '\t' && byte <= '\r');
}

/* Adds text; other bytes than printable and white ones as \xNN, as kexec-tools does. */
static void put_plain(struct output *output, const unsigned char *bytes, size_t size)
{
	static const char digits[] = "0123456789abcdef";
	char out[4 * TEXT_PART];
	size_t used = 0;

	for (size_t i = 0; i < size; i++) {
		if (is_printable(bytes[i])) {
			out[used++] = (char)bytes[i];
			continue;
		}
		out[used++] = '\\';
		out[used++] = 'x';
		out[used++] = digits[bytes[i] >> 4];
		out[used++] = digits[bytes[i] & 15];
	}
	put(output, out, used);
}

/* Adds bytes inside a JSON string. */
static void put_json(struct output *output, struct json_text *text, const unsigned char *bytes,
		     size_t size)
{
	char out[JSON_BYTE_MAX];

	for (size_t i = 0; i < size; i++)
		put(output, out, json_byte(text, bytes[i], out));
}

/*
 * Reads text of the dead kernel in parts and adds it. @skip: bytes at the start to leave out.
 * @json: state of the JSON string, NULL for plain text. Stops at the first byte that cannot be
 * read; core_read_some() has reported it.
 */
static void put_text(struct output *output, struct core *core, const struct record_text *text,
		     unsigned int skip, struct json_text *json)
{
	unsigned char bytes[TEXT_PART];

	for (uint64_t done = skip; done < text->size && !output->failed; ) {
		size_t part = sizeof(bytes), got;

		if (part > text->size - done)
			part = (size_t)(text->size - done);
		got = core_read_some(core, text->vaddr + done, bytes, part, "log text");
		if (json)
			put_json(output, json, bytes, got);
		else
			put_plain(output, bytes, got);
		if (got < part)
			return;
		done += got;
	}
}

/*
 * Prints "[SECONDS.MICROSECONDS] TEXT", the form of vmcore-dmesg of kexec-tools. No level and no
 * caller: test suites compare this output with that of makedumpfile. A record without text prints
 * its time only, as in kexec-tools.
 */
static void print_text_record(struct output *output, struct core *core, const struct record *record)
{
	if (record->has_time)
		put_format(output, "[%5" PRIu64 ".%06" PRIu64 "] ", record->time_ns / NSEC_PER_SEC,
			   record->time_ns % NSEC_PER_SEC / 1000);
	for (int i = 0; i < 2; i++)
		put_text(output, core, &record->text[i], 0, NULL);
	put(output, "\n", 1);
}

/* ----------------------------------------------------------------- JSON */

/* Adds a member and a comma; null if the value is not known. */
static void put_number(struct output *output, const char *key, bool known, uint64_t value)
{
	if (known)
		put_format(output, "\"%s\":%" PRIu64 ",", key, value);
	else
		put_format(output, "\"%s\":null,", key);
}

/* The caller as the kernel prints it with CONFIG_PRINTK_CALLER: T and a thread, C and a CPU. */
static void put_caller(struct output *output, const struct record *record)
{
	if (record->has_caller)
		put_format(output, "\"caller\":\"%c%" PRIu32 "\",",
			   record->caller & RECORD_CPU ? 'C' : 'T', record->caller & ~RECORD_CPU);
	else
		put_format(output, "\"caller\":null,");
}

static void put_string_end(struct output *output, struct json_text *json)
{
	char out[JSON_BYTE_MAX];

	put(output, out, json_end(json, out));
	put(output, "\"", 1);
}

/* The members are described in man/vmcore-dmesg.8 (JSON). */
static void print_json_record(struct output *output, struct core *core, const struct record *record)
{
	struct json_text json = { .size = 0 };

	put(output, "{", 1);
	put_number(output, "seq", record->has_seq, record->seq);
	put_number(output, "time_ns", record->has_time, record->time_ns);
	put_number(output, "level", record->level != RECORD_UNKNOWN, (uint64_t)record->level);
	put_number(output, "facility", record->facility != RECORD_UNKNOWN,
		   (uint64_t)record->facility);
	put_caller(output, record);
	if (record->text_lost) {
		put_format(output, "\"text\":null}\n");
		return;
	}
	put_format(output, "\"text\":\"");
	if (!record->no_text) {
		uint64_t first = record->text[0].size;
		unsigned int skip = record->prefix_size;

		put_text(output, core, &record->text[0], skip, &json);
		put_text(output, core, &record->text[1],
			 skip > first ? skip - (unsigned int)first : 0, &json);
	}
	put_string_end(output, &json);
	put(output, "}\n", 2);
}

void output_record(struct output *output, struct core *core, const struct record *record)
{
	if (output->json)
		print_json_record(output, core, record);
	else
		print_text_record(output, core, record);
}

/* ----------------------------------------------------------- VMCOREINFO */

static void put_string(struct output *output, const char *bytes, size_t size)
{
	struct json_text json = { .size = 0 };

	put(output, "\"", 1);
	put_json(output, &json, (const unsigned char *)bytes, size);
	put_string_end(output, &json);
}

/* One member for each line "KEY=VALUE"; other lines are left out. */
static void print_json_vmcoreinfo(struct output *output, const struct vmcoreinfo *info)
{
	const char *line = info->text, *end = info->text + info->size, *comma = "";

	put(output, "{", 1);
	while (line < end) {
		const char *line_end = memchr(line, '\n', (size_t)(end - line));
		const char *equals;

		if (!line_end)
			line_end = end;
		equals = memchr(line, '=', (size_t)(line_end - line));
		if (equals) {
			put_format(output, "%s\n  ", comma);
			put_string(output, line, (size_t)(equals - line));
			put(output, ": ", 2);
			put_string(output, equals + 1, (size_t)(line_end - equals) - 1);
			comma = ",";
		}
		line = line_end + 1;
	}
	put(output, "\n}\n", 3);
}

void output_vmcoreinfo(struct output *output, const struct vmcoreinfo *info)
{
	if (output->json)
		print_json_vmcoreinfo(output, info);
	else
		put(output, info->text, info->size);
}
