/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads a file of any size through a small cache of blocks. mmap() is not used, because a read
 * error in a mapping is a signal and not an error code.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "file.h"

void file_init(struct file *file, int fd)
{
	memset(file, 0, sizeof(*file));
	file->fd = fd;
}

void file_close(struct file *file)
{
	close(file->fd);
}

/* Fills @block from @offset, up to the end of the file or a read error. */
static void read_block(struct file *file, struct file_block *block, uint64_t offset)
{
	ssize_t got;

	block->offset = offset;
	block->size = 0;
	block->error = 0;
	while (block->size < sizeof(block->data)) {
		got = pread(file->fd, block->data + block->size, sizeof(block->data) - block->size,
			    (off_t)(offset + block->size));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			block->error = errno;
		if (got <= 0)
			break;
		block->size += (size_t)got;
	}
}

/*
 * Returns the block at @offset, from the cache or newly read in place of the block that was not
 * used for the longest time. The clock gives every use a larger number.
 */
static struct file_block *get_block(struct file *file, uint64_t offset)
{
	struct file_block *oldest = file->blocks;

	for (struct file_block *block = file->blocks; block < file->blocks + FILE_BLOCKS; block++) {
		if (block->used && block->offset == offset) {
			block->used = ++file->clock;
			return block;
		}
		if (block->used < oldest->used)
			oldest = block;
	}
	read_block(file, oldest, offset);
	oldest->used = ++file->clock;
	return oldest;
}

size_t file_read(struct file *file, uint64_t offset, void *buffer, size_t size, int *error)
{
	size_t done = 0;

	*error = 0;
	while (done < size) {
		struct file_block *block;
		uint64_t position;
		size_t inside, part;

		/* pread() takes a signed offset; no file is longer than INT64_MAX bytes. */
		if (__builtin_add_overflow(offset, done, &position) ||
		    position > INT64_MAX - FILE_BLOCK_SIZE)
			break;
		inside = position % FILE_BLOCK_SIZE;
		block = get_block(file, position - inside);
		if (inside >= block->size) {
			*error = block->error;
			break;
		}
		part = block->size - inside;
		if (part > size - done)
			part = size - done;
		memcpy((unsigned char *)buffer + done, block->data + inside, part);
		done += part;
	}
	return done;
}
