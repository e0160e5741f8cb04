/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * target.h: an output file, resolved once. A path is hostile if another user can write to one of
 * its folders: between two system calls that user can put another file or a link there. So the
 * path is used once, and afterwards the folder's descriptor and the name in it.
 */
#ifndef CRS_TARGET_H
#define CRS_TARGET_H

#include <limits.h>
#include <sys/stat.h>

#include "ctx.h"

enum crs_target_kind {
	CRS_TARGET_MISSING,	/* the folder has no such name */
	CRS_TARGET_REGULAR,	/* a regular file, or with CRS_TARGET_KEEP_LINK a link */
	CRS_TARGET_SPECIAL,	/* a device, a pipe or a folder */
	CRS_TARGET_DESCRIPTOR,	/* a link in /proc to an open file, such as /dev/stdout */
};

struct crs_target {
	const char *path;		/* for messages; borrowed */
	int folder;			/* O_PATH descriptor; owned */
	char name[NAME_MAX + 1];	/* in @folder */
	enum crs_target_kind kind;
	int old;			/* O_PATH descriptor of the file at @name, which keeps its
					   inode number in use; owned; -1: MISSING */
	struct stat st;			/* of @old */
};

/* A target before crs_target_open(), so that it can be closed. */
#define CRS_TARGET_CLOSED { .folder = -1, .old = -1 }

/* For a symbolic link at the end of the path. */
enum crs_target_links {
	CRS_TARGET_FOLLOW,	/* the target is the file that the link names; it can be missing */
	CRS_TARGET_KEEP_LINK,	/* the target is the link */
};

/*
 * Resolves @path. A link is followed only if it belongs to this user, to root or to the owner of
 * its folder. Linux has the same rule for shared folders (fs.protected_symlinks, proc(5)), but
 * readlink(2) does not apply it.
 *
 * @path:   must stay valid as long as the target.
 * @target: out; release with crs_target_close(), after a failure too.
 *
 * Return: CRASHRES_ERR_OS.
 */
enum crashres_status crs_target_open(struct crashres_ctx *ctx, const char *path,
				     enum crs_target_links links, struct crs_target *target);

/*
 * Resolves a name beside a file that was opened before. Its folder must still have this file:
 * another user can have put a link in the place of the folder.
 *
 * @file: the path that @fd was opened with. A link keeps its own folder.
 * @fd:   -1: not known; the folder is not checked.
 * @path: @file and more characters, for the new name; must stay valid as long as the target. A link
 *        there is the target.
 *
 * Return: as crs_target_open(), also if the folder has another file.
 */
enum crashres_status crs_target_open_beside(struct crashres_ctx *ctx, const char *file, int fd,
					    const char *path, struct crs_target *target);
void crs_target_close(struct crs_target *target);

/* Is the target the file that @fd has open? @fd: -1: no file. */
bool crs_target_is(const struct crs_target *target, int fd);

/*
 * Opens a SPECIAL or DESCRIPTOR target for writing. The descriptor of this process is duplicated,
 * so its offset and its O_APPEND stay. Returns the descriptor, which the caller closes, or -1 with
 * errno.
 */
int crs_target_open_special(const struct crs_target *target);

#endif
