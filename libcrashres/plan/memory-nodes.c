/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * memory-nodes.c: adds memory nodes to a device tree that has none.
 *
 *   memory@40000000 {
 *           device_type = "memory";
 *           reg = <base size ...>;   in the cells of the root node
 *   };
 */
#include <inttypes.h>
#include <libfdt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/fdt.h"
#include "cells.h"
#include "memory-nodes.h"

static enum crashres_status fail_edit(struct crashres_ctx *ctx, int error)
{
	return crs_fail(ctx, CRASHRES_ERR_FORMAT, "cannot edit the device tree: %s",
			fdt_strerror(error));
}

/* ------------------------------------------------------------ read a tree */

/* Is @property of @node exactly the string @text, with its NUL? */
static bool is_text(const void *dtb, int node, const char *property, const char *text)
{
	int length;
	const char *value = fdt_getprop(dtb, node, property, &length);

	return value && (size_t)length == strlen(text) + 1 && !memcmp(value, text, (size_t)length);
}

/*
 * Does the status of @node allow Linux to use it? A memory node for secure RAM has the status
 * "disabled". A missing status means "okay".
 */
static bool is_available(const void *dtb, int node)
{
	return !fdt_getprop(dtb, node, "status", NULL) || is_text(dtb, node, "status", "okay") ||
	       is_text(dtb, node, "status", "ok");
}

/* Does Linux treat @node as memory (early_init_dt_scan_memory() in drivers/of/fdt.c)? */
static bool is_memory(const void *dtb, int node)
{
	return is_text(dtb, node, "device_type", "memory") && is_available(dtb, node);
}

/*
 * The same, or a node with the name "memory" or "memory@...". A hand-written tree can lack
 * device_type, and the boot loader would add it.
 */
static bool looks_like_memory(const void *dtb, int node)
{
	const char *name = fdt_get_name(dtb, node, NULL);

	return is_memory(dtb, node) ||
	       (name && strcspn(name, "@") == 6 && !strncmp(name, "memory", 6) &&
		is_available(dtb, node));
}

/*
 * Adds the ranges in "reg" of @node to @ranges. Empty ranges are skipped: they are placeholders
 * for the boot loader. False: out of memory.
 */
static bool read_ranges(const void *dtb, int node, struct crs_ranges *ranges)
{
	struct crs_cells cells = crs_cells_of_root(dtb);
	int length = 0;
	const uint8_t *reg = fdt_getprop(dtb, node, "reg", &length);
	size_t step = crs_cells_bytes(cells);
	bool ok = true;

	if (!reg || !crs_cells_are_supported(cells))
		return true;
	for (size_t left = (size_t)length; left >= step && ok; left -= step, reg += step) {
		struct crashres_range range;

		if (crs_cells_get(cells, reg, &range) && range.size)
			ok = crs_ranges_add(ranges, range);
	}
	return ok;
}

/*
 * Returns the first memory node that has ranges (@with_ranges true) or has none (false), or a
 * negative libfdt error. Sets *@out_of_memory if a node could not be read.
 */
static int find_node(const void *tree, bool with_ranges, bool *out_of_memory)
{
	int node;

	fdt_for_each_subnode(node, tree, 0) {
		struct crs_ranges ranges = { 0 };
		bool has_ranges;

		if (!looks_like_memory(tree, node))
			continue;
		*out_of_memory |= !read_ranges(tree, node, &ranges);
		has_ranges = ranges.count;
		crs_ranges_free(&ranges);
		if (has_ranges == with_ranges)
			break;
	}
	return node;
}

/*
 * Does /chosen have all properties that Linux needs to use a UEFI memory map
 * (drivers/firmware/efi/fdtparams.c)?
 */
static bool has_efi_map(const void *tree)
{
	static const char *const needed[] = {
		"linux,uefi-system-table", "linux,uefi-mmap-start", "linux,uefi-mmap-size",
		"linux,uefi-mmap-desc-size", "linux,uefi-mmap-desc-ver",
	};
	int chosen = fdt_path_offset(tree, "/chosen");
	size_t found = 0;

	for (size_t i = 0; i < sizeof(needed) / sizeof(*needed); i++)
		found += fdt_getprop(tree, chosen, needed[i], NULL) != NULL;
	return found == sizeof(needed) / sizeof(*needed);
}

/* ------------------------------------------------------------ edit a tree */

/* Copies all properties linux,uefi-* of /chosen from @from to @tree. */
static enum crashres_status copy_efi_map(struct crashres_ctx *ctx, void *tree, const void *from)
{
	int chosen = fdt_path_offset(tree, "/chosen"), property, error = 0;

	if (chosen == -FDT_ERR_NOTFOUND)
		chosen = fdt_add_subnode(tree, 0, "chosen");
	if (chosen < 0)
		return fail_edit(ctx, chosen);
	fdt_for_each_property_offset(property, from, fdt_path_offset(from, "/chosen")) {
		const char *name;
		int length;
		const void *value = fdt_getprop_by_offset(from, property, &name, &length);

		if (value && !error && !strncmp(name, "linux,uefi-", strlen("linux,uefi-")))
			error = fdt_setprop(tree, chosen, name, value, length);
	}
	return error ? fail_edit(ctx, error) : CRASHRES_OK;
}

/* Deletes memory nodes without ranges. A new node can have the same name. */
static enum crashres_status drop_empty_nodes(struct crashres_ctx *ctx, void *tree)
{
	bool out_of_memory = false;
	int node, error = 0;

	while (!error && (node = find_node(tree, false, &out_of_memory)) >= 0 && !out_of_memory)
		error = fdt_del_node(tree, node);
	if (out_of_memory)
		return crs_fail_memory(ctx);
	return error ? fail_edit(ctx, error) : CRASHRES_OK;
}

/*
 * Deletes the node @name if it is disabled, because a new node needs this name. Linux ignores a
 * disabled node. Some trees have a disabled memory node that the boot loader enables.
 */
static int drop_disabled_node(void *tree, const char *name)
{
	int node = fdt_subnode_offset(tree, 0, name);

	return node < 0 || is_available(tree, node) ? 0 : fdt_del_node(tree, node);
}

/*
 * Adds a memory node with @ranges, which must not be empty. The name has the address of the
 * first range. @node: out; the offset of the new node.
 */
static enum crashres_status add_node(struct crashres_ctx *ctx, void *tree,
				     const struct crs_ranges *ranges, int *node)
{
	struct crs_cells cells = crs_cells_of_root(tree);
	size_t step = crs_cells_bytes(cells);
	CRS_CLEANUP(crs_freep) uint8_t *reg = NULL;
	enum crashres_status status = CRASHRES_OK;
	char name[32];
	int error;

	snprintf(name, sizeof(name), "memory@%" PRIx64, ranges->items[0].base);
	reg = calloc(ranges->count, step);
	if (!reg)
		return crs_fail_memory(ctx);
	for (size_t i = 0; status == CRASHRES_OK && i < ranges->count; i++)
		status = crs_cells_put(ctx, cells, name, ranges->items[i], reg + i * step);
	if (status != CRASHRES_OK)
		return status;
	error = drop_disabled_node(tree, name);
	if (error)
		return fail_edit(ctx, error);
	*node = fdt_add_subnode(tree, 0, name);
	error = *node < 0 ? *node : fdt_setprop_string(tree, *node, "device_type", "memory");
	if (!error)
		error = fdt_setprop(tree, *node, "reg", reg, (int)(ranges->count * step));
	return error ? fail_edit(ctx, error) : CRASHRES_OK;
}

/*
 * Copies the properties that describe the memory itself. Other properties are not copied: a
 * phandle is valid only in its own tree, and linux,usable-memory comes from an earlier kexec.
 */
static enum crashres_status copy_properties(struct crashres_ctx *ctx, void *tree, int node,
					    const void *from, int from_node)
{
	static const char *const names[] = { "numa-node-id", "hotpluggable" };
	int error = 0;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names) && !error; i++) {
		int length;
		const void *value = fdt_getprop(from, from_node, names[i], &length);

		if (value)
			error = fdt_setprop(tree, node, names[i], value, length);
	}
	return error ? fail_edit(ctx, error) : CRASHRES_OK;
}

/* Copies all memory nodes of @from with ranges. @count: out; the number of copied nodes. */
static enum crashres_status copy_nodes(struct crashres_ctx *ctx, void *tree, const void *from,
				       size_t *count)
{
	enum crashres_status status = CRASHRES_OK;
	int from_node;

	*count = 0;
	fdt_for_each_subnode(from_node, from, 0) {
		struct crs_ranges ranges = { 0 };
		int node;

		if (status != CRASHRES_OK || !is_memory(from, from_node))
			continue;
		if (!read_ranges(from, from_node, &ranges)) {
			status = crs_fail_memory(ctx);
		} else if (ranges.count) {
			status = add_node(ctx, tree, &ranges, &node);
			if (status == CRASHRES_OK)
				status = copy_properties(ctx, tree, node, from, from_node);
			*count += 1;
		}
		crs_ranges_free(&ranges);
	}
	return status;
}

/* Adds the memory nodes of the tree @machine (may be NULL), otherwise one node with @ram. */
static enum crashres_status add_nodes(struct crashres_ctx *ctx, const char *name, void *tree,
				      const void *machine, const struct crs_ranges *ram)
{
	enum crashres_status status = drop_empty_nodes(ctx, tree);
	size_t count = 0;
	int node;

	if (status == CRASHRES_OK)
		status = crs_cells_check(ctx, crs_cells_of_root(tree));
	if (status == CRASHRES_OK && machine)
		status = copy_nodes(ctx, tree, machine, &count);
	if (status != CRASHRES_OK)
		return status;
	if (count) {
		crs_log(ctx, CRASHRES_LOG_INFO,
			"%s describes no memory: the memory nodes of the machine's device tree are "
			"added", name);
		return CRASHRES_OK;
	}
	if (!ram->count) {
		crs_log(ctx, CRASHRES_LOG_WARNING,
			"%s describes no memory, and the machine shows none",
			name);
		return CRASHRES_OK;
	}
	crs_log(ctx, CRASHRES_LOG_INFO,
		"%s describes no memory: the RAM of /proc/iomem is added", name);
	return add_node(ctx, tree, ram, &node);
}

/* Adds memory from the first source that has it. Does nothing if @tree describes memory. */
static enum crashres_status add_memory(struct crashres_ctx *ctx, const char *name, void *tree,
				       const struct crs_memory_source *source)
{
	const void *machine = source->dtb && !crs_fdt_check(source->dtb, source->dtb_size) ?
			      source->dtb : NULL;
	bool out_of_memory = false, with_ranges = find_node(tree, true, &out_of_memory) >= 0;

	if (out_of_memory)
		return crs_fail_memory(ctx);
	if (with_ranges || has_efi_map(tree))
		return CRASHRES_OK;
	if (machine && has_efi_map(machine)) {
		crs_log(ctx, CRASHRES_LOG_INFO,
			"%s describes no memory: the machine's UEFI memory map is added", name);
		return copy_efi_map(ctx, tree, machine);
	}
	return add_nodes(ctx, name, tree, machine, source->ram);
}

enum crashres_status crs_memory_nodes_add(struct crashres_ctx *ctx, const char *name,
					  const void *tree,
					  const struct crs_memory_source *source,
					  uint8_t **result, size_t *result_size)
{
	/*
	 * Room for additions: the nodes of the machine's tree, whose numbers can double in size
	 * (two cells instead of one); one node for all ranges of RAM; names.
	 */
	size_t room = fdt_totalsize(tree) + 2 * source->dtb_size +
		      CRS_CELLS_MAX * source->ram->count + 4096;
	CRS_CLEANUP(crs_freep) uint8_t *new = calloc(1, room);
	enum crashres_status status;
	int error;

	if (!new)
		return crs_fail_memory(ctx);
	error = fdt_open_into(tree, new, (int)room);
	status = error ? fail_edit(ctx, error) : add_memory(ctx, name, new, source);
	if (status != CRASHRES_OK)
		return crs_prefix_error(ctx, status, "%s", name);
	error = fdt_pack(new);
	if (error)
		return crs_prefix_error(ctx, fail_edit(ctx, error), "%s", name);
	*result_size = fdt_totalsize(new);
	*result = new;
	new = NULL;
	return CRASHRES_OK;
}
