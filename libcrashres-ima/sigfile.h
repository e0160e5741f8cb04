/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sigfile.h: the signature file FILE.sig, which has the bytes of imasig.h. */
#ifndef CRS_IMA_SIGFILE_H
#define CRS_IMA_SIGFILE_H

#include "../libcrashres/base/input.h"
#include "../libcrashres/base/target.h"

/*
 * Resolves FILE.sig in the folder of @file, see crs_target_open_beside(). A link there is the
 * target.
 *
 * @path:   out; "FILE.sig", which @target borrows; the caller frees it.
 * @target: out; release with crs_target_close(), after a failure too.
 *
 * Return: CRASHRES_ERR_OS.
 */
enum crashres_status crs_sigfile_open(struct crashres_ctx *ctx, const struct crashres_input *file,
				      char **path, struct crs_target *target);

/*
 * Fails unless @target has a signature. Other programs, such as GnuPG, use the same name.
 *
 * Return: CRASHRES_ERR_NO_SIGNATURE: no such file. CRASHRES_ERR_FORMAT: another file.
 * CRASHRES_ERR_OS: the file cannot be opened.
 */
enum crashres_status crs_sigfile_check(struct crashres_ctx *ctx, const struct crs_target *target);

#endif
