/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * segments.c: makes the segments for kexec_load(2).
 *
 * The DTB is made twice. Its size does not depend on addresses, but its contents do. The first
 * DTB has provisional addresses and yields the size for the layout; the second DTB has the
 * final addresses. Purgatory comes last, because it contains digests of the other segments.
 */
#include <stdlib.h>

#include "dtb.h"
#include "elfcorehdr.h"
#include "layout.h"
#include "memory-nodes.h"
#include "parity.h"
#include "segments.h"

/* A capture kernel reads two ranges of linux,usable-memory-range (drivers/of/fdt.c). */
#define MAX_USABLE_RANGES 2

/* The inputs and the intermediate results of crs_segments_make(). */
struct draft {
	struct crashres_ctx *ctx;
	const struct crashres_machine *machine;
	const struct crashres_kernel *kernel;
	const struct crashres_request *request;
	const char *command_line;
	struct crs_segments *segments;
	struct crs_layout layout;
	const char *dtb_name;		/* for messages */
	const void *dtb_source;		/* the device tree before /chosen is rewritten */
	size_t dtb_source_size;		/* bytes */
	uint8_t *dtb_completed;		/* owned: the user's tree with memory nodes added, or
					   NULL */
	uint8_t seed[CRS_DTB_SEED_SIZE];	/* random bytes for kaslr-seed and rng-seed */
	bool have_seed;			/* false: no entropy, the properties are left out */
};

static bool is_crash(const struct draft *draft)
{
	return draft->request->slot == CRASHRES_SLOT_CRASH;
}

/* The initrd of the request, else the initrd in the kernel file (a UKI), else NULL. */
static const struct crashres_input *choose_initrd(const struct draft *draft)
{
	return draft->request->initrd ? draft->request->initrd : draft->kernel->initrd;
}

/* The DTB of the request, else the DTB in the kernel file (a UKI), else NULL. */
static const struct crashres_input *choose_dtb(const struct draft *draft)
{
	return draft->request->dtb ? draft->request->dtb : draft->kernel->dtb;
}

/*
 * Checks the DTB of the user or of the kernel file, and adds memory nodes if it has none. A
 * DTB from a kernel package leaves them to the boot loader.
 */
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

/* Takes the device tree of the running machine. */
static enum crashres_status use_machine_dtb(struct draft *draft)
{
	const struct crashres_machine *machine = draft->machine;

	if (!machine->dtb)
		return crs_fail(draft->ctx, CRASHRES_ERR_NO_DEVICE_TREE,
				"no device tree: cannot read /sys/firmware/fdt or "
				"/proc/device-tree");
	draft->dtb_name = machine->dtb_is_rebuilt ? "/proc/device-tree" : "/sys/firmware/fdt";
	draft->dtb_source = machine->dtb;
	draft->dtb_source_size = machine->dtb_size;
	if (machine->dtb_is_rebuilt)
		crs_log(draft->ctx, CRASHRES_LOG_WARNING,
			"cannot read /sys/firmware/fdt, /proc/device-tree is used instead: the new "
			"kernel will not reserve memory that only /memreserve/ names");
	return CRASHRES_OK;
}

/* Chooses the device tree to start from, and draws the seeds. Both makes of the DTB use them. */
static enum crashres_status choose_dtb_source(struct draft *draft)
{
	const struct crashres_input *file = choose_dtb(draft);

	draft->have_seed = draft->ctx->entropy(draft->ctx->entropy_data, draft->seed,
					       sizeof(draft->seed));
	if (!file)
		return use_machine_dtb(draft);
	draft->dtb_name = file->name;
	draft->dtb_source = file->data;
	draft->dtb_source_size = file->size;
	return complete_dtb(draft);
}

/*
 * Does the DTB get a property for purgatory's record? Only for a checked crash kernel: after a
 * normal load nobody reads the record.
 */
static bool has_record(const struct draft *draft)
{
	return is_crash(draft) && !draft->request->no_checks;
}

/*
 * Makes the DTB with the addresses that the layout has now. The size of the DTB does not depend
 * on the addresses. Replaces the DTB of an earlier call.
 */
static enum crashres_status make_dtb(struct draft *draft)
{
	struct crs_layout *layout = &draft->layout;
	const struct crs_ranges *crash = &draft->machine->regions.crash;
	const struct crs_dtb_chosen chosen = {
		.bootargs = draft->command_line,
		.initrd = { layout->initrd.range.base, layout->initrd.data_size },
		.elfcorehdr = { layout->elfcorehdr.range.base, layout->hotplug ?
				layout->elfcorehdr.range.size : layout->elfcorehdr.data_size },
		.usable = crash->items,
		.usable_count = !is_crash(draft) ? 0 :
				crash->count < MAX_USABLE_RANGES ? crash->count : MAX_USABLE_RANGES,
		.seed = draft->have_seed ? draft->seed : NULL,
		.record = has_record(draft),
	};
	enum crashres_status status;
	uint8_t *dtb;
	size_t size;

	status = crs_dtb_make(draft->ctx, draft->dtb_name, draft->dtb_source,
			      draft->dtb_source_size, &chosen, &dtb, &size);
	if (status != CRASHRES_OK)
		return status;
	free(draft->segments->dtb);
	draft->segments->dtb = dtb;
	layout->dtb.data = dtb;
	if (!layout->dtb.range.size)
		return crs_layout_describe(layout, &layout->dtb, "dtb", dtb, size, size);
	return CRASHRES_OK;
}

/*
 * Sets the size of the elfcorehdr segment. @size: bytes of the header that was made now. If the
 * running kernel updates the header after CPU or memory hotplug (crash_handle_hotplug_event()
 * in kernel/crash_core.c), the segment needs room for the largest header.
 */
static enum crashres_status describe_elfcorehdr(struct draft *draft, uint64_t size)
{
	uint64_t memory = size;

	if (draft->request->hotplug && !draft->machine->elfcorehdr_size)
		return crs_fail_member(draft->ctx, CRASHRES_ERR_OS, CRASHRES_MEMBER_HOTPLUG,
				       "the running kernel does not update a loaded crash kernel: "
				       "cannot read /sys/kernel/crash_elfcorehdr_size");
	if (draft->request->hotplug && draft->machine->elfcorehdr_size > memory)
		memory = draft->machine->elfcorehdr_size;
	draft->layout.hotplug = draft->request->hotplug;
	return crs_layout_describe(&draft->layout, &draft->layout.elfcorehdr, "elfcorehdr",
				   draft->segments->elfcorehdr, size, memory);
}

/* Makes the elfcorehdr. A dump without registers or VMCOREINFO is still useful: only warn. */
static enum crashres_status make_elfcorehdr(struct draft *draft)
{
	const struct crashres_machine *machine = draft->machine;
	enum crashres_status status;
	size_t size;

	status = crs_elfcorehdr_make(draft->ctx, machine, &draft->segments->elfcorehdr, &size);
	if (status == CRASHRES_OK)
		status = describe_elfcorehdr(draft, size);
	if (!machine->cpu_notes.count || !machine->vmcoreinfo.size)
		crs_log(draft->ctx, CRASHRES_LOG_WARNING,
			"the dump will lack %s: /sys does not show the address",
			machine->vmcoreinfo.size ? "CPU registers" : "VMCOREINFO");
	return status;
}

/* Sets the sizes of all segments except purgatory and parity. */
static enum crashres_status describe_segments(struct draft *draft)
{
	const struct crashres_input *initrd = choose_initrd(draft);
	struct crs_layout *layout = &draft->layout;
	enum crashres_status status = crs_layout_describe_kernel(layout);

	if (status == CRASHRES_OK && initrd)
		status = crs_layout_describe(layout, &layout->initrd, "initrd", initrd->data,
					     initrd->size, initrd->size);
	if (status == CRASHRES_OK && is_crash(draft))
		status = make_elfcorehdr(draft);
	if (status == CRASHRES_OK)
		status = choose_dtb_source(draft);
	if (status == CRASHRES_OK) {
		/*
		 * Provisional addresses inside the window. If such addresses do not fit the cells
		 * of the DTB, the error comes before the layout.
		 */
		layout->initrd.range.base = layout->window.base;
		layout->elfcorehdr.range.base = layout->window.base;
		status = make_dtb(draft);
	}
	return status;
}

/* Inserts a copy of @segment at its place in the order of addresses. Skips an empty segment. */
static void add_segment(struct crs_segments *segments, const struct crashres_segment *segment)
{
	size_t i = segments->count;

	if (!segment->range.size)
		return;
	for (; i > 0 && segments->items[i - 1].range.base > segment->range.base; i--)
		segments->items[i] = segments->items[i - 1];
	segments->items[i] = *segment;
	segments->count++;
}

/* Computes parity over the segments that were added so far. */
static enum crashres_status make_parity(struct draft *draft)
{
	struct crs_layout *layout = &draft->layout;
	struct crs_segments *segments = draft->segments;

	if (!layout->group_count)
		return CRASHRES_OK;
	segments->parity = malloc(layout->parity.data_size);
	if (!segments->parity)
		return crs_fail_memory(draft->ctx);
	crs_parity_make(segments->items, segments->count, layout->group_count, segments->parity);
	layout->parity.data = segments->parity;
	return CRASHRES_OK;
}

/* Makes purgatory, with digests of the segments that were added so far. */
static enum crashres_status make_purgatory(struct draft *draft)
{
	struct crs_layout *layout = &draft->layout;
	struct crs_purgatory_segment contents = crs_layout_purgatory(layout);
	struct crs_segments *segments = draft->segments;
	enum crashres_status status;

	contents.segments = segments->items;
	contents.segment_count = segments->count;
	contents.unchecked = draft->request->no_checks;
	if (has_record(draft))
		contents.record = layout->dtb.range.base + crs_dtb_record_offset(segments->dtb);
	contents.kernel_entry = layout->image.range.base;
	contents.dtb = layout->dtb.range.base;
	contents.parity = layout->parity.range.base;
	contents.group_count = layout->group_count;
	status = crs_purgatory_segment_make(draft->ctx, &contents, layout->purgatory.range.base,
					    &segments->purgatory, &layout->purgatory.data_size);
	layout->purgatory.data = segments->purgatory;
	segments->entry = draft->request->entry ? draft->request->entry :
						  layout->purgatory.range.base;
	return status;
}

/*
 * Fills the list of segments. The order of the calls decides what is checked: parity and
 * purgatory cover the segments that were added before. An elfcorehdr that the running kernel
 * updates is added later, because its digests would be wrong after the first update.
 */
static enum crashres_status make_items(struct draft *draft)
{
	struct crs_layout *layout = &draft->layout;
	struct crs_segments *segments = draft->segments;
	enum crashres_status status;

	add_segment(segments, &layout->image);
	add_segment(segments, &layout->initrd);
	add_segment(segments, &layout->dtb);
	if (!layout->hotplug)
		add_segment(segments, &layout->elfcorehdr);
	status = make_parity(draft);
	if (status == CRASHRES_OK)
		status = make_purgatory(draft);
	if (status != CRASHRES_OK)
		return status;
	if (layout->hotplug)
		add_segment(segments, &layout->elfcorehdr);
	add_segment(segments, &layout->parity);
	add_segment(segments, &layout->purgatory);
	return CRASHRES_OK;
}

/* The steps in their order; each step needs the results of the steps before. */
static enum crashres_status make_all(struct draft *draft)
{
	struct crs_layout *layout = &draft->layout;
	struct crs_segments *segments = draft->segments;
	enum crashres_status status = crs_layout_find_memory(layout);

	if (status == CRASHRES_OK)
		status = describe_segments(draft);
	if (status == CRASHRES_OK)
		status = crs_layout_describe_checks(layout);
	if (status == CRASHRES_OK)
		status = crs_layout_place(layout);
	if (status == CRASHRES_OK)
		status = make_dtb(draft);
	if (status == CRASHRES_OK)
		status = make_items(draft);
	if (status == CRASHRES_OK)
		status = crs_layout_check(layout, segments->items, segments->count,
					  segments->entry);
	segments->hotplug = layout->hotplug;
	segments->repair = layout->repair;
	return status;
}

enum crashres_status crs_segments_make(struct crashres_ctx *ctx,
				       const struct crashres_machine *machine,
				       const struct crashres_kernel *kernel,
				       const struct crashres_request *request,
				       const char *command_line, struct crs_segments *segments)
{
	struct draft draft = {
		.ctx = ctx,
		.machine = machine,
		.kernel = kernel,
		.request = request,
		.command_line = command_line,
		.segments = segments,
		.layout = {
			.ctx = ctx,
			.machine = machine,
			.kernel = kernel,
			.request = request,
		},
	};
	enum crashres_status status = make_all(&draft);

	crs_layout_free(&draft.layout);
	free(draft.dtb_completed);
	return status;
}

void crs_segments_free(struct crs_segments *segments)
{
	free(segments->elfcorehdr);
	free(segments->dtb);
	free(segments->parity);
	free(segments->purgatory);
}
