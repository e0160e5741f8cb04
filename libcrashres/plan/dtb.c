/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dtb.c: makes the device tree of the new kernel.
 *
 * First it removes everything from /chosen and from the memory reservations that was true only
 * for an earlier boot. Then it adds the new properties. Numbers in a DTB are big-endian.
 */
#include <endian.h>
#include <libfdt.h>
#include <stdlib.h>
#include <string.h>

#include "../../purgatory/shared/params.h"
#include "../base/fdt.h"
#include "cells.h"
#include "dtb.h"

/* Properties of /chosen that the boot loader or an earlier kexec wrote for one boot only. */
static const char *const stale[] = {
	"bootargs", "kaslr-seed", "rng-seed", "linux,initrd-start", "linux,initrd-end",
	"linux,elfcorehdr", "linux,usable-memory-range", "linux,ima-kexec-buffer",
	"linux,kho-fdt", "linux,kho-scratch", "linux,booted-from-kexec", "linux,dmcryptkeys",
	PURGATORY_RECORD_PROPERTY,
};

/* The properties of "stale" whose range has a memory reservation too (drivers/of/kexec.c). */
static const char *const reserved[] = {
	"linux,elfcorehdr", "linux,ima-kexec-buffer", "linux,dmcryptkeys",
};

static int find_chosen(void *dtb)
{
	int node = fdt_path_offset(dtb, "/chosen");

	/* Like the kernel, fdt_path_offset() also finds a node with the name chosen@0. */
	return node == -FDT_ERR_NOTFOUND ? fdt_add_subnode(dtb, 0, "chosen") : node;
}

/* Reads an address of one or two cells. The number of cells follows from the length. */
static bool read_initrd_address(const void *dtb, int chosen, const char *property, uint64_t *value)
{
	int length;
	const fdt32_t *cells = fdt_getprop(dtb, chosen, property, &length);

	if (!cells || (length != 4 && length != 8))
		return false;
	*value = fdt32_to_cpu(cells[0]);
	if (length == 8)
		*value = *value << 32 | fdt32_to_cpu(cells[1]);
	return true;
}

/* Rounds up to 4 KiB. Some boot loaders reserve whole pages. */
static uint64_t page_up(uint64_t size)
{
	return size > UINT64_MAX - 4095 ? size : (size + 4095) & ~4095ULL;
}

/*
 * Deletes the memory reservation of @range, because the new kernel has nothing there. Base and
 * size must match (as in drivers/of/kexec.c): a larger reservation with the same base belongs
 * to something else. Returns 0 or a libfdt error. The loop counts down because deleting an
 * entry moves the entries behind it.
 */
static int drop_reservation(void *dtb, struct crashres_range range)
{
	int error = 0;

	for (int i = fdt_num_mem_rsv(dtb); i-- > 0 && !error;) {
		uint64_t base, size;

		error = fdt_get_mem_rsv(dtb, i, &base, &size);
		if (!error && base == range.base &&
		    (size == range.size || size == page_up(range.size)))
			error = fdt_del_mem_rsv(dtb, i);
	}
	return error;
}

/* Deletes the reservation of the old initrd, if /chosen names an initrd. */
static int drop_initrd_reservation(void *dtb, int chosen)
{
	struct crashres_range initrd;
	uint64_t start, end;

	if (!read_initrd_address(dtb, chosen, "linux,initrd-start", &start) ||
	    !read_initrd_address(dtb, chosen, "linux,initrd-end", &end) ||
	    !crs_range_make(start, end - start, &initrd))
		return 0;
	return drop_reservation(dtb, initrd);
}

/* Deletes the reservation of the range in @property, if the property exists and is valid. */
static int drop_property_reservation(void *dtb, int chosen, const char *property)
{
	struct crs_cells cells = crs_cells_of_root(dtb);
	struct crashres_range range;
	int length;
	const void *value = fdt_getprop(dtb, chosen, property, &length);

	if (!value || !crs_cells_are_supported(cells) || (size_t)length < crs_cells_bytes(cells) ||
	    !crs_cells_get(cells, value, &range))
		return 0;
	return drop_reservation(dtb, range);
}

/*
 * Deletes the reservations of the old initrd and of the ranges in "reserved".
 *
 * One stale reservation remains: U-Boot reserves the memory of the running kernel's own device
 * tree. The kernel's kexec_file_load deletes that reservation, but user space cannot see the
 * address of the tree. Another reservation with the same size can belong to firmware, so the
 * size alone is not enough. The only cost is that the new kernel cannot use that memory.
 */
static int drop_reservations(void *dtb, int chosen)
{
	int error = drop_initrd_reservation(dtb, chosen);

	for (size_t i = 0; i < sizeof(reserved) / sizeof(*reserved) && !error; i++)
		error = drop_property_reservation(dtb, chosen, reserved[i]);
	return error;
}

/* Deletes all stale properties and reservations. Reservations first: they need the properties. */
static int drop_stale(void *dtb, int chosen)
{
	int error = drop_reservations(dtb, chosen);

	for (size_t i = 0; i < sizeof(stale) / sizeof(*stale) && !error; i++) {
		/*
		 * A malformed tree can have a property twice. After one deletion the second
		 * would be visible.
		 */
		do
			error = fdt_delprop(dtb, chosen, stale[i]);
		while (!error);
		if (error == -FDT_ERR_NOTFOUND)
			error = 0;
	}
	return error;
}

/*
 * Writes one or two @ranges to @property. *@error: out; a libfdt error if the result is
 * CRASHRES_OK.
 */
static enum crashres_status set_ranges(struct crashres_ctx *ctx, void *dtb, int chosen,
				       const char *property, const struct crashres_range *ranges,
				       size_t count, int *error)
{
	struct crs_cells cells = crs_cells_of_root(dtb);
	enum crashres_status status = crs_cells_check(ctx, cells);
	uint8_t value[2 * CRS_CELLS_MAX], *out = value;

	for (size_t i = 0; status == CRASHRES_OK && i < count && i < 2; i++) {
		status = crs_cells_put(ctx, cells, property, ranges[i], out);
		out += crs_cells_bytes(cells);
	}
	if (status == CRASHRES_OK)
		*error = fdt_setprop(dtb, chosen, property, value, (int)(out - value));
	return status;
}

static int set_seeds(void *dtb, int chosen, const uint8_t *seed)
{
	int error = fdt_setprop(dtb, chosen, "kaslr-seed", seed, 8);

	return error ? error : fdt_setprop(dtb, chosen, "rng-seed", seed + 8, CRS_DTB_SEED_SIZE - 8);
}

/* Writes the addresses of the initrd, and reserves its memory. */
static int set_initrd(void *dtb, int chosen, struct crashres_range initrd)
{
	int error = fdt_setprop_u64(dtb, chosen, "linux,initrd-start", initrd.base);

	if (!error)
		error = fdt_setprop_u64(dtb, chosen, "linux,initrd-end", crs_range_end(initrd));
	return error ? error : fdt_add_mem_rsv(dtb, initrd.base, initrd.size);
}

/*
 * Adds an empty record (struct purgatory_record, little-endian). Purgatory writes only if it
 * finds this record with its magic number, so that damage cannot make it overwrite other bytes.
 */
static int set_record(void *dtb, int chosen)
{
	struct purgatory_record record = { 0 };

	pg_record_init(&record);
	record.magic = htole64(record.magic);
	record.version = htole32(record.version);
	record.size = htole32(record.size);
	return fdt_setprop(dtb, chosen, PURGATORY_RECORD_PROPERTY, &record, sizeof(record));
}

size_t crs_dtb_record_offset(const void *dtb)
{
	int chosen = fdt_path_offset(dtb, "/chosen");
	const uint8_t *record = fdt_getprop(dtb, chosen, PURGATORY_RECORD_PROPERTY, NULL);

	return (size_t)(record - (const uint8_t *)dtb);
}

/*
 * Edits @dtb in place. *@error: out; a libfdt error or 0. A status other than CRASHRES_OK has its
 * sentence already.
 */
static enum crashres_status edit_tree(struct crashres_ctx *ctx, void *dtb,
				      const struct crs_dtb_chosen *chosen, int *error)
{
	enum crashres_status status = CRASHRES_OK;
	int node = find_chosen(dtb);

	*error = node < 0 ? node : drop_stale(dtb, node);
	/* The kernel adds this property on all architectures, but only powerpc reads it. */
	if (!*error)
		*error = fdt_setprop_empty(dtb, node, "linux,booted-from-kexec");
	if (!*error && *chosen->bootargs)
		*error = fdt_setprop(dtb, node, "bootargs", chosen->bootargs,
				     (int)strlen(chosen->bootargs) + 1);
	if (!*error && chosen->seed)
		*error = set_seeds(dtb, node, chosen->seed);
	if (!*error && chosen->elfcorehdr.size)
		*error = fdt_add_mem_rsv(dtb, chosen->elfcorehdr.base, chosen->elfcorehdr.size);
	if (!*error && chosen->elfcorehdr.size)
		status = set_ranges(ctx, dtb, node, "linux,elfcorehdr", &chosen->elfcorehdr, 1, error);
	if (!*error && status == CRASHRES_OK && chosen->usable_count)
		status = set_ranges(ctx, dtb, node, "linux,usable-memory-range", chosen->usable,
				    chosen->usable_count, error);
	if (!*error && status == CRASHRES_OK && chosen->initrd.size)
		*error = set_initrd(dtb, node, chosen->initrd);
	if (!*error && status == CRASHRES_OK && chosen->record)
		*error = set_record(dtb, node);
	return status;
}

enum crashres_status crs_dtb_check(struct crashres_ctx *ctx, const char *name, const void *dtb,
				   size_t size)
{
	int error;

	if (size > CRS_DTB_MAX)
		return crs_fail(ctx, CRASHRES_ERR_LIMIT, "%s: the device tree has %zu bytes: the "
				"limit is %u", name, size, CRS_DTB_MAX);
	error = crs_fdt_check(dtb, size);
	if (error)
		return crs_fail(ctx, CRASHRES_ERR_FORMAT, "%s: the device tree is damaged: %s", name,
				fdt_strerror(error));
	return CRASHRES_OK;
}

enum crashres_status crs_dtb_make(struct crashres_ctx *ctx, const char *name, const void *dtb,
				  size_t size, const struct crs_dtb_chosen *chosen,
				  uint8_t **result, size_t *result_size)
{
	/* 4096 bytes are enough for the names of all properties, two reservations and a node. */
	size_t room = size + strlen(chosen->bootargs) + sizeof(struct purgatory_record) + 4096;
	CRS_CLEANUP(crs_freep) uint8_t *tree = NULL;
	enum crashres_status status = crs_dtb_check(ctx, name, dtb, size);
	int error;

	if (status != CRASHRES_OK)
		return status;
	tree = calloc(1, room);
	if (!tree)
		return crs_fail_memory(ctx);
	error = fdt_open_into(dtb, tree, (int)room);
	status = error ? CRASHRES_OK : edit_tree(ctx, tree, chosen, &error);
	if (status != CRASHRES_OK)
		return crs_prefix_error(ctx, status, "%s", name);
	if (!error)
		error = fdt_pack(tree);
	if (error)
		return crs_fail(ctx, CRASHRES_ERR_FORMAT, "%s: cannot edit the device tree: %s", name,
				fdt_strerror(error));
	if (fdt_totalsize(tree) > CRS_DTB_MAX)
		return crs_fail(ctx, CRASHRES_ERR_LIMIT,
				"%s: the device tree has %u bytes with the new /chosen: the limit is %u",
				name, fdt_totalsize(tree), CRS_DTB_MAX);
	*result_size = fdt_totalsize(tree);
	*result = tree;
	tree = NULL;
	return CRASHRES_OK;
}
