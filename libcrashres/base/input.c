/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "input.h"
#include "memfd.h"

#define CHUNK (256U << 10)

static enum crashres_status read_to(struct crashres_ctx *ctx, int fd, uint8_t *chunk,
				    struct crs_memfd *memfd)
{
	for (;;) {
		ssize_t got = read(fd, chunk, CHUNK);
		enum crashres_status status;

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return crs_fail_errno(ctx, CRASHRES_ERR_OS, errno, "cannot read");
		if (got == 0)
			return CRASHRES_OK;
		status = crs_memfd_write(ctx, memfd, chunk, (size_t)got);
		if (status != CRASHRES_OK)
			return status;
	}
}

/*
 * Devices, pipes and files of sysfs can only be read; and kexec_file_load(2)
 * takes regular files alone (kernel_read_file), so that theirs is a copy's fd.
 */
static enum crashres_status copy_file(struct crashres_ctx *ctx, int fd, const char *name,
				      struct crashres_input **file)
{
	CRS_CLEANUP(crs_memfd_closep) struct crs_memfd memfd = CRS_MEMFD_CLOSED;
	CRS_CLEANUP(crs_freep) uint8_t *chunk = malloc(CHUNK);
	enum crashres_status status;

	if (!chunk)
		return crs_fail_memory(ctx);
	status = crs_memfd_open(ctx, &memfd);
	if (status == CRASHRES_OK)
		status = read_to(ctx, fd, chunk, &memfd);
	if (status == CRASHRES_OK && !memfd.size)
		status = crs_fail(ctx, CRASHRES_ERR_FORMAT, "the file is empty");
	if (status == CRASHRES_OK)
		status = crs_memfd_finish(ctx, &memfd, name, file);
	if (status != CRASHRES_OK)
		return crs_within(ctx, status, "%s", name);
	(*file)->copied = true;
	return CRASHRES_OK;
}

/* *mapped stays NULL for what cannot be mapped. */
static enum crashres_status map_bytes(struct crashres_ctx *ctx, int fd, const char *name,
				      void **mapped, size_t *size)
{
	struct stat st;
	void *data;

	if (fstat(fd, &st) < 0)
		return crs_fail_errno(ctx, CRASHRES_ERR_OS, errno, "%s", name);
	if (S_ISDIR(st.st_mode))
		return crs_fail_errno(ctx, CRASHRES_ERR_OS, EISDIR, "%s", name);
	if (!S_ISREG(st.st_mode) || st.st_size == 0)
		return CRASHRES_OK;
	data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED)
		return errno == ENODEV ? CRASHRES_OK :
		       crs_fail_errno(ctx, CRASHRES_ERR_OS, errno, "%s: cannot map", name);
	*mapped = data;
	*size = (size_t)st.st_size;
	return CRASHRES_OK;
}

static enum crashres_status describe(struct crashres_ctx *ctx, int fd, const char *name,
				     struct crashres_input *file)
{
	file->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (file->fd < 0)
		return crs_fail_errno(ctx, CRASHRES_ERR_OS, errno, "%s", name);
	file->name = strdup(name);
	return file->name ? CRASHRES_OK : crs_fail_memory(ctx);
}

enum crashres_status crs_input_from_fd(struct crashres_ctx *ctx, int fd, const char *name,
				      struct crashres_input **file)
{
	struct crashres_input *new;
	void *mapped = NULL;
	size_t size = 0;
	enum crashres_status status = map_bytes(ctx, fd, name, &mapped, &size);

	if (status != CRASHRES_OK)
		return status;
	if (!mapped)
		return copy_file(ctx, fd, name, file);
	new = calloc(1, sizeof(*new));
	if (!new) {
		munmap(mapped, size);
		return crs_fail_memory(ctx);
	}
	new->data = mapped;
	new->size = size;
	status = describe(ctx, fd, name, new);
	if (status != CRASHRES_OK) {
		crashres_input_close(new);
		return status;
	}
	*file = new;
	return CRASHRES_OK;
}

enum crashres_status crashres_input_open(struct crashres_ctx *ctx, const char *path,
					struct crashres_input **file)
{
	CRS_CLEANUP(crs_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return crs_fail_errno(ctx, CRASHRES_ERR_OS, errno, "Cannot open `%s'", path);
	return crs_input_from_fd(ctx, fd, path, file);
}

void crashres_input_close(struct crashres_input *file)
{
	if (!file)
		return;
	munmap((void *)(uintptr_t)file->data, file->size);
	crs_closep(&file->fd);
	free(file->name);
	free(file);
}

const void *crashres_input_data(const struct crashres_input *file, size_t *size)
{
	*size = file->size;
	return file->data;
}
