/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "memfd.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

#define CHUNK	(64U << 10)
#define SEND	(1U << 30)	/* below MAX_RW_COUNT, which one call cannot exceed */

/* F_SEAL_FUTURE_WRITE is not enough: mappings made before it can still write. */
#define CONTENT_SEALS	(F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

/* Kernels before 6.3 do not know MFD_NOEXEC_SEAL; later ones may demand it (vm.memfd_noexec). */
enum crashres_status crs_memfd_open(struct crashres_ctx *ctx, struct crs_memfd *memfd)
{
	const unsigned int flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	int fd = memfd_create("kernel", flags | MFD_NOEXEC_SEAL);

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("kernel", flags);
	if (fd < 0)
		return crs_fail_errno(ctx, CRASHRES_ERR_OS, errno, "memfd_create");
	*memfd = (struct crs_memfd){ .fd = fd, .limit = CRS_MEMFD_LIMIT };
	return CRASHRES_OK;
}

static enum crashres_status check_limit(struct crashres_ctx *ctx, const struct crs_memfd *memfd,
					uint64_t more)
{
	if (more > memfd->limit - memfd->size)
		return crs_fail(ctx, CRASHRES_ERR_LIMIT, "more than 4 GiB");
	return CRASHRES_OK;
}

/* tmpfs says ENOSPC when memory ends, and ENOMEM when the limit of a memory cgroup is reached. */
static enum crashres_status cannot_store(struct crashres_ctx *ctx, int error)
{
	if (error == ENOSPC || error == ENOMEM)
		return crs_fail_memory(ctx);
	return crs_fail_errno(ctx, CRASHRES_ERR_OS, error, "cannot write to memory");
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
		if (written <= 0)
			return cannot_store(ctx, written ? errno : ENOSPC);
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

/*
 * The kernel copies from page cache to memfd without a detour through this
 * process. (copy_file_range(2) does not help: since Linux 5.19 it refuses two
 * different file systems, and a memfd is always on one of its own.)
 *
 * Any failure only ends this: read_rest() goes on at the same byte, and reports
 * what is really wrong. So does an early 0, which files of /proc may give.
 */
static void send_most(struct crs_memfd *memfd, int fd)
{
	off_t offset = 0;
	ssize_t sent;

	do {
		uint64_t room = memfd->limit - memfd->size;

		sent = sendfile(memfd->fd, fd, &offset, room < SEND ? (size_t)room : SEND);
		memfd->size += sent > 0 ? (uint64_t)sent : 0;
	} while (sent > 0 || (sent < 0 && errno == EINTR));
}

/* Pipes and terminals have no offset. */
static ssize_t read_at(int fd, uint8_t *chunk, uint64_t offset)
{
	ssize_t got = pread(fd, chunk, CHUNK, (off_t)offset);

	return got < 0 && errno == ESPIPE ? read(fd, chunk, CHUNK) : got;
}

static enum crashres_status read_rest(struct crashres_ctx *ctx, struct crs_memfd *memfd, int fd)
{
	CRS_CLEANUP(crs_freep) uint8_t *chunk = malloc(CHUNK);

	if (!chunk)
		return crs_fail_memory(ctx);
	for (;;) {
		ssize_t got = read_at(fd, chunk, memfd->size);
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

enum crashres_status crs_memfd_fill(struct crashres_ctx *ctx, struct crs_memfd *memfd, int fd)
{
	send_most(memfd, fd);
	return read_rest(ctx, memfd, fd);
}

enum crashres_status crs_memfd_seal(struct crashres_ctx *ctx, struct crs_memfd *memfd)
{
	if (!memfd->size)
		return crs_fail(ctx, CRASHRES_ERR_FORMAT, "nothing in it");
	/* Zeros that were skipped last are not part of the file yet. */
	if (ftruncate(memfd->fd, (off_t)memfd->size) < 0 ||
	    fcntl(memfd->fd, F_ADD_SEALS, CONTENT_SEALS | F_SEAL_SEAL) < 0)
		return crs_fail_errno(ctx, CRASHRES_ERR_OS, errno, "cannot seal");
	return CRASHRES_OK;
}

bool crs_memfd_is_sealed(int fd)
{
	int seals = fcntl(fd, F_GET_SEALS);

	return seals >= 0 && (seals & CONTENT_SEALS) == CONTENT_SEALS;
}

void crs_memfd_closep(struct crs_memfd *memfd)
{
	crs_closep(&memfd->fd);
}
