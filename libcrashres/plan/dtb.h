/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The device tree of the new kernel: the machine's own (or the user's) with
 * /chosen rewritten. Sources: drivers/of/fdt.c reads what drivers/of/kexec.c
 * writes for kexec_file_load.
 */
#ifndef CRS_DTB_H
#define CRS_DTB_H

#include "../base/ctx.h"
#include "../base/range.h"

/* MAX_FDT_SIZE (asm/boot.h): the kernel maps no more. */
#define CRS_DTB_MAX (2U << 20)

/* kaslr-seed, 8 bytes, then rng-seed, as much as drivers/of/kexec.c gives. */
#define CRS_DTB_SEED_SIZE (8 + 128)

/* Size 0 of a range: there is none. */
struct crs_dtb_chosen {
	const char *bootargs;			/* "" deletes the old ones */
	struct crashres_range initrd;
	struct crashres_range elfcorehdr;
	const struct crashres_range *usable;	/* linux,usable-memory-range, in this order */
	size_t usable_count;			/* the kernel reads two */
	const uint8_t *seed;			/* CRS_DTB_SEED_SIZE random bytes, or NULL */
	bool record;				/* room for what purgatory will find */
};

/*
 * Is @dtb, which nobody has looked at, a sound tree that the kernel takes?
 *
 * Return: as crs_dtb_make(), which asks the same.
 */
enum crashres_status crs_dtb_check(struct crashres_ctx *ctx, const char *name, const void *dtb,
				   size_t size);

/*
 * Nothing but /chosen and the memory reservations changes: on ACPI machines
 * another node would turn ACPI off (arch/arm64/kernel/acpi.c, dt_is_stub).
 * The size of the result depends on what is present, not on its addresses.
 * @result is for free(). @name of the tree is for messages.
 *
 * Return:
 *   CRASHRES_ERR_FORMAT  @dtb is damaged
 *   CRASHRES_ERR_LIMIT   over CRS_DTB_MAX, or an address does not fit the cells
 */
enum crashres_status crs_dtb_make(struct crashres_ctx *ctx, const char *name, const void *dtb,
				  size_t size, const struct crs_dtb_chosen *chosen,
				  uint8_t **result, size_t *result_size);

/* Where in @dtb, which crs_dtb_make() made with it, the record is. */
size_t crs_dtb_record_offset(const void *dtb);

#endif
