/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finds the mistake that an output would destroy an input. */
#ifndef CLI_SAME_FILE_H
#define CLI_SAME_FILE_H

#include <stdbool.h>
#include <sys/stat.h>

/* Do two paths name one regular file? Links are followed. A missing file is no other file. */
static inline bool same_file(const char *first, const char *second)
{
	struct stat a, b;

	return !stat(first, &a) && !stat(second, &b) && S_ISREG(a.st_mode) &&
	       a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

#endif
