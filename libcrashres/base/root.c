/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "root.h"

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
