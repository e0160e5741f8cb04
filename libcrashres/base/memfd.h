/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A file without a path: filled as a stream, then sealed for ever. */
#ifndef CRS_MEMFD_H
#define CRS_MEMFD_H

#include "input.h"

struct crs_memfd {
	int fd;
	uint64_t size;		/* written and skipped so far */
	uint64_t limit;
};

#define CRS_MEMFD_CLOSED { .fd = -1 }

enum crashres_status crs_memfd_open(struct crashres_ctx *ctx, struct crs_memfd *memfd);

/* Return: CRASHRES_ERR_LIMIT where more than the limit would be in it. */
enum crashres_status crs_memfd_write(struct crashres_ctx *ctx, struct crs_memfd *memfd,
				     const void *data, size_t size);

/* @size zero bytes, which take no memory. */
enum crashres_status crs_memfd_skip(struct crashres_ctx *ctx, struct crs_memfd *memfd,
				    uint64_t size);

/*
 * Seals it, so that what is hashed and what is loaded are the same bytes, and
 * gives it as a file called @name. Empty: CRASHRES_ERR_FORMAT.
 */
enum crashres_status crs_memfd_finish(struct crashres_ctx *ctx, struct crs_memfd *memfd,
				      const char *name, struct crashres_input **file);

/* All of the above for bytes that are there already. */
enum crashres_status crs_memfd_copy(struct crashres_ctx *ctx, const void *data, size_t size,
				    const char *name, struct crashres_input **file);

/* For CRS_CLEANUP. */
void crs_memfd_closep(struct crs_memfd *memfd);

#endif
