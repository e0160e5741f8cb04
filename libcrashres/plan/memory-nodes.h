/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * memory-nodes.h: adds memory nodes to a device tree that has none.
 *
 * A device tree from a kernel package describes no memory, because the boot loader must add it
 * (Devicetree Specification, "/memory node"). With kexec there is no boot loader. So the
 * library adds the memory of the running machine.
 */
#ifndef CRS_MEMORY_NODES_H
#define CRS_MEMORY_NODES_H

#include "../base/ctx.h"
#include "../base/range.h"

/* The sources about the memory of the running machine. Everything is borrowed. */
struct crs_memory_source {
	const void *dtb;		/* the machine's device tree, unchecked bytes; may be
					   NULL */
	size_t dtb_size;		/* bytes */
	const struct crs_ranges *ram;	/* "System RAM" without memory that drivers added; can be
					   empty */
};

/*
 * Makes a copy of @tree, and adds memory to the copy if @tree describes none. The first of
 * these sources is used:
 *
 *   1  the UEFI memory map of the machine: the properties linux,uefi-* of /chosen
 *   2  the memory nodes of the machine's device tree
 *   3  @source->ram
 *
 * @tree:   must have passed crs_dtb_check().
 * @name:   of the tree, for messages.
 * @result: out; release with free(). @result_size: out; bytes.
 *
 * Without any source the copy has no memory, and the log has a warning.
 *
 * Return:
 *   CRASHRES_ERR_FORMAT  the cells of @tree are not supported, or libfdt refuses an edit
 *   CRASHRES_ERR_LIMIT   an address of the machine does not fit the cells of @tree
 */
enum crashres_status crs_memory_nodes_add(struct crashres_ctx *ctx, const char *name,
					  const void *tree,
					  const struct crs_memory_source *source,
					  uint8_t **result, size_t *result_size);

#endif
