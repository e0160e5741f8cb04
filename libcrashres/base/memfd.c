/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fills and seals files in memory. */
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

#define CHUNK_SIZE	(64U << 10)	/* bytes of one read(2) */
#define SENDFILE_MAX	(1U << 30)	/* bytes of one sendfile(2), less than MAX_RW_COUNT */

/*
 * These seals together make the content immutable. F_SEAL_FUTURE_WRITE does not replace
 * F_SEAL_WRITE: a mapping that existed before that seal can still write.
 */
#define CONTENT_SEALS	(F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

/*
 * Kernels before 6.3 do not know MFD_NOEXEC_SEAL and return EINVAL. Newer kernels refuse
 * a memfd without this flag if the administrator set vm.memfd_noexec to 2.
 */
enum crashres_status crs_memfd_open(struct crashres_ctx *ctx, struct crs_memfd *memfd)
{
	const unsigned int flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	int fd = memfd_create("kernel", flags | MFD_NOEXEC_SEAL);

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("kernel", flags);
	if (fd < 0)
		return crs_fail_errno(ctx, CRASHRES_ERR_OS, errno, "cannot create a memfd");
	*memfd = (struct crs_memfd){ .fd = fd, .limit = CRS_MEMFD_LIMIT };
	return CRASHRES_OK;
}

/* @more: bytes to append. @memfd->size never exceeds the limit, so this cannot wrap. */
static enum crashres_status check_limit(struct crashres_ctx *ctx, const struct crs_memfd *memfd,
					uint64_t more)
{
	if (more > memfd->limit - memfd->size)
		return crs_fail(ctx, CRASHRES_ERR_LIMIT, "more than 4 GiB");
	return CRASHRES_OK;
}

/* tmpfs returns ENOSPC if memory runs out, and ENOMEM at the limit of a memory cgroup. */
static enum crashres_status fail_write(struct crashres_ctx *ctx, int error)
{
	if (error == ENOSPC || error == ENOMEM)
		return crs_fail_memory(ctx);
	return crs_fail_errno(ctx, CRASHRES_ERR_OS, error, "cannot write to the memfd");
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
			return fail_write(ctx, written ? errno : ENOSPC);
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
 * Copies with sendfile(2): the kernel copies from the page cache to the memfd, and the
 * data never enters this process. copy_file_range(2) cannot do this: since Linux 5.19 it
 * refuses a copy between two file systems, and a memfd lies on its own file system.
 *
 * Returns at the first failure, and also at an early 0, which files of /proc can return.
 * Then copy_by_read() continues at the same byte and reports the real error.
 */
static void copy_by_sendfile(struct crs_memfd *memfd, int fd)
{
	off_t offset = 0;
	ssize_t sent;

	do {
		uint64_t room = memfd->limit - memfd->size;

		sent = sendfile(memfd->fd, fd, &offset,
				room < SENDFILE_MAX ? (size_t)room : SENDFILE_MAX);
		memfd->size += sent > 0 ? (uint64_t)sent : 0;
	} while (sent > 0 || (sent < 0 && errno == EINTR));
}

/* Reads at @offset. Pipes and terminals have no offset: reads from their position. */
static ssize_t read_at(int fd, uint8_t *chunk, uint64_t offset)
{
	ssize_t got = pread(fd, chunk, CHUNK_SIZE, (off_t)offset);

	return got < 0 && errno == ESPIPE ? read(fd, chunk, CHUNK_SIZE) : got;
}

static enum crashres_status copy_by_read(struct crashres_ctx *ctx, struct crs_memfd *memfd, int fd)
{
	CRS_CLEANUP(crs_freep) uint8_t *chunk = malloc(CHUNK_SIZE);

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
	copy_by_sendfile(memfd, fd);
	return copy_by_read(ctx, memfd, fd);
}

enum crashres_status crs_memfd_seal(struct crashres_ctx *ctx, struct crs_memfd *memfd)
{
	if (!memfd->size)
		return crs_fail(ctx, CRASHRES_ERR_FORMAT, "the content is empty");
	/* Skipped zeros at the end are not part of the file yet: extend the file. */
	if (ftruncate(memfd->fd, (off_t)memfd->size) < 0 ||
	    fcntl(memfd->fd, F_ADD_SEALS, CONTENT_SEALS | F_SEAL_SEAL) < 0)
		return crs_fail_errno(ctx, CRASHRES_ERR_OS, errno, "cannot seal the memfd");
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
