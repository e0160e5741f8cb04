/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "replace.h"

static enum crashres_status fail_write(struct crashres_ctx *ctx, const char *path)
{
	return crs_fail_errno(ctx, CRASHRES_ERR_OS, errno, "%s: cannot write", path);
}

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

/* Where one may not be set (a label, by a user) the new file has what its folder gives. */
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
		if (strcmp(name, "security.ima") && strcmp(name, "security.evm"))
			copy_xattr(from, to, name);
}

/* Owner first: a change of it clears the mode's set-id bits. */
static bool copy_attributes(int from, int to, enum crs_replace_attributes attributes)
{
	struct stat st;

	if (fstat(from, &st) < 0)
		return false;
	if (fchown(to, st.st_uid, st.st_gid) < 0 && errno != EPERM)
		return false;
	if (attributes == CRS_REPLACE_MODE_ONLY)
		return !fchmod(to, st.st_mode & 0666);
	copy_xattrs(from, to);
	return !fchmod(to, st.st_mode & 07777);
}

static bool write_temporary(int fd, int model_fd, enum crs_replace_attributes attributes,
			    const struct iovec *parts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!write_all(fd, &parts[i]))
			return false;
	return copy_attributes(model_fd, fd, attributes) && !fsync(fd);
}

/* The rename itself must be on disk, too. */
static void sync_folder(char *path)
{
	CRS_CLEANUP(crs_closep) int fd = open(dirname(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0 && fsync(fd) < 0)
		return;
}

/* Behind links, where there is such a file already. A device is no place to rename to. */
static enum crashres_status choose_paths(struct crashres_ctx *ctx, const char *path, char **final,
					 char **temporary)
{
	struct stat st;

	if (!stat(path, &st) && !S_ISREG(st.st_mode))
		return crs_fail(ctx, CRASHRES_ERR_OS, "%s: not a regular file", path);
	*final = realpath(path, NULL);
	if (!*final)
		*final = strdup(path);
	if (!*final)
		return crs_fail_memory(ctx);
	if (asprintf(temporary, "%s.XXXXXX", *final) < 0) {
		*temporary = NULL;
		return crs_fail_memory(ctx);
	}
	return CRASHRES_OK;
}

enum crashres_status crs_replace_file(struct crashres_ctx *ctx, const char *path, int model_fd,
				      enum crs_replace_attributes attributes,
				      const struct iovec *parts, size_t count)
{
	CRS_CLEANUP(crs_freep) char *final = NULL;
	CRS_CLEANUP(crs_freep) char *temporary = NULL;
	CRS_CLEANUP(crs_closep) int fd = -1;
	enum crashres_status status = choose_paths(ctx, path, &final, &temporary);

	if (status != CRASHRES_OK)
		return status;
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return fail_write(ctx, path);
	if (write_temporary(fd, model_fd, attributes, parts, count) && !rename(temporary, final)) {
		sync_folder(final);
		return CRASHRES_OK;
	}
	status = fail_write(ctx, path);
	unlink(temporary);
	return status;
}
