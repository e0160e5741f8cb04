/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * /proc/iomem as a tree.
 *
 * Format: one resource a line, depth first, "first-last : name" in hexadecimal,
 * indented by two spaces a level up to a cap (kernel/resource.c, r_show). Because
 * of the cap, and because the file can change between two reads, ranges decide
 * what lies inside what, never the indentation.
 */
#ifndef CRS_IOMEM_H
#define CRS_IOMEM_H

#include <sys/types.h>

#include "../base/ctx.h"
#include "../base/range.h"

struct crs_resource {
	struct crashres_range range;
	const char *name;		/* into crs_iomem.text */
	size_t order;			/* line number, from 0 */
	ssize_t parent;			/* index of the smallest resource around it, or -1 */
};

struct crs_iomem {
	char *text;
	struct crs_resource *resources;	/* by base, a parent before its children */
	size_t count;
	bool hidden;			/* every address is zero: no privilege */
};

/*
 * @data need not end in NUL. A resource that stands there twice (same range,
 * same name) is taken once.
 *
 * Return: CRASHRES_ERR_FORMAT for a line that is no resource.
 */
enum crashres_status crs_iomem_parse(struct crashres_ctx *ctx, const void *data, size_t size,
				     struct crs_iomem *iomem);
void crs_iomem_free(struct crs_iomem *iomem);

#endif
