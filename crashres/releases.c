/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finds the kernel releases whose kernels exist. */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../cli/seal-config.h"
#include "releases.h"

/* Returns the first %v of @pattern, or NULL. %% is not the start of one. */
static const char *find_place(const char *pattern)
{
	for (; (pattern = strchr(pattern, '%')); pattern += 2)
		if (pattern[1] == 'v')
			return pattern;
	return NULL;
}

bool releases_has_place(const char *pattern)
{
	return find_place(pattern);
}

/* Makes the pattern of glob(3): %v becomes *. Returns NULL: no memory; the caller frees it. */
static char *make_glob(const char *pattern)
{
	char *text = malloc(2 * strlen(pattern) + 1), *end = text;

	for (; text && *pattern; pattern++) {
		if (*pattern == '%' && *++pattern == 'v') {
			*end++ = '*';
			continue;
		}
		if (strchr("*?[\\", *pattern))
			*end++ = '\\';
		*end++ = *pattern;
	}
	if (text)
		*end = '\0';
	return text;
}

/*
 * Returns the length of the release in a path of @size bytes: every %v has the same length. 0:
 * there is no such length. @fixed: the expansion of @pattern with an empty release.
 */
static size_t find_length(const char *pattern, const char *fixed, size_t size)
{
	size_t places = 0, rest = strlen(fixed);

	while ((pattern = find_place(pattern))) {
		places++;
		pattern += 2;
	}
	return size > rest && !((size - rest) % places) ? (size - rest) / places : 0;
}

/* Is @path the expansion of @pattern with @release? */
static bool is_expansion(const char *path, const char *pattern, const char *release)
{
	char *text = seal_config_expand(pattern, release);
	bool same = text && !strcmp(text, path);

	free(text);
	return same;
}

/* Returns the number of bytes in a path before the first %v of @pattern. */
static size_t find_offset(const char *pattern)
{
	const char *place = find_place(pattern);
	size_t offset = 0;

	for (; pattern < place; pattern++, offset++)
		pattern += *pattern == '%';
	return offset;
}

/* Adds the release in @path to @releases, unless @path has none. Returns false: no memory. */
static bool add_release(const char *pattern, const char *path, struct releases *releases)
{
	char *fixed = seal_config_expand(pattern, "");
	size_t length = fixed ? find_length(pattern, fixed, strlen(path)) : 0;
	char *release = strndup(path + (length ? find_offset(pattern) : 0), length);
	bool done = fixed && release;

	free(fixed);
	if (done && length && !strchr(release, '/') && is_expansion(path, pattern, release))
		releases->names[releases->count++] = release;
	else
		free(release);
	return done;
}

bool releases_find(const char *pattern, struct releases *releases)
{
	char *text = make_glob(pattern);
	glob_t paths = { 0 };
	int result = text ? glob(text, 0, NULL, &paths) : GLOB_NOSPACE;
	bool done = result != GLOB_NOSPACE;

	*releases = (struct releases){ 0 };
	free(text);
	if (!result) {
		releases->names = calloc(paths.gl_pathc, sizeof(*releases->names));
		done = releases->names;
	}
	for (size_t i = 0; done && i < paths.gl_pathc; i++)
		done = add_release(pattern, paths.gl_pathv[i], releases);
	globfree(&paths);
	return done;
}

void releases_free(struct releases *releases)
{
	for (size_t i = 0; i < releases->count; i++)
		free(releases->names[i]);
	free(releases->names);
}
