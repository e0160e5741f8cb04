/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Memory for a tree that has none, as the trees that come with a kernel do: boot
 * loaders are to fill it in (Devicetree Specification, /memory node). Here that
 * is what the running machine knows.
 */
#ifndef CRS_MEMORY_NODES_H
#define CRS_MEMORY_NODES_H

#include "../base/ctx.h"
#include "../base/range.h"

/* Taken from the first of them that knows. */
struct crs_memory_source {
	const void *dtb;		/* the machine's own, or NULL; need not be sound */
	size_t dtb_size;
	const struct crs_ranges *ram;	/* "System RAM", what drivers added left out */
};

/*
 * Copies @tree, which crs_dtb_check() has passed, and gives the copy the memory
 * that it lacks: the linux,uefi-* properties where the machine has its memory
 * map from UEFI; else the memory nodes of its tree, else one for @ram. A tree is
 * left as it is where it has memory nodes that are not empty, or a UEFI map.
 * @result is for free(). @name of the tree is for messages.
 *
 * Return:
 *   CRASHRES_ERR_FORMAT  the tree's cells are impossible, libfdt refuses an edit
 *   CRASHRES_ERR_LIMIT   memory of the machine does not fit the tree's cells
 */
enum crashres_status crs_memory_nodes_add(struct crashres_ctx *ctx, const char *name,
					  const void *tree,
					  const struct crs_memory_source *source,
					  uint8_t **result, size_t *result_size);

#endif
