/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Parses /proc/iomem: lines to resources, without duplicates, each with its parent. */
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "iomem.h"

/*
 * Reads hexadecimal digits at *cursor and moves *cursor after them. Returns false, with
 * *cursor unchanged, for no digit or a number above 64 bits.
 */
static bool parse_hex(const char **cursor, uint64_t *value)
{
	const char *p = *cursor;
	uint64_t v = 0;

	for (;; p++) {
		unsigned int digit;

		if (*p >= '0' && *p <= '9')
			digit = (unsigned int)(*p - '0');
		else if (*p >= 'a' && *p <= 'f')
			digit = (unsigned int)(*p - 'a') + 10;
		else if (*p >= 'A' && *p <= 'F')
			digit = (unsigned int)(*p - 'A') + 10;
		else
			break;
		if (v >> 60)
			return false;
		v = v << 4 | digit;
	}
	if (p == *cursor)
		return false;
	*cursor = p;
	*value = v;
	return true;
}

/* Moves *cursor after @literal. Returns false if the text is different. */
static bool skip_literal(const char **cursor, const char *literal)
{
	size_t length = strlen(literal);

	if (strncmp(*cursor, literal, length))
		return false;
	*cursor += length;
	return true;
}

/*
 * Parses "FIRST-LAST : NAME". resource->name points into @line. The kernel prints an empty
 * resource with LAST = FIRST - 1; the result has size 0 then.
 */
static bool parse_line(const char *line, struct crs_resource *resource)
{
	uint64_t first, last;

	while (*line == ' ')
		line++;
	if (!parse_hex(&line, &first) || !skip_literal(&line, "-") || !parse_hex(&line, &last) ||
	    !skip_literal(&line, " : "))
		return false;
	resource->name = line;
	if (last == UINT64_MAX)
		/*
		 * A bus window up to the end of the address space. A crashres_range cannot
		 * include the last byte. No memory lies there.
		 */
		last--;
	if (!crs_range_from_inclusive(first, last, &resource->range))
		resource->range = (struct crashres_range){ first, 0 };
	return true;
}

/*
 * Sorts by base. If two resources have the same base, the larger one comes first, because
 * it is the parent. Equal ranges keep their order in the file.
 */
static int compare_nesting(const void *a, const void *b)
{
	const struct crs_resource *left = a, *right = b;

	if (left->range.base != right->range.base)
		return left->range.base < right->range.base ? -1 : 1;
	if (left->range.size != right->range.size)
		return left->range.size > right->range.size ? -1 : 1;
	return (left->order > right->order) - (left->order < right->order);
}

/* Sorts equal ranges by name, so that duplicates are neighbours. */
static int compare_identity(const void *a, const void *b)
{
	const struct crs_resource *left = a, *right = b;
	int names;

	if (!crs_range_equal(left->range, right->range))
		return compare_nesting(a, b);
	names = strcmp(left->name, right->name);
	return names ? names : compare_nesting(a, b);
}

/*
 * Keeps one of the resources with the same range and name. /proc/iomem can change during
 * a read, and then can show a crash region twice (kexec-tools, commit 13e0a93).
 */
static void drop_duplicates(struct crs_iomem *iomem)
{
	struct crs_resource *resources = iomem->resources;
	size_t kept = 0;

	qsort(resources, iomem->count, sizeof(*resources), compare_identity);
	for (size_t i = 0; i < iomem->count; i++)
		if (!kept || !crs_range_equal(resources[kept - 1].range, resources[i].range) ||
		    strcmp(resources[kept - 1].name, resources[i].name))
			resources[kept++] = resources[i];
	iomem->count = kept;
}

/*
 * Needs resources sorted by compare_nesting(). The parent is the previous resource or one
 * of its ancestors.
 */
static void find_parents(struct crs_iomem *iomem)
{
	for (size_t i = 0; i < iomem->count; i++) {
		struct crs_resource *resource = &iomem->resources[i];
		ssize_t parent = (ssize_t)i - 1;

		while (parent >= 0 &&
		       !crs_range_contains(iomem->resources[parent].range, resource->range))
			parent = iomem->resources[parent].parent;
		resource->parent = parent;
	}
}

/* The kernel prints 00000000-00000000, so a range of one byte, to a reader without privilege. */
static bool is_all_zero(const struct crs_iomem *iomem)
{
	for (size_t i = 0; i < iomem->count; i++)
		if (iomem->resources[i].range.base || iomem->resources[i].range.size > 1)
			return false;
	return iomem->count != 0;
}

static size_t count_lines(const char *text)
{
	size_t lines = 1;

	for (; (text = strchr(text, '\n')); text++)
		lines++;
	return lines;
}

static enum crashres_status parse_text(struct crashres_ctx *ctx, struct crs_iomem *iomem)
{
	char *line, *rest = iomem->text;
	size_t order = 0;

	while ((line = strsep(&rest, "\n"))) {
		struct crs_resource *resource = &iomem->resources[iomem->count];

		resource->order = order++;
		if (*line == '\0')
			continue;
		if (!parse_line(line, resource))
			return crs_fail(ctx, CRASHRES_ERR_FORMAT,
					"/proc/iomem: line %zu is not a resource: \"%.60s\"", order,
					line);
		if (resource->range.size)
			iomem->count++;
	}
	return CRASHRES_OK;
}

enum crashres_status crs_iomem_parse(struct crashres_ctx *ctx, const void *data, size_t size,
				     struct crs_iomem *iomem)
{
	struct crs_iomem new = { .text = strndup(data, size) };
	enum crashres_status status;

	if (new.text)
		new.resources = calloc(count_lines(new.text), sizeof(*new.resources));
	if (!new.resources) {
		crs_iomem_free(&new);
		return crs_fail_memory(ctx);
	}
	status = parse_text(ctx, &new);
	if (status != CRASHRES_OK) {
		crs_iomem_free(&new);
		return status;
	}
	new.hidden = is_all_zero(&new);
	drop_duplicates(&new);
	qsort(new.resources, new.count, sizeof(*new.resources), compare_nesting);
	find_parents(&new);
	*iomem = new;
	return CRASHRES_OK;
}

void crs_iomem_free(struct crs_iomem *iomem)
{
	free(iomem->text);
	free(iomem->resources);
	*iomem = (struct crs_iomem){ 0 };
}
