/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Makes immutable inputs from files, descriptors and memory.
 *
 *   regular file          private copy (copy_file)
 *   device, pipe, /proc   sealed memfd (copy_stream), because the size is unknown
 *   sealed memfd          shared, without a copy (share_fd)
 *   caller's memory       borrowed (crashres_input_from_memory)
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "input.h"
#include "root.h"

/* Bytes of a transparent huge page if a page has 4 KiB. */
#define HUGE_PAGE ((size_t)2 << 20)

/* Allocates an input without bytes and descriptors, with one reference. NULL: no memory. */
static struct crashres_input *new_input(struct crashres_ctx *ctx, const char *name)
{
	struct crashres_input *new = calloc(1, sizeof(*new));

	if (new)
		*new = (struct crashres_input){
			.name = strdup(name), .fd = -1, .original_fd = -1, .mode = 0600,
			.references = 1 };
	if (new && new->name)
		return new;
	free(new);
	crs_fail_memory(ctx);
	return NULL;
}

/*
 * Maps a sealed memfd. After success the input owns @fd. The mapping is MAP_PRIVATE,
 * because kernels before 6.7 refuse MAP_SHARED for a memfd with F_SEAL_WRITE.
 */
static enum crashres_status map_sealed(struct crashres_ctx *ctx, int fd, uint64_t size,
				       const char *name, struct crashres_input **input)
{
	struct crashres_input *new;
	void *data;

	if (size > SIZE_MAX)
		return crs_fail(ctx, CRASHRES_ERR_LIMIT, "the file is too large for this machine");
	data = mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED)
		return errno == ENOMEM ? crs_fail_memory(ctx) :
		       crs_fail_errno(ctx, CRASHRES_ERR_OS, errno, "cannot map");
	new = new_input(ctx, name);
	if (!new) {
		munmap(data, (size_t)size);
		return CRASHRES_ERR_MEMORY;
	}
	new->data = data;
	new->size = new->mapped = (size_t)size;
	new->fd = fd;
	*input = new;
	return CRASHRES_OK;
}

enum crashres_status crs_input_from_memfd(struct crashres_ctx *ctx, struct crs_memfd *memfd,
					  const char *name, struct crashres_input **input)
{
	enum crashres_status status = crs_memfd_seal(ctx, memfd);

	if (status == CRASHRES_OK)
		status = map_sealed(ctx, memfd->fd, memfd->size, name, input);
	if (status == CRASHRES_OK)
		memfd->fd = -1;
	return status;
}

/* Writes @data into a new @memfd. The caller closes @memfd, after a failure too. */
static enum crashres_status write_memfd(struct crashres_ctx *ctx, const void *data, size_t size,
				  struct crs_memfd *memfd)
{
	enum crashres_status status = crs_memfd_open(ctx, memfd);

	return status == CRASHRES_OK ? crs_memfd_write(ctx, memfd, data, size) : status;
}

enum crashres_status crs_input_copy(struct crashres_ctx *ctx, const void *data, size_t size,
				    const char *name, struct crashres_input **input)
{
	CRS_CLEANUP(crs_memfd_closep) struct crs_memfd memfd = CRS_MEMFD_CLOSED;
	enum crashres_status status = write_memfd(ctx, data, size, &memfd);

	if (status == CRASHRES_OK)
		status = crs_input_from_memfd(ctx, &memfd, name, input);
	return crs_prefix_error(ctx, status, "%s", name);
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/*
 * Fails if the file changed since @before. Compares ctime too, because a program can set
 * mtime back after it wrote to the file.
 */
static enum crashres_status check_unchanged(struct crashres_ctx *ctx, int fd,
					    const struct stat *before)
{
	struct stat after;

	if (fstat(fd, &after) < 0)
		return crs_fail_errno(ctx, CRASHRES_ERR_OS, errno, "cannot read");
	if (after.st_size == before->st_size && same_time(&after.st_mtim, &before->st_mtim) &&
	    same_time(&after.st_ctim, &before->st_ctim))
		return CRASHRES_OK;
	return crs_fail(ctx, CRASHRES_ERR_OS, "the file changed while it was read: try again");
}

/* Refuses folders and files that are too large, before anything is read. */
static enum crashres_status check_kind(struct crashres_ctx *ctx, int fd, struct stat *st)
{
	if (fstat(fd, st) < 0)
		return crs_fail_errno(ctx, CRASHRES_ERR_OS, errno, "cannot read");
	if (S_ISDIR(st->st_mode))
		return crs_fail(ctx, CRASHRES_ERR_OS, "%s", strerror(EISDIR));
	if (S_ISREG(st->st_mode) && (uint64_t)st->st_size > CRS_MEMFD_LIMIT)
		return crs_fail(ctx, CRASHRES_ERR_LIMIT, "more than 4 GiB");
	if (S_ISREG(st->st_mode) && (uint64_t)st->st_size > SIZE_MAX - 2 * HUGE_PAGE)
		return crs_fail(ctx, CRASHRES_ERR_LIMIT, "the file is too large for this machine");
	return CRASHRES_OK;
}

static enum crashres_status fill_memfd(struct crashres_ctx *ctx, int fd, const struct stat *st,
				       struct crs_memfd *memfd)
{
	enum crashres_status status = crs_memfd_open(ctx, memfd);

	if (status == CRASHRES_OK)
		status = crs_memfd_fill(ctx, memfd, fd);
	if (status == CRASHRES_OK && S_ISREG(st->st_mode))
		status = check_unchanged(ctx, fd, st);
	if (status == CRASHRES_OK && !memfd->size)
		status = crs_fail(ctx, CRASHRES_ERR_FORMAT, "the file is empty");
	return status;
}

/* Copies a device, a pipe or a file of /proc or /sys. Their size is known only at the end. */
static enum crashres_status copy_stream(struct crashres_ctx *ctx, int fd, const struct stat *st,
					const char *name, struct crashres_input **input)
{
	CRS_CLEANUP(crs_memfd_closep) struct crs_memfd memfd = CRS_MEMFD_CLOSED;
	enum crashres_status status = fill_memfd(ctx, fd, st, &memfd);

	if (status == CRASHRES_OK)
		status = crs_input_from_memfd(ctx, &memfd, name, input);
	if (status != CRASHRES_OK)
		return status;
	(*input)->stream = true;
	if (S_ISREG(st->st_mode))
		(*input)->mode = st->st_mode & 0777;
	return CRASHRES_OK;
}

/*
 * Maps @size bytes, a multiple of HUGE_PAGE, at a multiple of HUGE_PAGE. mmap(2) aligns
 * to small pages only, so this maps one huge page more and unmaps what is too much.
 */
static void *map_huge(size_t size)
{
	uint8_t *area = mmap(NULL, size + HUGE_PAGE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t skipped;

	if (area == MAP_FAILED)
		return area;
	skipped = (HUGE_PAGE - (uintptr_t)area % HUGE_PAGE) % HUGE_PAGE;
	if (skipped)
		munmap(area, skipped);
	munmap(area + skipped + size, HUGE_PAGE - skipped);
	/* This fails on a kernel without transparent huge pages. Small pages work as well. */
	madvise(area + skipped, size, MADV_HUGEPAGE);
	return area + skipped;
}

/*
 * Gives @input writable private memory for input->size bytes. A memfd would be slower: it
 * has huge pages only if the administrator enabled them, and it costs 6,000 instructions
 * for each page of 4 KiB (Linux 6.1).
 */
static enum crashres_status map_private(struct crashres_ctx *ctx, struct crashres_input *input)
{
	bool huge = input->size >= HUGE_PAGE / 2;
	size_t size = huge ? (input->size + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE : input->size;
	void *data = huge ? map_huge(size) :
			    mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
				 -1, 0);

	if (data == MAP_FAILED)
		return crs_fail_memory(ctx);
	input->data = data;
	input->mapped = size;
	return CRASHRES_OK;
}

/*
 * Reads the file from byte @offset to byte @size or to the end of the file. Returns the
 * offset at which reading ended, or -1 with errno.
 */
static int64_t read_up_to(int fd, uint8_t *data, uint64_t offset, uint64_t size)
{
	while (offset < size) {
		ssize_t got = pread(fd, data + offset, size - offset, (off_t)offset);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		offset += (uint64_t)got;
	}
	return (int64_t)offset;
}

/*
 * Reads the file into input->data and makes that memory read-only.
 *
 * @complete: out; false if the file has more or fewer bytes than fstat() reported, as the
 *            files of /proc and /sys do.
 */
static enum crashres_status read_whole(struct crashres_ctx *ctx, int fd, const struct stat *st,
				       struct crashres_input *input, bool *complete)
{
	uint8_t *data = (uint8_t *)(uintptr_t)input->data, more;
	int64_t end = read_up_to(fd, data, 0, input->size);
	ssize_t extra = end < 0 ? -1 : pread(fd, &more, 1, end);
	enum crashres_status status;

	if (extra < 0)
		return crs_fail_errno(ctx, CRASHRES_ERR_OS, errno, "cannot read");
	status = check_unchanged(ctx, fd, st);
	*complete = (uint64_t)end == input->size && !extra;
	if (status == CRASHRES_OK && mprotect(data, input->mapped, PROT_READ) < 0)
		return crs_fail_errno(ctx, CRASHRES_ERR_OS, errno, "cannot protect the copy");
	return status;
}

/* Copies a regular file. Leaves *input NULL if fstat() reported a wrong size. */
static enum crashres_status copy_file(struct crashres_ctx *ctx, int fd, const struct stat *st,
				      const char *name, struct crashres_input **input)
{
	struct crashres_input *new = new_input(ctx, name);
	enum crashres_status status;
	bool complete = false;

	if (!new)
		return CRASHRES_ERR_MEMORY;
	new->size = (size_t)st->st_size;
	new->mode = st->st_mode & 0777;
	new->modified = st->st_mtim;
	status = map_private(ctx, new);
	if (status == CRASHRES_OK)
		status = read_whole(ctx, fd, st, new, &complete);
	if (status == CRASHRES_OK && complete) {
		new->original_fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
		if (new->original_fd < 0)
			status = crs_fail_errno(ctx, CRASHRES_ERR_OS, errno,
						"cannot duplicate the descriptor");
	}
	if (status == CRASHRES_OK && complete)
		*input = new;
	else
		crashres_input_close(new);
	return status;
}

static enum crashres_status copy_fd(struct crashres_ctx *ctx, int fd, const char *name,
				    struct crashres_input **input)
{
	struct crashres_input *new = NULL;
	struct stat st;
	enum crashres_status status = check_kind(ctx, fd, &st);

	if (status == CRASHRES_OK && S_ISREG(st.st_mode) && st.st_size)
		status = copy_file(ctx, fd, &st, name, &new);
	if (status == CRASHRES_OK && !new)
		status = copy_stream(ctx, fd, &st, name, &new);
	if (status == CRASHRES_OK)
		*input = new;
	return status;
}

/* Shares a sealed memfd of the caller. Nobody can change it, so no copy is necessary. */
static enum crashres_status share_fd(struct crashres_ctx *ctx, int fd, const char *name,
				     struct crashres_input **input)
{
	CRS_CLEANUP(crs_closep) int duplicate = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	enum crashres_status status;
	struct stat st;

	if (duplicate < 0 || fstat(duplicate, &st) < 0)
		return crs_fail_errno(ctx, CRASHRES_ERR_OS, errno,
				      "cannot duplicate the descriptor");
	if (!st.st_size)
		return crs_fail(ctx, CRASHRES_ERR_FORMAT, "the file is empty");
	if ((uint64_t)st.st_size > CRS_MEMFD_LIMIT)
		return crs_fail(ctx, CRASHRES_ERR_LIMIT, "more than 4 GiB");
	status = map_sealed(ctx, duplicate, (uint64_t)st.st_size, name, input);
	if (status == CRASHRES_OK)
		duplicate = -1;
	return status;
}

enum crashres_status crashres_input_from_fd(struct crashres_ctx *ctx, int fd, const char *name,
					    struct crashres_input **input)
{
	enum crashres_status status = crs_memfd_is_sealed(fd) ? share_fd(ctx, fd, name, input) :
								copy_fd(ctx, fd, name, input);

	return crs_prefix_error(ctx, status, "%s", name);
}

enum crashres_status crashres_input_from_memory(struct crashres_ctx *ctx, const char *name,
						const void *data, size_t size,
						struct crashres_input **input)
{
	struct crashres_input *new;

	if (!size)
		return crs_fail(ctx, CRASHRES_ERR_FORMAT, "%s: the content is empty", name);
	if (size > CRS_MEMFD_LIMIT)
		return crs_fail(ctx, CRASHRES_ERR_LIMIT, "%s: more than 4 GiB", name);
	new = new_input(ctx, name);
	if (!new)
		return CRASHRES_ERR_MEMORY;
	new->data = data;
	new->size = size;
	*input = new;
	return CRASHRES_OK;
}

enum crashres_status crs_input_fd(struct crashres_ctx *ctx, const struct crashres_input *input,
				  int *fd)
{
	CRS_CLEANUP(crs_memfd_closep) struct crs_memfd memfd = CRS_MEMFD_CLOSED;
	/* Plans hold their inputs as const. The descriptor is a cache: the bytes stay the same. */
	struct crashres_input *cache = (struct crashres_input *)(uintptr_t)input;
	enum crashres_status status;

	if (input->fd < 0) {
		status = write_memfd(ctx, input->data, input->size, &memfd);
		if (status == CRASHRES_OK)
			status = crs_memfd_seal(ctx, &memfd);
		if (status != CRASHRES_OK)
			return crs_prefix_error(ctx, status, "%s", input->name);
		cache->fd = memfd.fd;
		memfd.fd = -1;
	}
	*fd = input->fd;
	return CRASHRES_OK;
}

struct crashres_input *crs_input_ref(struct crashres_input *input)
{
	input->references++;
	return input;
}

enum crashres_status crashres_input_open(struct crashres_ctx *ctx, const char *path,
					 struct crashres_input **input)
{
	CRS_CLEANUP(crs_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return crs_fail_errno(ctx, CRASHRES_ERR_OS, errno, "Cannot open `%s'", path);
	return crashres_input_from_fd(ctx, fd, path, input);
}

enum crashres_status crashres_input_open_below_root(struct crashres_ctx *ctx, const char *path,
						    struct crashres_input **input)
{
	const char *below = path + strspn(path, "/");
	CRS_CLEANUP(crs_closep) int fd = -1;
	enum crashres_status status;

	if (crs_root_lacks(ctx, below)) {
		*input = NULL;
		return CRASHRES_OK;
	}
	status = crs_root_open(ctx, below, &fd);
	return status == CRASHRES_OK ? crashres_input_from_fd(ctx, fd, path, input) : status;
}

void crashres_input_close(struct crashres_input *input)
{
	if (!input || --input->references)
		return;
	if (input->mapped)
		munmap((void *)(uintptr_t)input->data, input->mapped);
	crs_closep(&input->fd);
	crs_closep(&input->original_fd);
	free(input->name);
	free(input);
}

const void *crashres_input_data(const struct crashres_input *input, size_t *size)
{
	*size = input->size;
	return input->data;
}
