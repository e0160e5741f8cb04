/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include <sys/types.h>

#include "regions.h"

static bool named(const struct crs_resource *resource, const char *name)
{
	return !strcmp(resource->name, name);
}

static bool is_crash(const struct crs_resource *resource)
{
	return named(resource, "Crash kernel") || named(resource, "Crash kernel (low)");
}

/* "System RAM (kmem)" and the like are memory that a driver added: RAM, but not ours to use. */
static bool is_ram(const struct crs_resource *resource)
{
	static const char name[] = "System RAM";
	size_t length = sizeof(name) - 1;

	return !strncmp(resource->name, name, length) &&
	       (resource->name[length] == '\0' || resource->name[length] == ' ');
}

/* The running kernel lets go of its own image before the new one is copied. */
static bool is_reservation(const struct crs_resource *resource)
{
	return !is_ram(resource) && !named(resource, "Kernel code") &&
	       !named(resource, "Kernel data") && !named(resource, "Kernel bss") &&
	       !named(resource, "Kernel rodata");
}

static void move_to(struct crs_ranges *ranges, size_t from, size_t to)
{
	struct crashres_range range = ranges->items[from];

	memmove(&ranges->items[to + 1], &ranges->items[to], (from - to) * sizeof(range));
	ranges->items[to] = range;
}

/*
 * Mainline calls both regions "Crash kernel"; crashk_res, the only one that
 * segments may lie in, is then the higher (reserve_crashkernel_generic). Vendor
 * kernels may say "(low)". Of several others the lowest is the low region, for
 * DMA is what it is for.
 */
static bool find_crash(const struct crs_iomem *iomem, struct crs_ranges *crash)
{
	size_t plain = 0, high = 0;

	for (size_t i = 0; i < iomem->count; i++) {
		const struct crs_resource *resource = &iomem->resources[i];

		if (!is_crash(resource))
			continue;
		/* Plain ones in front, each part lowest first, as the tree is sorted. */
		if (!crs_ranges_add(crash, resource->range))
			return false;
		if (named(resource, "Crash kernel"))
			move_to(crash, crash->count - 1, plain++);
	}
	if (crash->count < 2)
		return true;
	high = plain ? plain - 1 : crash->count - 1;
	move_to(crash, high, 0);
	if (plain && plain < crash->count)
		move_to(crash, plain, 1);
	return true;
}

static bool find_ram(const struct crs_iomem *iomem, struct crs_regions *regions)
{
	struct crs_ranges reserved = { 0 };
	bool ok = true;

	for (size_t i = 0; i < iomem->count && ok; i++) {
		const struct crs_resource *resource = &iomem->resources[i];

		if (is_ram(resource))
			ok = crs_ranges_add(&regions->ram, resource->range);
		if (ok && named(resource, "System RAM"))
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

static struct crashres_range find_kernel(const struct crs_iomem *iomem)
{
	struct crashres_range code = { 0 }, data = { 0 };

	for (size_t i = 0; i < iomem->count; i++) {
		if (named(&iomem->resources[i], "Kernel code"))
			code = iomem->resources[i].range;
		if (named(&iomem->resources[i], "Kernel data"))
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
		new.kernel_image = find_kernel(iomem);
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
