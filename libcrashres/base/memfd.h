/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A file in memory without a path: filled as a stream, then sealed for ever. */
#ifndef CRS_MEMFD_H
#define CRS_MEMFD_H

#include "ctx.h"

/* The kernel accepts no larger file (kernel_read_file). */
#define CRS_MEMFD_LIMIT	(4ULL << 30)

struct crs_memfd {
	int fd;
	uint64_t size;		/* written and skipped so far */
	uint64_t limit;
};

#define CRS_MEMFD_CLOSED { .fd = -1 }

enum crashres_status crs_memfd_open(struct crashres_ctx *ctx, struct crs_memfd *memfd);

/* Return: CRASHRES_ERR_LIMIT if the memfd would exceed its limit, CRASHRES_ERR_MEMORY if memory ends. */
enum crashres_status crs_memfd_write(struct crashres_ctx *ctx, struct crs_memfd *memfd,
				     const void *data, size_t size);

/* @size zero bytes, which take no memory. */
enum crashres_status crs_memfd_skip(struct crashres_ctx *ctx, struct crs_memfd *memfd,
				    uint64_t size);

/*
 * Copies @fd from its beginning to its end; pipes from where they are. @memfd is empty.
 *
 * Return: as crs_memfd_write(), and CRASHRES_ERR_OS if @fd cannot be read.
 */
enum crashres_status crs_memfd_fill(struct crashres_ctx *ctx, struct crs_memfd *memfd, int fd);

/* After this, nobody can change the bytes. An empty memfd is CRASHRES_ERR_FORMAT. */
enum crashres_status crs_memfd_seal(struct crashres_ctx *ctx, struct crs_memfd *memfd);

/* Is @fd a memfd whose bytes nobody can change? */
bool crs_memfd_is_sealed(int fd);

/* For CRS_CLEANUP. */
void crs_memfd_closep(struct crs_memfd *memfd);

#endif
