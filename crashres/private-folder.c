/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Makes and removes a private folder. */
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "private-folder.h"

static bool fail(const char *path, const char *what)
{
	fprintf(stderr, "crashres: %s: %s: %s\n", path, what, strerror(errno));
	return false;
}

char *private_folder_join(const char *folder, const char *name)
{
	char *path;

	return asprintf(&path, "%s/%s", folder, name) < 0 ? NULL : path;
}

/* Can only root and this user rename the files of other owners in the folder @path? */
static bool check_folder(const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return fail(path, "cannot open");
	if ((!st.st_uid || st.st_uid == geteuid()) &&
	    (!(st.st_mode & (S_IWGRP | S_IWOTH)) || st.st_mode & S_ISVTX))
		return true;
	fprintf(stderr, "crashres: %s: other users can change this folder, so no temporary file "
		"is safe below it\n", path);
	return false;
}

/* Checks the folder @path, which has no links in it, and the folders above it. */
static bool check_folders(char *path)
{
	for (char *end = path; end;) {
		bool safe;

		end = strchr(end + 1, '/');
		if (end)
			*end = '\0';
		safe = check_folder(path);
		if (end)
			*end = '/';
		if (!safe)
			return false;
	}
	return check_folder("/");
}

char *private_folder_make(void)
{
	const char *place = getenv("TMPDIR");
	char *real, *path;

	place = place && *place ? place : "/tmp";
	real = realpath(place, NULL);
	if (!real) {
		fail(place, "cannot open");
		return NULL;
	}
	path = check_folders(real) ? private_folder_join(real, "crashres-XXXXXX") : NULL;
	free(real);
	if (!path || mkdtemp(path))
		return path;
	fail(place, "cannot make a temporary folder");
	free(path);
	return NULL;
}

/* Removes the files that a program has left in @path. */
static void remove_files(const char *path)
{
	DIR *folder = opendir(path);

	for (const struct dirent *entry; folder && (entry = readdir(folder));)
		unlinkat(dirfd(folder), entry->d_name, 0);
	if (folder)
		closedir(folder);
}

void private_folder_remove(char *path)
{
	if (!path)
		return;
	remove_files(path);
	if (rmdir(path) < 0)
		fail(path, "cannot remove");
	free(path);
}
