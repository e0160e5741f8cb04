/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * replace.c: write a temporary file, copy the attributes, rename it.
 *
 * There are two ways to make the temporary file:
 *
 *   unnamed   O_TMPFILE. The file gets a name when it is complete, and is then renamed. If
 *             the program is killed while it writes, the kernel removes the file.
 *   named     on a file system without O_TMPFILE, such as vfat. All signals wait until the
 *             file is renamed or removed.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "replace.h"

/* A new file in progress. All members are borrowed. */
struct replacement {
	const struct crs_target *target;
	const struct crs_new_file *new;
	const struct crashres_input *old;	/* new->version if @target is this file; else NULL */
	char temporary[32];			/* name in the folder of @target */
};

/* Fails with the current errno. */
static enum crashres_status fail_write(struct crashres_ctx *ctx, const char *path)
{
	return errno == ENOMEM ? crs_fail_memory(ctx) :
	       crs_fail_errno(ctx, CRASHRES_ERR_OS, errno, "%s: cannot write", path);
}

/* Writes all bytes of @part. Returns false with errno set. */
static bool write_all(int fd, const struct iovec *part)
{
	const uint8_t *data = part->iov_base;
	size_t size = part->iov_len;

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

/*
 * Copies one extended attribute. An ordinary user cannot set some of them, such as an
 * SELinux label, and vfat has none. The new file then keeps the attribute that its folder
 * gave it.
 */
static void copy_xattr(int from, int to, const char *name)
{
	ssize_t size = fgetxattr(from, name, NULL, 0);
	CRS_CLEANUP(crs_freep) char *value = NULL;

	if (size < 0)
		return;
	value = malloc((size_t)size + 1);
	size = value ? fgetxattr(from, name, value, (size_t)size) : -1;
	if (size >= 0 && fsetxattr(to, name, value, (size_t)size, 0) < 0)
		return;
}

/*
 * Must this attribute be left out? Signatures belong to the old content. Capabilities give a
 * program rights, in the same way as the set-user-id bit, which is not copied either.
 */
static bool is_dropped(const char *name)
{
	return !strcmp(name, "security.ima") || !strcmp(name, "security.evm") ||
	       !strcmp(name, "security.capability");
}

/* Copies the extended attributes of @from, except those that are dropped. */
static void copy_xattrs(int from, int to)
{
	ssize_t size = flistxattr(from, NULL, 0);
	CRS_CLEANUP(crs_freep) char *names = NULL;

	if (size <= 0)
		return;
	names = malloc((size_t)size + 1);
	size = names ? flistxattr(from, names, (size_t)size) : 0;
	if (size <= 0)
		return;
	names[size] = '\0';
	for (const char *name = names; name < names + size; name += strlen(name) + 1)
		if (!is_dropped(name))
			copy_xattr(from, to, name);
}

/*
 * Does errno say that the file system, or this user, cannot change an attribute? A new file
 * has the mode 0600 or the mode of its mount, so the file is not less private without it.
 */
static bool cannot_change(void)
{
	return errno == EPERM || errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL;
}

/*
 * Copies the owner, the permissions and the extended attributes of the file @from. An ordinary
 * user cannot change the owner and keeps the file, but can often change the group.
 */
static bool copy_attributes(int from, int to)
{
	struct stat st;

	if (fstat(from, &st) < 0)
		return false;
	if (fchown(to, st.st_uid, st.st_gid) < 0 && fchown(to, (uid_t)-1, st.st_gid) < 0 &&
	    !cannot_change())
		return false;
	copy_xattrs(from, to);
	return !fchmod(to, st.st_mode & 0777) || cannot_change();
}

/* Writes the temporary file @fd, down to the disk. */
static enum crashres_status fill(struct crashres_ctx *ctx, const struct replacement *work, int fd)
{
	const struct crs_new_file *new = work->new;
	enum crashres_status status = CRASHRES_OK;
	bool done = true;

	for (size_t i = 0; i < new->count && done; i++)
		done = write_all(fd, &new->parts[i]);
	if (done && work->old)
		done = copy_attributes(work->old->original_fd, fd);
	if (done && new->finish)
		status = new->finish(ctx, fd, new->finish_data);
	if (status != CRASHRES_OK)
		return status;
	return done && !fsync(fd) ? CRASHRES_OK : fail_write(ctx, work->target->path);
}

/*
 * Writes the folder to the disk, so that the rename survives a crash. An error changes
 * nothing for the caller: the file is complete.
 */
static void sync_folder(int folder)
{
	CRS_CLEANUP(crs_closep) int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0 && fsync(fd) < 0)
		return;
}

static enum crashres_status fail_changed(struct crashres_ctx *ctx, const char *path)
{
	return crs_fail(ctx, CRASHRES_ERR_OS, "%s: the file changed after it was read: try again",
			path);
}

/*
 * Is the old version still at its name, with the content that was read? A stranger can have put
 * another file there, and a package manager can have installed a newer one.
 */
static enum crashres_status check_old(struct crashres_ctx *ctx, const struct replacement *work)
{
	const struct crs_target *target = work->target;
	struct stat named, read;

	if (!work->old)
		return CRASHRES_OK;
	if (fstatat(target->folder, target->name, &named, AT_SYMLINK_NOFOLLOW) < 0 ||
	    fstat(work->old->original_fd, &read) < 0 || named.st_dev != read.st_dev ||
	    named.st_ino != read.st_ino ||
	    named.st_mtim.tv_sec != work->old->modified.tv_sec ||
	    named.st_mtim.tv_nsec != work->old->modified.tv_nsec)
		return fail_changed(ctx, target->path);
	return CRASHRES_OK;
}

/* Renames the temporary file, or removes it. */
static enum crashres_status rename_temporary(struct crashres_ctx *ctx,
					     const struct replacement *work)
{
	const struct crs_target *target = work->target;
	enum crashres_status status = check_old(ctx, work);

	if (status == CRASHRES_OK &&
	    renameat(target->folder, work->temporary, target->folder, target->name) < 0)
		status = fail_write(ctx, target->path);
	if (status == CRASHRES_OK)
		sync_folder(target->folder);
	else
		unlinkat(target->folder, work->temporary, 0);
	return status;
}

/* Gives the complete unnamed file @fd its name. False: it has no name, and errno says why. */
static bool link_unnamed(const struct replacement *work, int fd)
{
	char path[32];

	/* AT_EMPTY_PATH would need CAP_DAC_READ_SEARCH (linkat(2)). */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return !linkat(AT_FDCWD, path, work->target->folder, work->temporary, AT_SYMLINK_FOLLOW);
}

/* Blocks all signals of this thread. @old: out; for pthread_sigmask(). */
static void block(sigset_t *old)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, old);
}

/*
 * Returns the mode to create the temporary file with: open(2) applies the umask. A new version of
 * a file gets its permissions later.
 */
static mode_t first_mode(const struct replacement *work)
{
	return work->old ? 0600 : work->new->mode & 0777;
}

/*
 * Replaces the file through an unnamed file.
 *
 * @possible: out; false if the file system has no unnamed files, or /proc is not mounted. The
 *            status has then no meaning.
 */
static enum crashres_status replace_unnamed(struct crashres_ctx *ctx,
					    const struct replacement *work, bool *possible)
{
	CRS_CLEANUP(crs_closep) int fd = openat(work->target->folder, ".",
						O_TMPFILE | O_WRONLY | O_CLOEXEC,
						first_mode(work));
	enum crashres_status status;
	sigset_t old;

	*possible = fd >= 0;
	if (fd < 0)
		return CRASHRES_ERR_OS;
	status = fill(ctx, work, fd);
	if (status != CRASHRES_OK)
		return status;
	block(&old);
	*possible = link_unnamed(work, fd);
	status = *possible ? rename_temporary(ctx, work) : CRASHRES_ERR_OS;
	/* Signals that waited are delivered here. */
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return status;
}

/* Replaces the file through a named file. Signals must be blocked. */
static enum crashres_status replace_named(struct crashres_ctx *ctx, const struct replacement *work)
{
	int folder = work->target->folder;
	CRS_CLEANUP(crs_closep) int fd = openat(folder, work->temporary,
						O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC,
						first_mode(work));
	enum crashres_status status;

	if (fd < 0)
		return fail_write(ctx, work->target->path);
	status = fill(ctx, work, fd);
	if (status == CRASHRES_OK)
		return rename_temporary(ctx, work);
	unlinkat(folder, work->temporary, 0);
	return status;
}

static enum crashres_status replace(struct crashres_ctx *ctx, const struct replacement *work)
{
	sigset_t old;
	bool possible;
	enum crashres_status status = replace_unnamed(ctx, work, &possible);

	if (possible)
		return status;
	block(&old);
	status = replace_named(ctx, work);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return status;
}

enum crashres_status crs_target_write(struct crashres_ctx *ctx, const struct crs_target *target,
				      const struct crs_new_file *new)
{
	struct replacement work = { .target = target, .new = new };
	uint64_t number;

	if (target->kind == CRS_TARGET_SPECIAL || target->kind == CRS_TARGET_DESCRIPTOR)
		return crs_fail(ctx, CRASHRES_ERR_OS, "%s: is not a regular file", target->path);
	if (new->version && crs_target_is(target, new->version->original_fd))
		work.old = new->version;
	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		return fail_write(ctx, target->path);
	/* The dot hides the name from tools that look for kernels in /boot. */
	snprintf(work.temporary, sizeof(work.temporary), ".crashres-%016" PRIx64, number);
	return replace(ctx, &work);
}

enum crashres_status crs_replace_input(struct crashres_ctx *ctx, const struct crashres_input *file,
				       const char *output, const struct iovec *parts, size_t count)
{
	const struct crs_new_file new = { .parts = parts, .count = count, .mode = file->mode,
					  .version = file };
	CRS_CLEANUP(crs_target_close) struct crs_target target;
	enum crashres_status status = crs_target_open(ctx, output ? output : file->name,
						      CRS_TARGET_FOLLOW, &target);

	if (status == CRASHRES_OK && !output && file->original_fd >= 0 &&
	    !crs_target_is(&target, file->original_fd))
		status = fail_changed(ctx, target.path);
	return status == CRASHRES_OK ? crs_target_write(ctx, &target, &new) : status;
}

/* Writes into a device, a pipe or an open file. */
static enum crashres_status write_special(struct crashres_ctx *ctx,
					  const struct crs_target *target,
					  const struct iovec *data)
{
	int fd = crs_target_open_special(target);
	bool done = fd >= 0 && write_all(fd, data);
	enum crashres_status status = done ? CRASHRES_OK : fail_write(ctx, target->path);

	/* Some devices report an error only here. */
	if (fd >= 0 && close(fd) < 0 && done)
		return fail_write(ctx, target->path);
	return status;
}

enum crashres_status crashres_input_save(struct crashres_ctx *ctx,
					 const struct crashres_input *input, const char *path)
{
	const struct iovec data = { (void *)(uintptr_t)input->data, input->size };
	const struct crs_new_file new = { .parts = &data, .count = 1, .mode = input->mode };
	CRS_CLEANUP(crs_target_close) struct crs_target target;
	enum crashres_status status = crs_target_open(ctx, path, CRS_TARGET_FOLLOW, &target);

	if (status != CRASHRES_OK)
		return status;
	if (target.kind == CRS_TARGET_SPECIAL || target.kind == CRS_TARGET_DESCRIPTOR)
		return write_special(ctx, &target, &data);
	return crs_target_write(ctx, &target, &new);
}
