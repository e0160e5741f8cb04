/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A file of any size, read through a few blocks of memory. */
#ifndef VMCORE_DMESG_FILE_H
#define VMCORE_DMESG_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A log is read in a few places at a time, each forwards: program headers, descriptors, their
 * infos, text. For each of them a block, and some to spare.
 */
#define FILE_BLOCKS 8
#define FILE_BLOCK_SIZE 4096

struct file_block {
	uint64_t offset;		/* a multiple of FILE_BLOCK_SIZE */
	uint64_t used;			/* by struct file's clock; 0: never */
	size_t size;			/* bytes that are there */
	int error;			/* errno of the read that ended it; 0: end of file */
	unsigned char data[FILE_BLOCK_SIZE];
};

struct file {
	int fd;
	uint64_t clock;
	struct file_block blocks[FILE_BLOCKS];
};

/* Takes over @fd. */
void file_init(struct file *file, int fd);
void file_close(struct file *file);

/*
 * Copies up to @size bytes from @offset on and returns how many. Fewer: *@error is the errno, or 0
 * at the end of the file.
 */
size_t file_read(struct file *file, uint64_t offset, void *buffer, size_t size, int *error);

#endif
