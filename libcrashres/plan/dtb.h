/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dtb.h: makes the device tree of the new kernel: a tree of the machine or of the user, with a
 * new /chosen node.
 *
 * The properties are those that the running kernel writes for kexec_file_load
 * (drivers/of/kexec.c), and that the new kernel reads (drivers/of/fdt.c):
 *
 *   bootargs                      command line, with NUL
 *   linux,initrd-start, -end      physical addresses, 64 bits each; end is exclusive
 *   linux,elfcorehdr              one range, in cells
 *   linux,usable-memory-range     one or two ranges, in cells
 *   kaslr-seed, rng-seed          8 and 128 random bytes
 *   crashres,record               room for purgatory's record (purgatory/abi.h)
 *
 * initrd and elfcorehdr also get a memory reservation (/memreserve/).
 */
#ifndef CRS_DTB_H
#define CRS_DTB_H

#include "../base/ctx.h"
#include "../base/range.h"

/* The largest device tree in bytes: MAX_FDT_SIZE of the arm64 kernel (asm/boot.h). */
#define CRS_DTB_MAX (2U << 20)

/* Bytes of kaslr-seed (8) and rng-seed (128, as in drivers/of/kexec.c). */
#define CRS_DTB_SEED_SIZE (8 + 128)

/* The new contents of /chosen. A range of size 0 is left out. Everything is borrowed. */
struct crs_dtb_chosen {
	const char *bootargs;			/* "": no bootargs, the old ones are deleted */
	struct crashres_range initrd;		/* physical; the bytes of the file */
	struct crashres_range elfcorehdr;	/* physical */
	const struct crashres_range *usable;	/* linux,usable-memory-range, in this order */
	size_t usable_count;			/* 0: none; at most two are written */
	const uint8_t *seed;			/* CRS_DTB_SEED_SIZE random bytes; NULL: no seeds */
	bool record;				/* add an empty record for purgatory to fill */
};

/*
 * Checks that @dtb, hostile bytes, is an undamaged tree that is not too large for the kernel.
 * The functions below demand this check.
 *
 * @name: of the tree, for messages.
 *
 * Return: CRASHRES_ERR_FORMAT (damaged), CRASHRES_ERR_LIMIT (more than CRS_DTB_MAX).
 */
enum crashres_status crs_dtb_check(struct crashres_ctx *ctx, const char *name, const void *dtb,
				   size_t size);

/*
 * Makes a copy of @dtb with a new /chosen node and updated memory reservations. Calls
 * crs_dtb_check() first.
 *
 * No other node is added, because an ACPI machine with any node besides /chosen would start
 * without ACPI (dt_is_stub() in arch/arm64/kernel/acpi.c). The size of the result depends on
 * which members of @chosen are present, not on their addresses.
 *
 * @result: out; release with free(). @result_size: out; bytes.
 *
 * Return:
 *   CRASHRES_ERR_FORMAT  @dtb is damaged, or libfdt refuses an edit
 *   CRASHRES_ERR_LIMIT   the result has more than CRS_DTB_MAX bytes, or an address does not
 *                        fit the cells of the root node
 */
enum crashres_status crs_dtb_make(struct crashres_ctx *ctx, const char *name, const void *dtb,
				  size_t size, const struct crs_dtb_chosen *chosen,
				  uint8_t **result, size_t *result_size);

/* The byte offset of the record in @dtb. crs_dtb_make() must have made @dtb with a record. */
size_t crs_dtb_record_offset(const void *dtb);

#endif
