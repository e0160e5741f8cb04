/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The immutable bytes of a kernel, initrd or DTB.
 *
 * The library computes digests over these bytes and loads the same bytes later. So they
 * must not change in between, even if another process writes to the file.
 */
#ifndef CRS_INPUT_H
#define CRS_INPUT_H

#include <sys/types.h>
#include <time.h>

#include "ctx.h"
#include "memfd.h"

/*
 * @data never changes, and reading it never raises SIGBUS. It is one of
 *  - a private, write-protected copy of a regular file,
 *  - a mapping of a sealed memfd: unpacked data, or the content of a device or pipe,
 *  - memory of the caller of crashres_input_from_memory().
 *
 * kexec_file_load(2) needs a descriptor. There are two kinds:
 *  - crs_input_fd() returns a sealed memfd with exactly these bytes. Use it if the
 *    library computed anything from @data. The digests in a sealed Image are valid for
 *    these bytes only.
 *  - @original_fd is the file that the bytes were copied from. The extended attribute
 *    security.ima belongs to that file and is not copied. So IMA can appraise this
 *    descriptor only. The content of the file can differ from @data by now. Use this
 *    descriptor if the kernel is loaded unsealed and a signature can matter, and report
 *    in the result that the loaded bytes were not checked.
 */
struct crashres_input {
	char *name;			/* for errors: path, or "path (gzip)"; owned */
	const uint8_t *data;
	size_t size;			/* bytes at @data; never 0 */
	int fd;				/* sealed memfd, owned; -1: crs_input_fd() makes it */
	int original_fd;		/* duplicate of the caller's descriptor, owned; -1: none */
	mode_t mode;			/* permissions for crashres_input_save(): those of the
					   opened file, without set-user-id, set-group-id and
					   sticky bit; 0600 if there was no regular file */
	struct timespec modified;	/* mtime of the file at @original_fd when it was read */
	bool stream;			/* from a device or pipe: other data can follow */
	size_t mapped;			/* bytes to unmap; 0: @data is memory of the caller */
	unsigned int references;	/* crashres_input_close() frees the input at 0 */
};

/*
 * Seals @memfd and makes it an input. After success the input owns the descriptor, and
 * memfd->fd is -1. After a failure the caller still owns it.
 *
 * Return: CRASHRES_ERR_FORMAT for an empty memfd, CRASHRES_ERR_OS if the kernel cannot
 * seal or map it.
 */
enum crashres_status crs_input_from_memfd(struct crashres_ctx *ctx, struct crs_memfd *memfd,
					  const char *name, struct crashres_input **input);

/* Makes an input from a copy of the @size bytes at @data. Return: as crs_input_from_memfd(). */
enum crashres_status crs_input_copy(struct crashres_ctx *ctx, const void *data, size_t size,
				    const char *name, struct crashres_input **input);

/* Adds a reference. Its holder calls crashres_input_close() too. Return: @input. */
struct crashres_input *crs_input_ref(struct crashres_input *input);

/*
 * Finds or makes the sealed memfd of @input. The first call copies private memory into a
 * memfd. kexec_load(2) needs no descriptor, so most loads never pay for this copy.
 *
 * @fd: out; belongs to @input. The caller must not close it.
 */
enum crashres_status crs_input_fd(struct crashres_ctx *ctx, const struct crashres_input *input,
				  int *fd);

#endif
