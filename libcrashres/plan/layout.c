/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* layout.c: finds free memory and places the segments for kexec_load(2) in it. */
#include <inttypes.h>

#include "layout.h"
#include "parity.h"

/*
 * Bytes that stay free at the start of the crash region. The running kernel takes two pages
 * from the first hole between the segments: its control page and a copy of VMCOREINFO
 * (kimage_alloc_crash_control_pages() in kernel/kexec_core.c). The kernel writes to these pages
 * after the load, so they must lie outside of all segments. The hole has room for two pages of
 * the largest size.
 */
#define CONTROL_HOLE	(128ULL << 10)

/*
 * The largest page size of any arm64 kernel. Segments are aligned to it, because the page size
 * of the capture kernel is unknown and two segments must not share one of its pages.
 */
#define LARGEST_PAGE	(64ULL << 10)

/* The DTB must not cross a 2 MiB boundary: the kernel maps it with 2 MiB blocks (booting.rst). */
#define DTB_ALIGNMENT	(2ULL << 20)

/* Image and initrd must lie in one window of 32 GiB that is aligned to 1 GiB (booting.rst). */
#define INITRD_WINDOW	(32ULL << 30)
#define INITRD_WINDOW_ALIGNMENT (1ULL << 30)

/* A capture kernel reads at most two ranges of linux,usable-memory-range (drivers/of/fdt.c). */
#define MAX_USABLE_RANGES 2

enum crashres_status crs_layout_describe(const struct crs_layout *layout,
					 struct crashres_segment *segment, const char *name,
					 const void *data, uint64_t data_size, uint64_t memory)
{
	uint64_t size;

	if (!crs_align_up(memory, layout->machine->page_size, &size))
		return crs_fail(layout->ctx, CRASHRES_ERR_LIMIT, "the segment %s is too large: 0x%" PRIx64
				" bytes", name, memory);
	*segment = (struct crashres_segment){
		.name = name,
		.data = data,
		.data_size = data_size,
		.range = { .size = size },
	};
	return CRASHRES_OK;
}

/* Checks the high crash @region, and warns about regions that the capture kernel cannot use. */
static enum crashres_status check_region(const struct crs_layout *layout,
					 struct crashres_range region)
{
	const struct crs_ranges *crash = &layout->machine->regions.crash;

	if (region.base >= CRS_IMAGE_LIMIT)
		return crs_fail(layout->ctx, CRASHRES_ERR_UNSUPPORTED,
				"crash region 0x%" PRIx64 " - 0x%" PRIx64
				": an arm64 Image must lie below 2^48 (booting.rst)",
				region.base, crs_range_last(region));
	for (size_t i = MAX_USABLE_RANGES; i < crash->count; i++)
		crs_log(layout->ctx, CRASHRES_LOG_WARNING,
			"crash region 0x%" PRIx64 " - 0x%" PRIx64
			" is not used: a capture kernel uses only two (linux,usable-memory-range)",
			crash->items[i].base, crs_range_last(crash->items[i]));
	if (crash->count > 1 && !layout->kernel->image.anywhere)
		crs_log(layout->ctx, CRASHRES_LOG_WARNING,
			"this kernel cannot use memory below its Image: it cannot use the low "
			"crash region");
	return CRASHRES_OK;
}

enum crashres_status crs_layout_check_reserved(struct crashres_ctx *ctx,
					       const struct crashres_machine *machine,
					       enum crashres_slot slot)
{
	return slot == CRASHRES_SLOT_CRASH ? crashres_machine_check_reserved(ctx, machine) :
					     CRASHRES_OK;
}

/* Free memory for a crash kernel: the high region without CONTROL_HOLE. False: out of memory. */
static bool find_crash_holes(struct crs_layout *layout)
{
	const struct crashres_range region = layout->region;
	const struct crashres_range control = crs_range_intersect(region, (struct crashres_range){
			region.base, CONTROL_HOLE });

	layout->window = crs_range_intersect(layout->window, region);
	return crs_ranges_add(&layout->place.holes, region) &&
	       crs_ranges_subtract(&layout->place.holes, control);
}

/*
 * Free memory for a normal kernel: RAM that nobody has reserved. If the window of the request
 * contains no such RAM, the user must mean reserved memory, such as an unused crash region.
 * Then all RAM and all crash regions count as free. False: out of memory.
 */
static bool find_normal_holes(struct crs_layout *layout)
{
	const struct crs_regions *regions = &layout->machine->regions;
	struct crs_ranges *holes = &layout->place.holes;
	bool ok = crs_ranges_copy(holes, &regions->usable);

	crs_ranges_clip(holes, layout->window);
	if (!ok || holes->count)
		return ok;
	for (size_t i = 0; i < regions->ram.count && ok; i++)
		ok = crs_ranges_add(holes, regions->ram.items[i]);
	for (size_t i = 0; i < regions->crash.count && ok; i++)
		ok = crs_ranges_add(holes, regions->crash.items[i]);
	crs_ranges_normalize(holes);
	return ok;
}

enum crashres_status crs_layout_find_memory(struct crs_layout *layout)
{
	const struct crs_regions *regions = &layout->machine->regions;
	const struct crashres_range limit = { 0, CRS_IMAGE_LIMIT };
	enum crashres_status status;

	if (layout->machine->iomem.hidden)
		return crs_fail(layout->ctx, CRASHRES_ERR_PERMISSION,
				"/proc/iomem shows only zero addresses: reading it needs root "
				"(CAP_SYS_ADMIN)");
	status = crs_layout_check_reserved(layout->ctx, layout->machine, layout->request->slot);
	if (status == CRASHRES_OK && crs_layout_is_crash(layout))
		status = check_region(layout, regions->crash.items[0]);
	if (status != CRASHRES_OK)
		return status;
	layout->window = crs_range_intersect(layout->request->window, limit);
	if (crs_layout_is_crash(layout))
		layout->region = regions->crash.items[0];
	if (!(crs_layout_is_crash(layout) ? find_crash_holes(layout) : find_normal_holes(layout)))
		return crs_fail_memory(layout->ctx);
	if (!layout->window.size)
		return crs_fail_member(layout->ctx, CRASHRES_ERR_NO_SPACE,
				       CRASHRES_MEMBER_WINDOW,
				"the window (0x%" PRIx64 " - 0x%" PRIx64 ") contains no part of "
				"%s", layout->request->window.base,
				crs_range_last(layout->request->window),
				crs_layout_is_crash(layout) ? "the crash region" : "the memory below 2^48");
	return CRASHRES_OK;
}

enum crashres_status crs_layout_describe_kernel(struct crs_layout *layout)
{
	const struct crs_image *image = &layout->kernel->image;
	const struct crashres_input *file = layout->kernel->file;

	/* Bytes behind image_size in the file, such as a signature, are not loaded. */
	return crs_layout_describe(layout, &layout->image, "kernel", file->data,
			file->size < image->image_size ? file->size : image->image_size,
			image->image_size);
}

struct crs_purgatory_segment crs_layout_purgatory(const struct crs_layout *layout)
{
	const struct crashres_request *request = layout->request;

	return (struct crs_purgatory_segment){
		.firmware = &layout->machine->firmware,
		.on_damage = (enum purgatory_policy)request->on_damage,
		.on_timeout = crs_purgatory_on_timeout(request->on_timeout),
		/*
		 * A normal load has no time limit: no dump waits for it, and with the MMU off the
		 * check is slow.
		 */
		.seconds = crs_layout_is_crash(layout) ? request->check_seconds : 0,
		.mapped = !request->purgatory_mmu_off && !request->no_checks,
		.window = layout->region.size,
		.segments_max = 4,	/* Image, initrd, device tree, elfcorehdr */
	};
}

/* Bytes that purgatory checks: the whole ranges, including the zeros behind the data. */
static uint64_t checked_size(const struct crs_layout *layout)
{
	if (layout->request->no_checks)
		return 0;
	return layout->image.range.size + layout->initrd.range.size + layout->dtb.range.size +
	       (layout->hotplug ? 0 : layout->elfcorehdr.range.size);
}

/* Sets the size of the purgatory segment. */
static enum crashres_status describe_purgatory(struct crs_layout *layout)
{
	const struct crs_purgatory_segment contents = crs_layout_purgatory(layout);
	uint64_t size = crs_purgatory_segment_size(&contents, checked_size(layout));

	return crs_layout_describe(layout, &layout->purgatory, "purgatory", NULL, size, size);
}

/*
 * Bytes that all segments together may have: half of the RAM that the running kernel manages
 * (sanity_check_segment_list()). If /proc/meminfo is missing, half of the RAM in /proc/iomem.
 */
static uint64_t segments_max(const struct crs_layout *layout)
{
	const struct crs_ranges *ram = &layout->machine->regions.ram;
	uint64_t half = 0;

	if (layout->machine->total_ram)
		return layout->machine->total_ram / 2;
	for (size_t i = 0; i < ram->count; i++)
		half += ram->items[i].size / 2;
	return half;
}

/*
 * Bytes for parity with CRASHRES_REPAIR_AUTO. Half of the region must stay free, because the
 * capture kernel works there. And the running kernel must still accept the sum of the segments.
 */
static uint64_t max_parity_size(const struct crs_layout *layout)
{
	uint64_t half = layout->region.size / 2;
	uint64_t most = segments_max(layout);
	uint64_t used = CONTROL_HOLE + checked_size(layout) + layout->purgatory.range.size;

	if (most < half)
		half = most;
	return half > used ? half - used : 0;
}

/* Sets the size of the parity segment, and the reason for this size. */
static enum crashres_status describe_parity(struct crs_layout *layout)
{
	struct crashres_repair *repair = &layout->repair;
	uint64_t blocks = checked_size(layout) / PURGATORY_BLOCK_SIZE;

	repair->checked = checked_size(layout);
	if (!crs_layout_is_crash(layout) || !blocks)
		return CRASHRES_OK;
	layout->group_count = crs_parity_groups(blocks, layout->request->repair,
						max_parity_size(layout), &repair->reason);
	if (!layout->group_count)
		return CRASHRES_OK;
	repair->parity = crs_parity_size(layout->group_count);
	/*
	 * Adjacent blocks belong to different groups, and each group can lose two blocks. So
	 * 2 * group_count adjacent blocks can be repaired. Damage that does not start at a block
	 * boundary touches one more block.
	 */
	repair->burst = repair->parity - PURGATORY_BLOCK_SIZE;
	return crs_layout_describe(layout, &layout->parity, "parity", NULL, repair->parity,
				   repair->parity);
}

enum crashres_status crs_layout_describe_checks(struct crs_layout *layout)
{
	enum crashres_status status = describe_purgatory(layout);

	return status == CRASHRES_OK ? describe_parity(layout) : status;
}

/*
 * Bytes that @need lacks in @window. A crash region is one piece, so the function
 * returns the bytes by which it must grow. Free RAM for a normal kernel has many holes, so the
 * function returns the difference to the largest hole.
 */
static uint64_t count_missing(const struct crs_layout *layout, struct crs_need need,
			      struct crashres_range window)
{
	return crs_layout_is_crash(layout) ? crs_place_shortage(&layout->place, need, window) :
	       need.size - crs_place_largest(&layout->place, need, window);
}

/* Remembers that segment @name did not fit, if it lacks fewer bytes than in earlier tries. */
static enum crashres_status note_shortfall(struct crs_layout *layout, const char *name,
					   struct crs_need need, struct crashres_range window)
{
	uint64_t missing = count_missing(layout, need, window);

	if (!layout->shortfall.size || missing < layout->shortfall.missing)
		layout->shortfall = (struct crs_shortfall){ name, need.size, missing };
	return CRASHRES_ERR_NO_SPACE;
}

static enum crashres_status fail_space(const struct crs_layout *layout, uint64_t missing)
{
	const struct crs_shortfall *shortfall = &layout->shortfall;

	return crs_fail(layout->ctx, CRASHRES_ERR_NO_SPACE,
			"Could not find a free area of memory of 0x%" PRIx64 " bytes for segment %s: "
			"%s 0x%" PRIx64 " - 0x%" PRIx64 " is too small by %" PRIu64 " KiB",
			shortfall->size, shortfall->name,
			crs_layout_is_crash(layout) ? "crash region" : "memory in",
			layout->window.base, crs_range_last(layout->window),
			(missing >> 10) + (missing % 1024 != 0));
}

/* crs_place_lowest() or crs_place_highest(). */
typedef enum crashres_status place_fn(struct crs_place *place, struct crs_need need,
				      struct crashres_range window, struct crashres_range *placed);

/*
 * Places @segment inside @window, if it has a size. A failure sets no sentence, because
 * place_all() can try again with the Image at another address.
 */
static enum crashres_status place_segment(struct crs_layout *layout,
					  struct crashres_segment *segment, place_fn *place,
					  uint64_t alignment, uint64_t offset,
					  struct crashres_range window)
{
	const struct crs_need need = { segment->range.size, alignment, offset };
	enum crashres_status status;

	if (!need.size)
		return CRASHRES_OK;
	window = crs_range_intersect(window, layout->window);
	status = place(&layout->place, need, window, &segment->range);
	if (status == CRASHRES_ERR_NO_SPACE)
		return note_shortfall(layout, segment->name, need, window);
	return status;
}

/* The range for the initrd: from the end of the Image to the end of its 32 GiB window. */
static struct crashres_range initrd_window(const struct crs_layout *layout)
{
	uint64_t base = crs_range_end(layout->image.range);
	uint64_t end = crs_align_down(layout->image.range.base, INITRD_WINDOW_ALIGNMENT) +
		       INITRD_WINDOW;

	return (struct crashres_range){ base, end > base ? end - base : 0 };
}

/*
 * Places purgatory between the start of the region and the Image. The gap in front of the 2 MiB
 * boundary is too small for any other segment. A failure is not remembered as a shortfall,
 * because purgatory can also lie above the Image.
 */
static enum crashres_status place_purgatory_below(struct crs_layout *layout)
{
	const struct crashres_range below = {
		layout->window.base, layout->image.range.base - layout->window.base
	};
	const struct crs_need need = { layout->purgatory.range.size, LARGEST_PAGE, 0 };

	return crs_place_lowest(&layout->place, need, below, &layout->purgatory.range);
}

/*
 * Places parity above the initrd or the Image. Without room, parity is left out, unless the
 * request asks for a certain amount.
 */
static enum crashres_status place_parity(struct crs_layout *layout)
{
	const struct crashres_segment *below = layout->initrd.range.size ? &layout->initrd :
									  &layout->image;
	uint64_t base = crs_range_end(below->range);
	const struct crashres_range window = { base, crs_range_end(layout->window) - base };
	enum crashres_status status = place_segment(layout, &layout->parity, crs_place_lowest,
						    LARGEST_PAGE, 0, window);

	if (status != CRASHRES_ERR_NO_SPACE || layout->request->repair != CRASHRES_REPAIR_AUTO)
		return status;
	layout->group_count = 0;
	layout->parity.range.size = 0;
	layout->repair = (struct crashres_repair){
		.reason = CRASHRES_REPAIR_NO_ROOM,
		.checked = layout->repair.checked,
	};
	return CRASHRES_OK;
}

/* The kernel's rule about the sum of all segments (sanity_check_segment_list()). */
static enum crashres_status check_sum(const struct crs_layout *layout)
{
	uint64_t half = segments_max(layout);
	uint64_t sum = layout->image.range.size + layout->initrd.range.size +
		       layout->dtb.range.size + layout->elfcorehdr.range.size +
		       layout->parity.range.size + layout->purgatory.range.size;

	if (sum <= half)
		return CRASHRES_OK;
	return crs_fail(layout->ctx, CRASHRES_ERR_LIMIT,
			"the segments take %" PRIu64 " MiB: the kernel allows at most half of its "
			"RAM, %" PRIu64 " MiB", sum >> 20, half >> 20);
}

/* Checks the limits of purgatory and of the kernel before any byte is hashed. */
static enum crashres_status check_limits(const struct crs_layout *layout)
{
	const struct crs_purgatory_segment contents = crs_layout_purgatory(layout);
	enum crashres_status status = crs_purgatory_segment_check(layout->ctx, &contents,
								  checked_size(layout));

	return status == CRASHRES_OK ? check_sum(layout) : status;
}

/*
 * Places the Image at the lowest suitable address from @floor on. Only the first try counts as
 * a shortfall: a later try fails because no hole is left, which says nothing about the size.
 */
static enum crashres_status place_image(struct crs_layout *layout, uint64_t floor)
{
	const struct crs_need need = {
		layout->image.range.size, CRS_IMAGE_ALIGNMENT, layout->kernel->image.text_offset
	};
	const struct crashres_range above = { floor, UINT64_MAX - floor };
	const struct crashres_range window = crs_range_intersect(above, layout->window);
	enum crashres_status status = crs_place_lowest(&layout->place, need, window,
						       &layout->image.range);

	if (status == CRASHRES_ERR_NO_SPACE && !layout->shortfall.size)
		return note_shortfall(layout, layout->image.name, need, window);
	return status;
}

/* Places all segments except the Image, which has its address already. */
static enum crashres_status place_others(struct crs_layout *layout)
{
	const struct crashres_range all = layout->window;
	enum crashres_status status, below = place_purgatory_below(layout);

	if (below == CRASHRES_ERR_MEMORY)
		return below;
	status = place_segment(layout, &layout->initrd, crs_place_lowest, LARGEST_PAGE, 0,
		     initrd_window(layout));
	if (status == CRASHRES_OK && below == CRASHRES_ERR_NO_SPACE)
		status = place_segment(layout, &layout->purgatory, crs_place_lowest, LARGEST_PAGE,
				       0, all);
	if (status == CRASHRES_OK)
		status = place_segment(layout, &layout->dtb, crs_place_highest, DTB_ALIGNMENT, 0,
				       all);
	if (status == CRASHRES_OK)
		status = place_segment(layout, &layout->elfcorehdr, crs_place_highest,
				       LARGEST_PAGE, 0, all);
	/* Parity comes last, because it is the only segment that can be left out. */
	if (status == CRASHRES_OK)
		status = place_parity(layout);
	return status;
}

/*
 * The lowest address above @image where another try can succeed: the start of the next hole,
 * or the next 1 GiB boundary, because there the window for the initrd ends 1 GiB later. At
 * addresses in between, the other segments have no more room than now.
 */
static uint64_t next_floor(const struct crs_ranges *holes, uint64_t image)
{
	uint64_t next = crs_align_down(image, INITRD_WINDOW_ALIGNMENT) + INITRD_WINDOW_ALIGNMENT;

	for (size_t i = 0; i < holes->count; i++)
		if (holes->items[i].base > image && holes->items[i].base < next)
			next = holes->items[i].base;
	return next;
}

/*
 * Places all segments, with the Image at the lowest address that leaves room for the others.
 * @holes: a copy of the free memory, to start again after a failed try.
 */
static enum crashres_status place_all(struct crs_layout *layout, const struct crs_ranges *holes)
{
	enum crashres_status status = place_image(layout, layout->window.base);

	while (status == CRASHRES_OK) {
		const uint64_t floor = next_floor(holes, layout->image.range.base);

		status = place_others(layout);
		if (status != CRASHRES_ERR_NO_SPACE)
			return status;
		crs_ranges_free(&layout->place.holes);
		if (!crs_ranges_copy(&layout->place.holes, holes))
			return CRASHRES_ERR_MEMORY;
		status = place_image(layout, floor);
	}
	return status;
}

/* ------------------------------------------------------------ how much is missing */

/*
 * Prepares @longer, a copy of a layout, for a crash region that is @more bytes longer. Parity
 * with CRASHRES_REPAIR_AUTO is dropped, because nobody must enlarge the region for it.
 */
static enum crashres_status describe_longer_region(struct crs_layout *longer, uint64_t more)
{
	const bool automatic = longer->request->repair == CRASHRES_REPAIR_AUTO;

	longer->place = (struct crs_place){ 0 };
	longer->window.size += more;
	if (crs_range_end(longer->window) > crs_range_end(longer->region))
		longer->region.size = crs_range_end(longer->window) - longer->region.base;
	if (!find_crash_holes(longer))
		return CRASHRES_ERR_MEMORY;
	if (automatic) {
		longer->group_count = 0;
		longer->parity.range.size = 0;
		return describe_purgatory(longer);
	}
	return crs_layout_describe_checks(longer);
}

/* Do all segments fit if the crash region is @more bytes longer? CRASHRES_OK: yes. */
static enum crashres_status try_longer_region(const struct crs_layout *layout, uint64_t more)
{
	struct crs_layout longer = *layout;
	struct crs_ranges holes = { 0 };
	enum crashres_status status = describe_longer_region(&longer, more);

	if (status == CRASHRES_OK && !crs_ranges_copy(&holes, &longer.place.holes))
		status = CRASHRES_ERR_MEMORY;
	if (status == CRASHRES_OK)
		status = place_all(&longer, &holes);
	crs_ranges_free(&holes);
	crs_layout_free(&longer);
	return status;
}

/*
 * A number of additional pages that is certainly enough: the sizes of all segments and 2 GiB.
 * The 2 GiB cover the gaps from alignment and a new start at the next 1 GiB boundary for the
 * window of the initrd. 0: the number exceeds 64 bits.
 */
static uint64_t enough_pages(const struct crs_layout *layout)
{
	const struct crashres_segment *segments[] = {
		&layout->image, &layout->initrd, &layout->dtb, &layout->elfcorehdr,
		&layout->purgatory, &layout->parity,
	};
	uint64_t sum = 2 * INITRD_WINDOW_ALIGNMENT, end;

	for (size_t i = 0; i < sizeof(segments) / sizeof(*segments); i++)
		if (__builtin_add_overflow(sum, segments[i]->range.size, &sum))
			return 0;
	if (__builtin_add_overflow(sum, crs_range_end(layout->window), &end))
		return 0;
	return sum / layout->machine->page_size;
}

/*
 * Sets @missing to the bytes that the crash region lacks for all segments together. A user who
 * enlarges crashkernel= by this number succeeds at the next try. The number is found with a
 * binary search over layouts with longer regions. If no length is enough (the initrd is larger
 * than its window), @missing is the shortfall of one segment.
 */
static enum crashres_status find_missing(const struct crs_layout *layout, uint64_t *missing)
{
	const uint64_t page = layout->machine->page_size;
	uint64_t too_few = 0, enough = enough_pages(layout);
	enum crashres_status status = enough ? try_longer_region(layout, enough * page) :
					       CRASHRES_ERR_NO_SPACE;

	*missing = layout->shortfall.missing;
	if (status != CRASHRES_OK)
		return status == CRASHRES_ERR_NO_SPACE ? CRASHRES_OK : status;
	while (enough - too_few > 1) {
		const uint64_t middle = too_few + (enough - too_few) / 2;

		status = try_longer_region(layout, middle * page);
		if (status == CRASHRES_OK)
			enough = middle;
		else if (status == CRASHRES_ERR_NO_SPACE)
			too_few = middle;
		else
			return status;
	}
	*missing = enough * page;
	return CRASHRES_OK;
}

/* Sets the sentence for segments that do not fit. */
static enum crashres_status fail_place(const struct crs_layout *layout)
{
	uint64_t missing = layout->shortfall.missing;
	enum crashres_status status = crs_layout_is_crash(layout) ? find_missing(layout, &missing) :
								    CRASHRES_OK;

	if (status == CRASHRES_ERR_MEMORY)
		return crs_fail_memory(layout->ctx);
	return status == CRASHRES_OK ? fail_space(layout, missing) : status;
}

enum crashres_status crs_layout_place(struct crs_layout *layout)
{
	struct crs_ranges holes = { 0 };
	enum crashres_status status = CRASHRES_ERR_MEMORY;

	if (crs_ranges_copy(&holes, &layout->place.holes))
		status = place_all(layout, &holes);
	crs_ranges_free(&holes);
	if (status == CRASHRES_ERR_NO_SPACE)
		return fail_place(layout);
	return status == CRASHRES_OK ? check_limits(layout) : crs_fail_memory(layout->ctx);
}

enum crashres_status crs_layout_check(const struct crs_layout *layout,
				      const struct crashres_segment *segments, size_t count,
				      uint64_t entry)
{
	uint64_t page = layout->machine->page_size;

	for (size_t i = 0; i < count; i++) {
		const struct crashres_segment *segment = &segments[i];

		if (segment->range.base % page || segment->range.size % page ||
		    segment->data_size > segment->range.size ||
		    !crs_range_contains(layout->window, segment->range) ||
		    (i && crs_range_overlaps(segments[i - 1].range, segment->range)))
			return crs_fail(layout->ctx, CRASHRES_ERR_LIMIT,
					"Invalid memory segment %s: 0x%" PRIx64 " - 0x%" PRIx64,
					segment->name, segment->range.base,
					crs_range_last(segment->range));
	}
	if (crs_layout_is_crash(layout) && !crs_range_contains(layout->machine->regions.crash.items[0],
						   (struct crashres_range){ entry, 1 }))
		return crs_fail_member(layout->ctx, CRASHRES_ERR_LIMIT, CRASHRES_MEMBER_ENTRY,
				       "0x%" PRIx64 " is outside the crash region", entry);
	return CRASHRES_OK;
}

void crs_layout_free(struct crs_layout *layout)
{
	crs_ranges_free(&layout->place.holes);
}
