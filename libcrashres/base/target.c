/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* target.c: resolve the path of an output file. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "target.h"

/* The kernel follows at most this number of symbolic links in a path (MAXSYMLINKS). */
#define LINK_LIMIT 40

/* Fails with the current errno. */
static enum crashres_status fail(struct crashres_ctx *ctx, const struct crs_target *target)
{
	return errno == ENOMEM ? crs_fail_memory(ctx) :
	       crs_fail_errno(ctx, CRASHRES_ERR_OS, errno, "%s: cannot write", target->path);
}

/* Returns the part of @path before its last name, which the caller frees. NULL: no memory. */
static char *folder_of(const char *path, const char *name)
{
	if (name == path)
		return strdup(".");
	return strndup(path, name == path + 1 ? 1 : (size_t)(name - path - 1));
}

/*
 * Opens the folder of @path, which counts from the folder of @target, and stores the last name.
 * Returns false with errno set.
 */
static bool enter(struct crs_target *target, const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	CRS_CLEANUP(crs_freep) char *folder = folder_of(path, name);
	int fd;

	if (strlen(name) > NAME_MAX) {
		errno = ENAMETOOLONG;
		return false;
	}
	fd = folder ? openat(target->folder, folder, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
	if (fd < 0)
		return false;
	crs_closep(&target->folder);
	target->folder = fd;
	/* A path that ends with "/" names a folder. */
	snprintf(target->name, sizeof(target->name), "%s", *name ? name : ".");
	return true;
}

/* Opens the file at the name, of any kind. It can be missing. Returns false with errno set. */
static bool look(struct crs_target *target)
{
	crs_closep(&target->old);
	target->old = openat(target->folder, target->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (target->old >= 0)
		return !fstat(target->old, &target->st);
	return errno == ENOENT;
}

static enum crs_target_kind kind_of(const struct crs_target *target)
{
	if (target->old < 0)
		return CRS_TARGET_MISSING;
	return S_ISREG(target->st.st_mode) || S_ISLNK(target->st.st_mode) ? CRS_TARGET_REGULAR :
									     CRS_TARGET_SPECIAL;
}

static bool is_link(const struct crs_target *target)
{
	return target->old >= 0 && S_ISLNK(target->st.st_mode);
}

/* Links in /proc have no path: they lead to a file that is open. */
static bool is_in_proc(const struct crs_target *target)
{
	struct statfs fs;

	return !fstatfs(target->folder, &fs) && fs.f_type == PROC_SUPER_MAGIC;
}

/* May the link be followed? False with errno, which is 0 if the link belongs to a stranger. */
static bool may_follow(const struct crs_target *target)
{
	uid_t owner = target->st.st_uid;
	struct stat folder;

	if (owner == geteuid() || owner == 0)
		return true;
	if (fstat(target->folder, &folder) < 0)
		return false;
	errno = 0;
	return owner == folder.st_uid;
}

/* Goes to the file that the link names. */
static enum crashres_status follow(struct crashres_ctx *ctx, struct crs_target *target)
{
	char path[PATH_MAX];
	ssize_t size;

	if (!may_follow(target))
		return errno ? fail(ctx, target) :
		       crs_fail(ctx, CRASHRES_ERR_OS,
				"%s: leads through a symbolic link of another user", target->path);
	/* The opened link is read, not its name: the name can be another link by now. */
	size = readlinkat(target->old, "", path, sizeof(path) - 1);
	if (size < 0)
		return fail(ctx, target);
	path[size] = '\0';
	return enter(target, path) && look(target) ? CRASHRES_OK : fail(ctx, target);
}

/* Follows the links at the end of the path. Those in /proc are not followed. */
static enum crashres_status follow_all(struct crashres_ctx *ctx, struct crs_target *target)
{
	for (int i = 0; is_link(target); i++) {
		enum crashres_status status;

		if (is_in_proc(target)) {
			target->kind = CRS_TARGET_DESCRIPTOR;
			return CRASHRES_OK;
		}
		errno = ELOOP;
		status = i < LINK_LIMIT ? follow(ctx, target) : fail(ctx, target);
		if (status != CRASHRES_OK)
			return status;
	}
	target->kind = kind_of(target);
	return CRASHRES_OK;
}

enum crashres_status crs_target_open(struct crashres_ctx *ctx, const char *path,
				     enum crs_target_links links, struct crs_target *target)
{
	*target = (struct crs_target){ .path = path, .folder = AT_FDCWD, .old = -1 };
	if (!enter(target, path) || !look(target))
		return fail(ctx, target);
	if (links == CRS_TARGET_FOLLOW)
		return follow_all(ctx, target);
	target->kind = kind_of(target);
	return CRASHRES_OK;
}

/* Does the name lead to the file that @fd has open? Links are followed. */
static bool leads_to(const struct crs_target *target, int fd)
{
	struct stat found, opened;

	return !fstatat(target->folder, target->name, &found, 0) && !fstat(fd, &opened) &&
	       found.st_dev == opened.st_dev && found.st_ino == opened.st_ino;
}

enum crashres_status crs_target_open_beside(struct crashres_ctx *ctx, const char *file, int fd,
					    const char *path, struct crs_target *target)
{
	const char *suffix = path + strlen(file);
	size_t size;

	*target = (struct crs_target){ .path = path, .folder = AT_FDCWD, .old = -1 };
	if (!enter(target, file))
		return fail(ctx, target);
	if (fd >= 0 && !leads_to(target, fd))
		return crs_fail(ctx, CRASHRES_ERR_OS,
				"%s: the file changed after it was read: try again", file);
	errno = ENAMETOOLONG;
	size = strlen(target->name);
	if (size + strlen(suffix) > NAME_MAX)
		return fail(ctx, target);
	snprintf(target->name + size, sizeof(target->name) - size, "%s", suffix);
	if (!look(target))
		return fail(ctx, target);
	target->kind = kind_of(target);
	return CRASHRES_OK;
}

void crs_target_close(struct crs_target *target)
{
	crs_closep(&target->folder);
	crs_closep(&target->old);
}

bool crs_target_is(const struct crs_target *target, int fd)
{
	struct stat st;

	return target->kind == CRS_TARGET_REGULAR && fd >= 0 && !fstat(fd, &st) &&
	       st.st_dev == target->st.st_dev && st.st_ino == target->st.st_ino;
}

/* Returns the number of the descriptor of this process that the link names, or -1. */
static int own_descriptor(const struct crs_target *target)
{
	struct stat folder, own;
	char *end;
	long number = strtol(target->name, &end, 10);

	if (*end || number > INT_MAX || fstat(target->folder, &folder) < 0 ||
	    stat("/proc/self/fd", &own) < 0)
		return -1;
	return folder.st_ino == own.st_ino && folder.st_dev == own.st_dev ? (int)number : -1;
}

int crs_target_open_special(const struct crs_target *target)
{
	int own = target->kind == CRS_TARGET_DESCRIPTOR ? own_descriptor(target) : -1;
	int flags = O_WRONLY | O_NOCTTY | O_CLOEXEC;
	CRS_CLEANUP(crs_closep) int fd = -1;
	struct stat st;
	int result;

	if (own >= 0)
		return fcntl(own, F_DUPFD_CLOEXEC, 0);
	if (target->kind == CRS_TARGET_DESCRIPTOR)
		return openat(target->folder, target->name, flags);
	fd = openat(target->folder, target->name, flags | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -1;
	if (st.st_dev != target->st.st_dev || st.st_ino != target->st.st_ino) {
		errno = EAGAIN;
		return -1;
	}
	result = fd;
	fd = -1;
	return result;
}
