/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * replace.c: write a temporary file, copy the attributes, rename it.
 *
 * There are two ways to make the temporary file:
 *
 *   unnamed   O_TMPFILE. The file gets a name when it is complete, and is then renamed. If
 *             the program is killed while it writes, the kernel removes the file.
 *   named     on a file system without O_TMPFILE, such as vfat. All signals wait until the
 *             file is renamed or removed.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "replace.h"

/* The kernel follows at most this number of symbolic links in a path (MAXSYMLINKS). */
#define LINK_LIMIT 40

/* A new file in progress. */
struct replacement {
	char *final;				/* path of the new file; owned */
	char *folder;				/* of @final; owned */
	char *temporary;			/* path of the temporary file; owned */
	const struct iovec *parts;		/* borrowed */
	size_t count;				/* of @parts */
	int model_fd;				/* borrowed; -1: none */
	enum crs_replace_attributes attributes;	/* to copy from the model */
	mode_t mode;				/* permissions; used without a model */
};

/* Fails with the current errno. */
static enum crashres_status fail_write(struct crashres_ctx *ctx, const char *path)
{
	return crs_fail_errno(ctx, CRASHRES_ERR_OS, errno, "%s: cannot write", path);
}

/* Writes all bytes of @part. Returns false with errno set. */
static bool write_all(int fd, const struct iovec *part)
{
	const uint8_t *data = part->iov_base;
	size_t size = part->iov_len;

	while (size) {
		ssize_t written = write(fd, data, size);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return false;
		data += written;
		size -= (size_t)written;
	}
	return true;
}

/*
 * Copies one extended attribute. An ordinary user cannot set some of them, such as an
 * SELinux label, and vfat has none. The new file then keeps the attribute that its folder
 * gave it.
 */
static void copy_xattr(int from, int to, const char *name)
{
	ssize_t size = fgetxattr(from, name, NULL, 0);
	CRS_CLEANUP(crs_freep) char *value = NULL;

	if (size < 0)
		return;
	value = malloc((size_t)size + 1);
	size = value ? fgetxattr(from, name, value, (size_t)size) : -1;
	if (size >= 0 && fsetxattr(to, name, value, (size_t)size, 0) < 0)
		return;
}

/*
 * Must this attribute be left out? Signatures belong to the old content. Capabilities give a
 * program rights, in the same way as the set-user-id bit, which is not copied either.
 */
static bool is_dropped(const char *name)
{
	return !strcmp(name, "security.ima") || !strcmp(name, "security.evm") ||
	       !strcmp(name, "security.capability");
}

/* Copies the extended attributes of @from, except those that are dropped. */
static void copy_xattrs(int from, int to)
{
	ssize_t size = flistxattr(from, NULL, 0);
	CRS_CLEANUP(crs_freep) char *names = NULL;

	if (size <= 0)
		return;
	names = malloc((size_t)size + 1);
	size = names ? flistxattr(from, names, (size_t)size) : 0;
	if (size <= 0)
		return;
	names[size] = '\0';
	for (const char *name = names; name < names + size; name += strlen(name) + 1)
		if (!is_dropped(name))
			copy_xattr(from, to, name);
}

/*
 * Does errno say that the file system, or this user, cannot change an attribute? A new file
 * has the mode 0600 or the mode of its mount, so the file is not less private without it.
 */
static bool cannot_change(void)
{
	return errno == EPERM || errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL;
}

/* Sets the permissions of the new file. */
static bool set_mode(int fd, mode_t mode)
{
	return !fchmod(fd, mode) || cannot_change();
}

/*
 * Copies the owner and @attributes of the file @from. An ordinary user cannot change the
 * owner and keeps the file, but can often change the group.
 */
static bool copy_attributes(int from, int to, enum crs_replace_attributes attributes)
{
	struct stat st;

	if (fstat(from, &st) < 0)
		return false;
	if (fchown(to, st.st_uid, st.st_gid) < 0 && fchown(to, (uid_t)-1, st.st_gid) < 0 &&
	    !cannot_change())
		return false;
	if (attributes == CRS_REPLACE_MODE_ONLY)
		return set_mode(to, st.st_mode & 0666);
	copy_xattrs(from, to);
	return set_mode(to, st.st_mode & 0777);
}

/* Writes the temporary file @fd, down to the disk. Returns false with errno set. */
static bool fill(const struct replacement *new, int fd)
{
	bool done = true;

	for (size_t i = 0; i < new->count && done; i++)
		done = write_all(fd, &new->parts[i]);
	if (!done)
		return false;
	done = new->model_fd < 0 ? set_mode(fd, new->mode) :
				   copy_attributes(new->model_fd, fd, new->attributes);
	return done && !fsync(fd);
}

/*
 * Writes the folder to the disk, so that the rename survives a crash. An error changes
 * nothing for the caller: the file is complete.
 */
static void sync_folder(const char *folder)
{
	CRS_CLEANUP(crs_closep) int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0 && fsync(fd) < 0)
		return;
}

/* Renames the temporary file, or removes it. Returns false with errno set. */
static bool rename_temporary(const struct replacement *new)
{
	int error;

	if (!rename(new->temporary, new->final)) {
		sync_folder(new->folder);
		return true;
	}
	error = errno;
	unlink(new->temporary);
	errno = error;
	return false;
}

/* Gives the complete unnamed file @fd its name. False: it has no name, and errno says why. */
static bool link_unnamed(const struct replacement *new, int fd)
{
	char path[32];

	/* AT_EMPTY_PATH would need CAP_DAC_READ_SEARCH (linkat(2)). */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return !linkat(AT_FDCWD, path, AT_FDCWD, new->temporary, AT_SYMLINK_FOLLOW);
}

/* Blocks all signals of this thread. @old: out; for unblock(). */
static void block(sigset_t *old)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, old);
}

/* Restores the signals, and keeps errno. Signals that waited are delivered here. */
static void unblock(const sigset_t *old)
{
	int error = errno;

	pthread_sigmask(SIG_SETMASK, old, NULL);
	errno = error;
}

/*
 * Replaces the file through an unnamed file.
 *
 * @possible: out; false if the file system has no unnamed files, or /proc is not mounted.
 */
static bool replace_unnamed(const struct replacement *new, bool *possible)
{
	CRS_CLEANUP(crs_closep) int fd = open(new->folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
	sigset_t old;
	bool done;

	*possible = fd >= 0;
	if (fd < 0 || !fill(new, fd))
		return false;
	block(&old);
	*possible = link_unnamed(new, fd);
	done = *possible && rename_temporary(new);
	unblock(&old);
	return done;
}

/* Replaces the file through a named file. Signals must be blocked. */
static bool replace_named(const struct replacement *new)
{
	CRS_CLEANUP(crs_closep) int fd = open(new->temporary,
					      O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
	int error;

	if (fd < 0)
		return false;
	if (fill(new, fd))
		return rename_temporary(new);
	error = errno;
	unlink(new->temporary);
	errno = error;
	return false;
}

/* Replaces the file. Returns false with errno set. */
static bool replace(const struct replacement *new)
{
	sigset_t old;
	bool possible, done = replace_unnamed(new, &possible);

	if (possible)
		return done;
	block(&old);
	done = replace_named(new);
	unblock(&old);
	return done;
}

/* Returns the path of the folder that contains @path. The caller frees it. NULL: no memory. */
static char *folder_of(const char *path)
{
	CRS_CLEANUP(crs_freep) char *copy = strdup(path);

	/* dirname() changes the copy and returns a part of it, or a constant. */
	return copy ? strdup(dirname(copy)) : NULL;
}

/*
 * Reads the symbolic link @path. A target without "/" at its start counts from the folder of
 * the link. The caller frees the result. NULL with errno: not a link, or no memory.
 */
static char *read_link(const char *path)
{
	CRS_CLEANUP(crs_freep) char *folder = NULL;
	char target[4096], *result;
	ssize_t size = readlink(path, target, sizeof(target) - 1);

	if (size < 0)
		return NULL;
	target[size] = '\0';
	if (*target == '/')
		return strdup(target);
	folder = folder_of(path);
	if (folder && asprintf(&result, "%s/%s", folder, target) >= 0)
		return result;
	errno = ENOMEM;
	return NULL;
}

/*
 * Follows the links at the end of @path until a name is no link. realpath(3) does not do this
 * if the last target is missing. NULL with errno: more links than LINK_LIMIT, or no memory.
 */
static char *follow_links(const char *path)
{
	CRS_CLEANUP(crs_freep) char *name = strdup(path);

	for (int i = 0; name && i < LINK_LIMIT; i++) {
		char *target = read_link(name), *last = name;

		if (!target && errno != ENOMEM) {
			name = NULL;
			return last;
		}
		free(name);
		name = target;
	}
	errno = name ? ELOOP : ENOMEM;
	return NULL;
}

/* Returns the path of a new file in @folder, which the caller frees, or NULL with errno. */
static char *name_temporary(const char *folder)
{
	uint64_t number;
	char *name;

	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		return NULL;
	/* The dot hides the name from tools that look for kernels in /boot. */
	if (asprintf(&name, "%s/.crashres-%016" PRIx64, folder, number) >= 0)
		return name;
	errno = ENOMEM;
	return NULL;
}

/* Sets the paths of @new, which replace_at() frees. */
static bool choose_paths(struct replacement *new, const char *path)
{
	new->final = follow_links(path);
	new->folder = new->final ? folder_of(new->final) : NULL;
	new->temporary = new->folder ? name_temporary(new->folder) : NULL;
	return new->temporary;
}

static enum crashres_status replace_at(struct crashres_ctx *ctx, const char *path,
				       struct replacement *new)
{
	enum crashres_status status = CRASHRES_OK;

	if (!choose_paths(new, path) || !replace(new))
		status = errno == ENOMEM ? crs_fail_memory(ctx) : fail_write(ctx, path);
	free(new->final);
	free(new->folder);
	free(new->temporary);
	return status;
}

/*
 * Must @path be written directly? True for a device, a pipe, a folder, and a file that has no
 * name any more but a link in /proc, such as /dev/stdout can be.
 */
static bool is_direct(const char *path)
{
	CRS_CLEANUP(crs_freep) char *final = NULL;
	struct stat opened, named;

	if (stat(path, &opened) < 0)
		return false;
	if (!S_ISREG(opened.st_mode))
		return true;
	final = follow_links(path);
	return !final || stat(final, &named) < 0 || named.st_ino != opened.st_ino ||
	       named.st_dev != opened.st_dev;
}

enum crashres_status crs_replace_file(struct crashres_ctx *ctx, const char *path, int model_fd,
				      enum crs_replace_attributes attributes,
				      const struct iovec *parts, size_t count)
{
	struct replacement new = { .parts = parts, .count = count, .model_fd = model_fd,
				   .attributes = attributes };

	if (is_direct(path))
		return crs_fail(ctx, CRASHRES_ERR_OS, "%s: is not a regular file", path);
	return replace_at(ctx, path, &new);
}

/* Writes into the device, pipe or unnamed file @path. */
static enum crashres_status write_direct(struct crashres_ctx *ctx, const char *path,
					 const struct iovec *data)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_NOCTTY | O_CLOEXEC);
	bool done = fd >= 0 && write_all(fd, data);
	enum crashres_status status = done ? CRASHRES_OK : fail_write(ctx, path);

	/* Some devices report an error only here. */
	if (fd >= 0 && close(fd) < 0 && done)
		return fail_write(ctx, path);
	return status;
}

enum crashres_status crs_save_file(struct crashres_ctx *ctx, const char *path, mode_t mode,
				   const struct iovec *data)
{
	struct replacement new = { .parts = data, .count = 1, .model_fd = -1, .mode = mode };

	return is_direct(path) ? write_direct(ctx, path, data) : replace_at(ctx, path, &new);
}
