/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Searches VMCOREINFO for keys and parses their values. */
#include <stdlib.h>
#include <string.h>

#include "trouble.h"
#include "vmcoreinfo.h"

/*
 * Largest accepted OFFSET and SIZE. The structs of the log have less than 1000 bytes; with this
 * limit, adding some of them to an address below 2^63 cannot overflow.
 */
#define STRUCT_LIMIT (1U << 20)

void vmcoreinfo_free(struct vmcoreinfo *info)
{
	free(info->text);
}

/* Finds the line KEY=VALUE. Returns the value, not terminated, and stores its length in *@size. */
static const char *find_line(const struct vmcoreinfo *info, const char *key, size_t *size)
{
	const char *line = info->text, *end = info->text + info->size;
	size_t length = strlen(key);

	while (line < end) {
		const char *line_end = memchr(line, '\n', (size_t)(end - line));

		if (!line_end)
			line_end = end;
		if ((size_t)(line_end - line) > length && !memcmp(line, key, length) &&
		    line[length] == '=') {
			*size = (size_t)(line_end - line) - length - 1;
			return line + length + 1;
		}
		line = line_end + 1;
	}
	return NULL;
}

bool vmcoreinfo_has(const struct vmcoreinfo *info, const char *key)
{
	size_t size;

	return find_line(info, key, &size);
}

/* The value of a digit, at most 15; UINT32_MAX for other characters. */
static unsigned int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned int)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (unsigned int)(c - 'a') + 10;
	if (c >= 'A' && c <= 'F')
		return (unsigned int)(c - 'A') + 10;
	return UINT32_MAX;
}

/* Parses @size digits. Returns false without digits, for another character, or beyond 64 bits. */
static bool parse_number(const char *text, size_t size, unsigned int base, uint64_t *value)
{
	uint64_t sum = 0;

	if (!size)
		return false;
	for (size_t i = 0; i < size; i++) {
		unsigned int part = digit_value(text[i]);

		if (part >= base || __builtin_mul_overflow(sum, base, &sum) ||
		    __builtin_add_overflow(sum, part, &sum))
			return false;
	}
	*value = sum;
	return true;
}

bool vmcoreinfo_find(const struct vmcoreinfo *info, const char *key, uint64_t *value)
{
	size_t size;
	const char *text = find_line(info, key, &size);
	unsigned int base = strncmp(key, "SYMBOL(", 7) ? 10 : 16;

	if (!text)
		return false;
	if (size > 2 && text[0] == '0' && text[1] == 'x')
		return parse_number(text + 2, size - 2, 16, value);
	if (size > 1 && text[0] == '-') {
		if (!parse_number(text + 1, size - 1, base, value))
			return false;
		*value = -*value;
		return true;
	}
	return parse_number(text, size, base, value);
}

bool vmcoreinfo_read_fields(struct trouble *trouble, const struct vmcoreinfo *info,
			    const struct vmcoreinfo_field *fields, void *base)
{
	for (; fields->key; fields++) {
		const char *key = fields->key;
		uint64_t value;

		if (!vmcoreinfo_has(info, key)) {
			trouble_report(trouble, EXIT_NO_SYMBOL, "VMCOREINFO has no %s", key);
			return false;
		}
		if (!vmcoreinfo_find(info, key, &value) ||
		    (strncmp(key, "SYMBOL(", 7) && value > STRUCT_LIMIT)) {
			trouble_report(trouble, EXIT_BAD_NUMBER,
				       "VMCOREINFO: the value of %s is invalid", key);
			return false;
		}
		memcpy((char *)base + fields->offset, &value, sizeof(value));
	}
	return true;
}
