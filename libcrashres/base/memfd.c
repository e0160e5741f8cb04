/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "memfd.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

#define LIMIT	(4ULL << 30)	/* what the kernel accepts for a file (kernel_read_file) */

/* Kernels before 6.3 do not know MFD_NOEXEC_SEAL; later ones may demand it (vm.memfd_noexec). */
enum crashres_status crs_memfd_open(struct crashres_ctx *ctx, struct crs_memfd *memfd)
{
	const unsigned int flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	int fd = memfd_create("kernel", flags | MFD_NOEXEC_SEAL);

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("kernel", flags);
	if (fd < 0)
		return crs_fail_errno(ctx, CRASHRES_ERR_OS, errno, "memfd_create");
	*memfd = (struct crs_memfd){ .fd = fd, .limit = LIMIT };
	return CRASHRES_OK;
}

static enum crashres_status check_limit(struct crashres_ctx *ctx, const struct crs_memfd *memfd,
					uint64_t more)
{
	if (more > memfd->limit - memfd->size)
		return crs_fail(ctx, CRASHRES_ERR_LIMIT, "more than 4 GiB");
	return CRASHRES_OK;
}

enum crashres_status crs_memfd_write(struct crashres_ctx *ctx, struct crs_memfd *memfd,
				     const void *data, size_t size)
{
	const uint8_t *bytes = data;
	enum crashres_status status = check_limit(ctx, memfd, size);

	if (status != CRASHRES_OK)
		return status;
	while (size) {
		ssize_t written = pwrite(memfd->fd, bytes, size, (off_t)memfd->size);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return crs_fail_errno(ctx, CRASHRES_ERR_OS, errno, "cannot unpack");
		bytes += written;
		size -= (size_t)written;
		memfd->size += (uint64_t)written;
	}
	return CRASHRES_OK;
}

enum crashres_status crs_memfd_skip(struct crashres_ctx *ctx, struct crs_memfd *memfd,
				    uint64_t size)
{
	enum crashres_status status = check_limit(ctx, memfd, size);

	if (status == CRASHRES_OK)
		memfd->size += size;
	return status;
}

enum crashres_status crs_memfd_finish(struct crashres_ctx *ctx, struct crs_memfd *memfd,
				      const char *name, struct crashres_input **file)
{
	if (!memfd->size)
		return crs_fail(ctx, CRASHRES_ERR_FORMAT, "nothing in it");
	/* What was skipped last is not in it yet. */
	if (ftruncate(memfd->fd, (off_t)memfd->size) < 0 ||
	    fcntl(memfd->fd, F_ADD_SEALS,
		  F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0)
		return crs_fail_errno(ctx, CRASHRES_ERR_OS, errno, "cannot seal");
	return crs_input_from_fd(ctx, memfd->fd, name, file);
}

enum crashres_status crs_memfd_copy(struct crashres_ctx *ctx, const void *data, size_t size,
				    const char *name, struct crashres_input **file)
{
	CRS_CLEANUP(crs_memfd_closep) struct crs_memfd memfd = CRS_MEMFD_CLOSED;
	enum crashres_status status = crs_memfd_open(ctx, &memfd);

	if (status == CRASHRES_OK)
		status = crs_memfd_write(ctx, &memfd, data, size);
	if (status == CRASHRES_OK)
		status = crs_memfd_finish(ctx, &memfd, name, file);
	return crs_within(ctx, status, "%s", name);
}

void crs_memfd_closep(struct crs_memfd *memfd)
{
	crs_closep(&memfd->fd);
}
