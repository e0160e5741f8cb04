/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The immutable bytes of a kernel, initrd or DTB, with the name that errors use. */
#ifndef CRS_INPUT_H
#define CRS_INPUT_H

#include "ctx.h"
#include "memfd.h"

/*
 * @data never changes, so that what was hashed is what is loaded, and reading it
 * never raises SIGBUS. It is
 *  - a private, write-protected copy of a regular file,
 *  - a mapping of a sealed memfd (everything that was unpacked or read as a stream), or
 *  - memory of the caller of crashres_input_from_memory().
 *
 * kexec_file_load(2) needs a descriptor. There are two:
 *  - crs_input_fd() gives a sealed memfd of exactly these bytes. Use it whenever
 *    something here was computed from @data: digests in an Image sealed by us
 *    cover these bytes, and no others may be loaded with it.
 *  - @original_fd is the file that the bytes were copied from. The attribute
 *    security.ima belongs to that file and is not copied, so IMA can appraise this
 *    descriptor only. Its content may have changed since: use it for kernel and
 *    initrd if the kernel is loaded as it is (not sealed by us) and a signature may
 *    count, and say in the result that nothing here checked what was handed over.
 */
struct crashres_input {
	char *name;
	const uint8_t *data;
	size_t size;
	int fd;			/* sealed memfd; -1: none yet, use crs_input_fd() */
	int original_fd;	/* regular file that was copied; -1: none */
	bool stream;		/* from a device or a pipe, which may go on behind the content */
	size_t mapped;		/* bytes to unmap; 0: @data is the caller's memory */
	unsigned int references;	/* the last crashres_input_close() frees it */
};

/* Seals @memfd, which becomes part of the result. Empty: CRASHRES_ERR_FORMAT. */
enum crashres_status crs_input_from_memfd(struct crashres_ctx *ctx, struct crs_memfd *memfd,
					  const char *name, struct crashres_input **input);

/* Copies @data. */
enum crashres_status crs_input_copy(struct crashres_ctx *ctx, const void *data, size_t size,
				    const char *name, struct crashres_input **input);

/* One more user, who calls crashres_input_close() too. Returns @input. */
struct crashres_input *crs_input_ref(struct crashres_input *input);

/*
 * The sealed memfd of @input, which keeps it. Private memory is copied into one by
 * the first call, because kexec_load(2) needs none.
 */
enum crashres_status crs_input_fd(struct crashres_ctx *ctx, const struct crashres_input *input,
				  int *fd);

#endif
