/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads a file of any size, such as /proc/vmcore, through a small cache of blocks. */
#ifndef VMCORE_DMESG_FILE_H
#define VMCORE_DMESG_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Printing a log reads four areas alternately, each of them forwards: program headers, descriptors,
 * infos and text. One block for each, and as many again for text that wraps around the ring.
 */
#define FILE_BLOCKS 8
#define FILE_BLOCK_SIZE 4096

struct file_block {
	uint64_t offset;		/* in the file, a multiple of FILE_BLOCK_SIZE */
	uint64_t used;			/* time of the last use, file->clock; 0: empty block */
	size_t size;			/* valid bytes in data */
	int error;			/* errno if a read error cut the block; 0: end of file */
	unsigned char data[FILE_BLOCK_SIZE];
};

struct file {
	int fd;				/* owned */
	uint64_t clock;			/* number of block accesses */
	struct file_block blocks[FILE_BLOCKS];
};

/* @fd then belongs to @file, and file_close() closes it. */
void file_init(struct file *file, int fd);
void file_close(struct file *file);

/*
 * Copies @size bytes from @offset to @buffer. Returns the number of bytes copied. If it is less
 * than @size, *@error is the errno of the read, or 0 if the file ends there.
 */
size_t file_read(struct file *file, uint64_t offset, void *buffer, size_t size, int *error);

#endif
