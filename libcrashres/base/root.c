/* SPDX-License-Identifier: LGPL-2.1-or-later */
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

/* The kernel answers EAGAIN when something was renamed while it resolved ".." (openat2(2)). */
#define TRIES 64

/* ------------------------------------------------------------------- opening */

static int open_confined(int root_fd, const char *path, int flags)
{
	const struct open_how how = {
		.flags = (unsigned int)flags,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	long fd = -1;

	errno = EAGAIN;
	for (int i = 0; i < TRIES && fd < 0 && errno == EAGAIN; i++)
		fd = syscall(SYS_openat2, root_fd, path, &how, sizeof(how));
	return (int)fd;
}

/* Nothing leads out of "/", so openat(2) is enough there, and kernels before 5.6 have no other. */
static int open_below(const struct crashres_ctx *ctx, const char *path, int flags)
{
	flags |= O_CLOEXEC;
	return ctx->root_is_live ? openat(ctx->root_fd, path, flags) :
	       open_confined(ctx->root_fd, path, flags);
}

/* On failure nothing is left open. */
static enum crashres_status open_root(struct crashres_ctx *ctx, const char *path, bool own, int *fd)
{
	CRS_CLEANUP(crs_closep) int new = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	CRS_CLEANUP(crs_closep) int probe = -1;

	if (new < 0)
		return crs_fail_errno(ctx, CRASHRES_ERR_OS, errno, "root %s", path);
	if (!own)
		probe = open_confined(new, ".", O_PATH | O_CLOEXEC);
	if (!own && probe < 0)
		return crs_fail_errno(ctx, CRASHRES_ERR_UNSUPPORTED, errno, "root %s: no openat2(2), "
				      "which keeps links inside it (Linux 5.6)", path);
	*fd = new;
	new = -1;
	return CRASHRES_OK;
}

enum crashres_status crashres_ctx_set_root(struct crashres_ctx *ctx, const char *path)
{
	const bool own = !strcmp(path, "/");
	int fd = -1;
	enum crashres_status status = open_root(ctx, path, own, &fd);

	if (status != CRASHRES_OK)
		return status;
	close(ctx->root_fd);
	ctx->root_fd = fd;
	ctx->root_is_live = own;
	return CRASHRES_OK;
}

static const char *type_name(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR: return "a directory";
	case S_IFIFO: return "a FIFO";
	case S_IFSOCK: return "a socket";
	default: return "a device";
	}
}

static enum crashres_status open_regular(struct crashres_ctx *ctx, const char *path, int flags,
					 int *fd)
{
	CRS_CLEANUP(crs_closep) int new = open_below(ctx, path, flags);
	struct stat st;

	if (new < 0 || fstat(new, &st) < 0)
		return crs_fail_errno(ctx, CRASHRES_ERR_OS, errno, "/%s", path);
	if (!S_ISREG(st.st_mode))
		return crs_fail(ctx, CRASHRES_ERR_FORMAT, "/%s: %s instead of a file", path,
				type_name(st.st_mode));
	*fd = new;
	new = -1;
	return CRASHRES_OK;
}

/*
 * The first open only looks: to open a device for reading can start it, such as
 * a watchdog. O_NONBLOCK, in case a FIFO takes the file's place after the look.
 */
enum crashres_status crs_root_open(struct crashres_ctx *ctx, const char *path, int *fd)
{
	CRS_CLEANUP(crs_closep) int look = -1;
	enum crashres_status status = open_regular(ctx, path, O_PATH, &look);

	if (status != CRASHRES_OK)
		return status;
	return open_regular(ctx, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, fd);
}

enum crashres_status crs_root_open_folder(struct crashres_ctx *ctx, const char *path, int *fd)
{
	int new = open_below(ctx, path, O_RDONLY | O_DIRECTORY);

	if (new < 0)
		return crs_fail_errno(ctx, CRASHRES_ERR_OS, errno, "/%s", path);
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
			return crs_fail_errno(ctx, CRASHRES_ERR_OS, errno, "%s: cannot read", name);
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
