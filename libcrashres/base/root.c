/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Opens and reads files below the context's root without leaving that root. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "root.h"

/* openat2(2) fails with EAGAIN if a folder was renamed while the kernel resolved "..". */
#define OPENAT2_TRIES 64

/* ------------------------------------------------------------------- opening */

/* Opens @path with openat2(2), which keeps links and ".." inside @root_fd. */
static int open_confined(int root_fd, const char *path, int flags)
{
	const struct open_how how = {
		.flags = (unsigned int)flags,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	long fd = -1;

	errno = EAGAIN;
	for (int i = 0; i < OPENAT2_TRIES && fd < 0 && errno == EAGAIN; i++)
		fd = syscall(SYS_openat2, root_fd, path, &how, sizeof(how));
	return (int)fd;
}

/*
 * Opens @path below the root. No path leads out of "/", so openat(2) is sufficient for
 * it. Kernels before 5.6 have no openat2(2), and they must be able to load too.
 */
static int open_below(const struct crashres_ctx *ctx, const char *path, int flags)
{
	flags |= O_CLOEXEC;
	return ctx->root_is_live ? openat(ctx->root_fd, path, flags) :
	       open_confined(ctx->root_fd, path, flags);
}

/*
 * Opens the root @path. Opens "." in it with openat2(2) to find out now whether the
 * running kernel can confine paths.
 */
static enum crashres_status open_root(struct crashres_ctx *ctx, const char *path, bool is_live,
				      int *fd)
{
	CRS_CLEANUP(crs_closep) int new = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	CRS_CLEANUP(crs_closep) int probe = -1;

	if (new < 0)
		return crs_fail_errno(ctx, CRASHRES_ERR_OS, errno, "cannot open root %s", path);
	if (!is_live)
		probe = open_confined(new, ".", O_PATH | O_CLOEXEC);
	if (!is_live && probe < 0)
		return crs_fail_errno(ctx, CRASHRES_ERR_UNSUPPORTED, errno, "root %s: this kernel "
				      "has no openat2(2) (Linux 5.6)", path);
	*fd = new;
	new = -1;
	return CRASHRES_OK;
}

enum crashres_status crashres_ctx_set_root(struct crashres_ctx *ctx, const char *path)
{
	const bool is_live = !strcmp(path, "/");
	int fd = -1;
	enum crashres_status status = open_root(ctx, path, is_live, &fd);

	if (status != CRASHRES_OK)
		return status;
	close(ctx->root_fd);
	ctx->root_fd = fd;
	ctx->root_is_live = is_live;
	return CRASHRES_OK;
}

/* For messages about a file that is not a regular one. */
static const char *type_name(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR: return "a directory";
	case S_IFIFO: return "a FIFO";
	case S_IFSOCK: return "a socket";
	default: return "a device";
	}
}

/* Opens @path with @flags. Fails unless it is a regular file. */
static enum crashres_status open_regular(struct crashres_ctx *ctx, const char *path, int flags,
					 int *fd)
{
	CRS_CLEANUP(crs_closep) int new = open_below(ctx, path, flags);
	struct stat st;

	if (new < 0 || fstat(new, &st) < 0)
		return crs_fail_errno(ctx, CRASHRES_ERR_OS, errno, "cannot open /%s", path);
	if (!S_ISREG(st.st_mode))
		return crs_fail(ctx, CRASHRES_ERR_FORMAT, "/%s is %s, not a regular file", path,
				type_name(st.st_mode));
	*fd = new;
	new = -1;
	return CRASHRES_OK;
}

/*
 * Opens the file twice. The first open uses O_PATH and only finds out the type: opening a
 * device can start it, for example a watchdog. The second open uses O_NONBLOCK, because
 * somebody can put a FIFO in place of the file between the two.
 */
enum crashres_status crs_root_open(struct crashres_ctx *ctx, const char *path, int *fd)
{
	CRS_CLEANUP(crs_closep) int handle = -1;
	enum crashres_status status = open_regular(ctx, path, O_PATH, &handle);

	if (status != CRASHRES_OK)
		return status;
	return open_regular(ctx, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, fd);
}

enum crashres_status crs_root_open_folder(struct crashres_ctx *ctx, const char *path, int *fd)
{
	int new = open_below(ctx, path, O_RDONLY | O_DIRECTORY);

	if (new < 0)
		return crs_fail_errno(ctx, CRASHRES_ERR_OS, errno, "cannot open /%s", path);
	*fd = new;
	return CRASHRES_OK;
}

bool crs_root_lacks(const struct crashres_ctx *ctx, const char *path)
{
	CRS_CLEANUP(crs_closep) int fd = open_below(ctx, path, O_PATH);

	return fd < 0 && errno == ENOENT;
}

/* ------------------------------------------------------------------- reading */

enum crashres_status crs_read_fd(struct crashres_ctx *ctx, int fd, size_t limit, const char *name,
				 uint8_t **data, size_t *size)
{
	CRS_CLEANUP(crs_freep) uint8_t *buffer = NULL;
	size_t used = 0, capacity = 0;

	for (;;) {
		ssize_t got;

		/* One byte for the file, one for the NUL. */
		if (capacity - used < 2) {
			uint8_t *bigger;

			capacity = capacity ? 2 * capacity : 4096;
			bigger = realloc(buffer, capacity);
			if (!bigger)
				return crs_fail_memory(ctx);
			buffer = bigger;
		}
		got = read(fd, buffer + used, capacity - used - 1);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return crs_fail_errno(ctx, CRASHRES_ERR_OS, errno, "cannot read %s", name);
		if (got == 0)
			break;
		used += (size_t)got;
		if (used > limit)
			return crs_fail(ctx, CRASHRES_ERR_FORMAT, "%s: more than %zu bytes", name,
					limit);
	}
	buffer[used] = '\0';
	*data = buffer;
	*size = used;
	buffer = NULL;
	return CRASHRES_OK;
}

enum crashres_status crs_root_read(struct crashres_ctx *ctx, const char *path, size_t limit,
				   uint8_t **data, size_t *size)
{
	CRS_CLEANUP(crs_closep) int fd = -1;
	enum crashres_status status = crs_root_open(ctx, path, &fd);
	char name[128];

	if (status != CRASHRES_OK)
		return status;
	snprintf(name, sizeof(name), "/%s", path);
	return crs_read_fd(ctx, fd, limit, name, data, size);
}
