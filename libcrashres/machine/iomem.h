/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Parses /proc/iomem into a tree of resources.
 *
 * Format: one resource a line, parents before their children (kernel/resource.c, r_show):
 *
 *	40000000-1bfffffff : System RAM
 *	  40210000-41e0ffff : Kernel code
 *
 * The numbers are the first and the last byte, in hexadecimal. Two spaces of indentation
 * stand for a level, up to a maximum of 5 or 8 levels. Deeper levels have the indentation
 * of the maximum, and the file can change during a read. So the parser ignores the
 * indentation: a resource is the child of the smallest resource that contains its range.
 */
#ifndef CRS_IOMEM_H
#define CRS_IOMEM_H

#include <sys/types.h>

#include "../base/ctx.h"
#include "../base/range.h"

struct crs_resource {
	struct crashres_range range;	/* physical addresses, bytes; never empty */
	const char *name;		/* points into crs_iomem.text */
	size_t order;			/* line number, from 0 */
	ssize_t parent;			/* index of the smallest resource around it; -1: none */
};

struct crs_iomem {
	char *text;			/* owned; a NUL replaces each newline */
	struct crs_resource *resources;	/* owned; sorted by base, a parent before its children */
	size_t count;			/* number of @resources */
	bool hidden;			/* every address is 0: the reader lacks CAP_SYS_ADMIN */
};

/*
 * Parses the @size bytes at @data, which need no NUL at the end. Keeps one of two
 * resources with the same range and the same name. Drops empty resources.
 *
 * @iomem: out; release with crs_iomem_free().
 *
 * Return: CRASHRES_ERR_FORMAT if a line is not a resource.
 */
enum crashres_status crs_iomem_parse(struct crashres_ctx *ctx, const void *data, size_t size,
				     struct crs_iomem *iomem);
void crs_iomem_free(struct crs_iomem *iomem);

#endif
