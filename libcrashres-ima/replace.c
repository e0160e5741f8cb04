/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* replace.c: write a temporary file, copy the attributes, rename it. */
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
 * SELinux label. The new file then keeps the attribute that its folder gave it.
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

/* Copies the extended attributes of @from, except signatures of its content. */
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

/*
 * Copies the owner and @attributes of the file @from. The owner comes first, because a
 * change of the owner clears the set-user-id and set-group-id bits of the mode. An
 * ordinary user cannot change the owner (EPERM) and keeps the file.
 */
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

/* Writes the temporary file @fd, down to the disk. Returns false with errno set. */
static bool write_temporary(int fd, int model_fd, enum crs_replace_attributes attributes,
			    const struct iovec *parts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!write_all(fd, &parts[i]))
			return false;
	return copy_attributes(model_fd, fd, attributes) && !fsync(fd);
}

/*
 * Writes the folder of @path to the disk, so that the rename survives a crash. An error
 * changes nothing for the caller: the file is complete. dirname() changes @path.
 */
static void sync_folder(char *path)
{
	CRS_CLEANUP(crs_closep) int fd = open(dirname(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0 && fsync(fd) < 0)
		return;
}

/*
 * Computes the final path and a template for mkostemp() in the same folder, because
 * rename(2) works only within a file system. An existing symbolic link is resolved. An
 * existing device or folder is refused: a rename would replace the device itself.
 *
 * @final, @temporary: out; the caller frees them, also after a failure.
 */
static enum crashres_status choose_paths(struct crashres_ctx *ctx, const char *path, char **final,
					 char **temporary)
{
	struct stat st;

	if (!stat(path, &st) && !S_ISREG(st.st_mode))
		return crs_fail(ctx, CRASHRES_ERR_OS, "%s: is not a regular file", path);
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
