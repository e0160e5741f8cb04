/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A folder for temporary files that no other user can read, change or replace: not the files in
 * it, not the folder, and none of the folders above it.
 */
#ifndef CRASHRES_PRIVATE_FOLDER_H
#define CRASHRES_PRIVATE_FOLDER_H

/*
 * Makes the folder below $TMPDIR, or below /tmp. Each folder above it must belong to root or to
 * this user, and only they can write to it; a folder such as /tmp can have the sticky bit instead.
 *
 * Returns the path, which private_folder_remove() frees. NULL after one line on stderr.
 */
char *private_folder_make(void);

/* Removes the folder and the files in it. @path: may be NULL. */
void private_folder_remove(char *path);

/* Returns "FOLDER/NAME", which the caller frees. NULL: no memory. */
char *private_folder_join(const char *folder, const char *name);

#endif
