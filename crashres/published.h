/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A sealed Image that crashres seal --renew made earlier, in the folder of seal.conf. */
#ifndef CRASHRES_PUBLISHED_H
#define CRASHRES_PUBLISHED_H

#include "seal-sign.h"

enum published {
	PUBLISHED_ABSENT,		/* nothing has this name */
	PUBLISHED_SEALED,		/* a regular file that is a sealed Image */
	PUBLISHED_DAMAGED,		/* a regular file that was a sealed Image, or is empty */
	PUBLISHED_FOREIGN,		/* anything else, which must stay as it is */
};

/* Looks at @path. A link is foreign, and so is a file that cannot be read. */
enum published published_look(struct crashres_ctx *ctx, const char *path);

/*
 * Is the file @path exactly the Image @sealed, with a signature of the kind that @signing makes?
 * If @signing has a certificate, it must verify the signature.
 */
bool published_is_current(struct crashres_ctx *ctx, const char *path,
			  const struct crashres_input *sealed,
			  const struct seal_signing *signing);

/*
 * Was @file changed after @path was written? False if one of them is missing, or if @file is
 * NULL or a URI.
 */
bool published_is_older(const char *path, const char *file);

#endif
