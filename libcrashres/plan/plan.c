/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "../kernel/kernel.h"
#include "../machine/machine.h"
#include "call.h"
#include "cmdline.h"
#include "dtb.h"
#include "elfcorehdr.h"
#include "purgatory-segment.h"
#include "memory-nodes.h"
#include "parity.h"
#include "place.h"
#include "plan.h"

/*
 * Left free at the start of the crash region: the kernel takes its control page
 * and the page for VMCOREINFO from the first hole it finds, and writes to them
 * (kimage_alloc_crash_control_pages). Two pages of the largest size there is.
 */
#define CONTROL_HOLE	(128ULL << 10)

/* The largest page size of any kernel: what a capture kernel maps starts on its own page. */
#define LARGEST_PAGE	(64ULL << 10)

/* The kernel maps the DTB by 2 MiB blocks (booting.rst). */
#define DTB_ALIGNMENT	(2ULL << 20)

/* Image and initrd share a window of 32 GiB that starts on 1 GiB (booting.rst). */
#define INITRD_WINDOW	(32ULL << 30)
#define INITRD_WINDOW_ALIGNMENT (1ULL << 30)

/* A capture kernel reads two ranges (MAX_USABLE_RANGES, drivers/of/fdt.c). */
#define MAX_USABLE_RANGES 2

/* What goes into a plan while it is made. */
struct draft {
	struct crashres_ctx *ctx;
	const struct crashres_machine *machine;
	const struct crashres_kernel *kernel;
	const struct crashres_request *request;
	struct crashres_plan *plan;
	struct crs_place place;
	struct crashres_range window;	/* around every segment */
	const char *dtb_name;
	const void *dtb_source;
	size_t dtb_source_size;
	uint8_t *dtb_completed;		/* dtb_source where that is not somebody else's */
	uint8_t seed[CRS_DTB_SEED_SIZE];
	bool have_seed;
	/* By role; size 0 where there is none. Sizes are known before places are. */
	struct crashres_segment image, initrd, dtb, elfcorehdr, purgatory, parity;
	uint64_t group_count;		/* of parity */
};

static bool is_crash(const struct draft *draft)
{
	return draft->request->slot == CRASHRES_SLOT_CRASH;
}

/* What was asked for comes before what the kernel file brings (UKI). */
static const struct crashres_input *initrd_of(const struct draft *draft)
{
	return draft->request->initrd ? draft->request->initrd : draft->kernel->initrd;
}

static const struct crashres_input *dtb_of(const struct draft *draft)
{
	return draft->request->dtb ? draft->request->dtb : draft->kernel->dtb;
}

/* Gives @segment its name and data; its range gets a size in whole pages, no place yet. */
static enum crashres_status describe(const struct draft *draft, struct crashres_segment *segment,
				     const char *name, const void *data, uint64_t data_size,
				     uint64_t memory)
{
	uint64_t size;

	if (!crs_align_up(memory, draft->machine->page_size, &size))
		return crs_fail(draft->ctx, CRASHRES_ERR_LIMIT, "segment %s: 0x%" PRIx64 " bytes",
				name, memory);
	*segment = (struct crashres_segment){
		.name = name,
		.data = data,
		.data_size = data_size,
		.range = { .size = size },
	};
	return CRASHRES_OK;
}

/* ---------------------------------------------------------- what there is */

static enum crashres_status check_region(const struct draft *draft, struct crashres_range region)
{
	const struct crs_ranges *crash = &draft->machine->regions.crash;

	if (region.base >= CRS_IMAGE_LIMIT)
		return crs_fail(draft->ctx, CRASHRES_ERR_UNSUPPORTED,
				"crash region 0x%" PRIx64 " - 0x%" PRIx64
				": an arm64 Image must lie below 2^48 (booting.rst)",
				region.base, crs_range_last(region));
	for (size_t i = MAX_USABLE_RANGES; i < crash->count; i++)
		crs_log(draft->ctx, CRASHRES_LOG_WARNING,
			"crash region 0x%" PRIx64 " - 0x%" PRIx64
			" is left out: a capture kernel takes two (linux,usable-memory-range)",
			crash->items[i].base, crs_range_last(crash->items[i]));
	if (crash->count > 1 && !draft->kernel->image.anywhere)
		crs_log(draft->ctx, CRASHRES_LOG_WARNING,
			"this kernel cannot use memory below itself: the low crash region is lost");
	return CRASHRES_OK;
}

static enum crashres_status check_reserved(const struct draft *draft)
{
	if (is_crash(draft) && !draft->machine->regions.crash.count)
		return crs_fail(draft->ctx, CRASHRES_ERR_NO_REGION,
				"Memory for crashkernel is not reserved: /proc/iomem has no "
				"\"Crash kernel\"; boot with crashkernel=SIZE");
	return CRASHRES_OK;
}

/* The high region but for the kernel's control pages. */
static bool find_crash_holes(struct draft *draft, struct crashres_range region)
{
	const struct crashres_range control = crs_range_intersect(region, (struct crashres_range){
			region.base, CONTROL_HOLE });

	draft->window = crs_range_intersect(draft->window, region);
	return crs_ranges_add(&draft->place.holes, region) &&
	       crs_ranges_subtract(&draft->place.holes, control);
}

/*
 * Memory that nobody claims. A window that lies in none of it, but in RAM, says
 * what it means: a crash region that is not in use, or memory reserved for this.
 */
static bool find_normal_holes(struct draft *draft)
{
	const struct crs_regions *regions = &draft->machine->regions;
	struct crs_ranges *holes = &draft->place.holes;
	bool ok = crs_ranges_copy(holes, &regions->usable);

	crs_ranges_clip(holes, draft->window);
	if (!ok || holes->count)
		return ok;
	for (size_t i = 0; i < regions->ram.count && ok; i++)
		ok = crs_ranges_add(holes, regions->ram.items[i]);
	for (size_t i = 0; i < regions->crash.count && ok; i++)
		ok = crs_ranges_add(holes, regions->crash.items[i]);
	crs_ranges_normalize(holes);
	return ok;
}

/* Free memory of the slot, below 2^48 and inside what the user allows. */
static enum crashres_status find_memory(struct draft *draft)
{
	const struct crs_regions *regions = &draft->machine->regions;
	const struct crashres_range limit = { 0, CRS_IMAGE_LIMIT };
	enum crashres_status status;

	if (draft->machine->iomem.hidden)
		return crs_fail(draft->ctx, CRASHRES_ERR_PERMISSION,
				"/proc/iomem shows only zero addresses: it needs root (CAP_SYS_ADMIN)");
	status = check_reserved(draft);
	if (status == CRASHRES_OK && is_crash(draft))
		status = check_region(draft, regions->crash.items[0]);
	if (status != CRASHRES_OK)
		return status;
	draft->window = crs_range_intersect(draft->request->window, limit);
	if (!(is_crash(draft) ? find_crash_holes(draft, regions->crash.items[0]) :
				find_normal_holes(draft)))
		return crs_fail_memory(draft->ctx);
	if (!draft->window.size)
		return crs_fail(draft->ctx, CRASHRES_ERR_NO_SPACE,
				"--mem-min and --mem-max (0x%" PRIx64 " - 0x%" PRIx64 ") leave nothing of "
				"%s", draft->request->window.base,
				crs_range_last(draft->request->window),
				is_crash(draft) ? "the crash region" : "the memory below 2^48");
	return CRASHRES_OK;
}

/* A tree that is not the running machine's may come without memory. */
static enum crashres_status complete_dtb(struct draft *draft)
{
	const struct crs_memory_source source = {
		.dtb = draft->machine->dtb,
		.dtb_size = draft->machine->dtb_size,
		.ram = &draft->machine->regions.memory,
	};
	enum crashres_status status;

	status = crs_dtb_check(draft->ctx, draft->dtb_name, draft->dtb_source,
			       draft->dtb_source_size);
	if (status == CRASHRES_OK)
		status = crs_memory_nodes_add(draft->ctx, draft->dtb_name, draft->dtb_source, &source,
					      &draft->dtb_completed, &draft->dtb_source_size);
	if (status == CRASHRES_OK)
		draft->dtb_source = draft->dtb_completed;
	return status;
}

static enum crashres_status take_machines_dtb(struct draft *draft)
{
	const struct crashres_machine *machine = draft->machine;

	if (!machine->dtb)
		return crs_fail(draft->ctx, CRASHRES_ERR_UNSUPPORTED,
				"no device tree: neither /sys/firmware/fdt nor /proc/device-tree can "
				"be read; give one with --dtb");
	draft->dtb_name = machine->dtb_is_flattened ? "/proc/device-tree" : "/sys/firmware/fdt";
	draft->dtb_source = machine->dtb;
	draft->dtb_source_size = machine->dtb_size;
	if (machine->dtb_is_flattened)
		crs_log(draft->ctx, CRASHRES_LOG_WARNING,
			"/sys/firmware/fdt cannot be read, /proc/device-tree does instead: memory "
			"that only the boot loader's /memreserve/ names will not be reserved");
	return CRASHRES_OK;
}

static enum crashres_status take_dtb_source(struct draft *draft)
{
	const struct crashres_input *file = dtb_of(draft);

	draft->have_seed = draft->ctx->entropy(draft->ctx->entropy_data, draft->seed,
					       sizeof(draft->seed));
	if (!file)
		return take_machines_dtb(draft);
	draft->dtb_name = file->name;
	draft->dtb_source = file->data;
	draft->dtb_source_size = file->size;
	return complete_dtb(draft);
}

/* The next kernel of a normal load has nothing to tell that from. */
static bool is_recorded(const struct draft *draft)
{
	return is_crash(draft) && !draft->request->no_checks;
}

/* With the segments where they are now; the result has the same size wherever they are. */
static enum crashres_status make_dtb(struct draft *draft)
{
	const struct crs_ranges *crash = &draft->machine->regions.crash;
	const struct crs_dtb_chosen chosen = {
		.bootargs = draft->plan->command_line,
		.initrd = { draft->initrd.range.base, draft->initrd.data_size },
		.elfcorehdr = { draft->elfcorehdr.range.base, draft->plan->hotplug ?
				draft->elfcorehdr.range.size : draft->elfcorehdr.data_size },
		.usable = crash->items,
		.usable_count = !is_crash(draft) ? 0 :
				crash->count < MAX_USABLE_RANGES ? crash->count : MAX_USABLE_RANGES,
		.seed = draft->have_seed ? draft->seed : NULL,
		.record = is_recorded(draft),
	};
	enum crashres_status status;
	uint8_t *dtb;
	size_t size;

	status = crs_dtb_make(draft->ctx, draft->dtb_name, draft->dtb_source,
			      draft->dtb_source_size, &chosen, &dtb, &size);
	if (status != CRASHRES_OK)
		return status;
	free(draft->plan->dtb);
	draft->plan->dtb = dtb;
	draft->dtb.data = dtb;
	if (!draft->dtb.range.size)
		return describe(draft, &draft->dtb, "dtb", dtb, size, size);
	return CRASHRES_OK;
}

static enum crashres_status describe_kernel(struct draft *draft)
{
	const struct crs_image *image = &draft->kernel->image;
	const struct crashres_input *file = draft->kernel->file;

	if (image->page_size && image->page_size != draft->machine->page_size)
		crs_log(draft->ctx, CRASHRES_LOG_INFO,
			"kernel has pages of %" PRIu64 " KiB, the running one of %" PRIu64 " KiB: "
			"the CPU must support both", image->page_size >> 10,
			draft->machine->page_size >> 10);
	/* What stands behind image_size in the file, such as a signature, is not loaded. */
	return describe(draft, &draft->image, "kernel", file->data,
			file->size < image->image_size ? file->size : image->image_size,
			image->image_size);
}

/*
 * A kernel that keeps it up to date (crash_handle_hotplug_event) needs room for
 * that, and changes it after purgatory's digests were taken.
 */
static enum crashres_status describe_elfcorehdr(struct draft *draft, uint64_t size)
{
	uint64_t memory = size;

	if (draft->request->hotplug && !draft->machine->elfcorehdr_size)
		return crs_fail(draft->ctx, CRASHRES_ERR_OS,
				"--hotplug: the running kernel does not update a loaded crash kernel: "
				"/sys/kernel/crash_elfcorehdr_size cannot be read");
	if (draft->request->hotplug && draft->machine->elfcorehdr_size > memory)
		memory = draft->machine->elfcorehdr_size;
	draft->plan->hotplug = draft->request->hotplug;
	return describe(draft, &draft->elfcorehdr, "elfcorehdr", draft->plan->elfcorehdr, size,
			memory);
}

static enum crashres_status describe_segments(struct draft *draft)
{
	const struct crashres_input *initrd = initrd_of(draft);
	enum crashres_status status = describe_kernel(draft);

	if (status == CRASHRES_OK && initrd)
		status = describe(draft, &draft->initrd, "initrd", initrd->data, initrd->size,
				  initrd->size);
	if (status == CRASHRES_OK && is_crash(draft)) {
		size_t size;

		status = crs_elfcorehdr_make(draft->ctx, draft->machine, &draft->plan->elfcorehdr,
					     &size);
		if (status == CRASHRES_OK)
			status = describe_elfcorehdr(draft, size);
		if (!draft->machine->cpu_notes.count || !draft->machine->vmcoreinfo.size)
			crs_log(draft->ctx, CRASHRES_LOG_WARNING,
				"the dump will lack %s: /sys does not show where it is",
				draft->machine->vmcoreinfo.size ? "CPU registers" : "VMCOREINFO");
	}
	if (status == CRASHRES_OK)
		status = take_dtb_source(draft);
	if (status == CRASHRES_OK) {
		/* Addresses of the right magnitude, so that what cannot fit its cells shows now. */
		draft->initrd.range.base = draft->window.base;
		draft->elfcorehdr.range.base = draft->window.base;
		status = make_dtb(draft);
	}
	return status;
}

/* ------------------------------------------------------------ how it is checked */

/* What purgatory maps for the check: only of the crash slot is all of it known to be memory. */
static struct crs_purgatory_segment start_purgatory_segment(const struct draft *draft)
{
	const struct crashres_request *request = draft->request;
	bool mapped = is_crash(draft) && !request->purgatory_mmu_off && !request->no_checks;

	return (struct crs_purgatory_segment){
		.firmware = &draft->machine->firmware,
		.on_damage = (enum purgatory_policy)request->on_damage,
		/* Without the MMU it takes its time, and nobody waits for the dump of a normal load. */
		.seconds = is_crash(draft) ? request->check_seconds : 0,
		.region = mapped ? draft->machine->regions.crash.items[0] :
				   (struct crashres_range){ 0 },
	};
}

/* What it all takes in memory, but for parity. */
static uint64_t checked_size(const struct draft *draft)
{
	if (draft->request->no_checks)
		return 0;
	return draft->image.range.size + draft->initrd.range.size + draft->dtb.range.size +
	       (draft->plan->hotplug ? 0 : draft->elfcorehdr.range.size);
}

static enum crashres_status describe_purgatory(struct draft *draft)
{
	const struct crs_purgatory_segment contents = start_purgatory_segment(draft);
	uint64_t size = crs_purgatory_segment_size(&contents, checked_size(draft));

	return describe(draft, &draft->purgatory, "purgatory", NULL, size, size);
}

/* The kernel takes segments of no more than half of the RAM that it manages. */
static uint64_t segments_max(const struct draft *draft)
{
	const struct crs_ranges *ram = &draft->machine->regions.ram;
	uint64_t half = 0;

	if (draft->machine->total_ram)
		return draft->machine->total_ram / 2;
	for (size_t i = 0; i < ram->count; i++)
		half += ram->items[i].size / 2;
	return half;
}

/*
 * What parity may take: half of the region stays free for the kernel to work in,
 * and the running kernel still takes the plan.
 */
static uint64_t parity_room(const struct draft *draft)
{
	uint64_t half = draft->machine->regions.crash.items[0].size / 2;
	uint64_t most = segments_max(draft);
	uint64_t used = CONTROL_HOLE + checked_size(draft) + draft->purgatory.range.size;

	if (most < half)
		half = most;
	return half > used ? half - used : 0;
}

static enum crashres_status describe_parity(struct draft *draft)
{
	struct crashres_repair *repair = &draft->plan->repair;
	uint64_t blocks = checked_size(draft) / PURGATORY_BLOCK_SIZE;

	repair->checked = checked_size(draft);
	if (!is_crash(draft) || !blocks)
		return CRASHRES_OK;
	draft->group_count = crs_parity_groups(blocks, draft->request->repair, parity_room(draft),
					       &repair->reason);
	if (!draft->group_count)
		return CRASHRES_OK;
	repair->parity = crs_parity_size(draft->group_count);
	repair->burst = repair->parity - PURGATORY_BLOCK_SIZE;
	return describe(draft, &draft->parity, "parity", NULL, repair->parity, repair->parity);
}

/* ------------------------------------------------------------ where it goes */

static enum crashres_status fail_space(const struct draft *draft, const char *name,
				       struct crs_need need, struct crashres_range window)
{
	/* Of a region that is one piece it can be said how large it would have to be. */
	uint64_t missing = is_crash(draft) ? crs_place_shortage(&draft->place, need, window) :
			   need.size - crs_place_largest(&draft->place, need, window);

	return crs_fail(draft->ctx, CRASHRES_ERR_NO_SPACE,
			"Could not find a free area of memory of 0x%" PRIx64 " bytes for segment %s: "
			"%s 0x%" PRIx64 " - 0x%" PRIx64 " is too small by %" PRIu64 " KiB",
			need.size, name, is_crash(draft) ? "crash region" : "memory in",
			draft->window.base, crs_range_last(draft->window),
			(missing >> 10) + (missing % 1024 != 0));
}

typedef enum crashres_status place_fn(struct crs_place *place, struct crs_need need,
				      struct crashres_range window, struct crashres_range *taken);

static enum crashres_status put(struct draft *draft, struct crashres_segment *segment,
				place_fn *place, uint64_t alignment, uint64_t offset,
				struct crashres_range window)
{
	const struct crs_need need = { segment->range.size, alignment, offset };
	enum crashres_status status;

	if (!need.size)
		return CRASHRES_OK;
	window = crs_range_intersect(window, draft->window);
	status = place(&draft->place, need, window, &segment->range);
	if (status == CRASHRES_ERR_NO_SPACE)
		return fail_space(draft, segment->name, need, window);
	return status == CRASHRES_OK ? status : crs_fail_memory(draft->ctx);
}

/* From the end of the Image to the end of the window that it shares with its initrd. */
static struct crashres_range initrd_window(const struct draft *draft)
{
	uint64_t base = crs_range_end(draft->image.range);
	uint64_t end = crs_align_down(draft->image.range.base, INITRD_WINDOW_ALIGNMENT) +
		       INITRD_WINDOW;

	return (struct crashres_range){ base, end > base ? end - base : 0 };
}

/* In front of the Image there is room that suits nothing else. */
static enum crashres_status put_purgatory_below(struct draft *draft)
{
	const struct crashres_range below = {
		draft->window.base, draft->image.range.base - draft->window.base
	};
	const struct crs_need need = { draft->purgatory.range.size, LARGEST_PAGE, 0 };

	return crs_place_lowest(&draft->place, need, below, &draft->purgatory.range);
}

/* Parity that nobody asked for may find no place between what must be there. */
static enum crashres_status put_parity(struct draft *draft)
{
	const struct crashres_segment *below = draft->initrd.range.size ? &draft->initrd :
									  &draft->image;
	uint64_t base = crs_range_end(below->range);
	const struct crashres_range window = { base, crs_range_end(draft->window) - base };
	enum crashres_status status = put(draft, &draft->parity, crs_place_lowest, LARGEST_PAGE, 0,
					  window);

	if (status != CRASHRES_ERR_NO_SPACE || draft->request->repair != CRASHRES_REPAIR_AUTO)
		return status;
	draft->group_count = 0;
	draft->parity.range.size = 0;
	draft->plan->repair = (struct crashres_repair){
		.reason = CRASHRES_REPAIR_NO_ROOM,
		.checked = draft->plan->repair.checked,
	};
	return CRASHRES_OK;
}

/* design.md, "Layout of the high region"; a normal load follows it where memory allows. */
static enum crashres_status place_segments(struct draft *draft)
{
	const struct crashres_range all = draft->window;
	enum crashres_status status, below;

	status = put(draft, &draft->image, crs_place_lowest, CRS_IMAGE_ALIGNMENT,
		     draft->kernel->image.text_offset, all);
	if (status != CRASHRES_OK)
		return status;
	below = put_purgatory_below(draft);
	if (below == CRASHRES_ERR_MEMORY)
		return crs_fail_memory(draft->ctx);
	status = put(draft, &draft->initrd, crs_place_lowest, LARGEST_PAGE, 0,
		     initrd_window(draft));
	if (status == CRASHRES_OK && below == CRASHRES_ERR_NO_SPACE)
		status = put(draft, &draft->purgatory, crs_place_lowest, LARGEST_PAGE, 0, all);
	if (status == CRASHRES_OK)
		status = put(draft, &draft->dtb, crs_place_highest, DTB_ALIGNMENT, 0, all);
	if (status == CRASHRES_OK)
		status = put(draft, &draft->elfcorehdr, crs_place_highest, LARGEST_PAGE, 0, all);
	/* Last, for only parity can do without. */
	if (status == CRASHRES_OK)
		status = put_parity(draft);
	return status;
}

/* ------------------------------------------------------------------- result */

static void add_segment(struct crashres_plan *plan, const struct crashres_segment *segment)
{
	size_t i = plan->segment_count;

	if (!segment->range.size)
		return;
	for (; i > 0 && plan->segments[i - 1].range.base > segment->range.base; i--)
		plan->segments[i] = plan->segments[i - 1];
	plan->segments[i] = *segment;
	plan->segment_count++;
}

static enum crashres_status make_parity(struct draft *draft)
{
	struct crashres_plan *plan = draft->plan;

	if (!draft->group_count)
		return CRASHRES_OK;
	plan->parity = malloc(draft->parity.data_size);
	if (!plan->parity)
		return crs_fail_memory(draft->ctx);
	crs_parity_make(plan->segments, plan->segment_count, draft->group_count, plan->parity);
	draft->parity.data = plan->parity;
	return CRASHRES_OK;
}

/* Checked are the segments that the plan has so far. */
static enum crashres_status make_purgatory(struct draft *draft)
{
	struct crs_purgatory_segment contents = start_purgatory_segment(draft);
	struct crashres_plan *plan = draft->plan;
	enum crashres_status status;

	contents.segments = plan->segments;
	contents.segment_count = plan->segment_count;
	contents.unchecked = draft->request->no_checks;
	if (is_recorded(draft))
		contents.record = draft->dtb.range.base + crs_dtb_record_offset(plan->dtb);
	contents.kernel_entry = draft->image.range.base;
	contents.dtb = draft->dtb.range.base;
	contents.parity = draft->parity.range.base;
	contents.group_count = draft->group_count;
	status = crs_purgatory_segment_make(draft->ctx, &contents, draft->purgatory.range.base,
				   &plan->purgatory, &draft->purgatory.data_size);
	draft->purgatory.data = plan->purgatory;
	plan->entry = draft->request->entry ? draft->request->entry : draft->purgatory.range.base;
	return status;
}

static enum crashres_status make_segments(struct draft *draft)
{
	struct crashres_plan *plan = draft->plan;
	enum crashres_status status;

	add_segment(plan, &draft->image);
	add_segment(plan, &draft->initrd);
	add_segment(plan, &draft->dtb);
	if (!plan->hotplug)
		add_segment(plan, &draft->elfcorehdr);
	status = make_parity(draft);
	if (status == CRASHRES_OK)
		status = make_purgatory(draft);
	if (status != CRASHRES_OK)
		return status;
	if (plan->hotplug)
		add_segment(plan, &draft->elfcorehdr);
	add_segment(plan, &draft->parity);
	add_segment(plan, &draft->purgatory);
	return CRASHRES_OK;
}

/*
 * The rules of sanity_check_segment_list() (kernel/kexec_core.c), because the
 * kernel drops the image that it holds before it looks at the new one.
 */
static enum crashres_status check_plan(const struct draft *draft)
{
	const struct crashres_plan *plan = draft->plan;
	uint64_t page = draft->machine->page_size, half = segments_max(draft), sum = 0;

	for (size_t i = 0; i < plan->segment_count; i++) {
		const struct crashres_segment *segment = &plan->segments[i];

		sum += segment->range.size;
		if (segment->range.base % page || segment->range.size % page ||
		    segment->data_size > segment->range.size ||
		    !crs_range_contains(draft->window, segment->range) ||
		    (i && crs_range_overlaps(plan->segments[i - 1].range, segment->range)))
			return crs_fail(draft->ctx, CRASHRES_ERR_LIMIT,
					"Invalid memory segment %s: 0x%" PRIx64 " - 0x%" PRIx64,
					segment->name, segment->range.base,
					crs_range_last(segment->range));
	}
	if (is_crash(draft) && !crs_range_contains(draft->machine->regions.crash.items[0],
						   (struct crashres_range){ plan->entry, 1 }))
		return crs_fail(draft->ctx, CRASHRES_ERR_LIMIT,
				"--entry 0x%" PRIx64 " is outside the crash region", plan->entry);
	if (sum > half)
		return crs_fail(draft->ctx, CRASHRES_ERR_LIMIT,
				"the segments take %" PRIu64 " MiB: the kernel allows half of its RAM, "
				"%" PRIu64 " MiB", sum >> 20, half >> 20);
	return CRASHRES_OK;
}

static enum crashres_status make_command_line(struct draft *draft)
{
	const struct crashres_request *request = draft->request;
	const char *reused = request->reuse_cmdline ? draft->machine->cmdline : NULL;
	const char *append = request->command_line;

	if (!reused && !append)
		append = draft->kernel->command_line;
	return crs_cmdline_make(draft->ctx, reused, append, request->slot,
				&draft->plan->command_line);
}

/* Nothing but a sealed Image is checked that goes this way. */
static enum crashres_sealed decide_sealing(const struct draft *draft)
{
	const struct crashres_request *request = draft->request;

	if (crashres_kernel_is_sealed(draft->kernel))
		return CRASHRES_SEALED_BEFORE;
	if (request->sealing == CRASHRES_SEALING_ALWAYS)
		return CRASHRES_SEALED_YES;
	if (request->sealing == CRASHRES_SEALING_NEVER || !is_crash(draft) || request->no_checks)
		return CRASHRES_SEALED_NO;
	return draft->machine->locked_down || draft->machine->appraised ?
	       CRASHRES_SEALED_NO_SIGNATURE : CRASHRES_SEALED_YES;
}

static enum crashres_status seal_kernel(struct draft *draft)
{
	const struct crashres_request *request = draft->request;
	struct crashres_seal_request seal = CRASHRES_SEAL_REQUEST_INIT;

	seal.initrd = initrd_of(draft);
	seal.on_damage = request->on_damage;
	seal.repair = request->repair;
	seal.check_seconds = request->check_seconds;
	draft->plan->or_unsealed = request->sealing == CRASHRES_SEALING_AUTO &&
				   !request->purgatory_required;
	return crashres_seal(draft->ctx, draft->machine, draft->kernel, &seal,
			     &draft->plan->sealed_kernel);
}

/* The kernel reads the files again, and decides all else. */
static enum crashres_status make_for_files(struct draft *draft)
{
	struct crashres_plan *plan = draft->plan;
	enum crashres_status status = CRASHRES_OK;

	if (!draft->machine->iomem.hidden)
		status = check_reserved(draft);
	if (status == CRASHRES_OK)
		status = make_command_line(draft);
	plan->kernel = draft->kernel->file;
	plan->initrd = initrd_of(draft);
	plan->no_cma = draft->request->no_cma;
	plan->force_dtb = draft->request->force_dtb;
	plan->sealed = decide_sealing(draft);
	if (status == CRASHRES_OK && plan->sealed == CRASHRES_SEALED_NO_SIGNATURE &&
	    draft->request->purgatory_required)
		return crs_fail(draft->ctx, CRASHRES_ERR_REQUEST,
				"what is to be checked: the running kernel demands a signature: seal "
				"the kernel and sign it (crashres seal, crashres sign)");
	if (status == CRASHRES_OK && plan->sealed == CRASHRES_SEALED_YES)
		status = seal_kernel(draft);
	return status;
}

static enum crashres_status make_segmented(struct draft *draft)
{
	enum crashres_status status;

	status = find_memory(draft);
	if (status == CRASHRES_OK)
		status = make_command_line(draft);
	if (status == CRASHRES_OK)
		status = describe_segments(draft);
	if (status == CRASHRES_OK)
		status = describe_purgatory(draft);
	if (status == CRASHRES_OK)
		status = describe_parity(draft);
	if (status == CRASHRES_OK)
		status = place_segments(draft);
	if (status == CRASHRES_OK)
		status = make_dtb(draft);
	if (status == CRASHRES_OK)
		status = make_segments(draft);
	if (status == CRASHRES_OK)
		status = check_plan(draft);
	return status;
}

enum crashres_status crashres_plan_make(struct crashres_ctx *ctx,
					const struct crashres_machine *machine,
					const struct crashres_kernel *kernel,
					const struct crashres_request *request,
					struct crashres_plan **plan)
{
	struct draft draft = {
		.ctx = ctx,
		.machine = machine,
		.kernel = kernel,
		.request = request,
	};
	enum crashres_call calls[2];
	struct crashres_range window;
	enum crashres_status status;

	if (request->size != sizeof(*request))
		return crs_fail(ctx, CRASHRES_ERR_REQUEST, "request of %zu bytes, this library's has %zu",
				request->size, sizeof(*request));
	if (!crs_range_make(request->window.base, request->window.size, &window))
		return crs_fail(ctx, CRASHRES_ERR_REQUEST, "request: the window wraps");
	if (request->reuse_cmdline && !machine->cmdline)
		return crs_fail(ctx, CRASHRES_ERR_OS,
				"--reuse-cmdline: /proc/cmdline cannot be read");
	draft.plan = calloc(1, sizeof(*draft.plan));
	if (!draft.plan)
		return crs_fail_memory(ctx);
	crashres_calls(machine, request, calls);
	draft.plan->slot = request->slot;
	draft.plan->call = calls[0];
	status = crs_call_check(ctx, kernel, request, calls[0]);
	if (status == CRASHRES_OK)
		status = calls[0] == CRASHRES_CALL_FILE_LOAD ? make_for_files(&draft) :
							       make_segmented(&draft);
	crs_ranges_free(&draft.place.holes);
	free(draft.dtb_completed);
	if (status != CRASHRES_OK) {
		crashres_plan_free(draft.plan);
		return status;
	}
	*plan = draft.plan;
	return CRASHRES_OK;
}

void crashres_plan_free(struct crashres_plan *plan)
{
	if (!plan)
		return;
	free(plan->command_line);
	free(plan->elfcorehdr);
	free(plan->dtb);
	free(plan->parity);
	free(plan->purgatory);
	crashres_input_close(plan->sealed_kernel);
	free(plan);
}

enum crashres_slot crashres_plan_slot(const struct crashres_plan *plan)
{
	return plan->slot;
}

enum crashres_call crashres_plan_call(const struct crashres_plan *plan)
{
	return plan->call;
}

struct crashres_files crashres_plan_files(const struct crashres_plan *plan)
{
	return (struct crashres_files){
		.kernel = plan->kernel ? plan->kernel->name : NULL,
		.initrd = plan->initrd ? plan->initrd->name : NULL,
	};
}

enum crashres_sealed crashres_plan_sealed(const struct crashres_plan *plan)
{
	return plan->sealed;
}

struct crashres_repair crashres_plan_repair(const struct crashres_plan *plan)
{
	return plan->repair;
}

uint64_t crashres_plan_entry(const struct crashres_plan *plan)
{
	return plan->entry;
}

const char *crashres_plan_command_line(const struct crashres_plan *plan)
{
	return plan->command_line;
}

const struct crashres_segment *crashres_plan_segments(const struct crashres_plan *plan,
						      size_t *count)
{
	*count = plan->segment_count;
	return plan->segments;
}
