/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finds the mistake that an output would destroy an input. */
#ifndef CLI_SAME_FILE_H
#define CLI_SAME_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* Do two paths name one regular file? Links are followed. A missing file is no other file. */
static inline bool same_file(const char *first, const char *second)
{
	struct stat a, b;

	return !stat(first, &a) && !stat(second, &b) && S_ISREG(a.st_mode) &&
	       a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* A file that a command reads. */
struct read_file {
	const char *option;	/* without the dashes */
	const char *path;	/* or a URI; NULL: the option is missing */
};

/* Returns the path in a URI "file:PATH" (RFC 8089), which can name a key. Any other text stays. */
static inline const char *path_of_location(const char *location)
{
	static const char *const prefixes[] = { "file://localhost", "file://", "file:" };

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(*prefixes); i++)
		if (!strncmp(location, prefixes[i], strlen(prefixes[i])))
			return location + strlen(prefixes[i]);
	return location;
}

/*
 * Returns false after one line on stderr if the output would destroy one of the files.
 *
 * @output_name: the output in the line, such as "--output".
 * @output:      NULL: no output.
 */
static inline bool output_is_other_file(const char *command, const char *output_name,
					const char *output, const struct read_file *files,
					size_t count)
{
	for (size_t i = 0; output && i < count; i++) {
		const char *path = files[i].path;

		if (!path || (!same_file(path, output) &&
			      !same_file(path_of_location(path), output)))
			continue;
		fprintf(stderr, "%s: %s and --%s name the same file\n", command, output_name,
			files[i].option);
		return false;
	}
	return true;
}

#endif
