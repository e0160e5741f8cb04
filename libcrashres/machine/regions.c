/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sorts the resources of /proc/iomem into RAM, crash regions and kernel image.
 *
 *   "Crash kernel"         crash region (kernel/crash_reserve.c)
 *   "Crash kernel (low)"   low crash region of vendor kernels
 *   "System RAM"           RAM from firmware; its children are reservations
 *   "System RAM (NAME)"    memory that the driver NAME added, such as kmem
 *   "Kernel code", "Kernel data", "Kernel rodata", "Kernel bss"
 *                          image of the running kernel
 */
#include <string.h>
#include <sys/types.h>

#include "regions.h"

static bool has_name(const struct crs_resource *resource, const char *name)
{
	return !strcmp(resource->name, name);
}

static bool is_crash(const struct crs_resource *resource)
{
	return has_name(resource, "Crash kernel") || has_name(resource, "Crash kernel (low)");
}

/* Includes memory of drivers, such as "System RAM (kmem)". No kernel can be placed there. */
static bool is_ram(const struct crs_resource *resource)
{
	static const char name[] = "System RAM";
	size_t length = sizeof(name) - 1;

	return !strncmp(resource->name, name, length) &&
	       (resource->name[length] == '\0' || resource->name[length] == ' ');
}

/*
 * Must a new kernel stay away from this resource? The image of the running kernel is not a
 * reservation: at the reboot, the new kernel is copied over it.
 */
static bool is_reservation(const struct crs_resource *resource)
{
	return !is_ram(resource) && !has_name(resource, "Kernel code") &&
	       !has_name(resource, "Kernel data") && !has_name(resource, "Kernel bss") &&
	       !has_name(resource, "Kernel rodata");
}

/* Moves the range at index @from to the smaller index @to. The ranges between move up. */
static void move_to(struct crs_ranges *ranges, size_t from, size_t to)
{
	struct crashres_range range = ranges->items[from];

	memmove(&ranges->items[to + 1], &ranges->items[to], (from - to) * sizeof(range));
	ranges->items[to] = range;
}

/*
 * Lists the crash regions: high, low, others.
 *
 * The kernel accepts segments in one region only, crashk_res. Mainline names both regions
 * "Crash kernel", and crashk_res is the higher one (reserve_crashkernel_generic()). Vendor
 * kernels can mark the low region with "(low)". If several regions remain, the lowest one
 * becomes the low region: the capture kernel needs it for DMA to low addresses.
 */
static bool find_crash(const struct crs_iomem *iomem, struct crs_ranges *crash)
{
	size_t unmarked = 0, high = 0;

	for (size_t i = 0; i < iomem->count; i++) {
		const struct crs_resource *resource = &iomem->resources[i];

		if (!is_crash(resource))
			continue;
		/* Unmarked regions first. Both groups are sorted, because the tree is sorted. */
		if (!crs_ranges_add(crash, resource->range))
			return false;
		if (has_name(resource, "Crash kernel"))
			move_to(crash, crash->count - 1, unmarked++);
	}
	if (crash->count < 2)
		return true;
	high = unmarked ? unmarked - 1 : crash->count - 1;
	move_to(crash, high, 0);
	if (unmarked && unmarked < crash->count)
		move_to(crash, unmarked, 1);
	return true;
}

/* Fills the three lists of RAM. Needs the crash regions. Returns false without memory. */
static bool find_ram(const struct crs_iomem *iomem, struct crs_regions *regions)
{
	struct crs_ranges reserved = { 0 };
	bool ok = true;

	for (size_t i = 0; i < iomem->count && ok; i++) {
		const struct crs_resource *resource = &iomem->resources[i];

		if (is_ram(resource))
			ok = crs_ranges_add(&regions->ram, resource->range);
		if (ok && has_name(resource, "System RAM"))
			ok = crs_ranges_add(&regions->usable, resource->range) &&
			     crs_ranges_add(&regions->memory, resource->range);
		else if (ok && resource->parent >= 0 &&
			 (is_reservation(resource) || is_ram(resource)))
			ok = crs_ranges_add(&reserved, resource->range);
	}
	ok = ok && crs_ranges_subtract_all(&regions->usable, &reserved) &&
	     crs_ranges_subtract_all(&regions->usable, &regions->crash);
	crs_ranges_free(&reserved);
	crs_ranges_normalize(&regions->memory);
	return ok && crs_ranges_subtract_all(&regions->ram, &regions->crash);
}

/* Size 0 if /proc/iomem does not show code and data in this order. */
static struct crashres_range find_kernel_image(const struct crs_iomem *iomem)
{
	struct crashres_range code = { 0 }, data = { 0 };

	for (size_t i = 0; i < iomem->count; i++) {
		if (has_name(&iomem->resources[i], "Kernel code"))
			code = iomem->resources[i].range;
		if (has_name(&iomem->resources[i], "Kernel data"))
			data = iomem->resources[i].range;
	}
	if (!code.size || !data.size || data.base < code.base)
		return (struct crashres_range){ 0 };
	return (struct crashres_range){ code.base, crs_range_end(data) - code.base };
}

enum crashres_status crs_regions_from_iomem(struct crashres_ctx *ctx,
					    const struct crs_iomem *iomem,
					    struct crs_regions *regions)
{
	struct crs_regions new = { 0 };

	if (!iomem->hidden) {
		if (!find_crash(iomem, &new.crash) || !find_ram(iomem, &new)) {
			crs_regions_free(&new);
			return crs_fail_memory(ctx);
		}
		new.kernel_image = find_kernel_image(iomem);
	}
	*regions = new;
	return CRASHRES_OK;
}

void crs_regions_free(struct crs_regions *regions)
{
	crs_ranges_free(&regions->crash);
	crs_ranges_free(&regions->ram);
	crs_ranges_free(&regions->memory);
	crs_ranges_free(&regions->usable);
}
