/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writes a stream into a file in memory (memfd_create(2)) and seals the file, so that
 * nobody can change its bytes any more.
 */
#ifndef CRS_MEMFD_H
#define CRS_MEMFD_H

#include "ctx.h"

/* Bytes: the greatest file that kexec_file_load(2) reads (KEXEC_FILE_SIZE_MAX, 4 GiB). */
#define CRS_MEMFD_LIMIT	(4ULL << 30)

struct crs_memfd {
	int fd;			/* owned; -1: not open */
	uint64_t size;		/* bytes written and skipped so far */
	uint64_t limit;		/* greatest @size in bytes; tests lower it */
};

#define CRS_MEMFD_CLOSED { .fd = -1 }

/* Opens an empty memfd. The caller closes it with crs_memfd_closep(). */
enum crashres_status crs_memfd_open(struct crashres_ctx *ctx, struct crs_memfd *memfd);

/*
 * Appends @size bytes.
 *
 * Return: CRASHRES_ERR_LIMIT if the memfd would exceed its limit, CRASHRES_ERR_MEMORY if
 * there is no memory for the bytes.
 */
enum crashres_status crs_memfd_write(struct crashres_ctx *ctx, struct crs_memfd *memfd,
				     const void *data, size_t size);

/* Appends @size zero bytes without using memory for them. Return: CRASHRES_ERR_LIMIT. */
enum crashres_status crs_memfd_skip(struct crashres_ctx *ctx, struct crs_memfd *memfd,
				    uint64_t size);

/*
 * Copies the content of @fd into @memfd, which must be empty. Copies a file from its
 * beginning, and a pipe from its current position.
 *
 * Return: as crs_memfd_write(), and CRASHRES_ERR_OS if @fd cannot be read.
 */
enum crashres_status crs_memfd_fill(struct crashres_ctx *ctx, struct crs_memfd *memfd, int fd);

/* Makes the bytes immutable. Return: CRASHRES_ERR_FORMAT if @memfd is empty. */
enum crashres_status crs_memfd_seal(struct crashres_ctx *ctx, struct crs_memfd *memfd);

/* Is @fd a memfd with immutable bytes? False for any other file. */
bool crs_memfd_is_sealed(int fd);

/* Closes an open memfd; for CRS_CLEANUP. */
void crs_memfd_closep(struct crs_memfd *memfd);

#endif
