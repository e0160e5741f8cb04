/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include "decompress.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

#define CHUNK		(256U << 10)
#define OUTPUT_LIMIT	(4ULL << 30)	/* what the kernel accepts for a file (kernel_read_file) */

/* A gzip member starts so (RFC 1952); the third byte is the only method there is. */
static bool is_gzip(const uint8_t *data, size_t size)
{
	return size >= 18 && data[0] == 0x1f && data[1] == 0x8b && data[2] == 8;
}

/* Kernels before 6.3 do not know MFD_NOEXEC_SEAL; later ones may demand it (vm.memfd_noexec). */
static int open_memfd(void)
{
	const unsigned int flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	int fd = memfd_create("kernel", flags | MFD_NOEXEC_SEAL);

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("kernel", flags);
	return fd;
}

static bool write_all(int fd, const uint8_t *data, size_t size)
{
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

static enum crashres_status inflate_to(struct crashres_ctx *ctx, z_stream *stream,
				       const struct crashres_file *file, int fd, uint8_t *chunk)
{
	const uint8_t *input = file->data, *end = file->data + file->size;
	uint64_t total = 0;
	int result = Z_OK;

	while (result != Z_STREAM_END) {
		size_t left = (size_t)(end - input);

		stream->next_in = (Bytef *)(uintptr_t)input;
		stream->avail_in = left < CHUNK ? (uInt)left : CHUNK;
		stream->next_out = chunk;
		stream->avail_out = CHUNK;
		result = inflate(stream, Z_NO_FLUSH);
		input = stream->next_in;
		if (result == Z_BUF_ERROR || (result == Z_OK && input == end && stream->avail_out))
			return crs_fail(ctx, CRASHRES_ERR_FORMAT, "%s: gzip: truncated",
					file->name);
		if (result != Z_OK && result != Z_STREAM_END)
			return crs_fail(ctx, CRASHRES_ERR_FORMAT, "%s: gzip: damaged: %s",
					file->name, stream->msg ? stream->msg : zError(result));
		total += CHUNK - stream->avail_out;
		if (total > OUTPUT_LIMIT)
			return crs_fail(ctx, CRASHRES_ERR_LIMIT, "%s: gzip: unpacks to more than 4 GiB",
					file->name);
		if (!write_all(fd, chunk, CHUNK - stream->avail_out))
			return crs_fail_errno(ctx, CRASHRES_ERR_OS, errno, "%s: gzip: cannot unpack",
					      file->name);
	}
	return CRASHRES_OK;
}

static enum crashres_status gunzip(struct crashres_ctx *ctx, const struct crashres_file *file,
				   int fd)
{
	CRS_CLEANUP(crs_freep) uint8_t *chunk = malloc(CHUNK);
	enum crashres_status status;
	z_stream stream = { 0 };

	/* 16 + 15: the gzip format only, with any window; checks CRC and length. */
	if (!chunk || inflateInit2(&stream, 16 + MAX_WBITS) != Z_OK)
		return crs_fail_memory(ctx);
	status = inflate_to(ctx, &stream, file, fd, chunk);
	inflateEnd(&stream);
	return status;
}

enum crashres_status crs_decompress(struct crashres_ctx *ctx, const struct crashres_file *file,
				    struct crashres_file **inner)
{
	CRS_CLEANUP(crs_freep) char *name = NULL;
	CRS_CLEANUP(crs_closep) int fd = -1;
	enum crashres_status status;

	if (!is_gzip(file->data, file->size)) {
		*inner = NULL;
		return CRASHRES_OK;
	}
	if (asprintf(&name, "%s (gzip)", file->name) < 0) {
		name = NULL;
		return crs_fail_memory(ctx);
	}
	fd = open_memfd();
	if (fd < 0)
		return crs_fail_errno(ctx, CRASHRES_ERR_OS, errno, "%s: memfd_create", file->name);
	status = gunzip(ctx, file, fd);
	if (status != CRASHRES_OK)
		return status;
	/* Sealed: what is hashed and what is loaded are the same bytes. */
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0)
		return crs_fail_errno(ctx, CRASHRES_ERR_OS, errno, "%s: cannot seal", file->name);
	return crs_file_from_fd(ctx, fd, name, inner);
}
