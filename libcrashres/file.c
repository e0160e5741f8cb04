/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"

/* The kernel's own limit for a file that it loads (kernel_read_file, 4 GiB). */
#define FILE_LIMIT (4ULL << 30)

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

enum crashres_status crs_read_below_root(struct crashres_ctx *ctx, const char *path, size_t limit,
					 uint8_t **data, size_t *size)
{
	CRS_CLEANUP(crs_closep) int fd = openat(ctx->root_fd, path, O_RDONLY | O_CLOEXEC);
	char name[128];

	snprintf(name, sizeof(name), "/%s", path);
	if (fd < 0)
		return crs_fail_errno(ctx, CRASHRES_ERR_OS, errno, "%s", name);
	return crs_read_fd(ctx, fd, limit, name, data, size);
}

static enum crashres_status read_bytes(struct crashres_ctx *ctx, int fd, struct crashres_file *file)
{
	uint8_t *data;
	enum crashres_status status = crs_read_fd(ctx, fd, FILE_LIMIT, file->name, &data,
						  &file->size);

	if (status == CRASHRES_OK)
		file->data = data;
	return status;
}

/* Devices, pipes and files of sysfs can only be read. */
static enum crashres_status take_bytes(struct crashres_ctx *ctx, int fd, struct crashres_file *file)
{
	struct stat st;
	uint8_t *data;

	if (fstat(fd, &st) < 0)
		return crs_fail_errno(ctx, CRASHRES_ERR_OS, errno, "%s", file->name);
	if (S_ISDIR(st.st_mode))
		return crs_fail_errno(ctx, CRASHRES_ERR_OS, EISDIR, "%s", file->name);
	if (!S_ISREG(st.st_mode) || st.st_size == 0)
		return read_bytes(ctx, fd, file);
	data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED && errno == ENODEV)
		return read_bytes(ctx, fd, file);
	if (data == MAP_FAILED)
		return crs_fail_errno(ctx, CRASHRES_ERR_OS, errno, "%s: cannot map", file->name);
	file->data = data;
	file->size = (size_t)st.st_size;
	file->mapped = true;
	return CRASHRES_OK;
}

enum crashres_status crs_file_from_fd(struct crashres_ctx *ctx, int fd, const char *name,
				      struct crashres_file **file)
{
	struct crashres_file *new = calloc(1, sizeof(*new));
	enum crashres_status status;

	if (!new)
		return crs_fail_memory(ctx);
	new->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	new->name = strdup(name);
	if (new->fd < 0)
		status = crs_fail_errno(ctx, CRASHRES_ERR_OS, errno, "%s", name);
	else
		status = new->name ? take_bytes(ctx, fd, new) : crs_fail_memory(ctx);
	if (status == CRASHRES_OK && new->size == 0)
		status = crs_fail(ctx, CRASHRES_ERR_FORMAT, "%s: the file is empty", name);
	if (status != CRASHRES_OK) {
		crashres_file_close(new);
		return status;
	}
	*file = new;
	return CRASHRES_OK;
}

enum crashres_status crashres_file_open(struct crashres_ctx *ctx, const char *path,
					struct crashres_file **file)
{
	CRS_CLEANUP(crs_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return crs_fail_errno(ctx, CRASHRES_ERR_OS, errno, "Cannot open `%s'", path);
	return crs_file_from_fd(ctx, fd, path, file);
}

void crashres_file_close(struct crashres_file *file)
{
	if (!file)
		return;
	if (file->mapped)
		munmap((void *)(uintptr_t)file->data, file->size);
	else
		free((void *)(uintptr_t)file->data);
	crs_closep(&file->fd);
	free(file->name);
	free(file);
}
