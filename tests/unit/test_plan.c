/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tests crashres_plan_make() (plan/plan.c) as a whole: layout, device tree, parity, parameters
 * of purgatory, and every reason to refuse a request. A wrong program puts segments where the
 * kernel overwrites or refuses them, or finds a mistake only after the old crash kernel is
 * gone.
 */
#include <libfdt.h>

#include "../../libcrashres/kernel/kernel.h"
#include "../../libcrashres/machine/machine.h"
#include "../../libcrashres/plan/purgatory-segment.h"
#include "../../libcrashres/plan/plan.h"
#include "support.h"

/* Physical addresses and bytes of the machine; HOLE is left free for the kernel's control pages. */
#define RAM		((uint64_t)0x40000000)
#define RAM_SIZE	(4 * GIB)
#define REGION		((uint64_t)0x50000000)
#define REGION_SIZE	(512 * MIB)
#define HOLE		(128 * KIB)

/*
 * All inputs of a plan. world_new() makes them valid; each test changes the members that it is
 * about.
 */
struct world {
	struct crashres_machine machine;
	struct crashres_input kernel_file, initrd_file;
	struct crashres_kernel kernel;
	struct crashres_request request;
};

/* Returns a DTB with an empty /chosen; *@size is in bytes. The caller frees it. */
static uint8_t *make_dtb(uint32_t cells, size_t *size)
{
	uint8_t *dtb = unit_alloc(2048);

	assert_int_equal(fdt_create(dtb, 2048), 0);
	fdt_finish_reservemap(dtb);
	fdt_begin_node(dtb, "");
	fdt_property_u32(dtb, "#address-cells", cells);
	fdt_property_u32(dtb, "#size-cells", cells);
	fdt_begin_node(dtb, "chosen");
	fdt_end_node(dtb);
	fdt_end_node(dtb);
	assert_int_equal(fdt_finish(dtb), 0);
	*size = fdt_totalsize(dtb);
	return dtb;
}

static struct crashres_input make_file(const char *name, size_t size)
{
	uint8_t *data = unit_alloc(size);

	unit_fill(data, size, (uint32_t)size);
	return (struct crashres_input){ .name = (char *)(uintptr_t)name, .data = data, .size = size,
					.references = 1 };
}

/* Makes this range the only crash region. */
static void set_region(struct world *world, uint64_t base, uint64_t size)
{
	struct crs_regions *regions = &world->machine.regions;

	crs_ranges_free(&regions->crash);
	unit_add(&regions->crash, base, size);
}

/*
 * Returns a valid world: 4 GiB of RAM, a crash region of 512 MiB, an Image of 4 MiB - 4 KiB, an
 * initrd of 1 MiB - 1 byte, and a request for the crash slot by kexec_load.
 */
static struct world world_new(void)
{
	struct world world = {
		.machine = {
			.vmcoreinfo = { 0x41000000, 0x1024 },
			.page_size = 4096,
			.cmdline = strdup("BOOT_IMAGE=/vmlinuz root=/dev/vda1 crashkernel=512M quiet"),
		},
		.kernel_file = make_file("Image", 200 * KIB),
		.initrd_file = make_file("initrd.img", MIB - 1),
		.kernel.image = { 0, 4 * MIB - 4096, 4096, true },
		.request = CRASHRES_REQUEST_INIT,
	};

	world.machine.dtb = make_dtb(2, &world.machine.dtb_size);
	unit_add(&world.machine.cpu_notes, 0x41002000, 0x188);
	unit_add(&world.machine.regions.ram, RAM, RAM_SIZE);
	unit_add(&world.machine.regions.usable, RAM, RAM_SIZE);
	set_region(&world, REGION, REGION_SIZE);
	world.request.slot = CRASHRES_SLOT_CRASH;
	world.request.call = CRASHRES_CALL_LOAD;
	return world;
}

static void world_free(struct world *world)
{
	crs_ranges_free(&world->machine.cpu_notes);
	crs_regions_free(&world->machine.regions);
	free(world->machine.cmdline);
	free(world->machine.dtb);
	free((void *)(uintptr_t)world->kernel_file.data);
	free((void *)(uintptr_t)world->initrd_file.data);
}

static enum crashres_status make_status(struct unit *unit, struct world *world,
					struct crashres_plan **plan)
{
	world->kernel.file = &world->kernel_file;
	world->request.initrd = world->initrd_file.size ? &world->initrd_file : NULL;
	return crashres_plan_make(unit->ctx, &world->machine, &world->kernel, &world->request, plan);
}

/* Returns the plan of @world; the test fails if there is none. */
static struct crashres_plan *make(struct unit *unit, struct world *world)
{
	struct crashres_plan *plan;

	assert_ok(unit, make_status(unit, world, &plan));
	return plan;
}

/* Asserts that planning fails with @status and @sentence. */
static void refuse(struct unit *unit, struct world *world, enum crashres_status status,
		   const char *sentence)
{
	struct crashres_plan *plan = UNTOUCHED;

	assert_fails(unit, make_status(unit, world, &plan), status, sentence);
	assert_ptr_equal(plan, UNTOUCHED);
}

/* Returns the first possible attempt. The context can be NULL, because the call cannot fail. */
static struct crashres_attempt first_of(const struct crashres_plan *plan)
{
	struct crashres_attempt attempt = CRASHRES_ATTEMPT_INIT;
	size_t first = crs_attempts_find_possible(&plan->attempts, 0);

	assert_int_equal(crashres_plan_attempt(NULL, plan, first, &attempt), CRASHRES_OK);
	return attempt;
}

static const struct crashres_segment *segments_of(const struct crashres_plan *plan, size_t *count)
{
	*count = first_of(plan).segment_count;
	return first_of(plan).segments;
}

static uint64_t entry_of(const struct crashres_plan *plan)
{
	return first_of(plan).entry;
}

static struct crashres_repair repair_of(const struct crashres_plan *plan)
{
	return first_of(plan).repair;
}

/* Returns the segment @name, or NULL. */
static const struct crashres_segment *find(const struct crashres_plan *plan, const char *name)
{
	const struct crashres_segment *segments;
	size_t count;

	segments = segments_of(plan, &count);
	for (size_t i = 0; i < count; i++)
		if (!strcmp(segments[i].name, name))
			return &segments[i];
	return NULL;
}

static uint64_t align_up(uint64_t value, uint64_t alignment)
{
	return (value + alignment - 1) / alignment * alignment;
}

/* ------------------------------------------------- properties of every plan */

/*
 * Asserts the kernel's rules for segments (sanity_check_segment_list()): whole pages, data not
 * larger than memory, no overlap, inside @room. The library also sorts them by address.
 */
static void check_segments(const struct world *world, const struct crashres_plan *plan,
			   struct crashres_range room)
{
	const struct crashres_segment *segments;
	size_t count;

	segments = segments_of(plan, &count);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(segments[i].range.base % world->machine.page_size, 0);
		assert_int_equal(segments[i].range.size % world->machine.page_size, 0);
		assert_true(segments[i].range.size > 0);
		assert_true(segments[i].data_size > 0);
		assert_true(segments[i].data_size <= segments[i].range.size);
		assert_true(crs_range_contains(room, segments[i].range));
		if (i)
			assert_true(crs_range_end(segments[i - 1].range) <= segments[i].range.base);
	}
}

/*
 * Asserts that the DTB of a crash kernel holds an empty record at @address, where purgatory
 * writes it.
 */
static void check_record(const struct crashres_plan *plan, uint64_t address)
{
	const struct crashres_segment *dtb = find(plan, "dtb");
	struct purgatory_record record, expected = {
		.magic = PURGATORY_RECORD_MAGIC,
		.version = PURGATORY_RECORD_VERSION,
		.size = sizeof(record),
	};

	if (crashres_plan_slot(plan) != CRASHRES_SLOT_CRASH) {
		assert_int_equal(address, 0);
		return;
	}
	assert_in_range(address, dtb->range.base,
			dtb->range.base + dtb->data_size - sizeof(record));
	assert_int_equal(address % 4, 0);
	memcpy(&record, (const uint8_t *)dtb->data + (address - dtb->range.base), sizeof(record));
	assert_memory_equal(&record, &expected, sizeof(record));
}

/* Asserts that the parameters in the purgatory segment describe the other segments. */
static void check_purgatory_segment(const struct crashres_plan *plan)
{
	const struct crashres_segment *purgatory = find(plan, "purgatory"), *segments;
	const struct crashres_segment *parity = find(plan, "parity");
	const uint8_t *data = purgatory->data;
	struct purgatory_params params;
	size_t count, checked = 0;

	memcpy(&params, data + unit_get_le(data + offsetof(struct purgatory_header, image_size), 8),
	       sizeof(params));
	assert_int_equal(params.segment_size, purgatory->data_size);
	assert_int_equal(params.kernel_entry, find(plan, "kernel")->range.base);
	assert_int_equal(params.dtb, find(plan, "dtb")->range.base);
	segments = segments_of(plan, &count);
	for (size_t i = 0; i < count; i++) {
		if (&segments[i] == purgatory || &segments[i] == parity)
			continue;
		assert_string_equal(params.segments[checked].name, segments[i].name);
		assert_int_equal(params.segments[checked].base, segments[i].range.base);
		assert_int_equal(params.segments[checked].size, segments[i].range.size);
		checked++;
	}
	assert_int_equal(params.segment_count, checked);
	assert_int_equal(params.parity_base, parity ? parity->range.base : 0);
	assert_int_equal(params.group_count, parity ? parity->data_size / (2 * 4096) : 0);
	check_record(plan, params.record);
}

/* Asserts that parity lies directly above all segments except DTB and elfcorehdr. */
static void check_parity_place(const struct crashres_plan *plan)
{
	const struct crashres_segment *parity = find(plan, "parity"), *segments;
	size_t count, i = 0;

	if (!parity)
		return;
	segments = segments_of(plan, &count);
	while (&segments[i] != parity)
		i++;
	assert_true(i == count - 3);
	assert_int_equal(parity->range.base, align_up(crs_range_end(segments[i - 1].range), 64 * KIB));
}

/*
 * Asserts the layout of the high region, from bottom to top: hole, purgatory (if it fits),
 * kernel, initrd, parity; at the top DTB and elfcorehdr.
 */
static void check_crash_layout(const struct world *world, const struct crashres_plan *plan)
{
	const uint64_t page = world->machine.page_size;
	const struct crashres_range region = world->machine.regions.crash.items[0];
	const struct crashres_segment *kernel = find(plan, "kernel"), *initrd = find(plan, "initrd");
	const struct crashres_segment *dtb = find(plan, "dtb"), *core = find(plan, "elfcorehdr");
	const struct crashres_segment *purgatory = find(plan, "purgatory");
	const struct crs_image *image = &world->kernel.image;
	uint64_t free_from = region.base + HOLE, wanted;

	check_segments(world, plan, unit_range(free_from, region.size - HOLE));
	check_purgatory_segment(plan);
	/* The Image takes the lowest place above the hole. */
	wanted = align_up(free_from - image->text_offset, 2 * MIB) + image->text_offset;
	assert_range(kernel->range, wanted, align_up(image->image_size, page));
	assert_range(initrd->range, align_up(crs_range_end(kernel->range), 64 * KIB),
		     align_up(world->initrd_file.size, page));
	/* Purgatory lies below the Image if it fits there, else above the initrd. */
	if (align_up(free_from, 64 * KIB) + purgatory->range.size <= kernel->range.base)
		wanted = align_up(free_from, 64 * KIB);
	else
		wanted = align_up(crs_range_end(initrd->range), 64 * KIB);
	assert_int_equal(purgatory->range.base, wanted);
	assert_int_equal(entry_of(plan), wanted);
	/*
	 * The DTB takes the highest multiple of 2 MiB, the elfcorehdr the highest multiple of
	 * 64 KiB that is left.
	 */
	assert_int_equal(dtb->range.base, (crs_range_end(region) - dtb->range.size) / (2 * MIB) *
					  (2 * MIB));
	assert_true(dtb->range.size <= 2 * MIB);
	assert_int_equal(core->range.base % (64 * KIB), 0);
	assert_true(crs_range_end(region) - crs_range_end(core->range) < 64 * KIB ||
		    crs_range_end(core->range) + 64 * KIB > dtb->range.base);
	assert_int_equal(crashres_plan_slot(plan), CRASHRES_SLOT_CRASH);
	check_parity_place(plan);
}

static void check_world(struct unit *unit, struct world *world)
{
	struct crashres_plan *plan = make(unit, world);

	check_crash_layout(world, plan);
	crashres_plan_free(plan);
}

/* ------------------------------------------------------------------ layout */

static void test_crash_segments_have_the_designed_layout(void **state)
{
	struct world world = world_new();
	struct crashres_plan *plan = make(*state, &world);
	static const char *const order[] = {
		"purgatory", "kernel", "initrd", "parity", "dtb", "elfcorehdr",
	};
	const struct crashres_segment *segments;
	size_t count;

	check_crash_layout(&world, plan);
	segments = segments_of(plan, &count);
	assert_int_equal(count, COUNT(order));
	for (size_t i = 0; i < count; i++)
		assert_string_equal(segments[i].name, order[i]);
	assert_int_equal(segments[0].range.base, REGION + HOLE);
	assert_range(segments[1].range, REGION + 2 * MIB, 4 * MIB - 4096);
	assert_range(segments[2].range, REGION + 6 * MIB, MIB);
	/* 1023 + 256 + 2 blocks, of which 6.25 % are 81 blocks of parity. */
	assert_range(segments[3].range, REGION + 7 * MIB, 2 * 41 * 4096);
	assert_range(segments[4].range, REGION + REGION_SIZE - 2 * MIB, 4096);
	assert_range(segments[5].range, REGION + REGION_SIZE - 64 * KIB, 4096);
	assert_ptr_equal(segments[1].data, world.kernel_file.data);
	assert_int_equal(segments[1].data_size, 200 * KIB);
	assert_ptr_equal(segments[2].data, world.initrd_file.data);
	assert_int_equal(segments[2].data_size, MIB - 1);
	assert_memory_equal(segments[5].data, "\x7f" "ELF", 4);
	crashres_plan_free(plan);
	world_free(&world);
}

static void test_designed_layout_holds_for_many_sizes(void **state)
{
	static const uint64_t page_sizes[] = { 4096, 16384, 65536 };
	static const uint64_t text_offsets[] = { 0, 0x10000, 0x20000, 0x80000, 0x1f0000 };
	static const uint64_t image_sizes[] = { 3 * MIB + 1, 4 * MIB, 150 * MIB };
	static const uint64_t bases[] = { REGION, REGION + MIB, REGION + 64 * KIB };

	for (size_t p = 0; p < COUNT(page_sizes); p++)
		for (size_t t = 0; t < COUNT(text_offsets); t++)
			for (size_t i = 0; i < COUNT(image_sizes); i++)
				for (size_t b = 0; b < COUNT(bases); b++) {
					struct world world = world_new();

					world.initrd_file.size = 10001;
					world.machine.page_size = page_sizes[p];
					world.kernel.image.text_offset = text_offsets[t];
					world.kernel.image.image_size = image_sizes[i];
					set_region(&world, bases[b], REGION_SIZE);
					check_world(*state, &world);
					world_free(&world);
				}
}

static void test_large_digest_tables_move_purgatory_above_the_initrd(void **state)
{
	struct world world = world_new();
	struct crashres_plan *plan;

	/* The 2 MiB - 128 KiB below the Image have room for the digests of about 100 MiB. */
	world.kernel.image.image_size = 128 * MIB;
	plan = make(*state, &world);
	check_crash_layout(&world, plan);
	assert_true(find(plan, "purgatory")->range.base > find(plan, "initrd")->range.base);
	crashres_plan_free(plan);
	world.kernel.image.image_size = 90 * MIB;
	plan = make(*state, &world);
	check_crash_layout(&world, plan);
	assert_true(find(plan, "purgatory")->range.base < find(plan, "kernel")->range.base);
	crashres_plan_free(plan);
	world_free(&world);
}

static void test_large_initrd_moves_purgatory_above_it(void **state)
{
	struct world world = world_new();
	struct crashres_plan *plan;

	free((void *)(uintptr_t)world.initrd_file.data);
	world.initrd_file.size = 130 * MIB + 1;
	world.initrd_file.data = unit_alloc(world.initrd_file.size);
	plan = make(*state, &world);
	check_crash_layout(&world, plan);
	assert_true(find(plan, "purgatory")->range.base > find(plan, "initrd")->range.base);
	crashres_plan_free(plan);
	world_free(&world);
}

/*
 * Old kernels lie 512 KiB above a multiple of 2 MiB. The hole of 128 KiB leaves this place
 * free.
 */
static void test_text_offset_of_old_kernels_is_used(void **state)
{
	struct world world = world_new();
	struct crashres_plan *plan;

	world.kernel.image.text_offset = 0x80000;
	plan = make(*state, &world);
	check_crash_layout(&world, plan);
	assert_int_equal(find(plan, "kernel")->range.base, REGION + 0x80000);
	crashres_plan_free(plan);
	world_free(&world);
}

static void test_plan_without_initrd_has_5_segments(void **state)
{
	struct world world = world_new();
	struct crashres_plan *plan;
	size_t count;

	free((void *)(uintptr_t)world.initrd_file.data);
	world.initrd_file = (struct crashres_input){ 0 };
	plan = make(*state, &world);
	segments_of(plan, &count);
	assert_int_equal(count, 5);
	assert_null(find(plan, "initrd"));
	check_purgatory_segment(plan);
	crashres_plan_free(plan);
	world_free(&world);
}

/* A signature or padding can follow the Image. Bytes after image_size are not loaded. */
static void test_bytes_after_image_size_are_not_loaded(void **state)
{
	struct world world = world_new();
	struct crashres_plan *plan;

	world.kernel.image.image_size = 100 * KIB + 1;
	plan = make(*state, &world);
	assert_int_equal(find(plan, "kernel")->data_size, 100 * KIB + 1);
	assert_int_equal(find(plan, "kernel")->range.size, 104 * KIB);
	crashres_plan_free(plan);
	world_free(&world);
}

static void test_same_inputs_give_the_same_plan(void **state)
{
	struct world world = world_new();
	struct crashres_plan *a = make(*state, &world), *b = make(*state, &world);
	const struct crashres_segment *left, *right;
	size_t count, right_count;

	left = segments_of(a, &count);
	right = segments_of(b, &right_count);
	assert_int_equal(count, right_count);
	for (size_t i = 0; i < count; i++) {
		assert_string_equal(left[i].name, right[i].name);
		assert_range(left[i].range, right[i].range.base, right[i].range.size);
		assert_int_equal(left[i].data_size, right[i].data_size);
		assert_memory_equal(left[i].data, right[i].data, left[i].data_size);
	}
	assert_int_equal(entry_of(a), entry_of(b));
	assert_string_equal(crashres_plan_command_line(a), crashres_plan_command_line(b));
	crashres_plan_free(a);
	crashres_plan_free(b);
	crashres_plan_free(NULL);
	world_free(&world);
}

/* ------------------------------------------------------- the device tree */

/* Asserts a property of /chosen in the DTB of the plan. */
static void check_chosen(const struct crashres_plan *plan, const char *name, const void *bytes,
			 size_t size)
{
	const void *dtb = find(plan, "dtb")->data, *value;
	int length;

	value = fdt_getprop(dtb, fdt_path_offset(dtb, "/chosen"), name, &length);
	assert_non_null(value);
	assert_int_equal(length, size);
	assert_memory_equal(value, bytes, size);
}

static bool has_chosen(const struct crashres_plan *plan, const char *name)
{
	const void *dtb = find(plan, "dtb")->data;

	return fdt_getprop(dtb, fdt_path_offset(dtb, "/chosen"), name, NULL) != NULL;
}

static void test_chosen_holds_the_addresses_of_the_plan(void **state)
{
	struct world world = world_new();
	struct crashres_plan *plan;
	uint8_t seed[136];

	unit_entropy(NULL, seed, sizeof(seed));
	unit_add(&world.machine.regions.crash, 0x60000000000, 64 * MIB);
	world.request.reuse_cmdline = true;
	world.request.command_line = "nr_cpus=1";
	plan = make(*state, &world);
	assert_string_equal(crashres_plan_command_line(plan), "root=/dev/vda1 quiet nr_cpus=1");
	check_chosen(plan, "bootargs", "root=/dev/vda1 quiet nr_cpus=1", 31);
	/* The high region comes first, then the low one, as in the machine. */
	check_chosen(plan, "linux,usable-memory-range",
		     "\0\0\0\0\x50\0\0\0" "\0\0\0\0\x20\0\0\0"
		     "\0\0\x06\0\0\0\0\0" "\0\0\0\0\x04\0\0\0", 32);
	check_chosen(plan, "linux,elfcorehdr", "\0\0\0\0\x6f\xff\0\0" "\0\0\0\0\0\0\0\xe8", 16);
	check_chosen(plan, "linux,initrd-start", "\0\0\0\0\x50\x60\0\0", 8);
	check_chosen(plan, "linux,initrd-end", "\0\0\0\0\x50\x6f\xff\xff", 8);
	check_chosen(plan, "kaslr-seed", seed, 8);
	check_chosen(plan, "rng-seed", seed + 8, 128);
	assert_int_equal(find(plan, "elfcorehdr")->data_size, 64 + 3 * 56);
	crashres_plan_free(plan);
	world_free(&world);
}

static bool no_entropy(void *data, void *bytes, size_t size)
{
	return false;
}

static void test_without_entropy_there_are_no_seeds(void **state)
{
	struct world world = world_new();
	struct unit *unit = *state;
	struct crashres_plan *plan;

	crashres_ctx_set_entropy(unit->ctx, no_entropy, NULL);
	plan = make(unit, &world);
	assert_false(has_chosen(plan, "kaslr-seed"));
	assert_false(has_chosen(plan, "rng-seed"));
	assert_false(has_chosen(plan, "bootargs"));
	assert_string_equal(crashres_plan_command_line(plan), "");
	crashres_plan_free(plan);
	world_free(&world);
}

/* Asserts property reg of node /memory. */
static void check_memory(const struct crashres_plan *plan, const void *bytes, size_t size)
{
	const void *dtb = find(plan, "dtb")->data, *reg;
	int length;

	reg = fdt_getprop(dtb, fdt_path_offset(dtb, "/memory"), "reg", &length);
	assert_non_null(reg);
	assert_int_equal(length, size);
	assert_memory_equal(reg, bytes, size);
}

/* The running kernel has found its memory by this tree, so the tree is not changed. */
static void test_tree_of_the_machine_gets_no_memory_node(void **state)
{
	struct world world = world_new();
	struct crashres_plan *plan;
	const void *dtb;

	unit_add(&world.machine.regions.memory, RAM, RAM_SIZE);
	plan = make(*state, &world);
	dtb = find(plan, "dtb")->data;
	assert_int_equal(fdt_path_offset(dtb, "/memory"), -FDT_ERR_NOTFOUND);
	crashres_plan_free(plan);
	world_free(&world);
}

#define FLATTENED "warning: cannot read /sys/firmware/fdt, /proc/device-tree is used instead: " \
		  "the new kernel will not reserve memory that only /memreserve/ names"

static void test_use_of_a_flattened_device_tree_is_warned_of(void **state)
{
	struct world world = world_new();
	struct crashres_input dtb = { .name = (char *)(uintptr_t)"my.dtb" };

	world.machine.dtb_is_rebuilt = true;
	dtb.data = make_dtb(2, &dtb.size);
	world.request.dtb = &dtb;
	crashres_plan_free(make(*state, &world));
	assert_false(unit_logged(*state, FLATTENED));
	free((void *)(uintptr_t)dtb.data);
	world.request.dtb = NULL;
	crashres_plan_free(make(*state, &world));
	assert_true(unit_logged(*state, FLATTENED));
	world_free(&world);
}

static void test_requested_device_tree_replaces_that_of_the_machine(void **state)
{
	struct world world = world_new();
	struct crashres_input dtb = { .name = (char *)(uintptr_t)"my.dtb" };
	struct crashres_plan *plan;

	dtb.data = make_dtb(1, &dtb.size);
	world.request.dtb = &dtb;
	unit_add(&world.machine.regions.memory, RAM, GIB);
	plan = make(*state, &world);
	check_chosen(plan, "linux,usable-memory-range", "\x50\0\0\0\x20\0\0\0", 8);
	check_memory(plan, "\x40\0\0\0\x40\0\0\0", 8);
	crashres_plan_free(plan);
	free((void *)(uintptr_t)dtb.data);
	world_free(&world);
}

/* ------------------------------------------------------------- normal slot */

static void test_normal_plan_uses_free_ram_without_crash_properties(void **state)
{
	struct world world = world_new();
	struct crs_ranges *usable = &world.machine.regions.usable;
	struct crashres_plan *plan;
	size_t count;

	/* The first 64 MiB are reserved, except for a piece that is too small for the Image. */
	assert_true(crs_ranges_subtract(usable, unit_range(RAM, 16 * MIB)));
	assert_true(crs_ranges_subtract(usable, unit_range(RAM + 18 * MIB, 46 * MIB)));
	world.request.slot = CRASHRES_SLOT_NORMAL;
	world.request.call = CRASHRES_CALL_LOAD;
	world.request.reuse_cmdline = true;
	plan = make(*state, &world);
	check_segments(&world, plan, unit_range(RAM, RAM_SIZE));
	check_purgatory_segment(plan);
	segments_of(plan, &count);
	assert_int_equal(count, 4);
	assert_null(find(plan, "elfcorehdr"));
	assert_int_equal(find(plan, "kernel")->range.base, RAM + 64 * MIB);
	assert_int_equal(find(plan, "purgatory")->range.base, RAM + 16 * MIB);
	assert_int_equal(find(plan, "initrd")->range.base, RAM + 68 * MIB);
	assert_int_equal(find(plan, "dtb")->range.base, RAM + RAM_SIZE - 2 * MIB);
	assert_false(has_chosen(plan, "linux,elfcorehdr"));
	assert_false(has_chosen(plan, "linux,usable-memory-range"));
	check_chosen(plan, "bootargs", "root=/dev/vda1 crashkernel=512M quiet", 38);
	assert_int_equal(crashres_plan_slot(plan), CRASHRES_SLOT_NORMAL);
	crashres_plan_free(plan);
	/* A normal load needs no crash region. */
	world.machine.regions.crash.count = 0;
	crashres_plan_free(make(*state, &world));
	world_free(&world);
}

/* A normal load uses memory of the crash region only if the window lies inside the region. */
static void test_window_allows_a_normal_load_into_the_crash_region(void **state)
{
	struct world world = world_new();
	struct crs_ranges *usable = &world.machine.regions.usable;
	struct crs_ranges *ram = &world.machine.regions.ram;
	struct crashres_plan *plan;

	assert_true(crs_ranges_subtract(usable, unit_range(REGION, REGION_SIZE)));
	assert_true(crs_ranges_subtract(ram, unit_range(REGION, REGION_SIZE)));
	world.request.slot = CRASHRES_SLOT_NORMAL;
	world.request.call = CRASHRES_CALL_LOAD;
	world.request.window = unit_range(REGION, REGION_SIZE);
	plan = make(*state, &world);
	check_segments(&world, plan, unit_range(REGION, REGION_SIZE));
	assert_int_equal(find(plan, "kernel")->range.base, REGION);
	assert_false(has_chosen(plan, "linux,usable-memory-range"));
	crashres_plan_free(plan);
	/* The window also contains other memory. */
	world.request.window = unit_range(REGION - 64 * MIB, REGION_SIZE);
	plan = make(*state, &world);
	check_segments(&world, plan, unit_range(REGION - 64 * MIB, 64 * MIB));
	crashres_plan_free(plan);
	world_free(&world);
}

static void test_window_allows_a_normal_load_into_reserved_memory(void **state)
{
	struct world world = world_new();
	struct crashres_plan *plan;

	assert_true(crs_ranges_subtract(&world.machine.regions.usable,
					unit_range(RAM, 64 * MIB)));
	world.request.slot = CRASHRES_SLOT_NORMAL;
	world.request.call = CRASHRES_CALL_LOAD;
	world.request.window = unit_range(RAM + 8 * MIB, 56 * MIB);
	plan = make(*state, &world);
	check_segments(&world, plan, unit_range(RAM + 8 * MIB, 56 * MIB));
	crashres_plan_free(plan);
	/* A window without any RAM is refused. */
	world.request.window = unit_range(RAM + RAM_SIZE, GIB);
	refuse(*state, &world, CRASHRES_ERR_NO_SPACE,
	       "Could not find a free area of memory of 0x3ff000 bytes for segment kernel: memory in "
	       "0x140000000 - 0x17fffffff is too small by 4092 KiB");
	world_free(&world);
}

static void test_requested_entry_must_lie_in_the_crash_region(void **state)
{
	struct world world = world_new();
	struct crashres_plan *plan;

	world.request.entry = REGION + REGION_SIZE - 4;
	plan = make(*state, &world);
	assert_int_equal(entry_of(plan), REGION + REGION_SIZE - 4);
	crashres_plan_free(plan);
	world.request.entry = REGION + REGION_SIZE;
	refuse(*state, &world, CRASHRES_ERR_LIMIT,
	       "0x70000000 is outside the crash region");
	world.request.entry = REGION - 1;
	refuse(*state, &world, CRASHRES_ERR_LIMIT, "0x4fffffff is outside the crash region");
	world_free(&world);
}

/*
 * With hotplug the kernel rewrites the elfcorehdr, so the segment has the size from sysfs and
 * no digest.
 */
static void test_hotplug_gives_the_elfcorehdr_room_and_no_digest(void **state)
{
	struct world world = world_new();
	struct crashres_plan *plan;
	struct crashres_repair plain, hotplug;

	plan = make(*state, &world);
	assert_false(plan->segments.hotplug);
	plain = repair_of(plan);
	crashres_plan_free(plan);
	world.request.hotplug = true;
	refuse(*state, &world, CRASHRES_ERR_OS,
	       "the running kernel does not update a loaded crash kernel: "
	       "cannot read /sys/kernel/crash_elfcorehdr_size");
	world.machine.elfcorehdr_size = 131072;
	plan = make(*state, &world);
	assert_true(plan->segments.hotplug);
	assert_int_equal(find(plan, "elfcorehdr")->range.size, 131072);
	check_chosen(plan, "linux,elfcorehdr", "\0\0\0\0\x6f\xfe\0\0" "\0\0\0\0\0\x02\0\0", 16);
	hotplug = repair_of(plan);
	assert_int_equal(plain.checked - hotplug.checked, 4096);
	crashres_plan_free(plan);
	world_free(&world);
}

static void test_file_load_plan_has_files_and_no_segments(void **state)
{
	struct world world = world_new();
	struct crashres_attempt attempt;
	struct crashres_plan *plan;

	world.request.call = CRASHRES_CALL_FILE_LOAD;
	world.request.reuse_cmdline = true;
	world.request.no_cma = true;
	plan = make(*state, &world);
	assert_int_equal(crashres_plan_attempt_count(plan), 2);
	attempt = first_of(plan);
	assert_int_equal(attempt.call, CRASHRES_CALL_FILE_LOAD);
	assert_int_equal(attempt.check, CRASHRES_CHECK_SEALED);
	assert_int_equal(attempt.segment_count, 0);
	assert_string_equal(attempt.kernel, "Image");
	assert_string_equal(attempt.initrd, "initrd.img");
	assert_string_equal(crashres_plan_command_line(plan), "root=/dev/vda1 quiet");
	crashres_plan_free(plan);
	world.machine.regions.crash.count = 0;
	refuse(*state, &world, CRASHRES_ERR_NO_REGION,
	       "Memory for crashkernel is not reserved: /proc/iomem has no \"Crash kernel\"; boot with "
	       "crashkernel=SIZE");
	world.request.entry = 1;
	world.request.no_cma = false;
	refuse(*state, &world, CRASHRES_ERR_REQUEST,
	       "only kexec_load supports this, not kexec_file_load");
	assert_int_equal(crashres_error_member(((struct unit *)*state)->ctx), CRASHRES_MEMBER_ENTRY);
	world_free(&world);
}

/* Impossible attempts stay in the list with their reasons. */
static void test_auto_plan_lists_impossible_attempts_with_reasons(void **state)
{
	struct world world = world_new();
	struct crashres_attempt attempt = CRASHRES_ATTEMPT_INIT;
	struct unit *unit = *state;
	struct crashres_plan *plan;

	world.request.call = CRASHRES_CALL_AUTO;
	plan = make(unit, &world);
	assert_int_equal(first_of(plan).call, CRASHRES_CALL_LOAD);
	assert_null(first_of(plan).kernel);
	assert_int_equal(first_of(plan).next, 1);
	assert_int_equal(first_of(plan).refusal, CRASHRES_REFUSAL_CALL);
	/* Sealing is expensive, so it starts only if the attempt is reached. */
	assert_null(plan->sealed_kernel);
	crashres_plan_free(plan);
	world.machine.permissions.locked_down = CRASHRES_ANSWER_YES;
	plan = make(unit, &world);
	assert_int_equal(crashres_plan_attempt_count(plan), 2);
	assert_ok(unit, crashres_plan_attempt(unit->ctx, plan, 0, &attempt));
	assert_int_equal(attempt.status, CRASHRES_ERR_SYSCALL);
	assert_string_equal(attempt.reason, "the running kernel is locked down, and accepts "
			    "only a signed file");
	assert_int_equal(attempt.segment_count, 0);
	assert_ok(unit, crashres_plan_attempt(unit->ctx, plan, 1, &attempt));
	assert_int_equal(attempt.status, CRASHRES_OK);
	assert_int_equal(attempt.check, CRASHRES_CHECK_NONE_SIGNATURE);
	assert_true(attempt.original_files);
	assert_null(attempt.reason);
	assert_int_equal(attempt.next, CRASHRES_NO_ATTEMPT);
	assert_fails(unit, crashres_plan_attempt(unit->ctx, plan, 2, &attempt), CRASHRES_ERR_REQUEST,
		     "no attempt 2: the plan has 2 attempts");
	assert_ok(unit, crashres_plan_check_possible(unit->ctx, plan));
	crashres_plan_free(plan);
	world_free(&world);
}

/*
 * Machines with ACPI can lack a device tree, and /proc/iomem can be hidden. kexec_file_load
 * needs neither.
 */
static void test_file_load_follows_if_segments_are_impossible(void **state)
{
	struct world world = world_new();
	struct crashres_attempt attempt = CRASHRES_ATTEMPT_INIT;
	struct unit *unit = *state;
	struct crashres_plan *plan;
	uint8_t *dtb = world.machine.dtb;

	world.request.call = CRASHRES_CALL_AUTO;
	world.machine.dtb = NULL;
	plan = make(unit, &world);
	assert_ok(unit, crashres_plan_attempt(unit->ctx, plan, 0, &attempt));
	assert_int_equal(attempt.status, CRASHRES_ERR_NO_DEVICE_TREE);
	assert_string_equal(attempt.reason, "no device tree: cannot read /sys/firmware/fdt or "
					    "/proc/device-tree");
	assert_int_equal(first_of(plan).check, CRASHRES_CHECK_SEALED);
	assert_non_null(plan->sealed_kernel);
	crashres_plan_free(plan);
	world.machine.dtb = dtb;
	world.machine.iomem.hidden = true;
	plan = make(unit, &world);
	assert_int_equal(first_of(plan).check, CRASHRES_CHECK_SEALED);
	crashres_plan_free(plan);
	/* If the request names kexec_load (-c), there is no other attempt. */
	world.request.call = CRASHRES_CALL_LOAD;
	refuse(unit, &world, CRASHRES_ERR_PERMISSION,
	       "/proc/iomem shows only zero addresses: reading it needs root (CAP_SYS_ADMIN)");
	/*
	 * If the segments do not fit, the file call must not be tried: it would fail too, and
	 * remove the old crash kernel.
	 */
	world.machine.iomem.hidden = false;
	world.request.call = CRASHRES_CALL_AUTO;
	set_region(&world, REGION, 2 * MIB);
	assert_int_equal(make_status(unit, &world, &plan), CRASHRES_ERR_NO_SPACE);
	world_free(&world);
}

/* The warning names both page sizes, for each of the two calls. */
static void test_different_page_size_is_warned_of(void **state)
{
	static const enum crashres_call calls[] = { CRASHRES_CALL_LOAD, CRASHRES_CALL_FILE_LOAD };
	struct unit *unit = *state;

	for (size_t i = 0; i < COUNT(calls); i++) {
		struct world world = world_new();

		world.kernel.image.page_size = 16 * KIB;
		world.request.call = calls[i];
		*unit->log = '\0';
		crashres_plan_free(make(unit, &world));
		assert_true(unit_logged(unit, "warning: the kernel has pages of 16 KiB, the "
					      "running kernel has pages of 4 KiB: the CPU must "
					      "support both"));
		world_free(&world);
	}
}

/* A UKI contains an initrd and a command line; the request overrides both. */
static void test_request_takes_precedence_over_the_parts_of_a_uki(void **state)
{
	static char line[] = "from the file";
	static char reserving[] = "from  crashkernel=1G,high the file crashkernel=64M,low";
	struct world world = world_new();
	struct crashres_input initrd = make_file("uki (.initrd)", 3 * MIB);
	struct crashres_plan *plan;

	world.kernel.initrd = &initrd;
	world.kernel.command_line = line;
	plan = make(*state, &world);
	assert_int_equal(find(plan, "initrd")->range.size, MIB);
	assert_string_equal(crashres_plan_command_line(plan), "from the file");
	crashres_plan_free(plan);
	/* crashkernel= in a UKI is for the normal kernel; a crash kernel must not get it. */
	world.kernel.command_line = reserving;
	plan = make(*state, &world);
	assert_string_equal(crashres_plan_command_line(plan), "from  the file ");
	crashres_plan_free(plan);
	world.request.slot = CRASHRES_SLOT_NORMAL;
	plan = make(*state, &world);
	assert_string_equal(crashres_plan_command_line(plan), reserving);
	crashres_plan_free(plan);
	world.request.slot = CRASHRES_SLOT_CRASH;
	free((void *)(uintptr_t)world.initrd_file.data);
	world.initrd_file = (struct crashres_input){ 0 };
	world.request.command_line = "";
	plan = make(*state, &world);
	assert_int_equal(find(plan, "initrd")->range.size, 3 * MIB);
	assert_string_equal(crashres_plan_command_line(plan), "");
	crashres_plan_free(plan);
	world.request.command_line = NULL;
	world.request.reuse_cmdline = true;
	plan = make(*state, &world);
	assert_string_equal(crashres_plan_command_line(plan), "root=/dev/vda1 quiet");
	crashres_plan_free(plan);
	free((void *)(uintptr_t)initrd.data);
	world_free(&world);
}

/*
 * booting.rst: Image and initrd must lie in one window of 32 GiB that starts at a multiple of 1
 * GiB.
 */
static void test_initrd_stays_within_32_gib_of_the_image(void **state)
{
	const uint64_t end = RAM + 32 * GIB;
	struct world world = world_new();
	struct crs_ranges *usable = &world.machine.regions.usable;
	struct crashres_plan *plan;

	world.request.slot = CRASHRES_SLOT_NORMAL;
	world.request.call = CRASHRES_CALL_LOAD;
	usable->count = 0;
	unit_add(usable, RAM, 4 * MIB);
	unit_add(usable, end - MIB, GIB);
	plan = make(*state, &world);
	assert_range(find(plan, "initrd")->range, end - MIB, MIB);
	crashres_plan_free(plan);
	usable->items[1].base += 64 * KIB;
	usable->items[1].size = 3 * MIB;
	refuse(*state, &world, CRASHRES_ERR_NO_SPACE,
	       "Could not find a free area of memory of 0x100000 bytes for segment initrd: "
	       "memory in 0x0 - 0xffffffffffff is too small by 64 KiB");
	world_free(&world);
}

/*
 * The lowest hole fits the Image but not the initrd; another hole fits both. An earlier version
 * took the lowest hole and failed.
 */
static void test_image_goes_where_the_initrd_fits_too(void **state)
{
	static char name[] = "initrd.img";
	const uint64_t high = 0x8000000000;
	struct world world = world_new();
	struct crs_ranges *usable = &world.machine.regions.usable;
	struct crashres_plan *plan;

	world.request.slot = CRASHRES_SLOT_NORMAL;
	world.request.call = CRASHRES_CALL_LOAD;
	free((void *)(uintptr_t)world.initrd_file.data);
	world.initrd_file = (struct crashres_input){ .name = name, .data = unit_alloc(300 * MIB),
						     .size = 300 * MIB };
	world.request.no_checks = true;
	world.machine.total_ram = 128 * GIB;
	usable->count = 0;
	unit_add(usable, RAM, 256 * MIB);
	unit_add(usable, high, 128 * GIB);
	plan = make(*state, &world);
	check_segments(&world, plan, unit_range(0, UINT64_MAX));
	assert_range(find(plan, "kernel")->range, high, 4 * MIB - 4096);
	assert_range(find(plan, "initrd")->range, high + 4 * MIB, 300 * MIB);
	assert_int_equal(find(plan, "purgatory")->range.base, RAM);
	crashres_plan_free(plan);
	/* The message counts for the better hole: 299 MiB are free, 300 MiB are needed. */
	usable->items[1].size = 303 * MIB;
	refuse(*state, &world, CRASHRES_ERR_NO_SPACE,
	       "Could not find a free area of memory of 0x12c00000 bytes for segment initrd: "
	       "memory in 0x0 - 0xffffffffffff is too small by 1024 KiB");
	world_free(&world);
}

/* ------------------------------------------------------------------ window */

static void test_window_limits_the_segments(void **state)
{
	const struct crashres_range window = { REGION + 100 * MIB, 50 * MIB };
	struct world world = world_new();
	struct crashres_plan *plan;

	world.request.window = window;
	plan = make(*state, &world);
	check_segments(&world, plan, window);
	assert_int_equal(find(plan, "purgatory")->range.base,
			 align_up(crs_range_end(find(plan, "initrd")->range), 64 * KIB));
	assert_int_equal(find(plan, "kernel")->range.base, window.base);
	crashres_plan_free(plan);
	world_free(&world);
}

static void test_window_without_usable_memory_is_refused(void **state)
{
	struct world world = world_new();

	world.request.window = unit_range(0, REGION);
	refuse(*state, &world, CRASHRES_ERR_NO_SPACE,
	       "the window (0x0 - 0x4fffffff) contains no part of the crash region");
	world.request.window = unit_range(REGION + REGION_SIZE, GIB);
	refuse(*state, &world, CRASHRES_ERR_NO_SPACE,
	       "the window (0x70000000 - 0xafffffff) contains no part of the crash region");
	world.request.slot = CRASHRES_SLOT_NORMAL;
	world.request.call = CRASHRES_CALL_LOAD;
	world.request.window = unit_range(1ULL << 48, GIB);
	refuse(*state, &world, CRASHRES_ERR_NO_SPACE,
	       "the window (0x1000000000000 - 0x100003fffffff) contains no part of "
	       "the memory below 2^48");
	world.request.window = (struct crashres_range){ 2, UINT64_MAX - 1 };
	refuse(*state, &world, CRASHRES_ERR_REQUEST, "the window ends above the highest address");
	world_free(&world);
}

/* Returns the parameters in the purgatory segment of the plan. */
static struct purgatory_params params_of(const struct crashres_plan *plan)
{
	const uint8_t *data = find(plan, "purgatory")->data;
	struct purgatory_params params;

	memcpy(&params, data + unit_get_le(data + offsetof(struct purgatory_header, image_size), 8),
	       sizeof(params));
	return params;
}

/* root_offset[] holds the page tables for EL1 or E2H=1, and for E2H=0; 0: none. */
static void test_page_tables_exist_unless_the_mmu_stays_off(void **state)
{
	struct world world = world_new();
	struct crashres_plan *plan = make(*state, &world);

	assert_int_not_equal(params_of(plan).root_offset[0], 0);
	assert_int_not_equal(params_of(plan).root_offset[1], 0);
	crashres_plan_free(plan);
	world.request.purgatory_mmu_off = true;
	plan = make(*state, &world);
	assert_int_equal(params_of(plan).root_offset[0], 0);
	crashres_plan_free(plan);
	world.request.purgatory_mmu_off = false;
	world.request.slot = CRASHRES_SLOT_NORMAL;
	world.request.call = CRASHRES_CALL_LOAD;
	plan = make(*state, &world);
	/* A normal load uses MMU and caches too. */
	assert_int_not_equal(params_of(plan).root_offset[0], 0);
	assert_int_not_equal(params_of(plan).root_offset[1], 0);
	crashres_plan_free(plan);
	world_free(&world);
}

/* ---------------------------------------------------------------- too small */

/*
 * Asserts the message for a crash region of @size bytes: @segment of @bytes has no place, and
 * @missing bytes are missing in all.
 */
static void check_too_small(struct unit *unit, uint64_t size, const char *segment, uint64_t bytes,
			    uint64_t missing)
{
	struct world world = world_new();
	char sentence[256];

	set_region(&world, REGION, size);
	snprintf(sentence, sizeof(sentence),
		 "Could not find a free area of memory of 0x%" PRIx64 " bytes for segment %s: "
		 "crash region 0x50000000 - 0x%" PRIx64 " is too small by %" PRIu64 " KiB",
		 bytes, segment, REGION + size - 1, missing >> 10);
	refuse(unit, &world, CRASHRES_ERR_NO_SPACE, sentence);
	world_free(&world);
}

/* Asserts that a region larger by @missing bytes is large enough, and that a page less is not. */
static void check_enlarged(struct unit *unit, uint64_t size, uint64_t missing)
{
	struct world world = world_new();
	struct crashres_plan *plan = UNTOUCHED;

	set_region(&world, REGION, size + missing);
	crashres_plan_free(make(unit, &world));
	set_region(&world, REGION, size + missing - 4096);
	assert_int_equal(make_status(unit, &world, &plan), CRASHRES_ERR_NO_SPACE);
	world_free(&world);
}

/*
 * The message names the whole shortfall of all segments, not only that of the first segment
 * without a place; a user who enlarges the region by it succeeds at once. Offsets: Image 2 MiB,
 * initrd 6 MiB, elfcorehdr below the DTB, DTB 8 MiB.
 */
static void test_too_small_region_names_the_whole_shortfall(void **state)
{
	const uint64_t image = 4 * MIB - 4096, end = 8 * MIB + 4096;
	const struct {
		uint64_t size;		/* bytes of the crash region */
		const char *segment;	/* first segment without a place */
		uint64_t bytes;		/* of this segment */
	} cases[] = {
		{ 4096, "kernel", image }, { MIB, "kernel", image },
		{ 2 * MIB + image - 4096, "kernel", image }, { 2 * MIB + image, "initrd", MIB },
		{ 7 * MIB - 4096, "initrd", MIB }, { 7 * MIB, "dtb", 4096 },
		{ end - 4096, "dtb", 4096 },
	};
	struct world world = world_new();

	for (size_t i = 0; i < COUNT(cases); i++) {
		check_too_small(*state, cases[i].size, cases[i].segment, cases[i].bytes,
				end - cases[i].size);
		check_enlarged(*state, cases[i].size, end - cases[i].size);
	}
	set_region(&world, REGION, end);
	check_world(*state, &world);
	world_free(&world);
}

/* Returns the shortfall in bytes that the last error message names ("too small by N KiB"). */
static uint64_t missing_of(struct unit *unit)
{
	const char *number = strstr(crashres_error(unit->ctx), "is too small by ");

	assert_non_null(number);
	return strtoull(number + strlen("is too small by "), NULL, 10) * KIB;
}

/*
 * For random sizes: a region larger by the named shortfall is large enough, and a page less is
 * not.
 */
static void test_named_shortfall_is_exact_for_random_sizes(void **state)
{
	struct unit *unit = *state;
	uint32_t seed = 19;

	for (unsigned int i = 0; i < 40; i++) {
		struct world world = world_new();
		const uint64_t page = i % 2 ? 65536 : 4096;
		const uint64_t size = (1 + unit_random(&seed) % 60) * 4 * page;
		struct crashres_plan *plan = UNTOUCHED;
		uint64_t missing;

		world.machine.page_size = page;
		world.request.purgatory_mmu_off = i % 3 == 0;
		world.request.repair = i % 5 ? CRASHRES_REPAIR_AUTO : 3000;
		world.kernel.image.image_size = 16 * MIB + unit_random(&seed) % (48 * MIB);
		free((void *)(uintptr_t)world.initrd_file.data);
		world.initrd_file = make_file("initrd.img", 1 + unit_random(&seed) % (3 * MIB));
		set_region(&world, REGION, size);
		assert_int_equal(make_status(unit, &world, &plan), CRASHRES_ERR_NO_SPACE);
		missing = missing_of(unit);
		set_region(&world, REGION, size + missing - page);
		assert_int_equal(make_status(unit, &world, &plan), CRASHRES_ERR_NO_SPACE);
		assert_int_equal(missing_of(unit), page);
		set_region(&world, REGION, size + missing);
		crashres_plan_free(make(unit, &world));
		world_free(&world);
	}
}

/* The window starts at the Image, so all segments lie close together, up to the DTB at 8 MiB. */
static void test_shortfall_of_the_last_segment_is_named(void **state)
{
	struct world world = world_new();
	struct crashres_plan *plan;
	uint64_t size;

	world.machine.page_size = 65536;
	world.request.window.base = REGION + 2 * MIB;
	world.request.window.size = GIB;
	free((void *)(uintptr_t)world.initrd_file.data);
	world.initrd_file = make_file("initrd.img", 1900 * KIB);
	/*
	 * The end of this region is not a multiple of 2 MiB, as in the regions below, so the
	 * page tables have the same size.
	 */
	set_region(&world, REGION, 64 * MIB + 64 * KIB);
	plan = make(*state, &world);
	size = find(plan, "purgatory")->range.size;
	crashres_plan_free(plan);
	free((void *)(uintptr_t)world.initrd_file.data);
	world.initrd_file = make_file("initrd.img", 2 * MIB - size);
	set_region(&world, REGION, 8 * MIB + 64 * KIB);
	refuse(*state, &world, CRASHRES_ERR_NO_SPACE,
	       "Could not find a free area of memory of 0x10000 bytes for segment elfcorehdr: "
	       "crash region 0x50200000 - 0x5080ffff is too small by 64 KiB");
	set_region(&world, REGION, 8 * MIB + 128 * KIB);
	plan = make(*state, &world);
	assert_range(find(plan, "purgatory")->range, REGION + 8 * MIB - size, size);
	assert_range(find(plan, "dtb")->range, REGION + 8 * MIB, 64 * KIB);
	assert_range(find(plan, "elfcorehdr")->range, REGION + 8 * MIB + 64 * KIB, 64 * KIB);
	crashres_plan_free(plan);
	world_free(&world);
}

static void test_shortfall_of_a_normal_load_is_named(void **state)
{
	struct world world = world_new();

	crs_ranges_free(&world.machine.regions.usable);
	unit_add(&world.machine.regions.usable, RAM, 3 * MIB);
	unit_add(&world.machine.regions.usable, RAM + 16 * MIB, 3 * MIB);
	world.request.slot = CRASHRES_SLOT_NORMAL;
	world.request.call = CRASHRES_CALL_LOAD;
	refuse(*state, &world, CRASHRES_ERR_NO_SPACE,
	       "Could not find a free area of memory of 0x3ff000 bytes for segment kernel: "
	       "memory in 0x0 - 0xffffffffffff is too small by 1020 KiB");
	world_free(&world);
}

/*
 * Linux refuses segments that take more than half of its RAM (sanity_check_segment_list()). The
 * crash region does not count as RAM.
 */
static void test_segments_take_half_of_the_ram_at_most(void **state)
{
	struct world world = world_new();
	const struct crashres_segment *segments;
	struct crashres_plan *plan;
	uint64_t sum = 0;
	size_t count;

	world.request.repair = 0;
	plan = make(*state, &world);

	segments = segments_of(plan, &count);
	for (size_t i = 0; i < count; i++)
		sum += segments[i].range.size;
	crashres_plan_free(plan);
	crs_ranges_free(&world.machine.regions.ram);
	unit_add(&world.machine.regions.ram, RAM, 2 * sum);
	crashres_plan_free(make(*state, &world));
	world.machine.regions.ram.items[0].size -= 2;
	refuse(*state, &world, CRASHRES_ERR_LIMIT,
	       "the segments take 5 MiB: the kernel allows at most half of its RAM, 5 MiB");
	/* If MemTotal is known, it replaces the sum of the ranges. */
	world.machine.total_ram = 2 * sum;
	crashres_plan_free(make(*state, &world));
	world.machine.total_ram -= 2;
	refuse(*state, &world, CRASHRES_ERR_LIMIT,
	       "the segments take 5 MiB: the kernel allows at most half of its RAM, 5 MiB");
	world_free(&world);
}

/* If RAM is short, automatic parity gets smaller first. Requested parity does not. */
static void test_little_ram_reduces_automatic_parity(void **state)
{
	struct world world = world_new();
	struct crashres_plan *plan;

	world.machine.total_ram = 13 * MIB;
	plan = make(*state, &world);
	assert_int_equal(repair_of(plan).reason, CRASHRES_REPAIR_REQUESTED);
	crashres_plan_free(plan);
	world.machine.total_ram = 23 * MIB / 2;
	plan = make(*state, &world);
	assert_int_equal(repair_of(plan).reason, CRASHRES_REPAIR_REDUCED);
	assert_true(repair_of(plan).parity > 0);
	crashres_plan_free(plan);
	world.request.repair = 10000;
	refuse(*state, &world, CRASHRES_ERR_LIMIT,
	       "the segments take 10 MiB: the kernel allows at most half of its RAM, 5 MiB");
	world_free(&world);
}

/* ------------------------------------------------------ impossible requests */

static void test_memory_above_2_to_the_48_is_not_used(void **state)
{
	const uint64_t limit = 1ULL << 48;
	struct world world = world_new();
	struct crashres_plan *plan;

	set_region(&world, limit, GIB);
	refuse(*state, &world, CRASHRES_ERR_UNSUPPORTED,
	       "crash region 0x1000000000000 - 0x100003fffffff: an arm64 Image must lie below 2^48 "
	       "(booting.rst)");
	set_region(&world, limit - REGION_SIZE, REGION_SIZE);
	check_world(*state, &world);
	/* Only the lower part of a region across 2^48 is used. */
	set_region(&world, limit - 64 * MIB, REGION_SIZE);
	plan = make(*state, &world);
	check_segments(&world, plan, unit_range(limit - 64 * MIB + HOLE, 64 * MIB - HOLE));
	crashres_plan_free(plan);
	world_free(&world);
}

static void test_third_crash_region_is_left_out_with_a_warning(void **state)
{
	struct world world = world_new();
	struct crashres_plan *plan;

	unit_add(&world.machine.regions.crash, 0x30000000, 64 * MIB);
	unit_add(&world.machine.regions.crash, 0x38000000, 64 * MIB);
	plan = make(*state, &world);
	assert_true(unit_logged(*state, "warning: crash region 0x38000000 - 0x3bffffff is not used: "
				"a capture kernel uses only two (linux,usable-memory-range)"));
	check_chosen(plan, "linux,usable-memory-range",
		     "\0\0\0\0\x50\0\0\0" "\0\0\0\0\x20\0\0\0"
		     "\0\0\0\0\x30\0\0\0" "\0\0\0\0\x04\0\0\0", 32);
	crashres_plan_free(plan);
	world_free(&world);
}

static void test_plan_warns_of_each_limitation(void **state)
{
	struct world world = world_new();
	struct unit *unit = *state;

	crashres_plan_free(make(unit, &world));
	assert_string_equal(unit->log, "");
	world.kernel.image.anywhere = false;
	crashres_plan_free(make(unit, &world));
	assert_string_equal(unit->log, "");
	unit_add(&world.machine.regions.crash, 0x30000000, 64 * MIB);
	world.kernel.image.page_size = 65536;
	world.machine.vmcoreinfo = unit_range(0, 0);
	crashres_plan_free(make(unit, &world));
	assert_string_equal(unit->log,
		"warning: the kernel has pages of 64 KiB, the running kernel has pages of 4 KiB: "
		"the CPU must support both\n"
		"warning: this kernel cannot use memory below its Image: it cannot use the low "
		"crash region\n"
		"warning: the dump will lack VMCOREINFO: /sys does not show the address\n");
	world.machine.vmcoreinfo = unit_range(0x1000, 0x1000);
	world.machine.cpu_notes.count = 0;
	crashres_plan_free(make(unit, &world));
	assert_true(unit_logged(unit, "warning: the dump will lack CPU registers: "
				      "/sys does not show the address"));
	world_free(&world);
}

static void test_missing_and_hidden_regions_are_different_errors(void **state)
{
	struct world world = world_new();

	world.machine.regions.crash.count = 0;
	refuse(*state, &world, CRASHRES_ERR_NO_REGION,
	       "Memory for crashkernel is not reserved: /proc/iomem has no \"Crash kernel\"; "
	       "boot with crashkernel=SIZE");
	world.machine.iomem.hidden = true;
	refuse(*state, &world, CRASHRES_ERR_PERMISSION,
	       "/proc/iomem shows only zero addresses: reading it needs root (CAP_SYS_ADMIN)");
	world.request.slot = CRASHRES_SLOT_NORMAL;
	world.request.call = CRASHRES_CALL_LOAD;
	refuse(*state, &world, CRASHRES_ERR_PERMISSION,
	       "/proc/iomem shows only zero addresses: reading it needs root (CAP_SYS_ADMIN)");
	world_free(&world);
}

static void test_unusable_device_trees_are_refused(void **state)
{
	struct world world = world_new();
	struct crashres_input dtb = { .name = (char *)(uintptr_t)"my.dtb" };

	set_region(&world, 1ULL << 32, REGION_SIZE);
	dtb.data = make_dtb(1, &dtb.size);
	world.request.dtb = &dtb;
	refuse(*state, &world, CRASHRES_ERR_LIMIT,
	       "my.dtb: linux,elfcorehdr: 0x100000000 + 0xe8 does not fit the root node's "
	       "1 address and 1 size cells");
	((uint8_t *)(uintptr_t)dtb.data)[0] = 0;
	refuse(*state, &world, CRASHRES_ERR_FORMAT,
	       "my.dtb: the device tree is damaged: FDT_ERR_BADMAGIC");
	free((void *)(uintptr_t)dtb.data);
	world.request.dtb = NULL;
	world.machine.dtb[3] ^= 1;
	refuse(*state, &world, CRASHRES_ERR_FORMAT,
	       "/sys/firmware/fdt: the device tree is damaged: FDT_ERR_BADMAGIC");
	world.machine.dtb_is_rebuilt = true;
	refuse(*state, &world, CRASHRES_ERR_FORMAT,
	       "/proc/device-tree: the device tree is damaged: FDT_ERR_BADMAGIC");
	free(world.machine.dtb);
	world.machine.dtb = NULL;
	refuse(*state, &world, CRASHRES_ERR_NO_DEVICE_TREE,
	       "no device tree: cannot read /sys/firmware/fdt or /proc/device-tree");
	world_free(&world);
}

static void test_impossible_requests_are_refused(void **state)
{
	struct world world = world_new();
	char *line = unit_alloc(2049);

	memset(line, 'x', 2048);
	world.request.command_line = line;
	refuse(*state, &world, CRASHRES_ERR_LIMIT,
	       "Kernel command line too long for kernel: 2048 bytes, at most 2047");
	line[2047] = '\0';
	crashres_plan_free(make(*state, &world));
	free(line);
	world.request.command_line = NULL;
	free(world.machine.cmdline);
	world.machine.cmdline = NULL;
	world.request.reuse_cmdline = true;
	refuse(*state, &world, CRASHRES_ERR_OS,
	       "cannot read /proc/cmdline");
	world_free(&world);
}

/*
 * A newer program can pass values that this library does not know. Tried are the value after
 * the last, 9 and -1. Columns: offset of the member, its last value, text before and after the
 * number, the named member.
 */
static void test_unknown_enum_values_are_refused(void **state)
{
	static const struct {
		size_t offset;
		int last;
		const char *before, *after;	/* text around the number */
		enum crashres_member member;
	} cases[] = {
		{ offsetof(struct crashres_request, slot), CRASHRES_SLOT_CRASH,
		  "unknown slot ", "", CRASHRES_MEMBER_SLOT },
		{ offsetof(struct crashres_request, call), CRASHRES_CALL_FILE_LOAD,
		  "unknown system call ", "", CRASHRES_MEMBER_CALL },
		{ offsetof(struct crashres_request, on_damage), CRASHRES_ON_DAMAGE_BOOT,
		  "unknown policy ", " for damage", CRASHRES_MEMBER_ON_DAMAGE },
		{ offsetof(struct crashres_request, on_timeout), CRASHRES_ON_TIMEOUT_HALT,
		  "unknown policy ", " for a timeout",
		  CRASHRES_MEMBER_ON_TIMEOUT },
		{ offsetof(struct crashres_request, sealing), CRASHRES_SEALING_NEVER,
		  "unknown sealing mode ", "", CRASHRES_MEMBER_SEALING },
	};
	struct unit *unit = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		const int values[] = { cases[i].last + 1, 9, -1 };

		for (size_t j = 0; j < COUNT(values); j++) {
			struct world world = world_new();
			char sentence[256];

			memcpy((uint8_t *)&world.request + cases[i].offset, &values[j], sizeof(int));
			snprintf(sentence, sizeof(sentence), "%s%d%s", cases[i].before, values[j],
				 cases[i].after);
			refuse(unit, &world, CRASHRES_ERR_REQUEST, sentence);
			assert_int_equal(crashres_error_member(unit->ctx), cases[i].member);
			world_free(&world);
		}
	}
}

static void test_too_many_ram_ranges_are_refused(void **state)
{
	struct world world = world_new();

	for (uint64_t i = 0; i < 70000; i++)
		unit_add(&world.machine.regions.ram, 0x8000000000 + i * 0x2000, 0x1000);
	refuse(*state, &world, CRASHRES_ERR_LIMIT,
	       "elfcorehdr: 1 CPUs and 70001 ranges of RAM need more than 65535 program headers, "
	       "the limit of /proc/vmcore");
	world_free(&world);
}

/* Only a hostile Image has such a size. */
static void test_image_of_2_to_the_48_bytes_is_refused(void **state)
{
	struct world world = world_new();

	world.kernel.image.image_size = 1ULL << 48;
	refuse(*state, &world, CRASHRES_ERR_NO_SPACE,
	       "Could not find a free area of memory of 0x1000000000000 bytes for segment kernel: "
	       "crash region 0x50000000 - 0x6fffffff is too small by 274877384704 KiB");
	world_free(&world);
}

/*
 * text_offset is a multiple of 4 KiB, but the running kernel has 64 KiB pages and loads whole
 * pages.
 */
static void test_text_offset_inside_a_page_is_refused(void **state)
{
	struct world world = world_new();

	world.machine.page_size = 65536;
	world.kernel.image.text_offset = 0x81000;
	refuse(*state, &world, CRASHRES_ERR_LIMIT,
	       "Invalid memory segment kernel: 0x50081000 - 0x50480fff");
	world_free(&world);
}

/* ------------------------------------------------------ parity and the check */

/*
 * Asserts the bytes of parity and why they are not more or less; a burst of @parity - 4096
 * bytes can be repaired.
 */
static void check_repair(struct unit *unit, struct world *world, enum crashres_repair_reason reason,
			 uint64_t parity)
{
	struct crashres_plan *plan = make(unit, world);
	const struct crashres_segment *segment = find(plan, "parity");
	struct crashres_repair repair = repair_of(plan);

	check_crash_layout(world, plan);
	assert_int_equal(repair.reason, reason);
	assert_int_equal(repair.parity, parity);
	assert_int_equal(repair.burst, parity ? parity - 4096 : 0);
	assert_int_equal(segment ? segment->data_size : 0, parity);
	/* Image, initrd, DTB and elfcorehdr of world_new(). */
	assert_int_equal(repair.checked, 1281 * 4096);
	crashres_plan_free(plan);
}

static void test_parity_has_the_requested_size(void **state)
{
	struct world world = world_new();

	check_repair(*state, &world, CRASHRES_REPAIR_REQUESTED, 82 * 4096);
	world.request.repair = 0;
	check_repair(*state, &world, CRASHRES_REPAIR_OFF, 0);
	world.request.repair = 10000;
	check_repair(*state, &world, CRASHRES_REPAIR_REQUESTED, 1282 * 4096);
	/* A group has at most 255 members: 1281 blocks need 6 groups. */
	world.request.repair = 1;
	check_repair(*state, &world, CRASHRES_REPAIR_REQUESTED, 12 * 4096);
	world_free(&world);
}

static void test_automatic_parity_leaves_half_of_the_region_free(void **state)
{
	struct world world = world_new();
	struct crashres_plan *plan;
	uint64_t used;

	/*
	 * The end of this region is not a multiple of 2 MiB, as in the regions below, so the
	 * page tables have the same size.
	 */
	set_region(&world, REGION, 64 * MIB + 4096);
	plan = make(*state, &world);
	/* Used without parity: the hole, the checked blocks and purgatory. */
	used = HOLE + 1281 * 4096 + find(plan, "purgatory")->range.size;
	crashres_plan_free(plan);
	set_region(&world, REGION, 2 * (used + 82 * 4096));
	check_repair(*state, &world, CRASHRES_REPAIR_REQUESTED, 82 * 4096);
	set_region(&world, REGION, 2 * (used + 82 * 4096) - 4096);
	check_repair(*state, &world, CRASHRES_REPAIR_REDUCED, 80 * 4096);
	set_region(&world, REGION, 2 * (used + 12 * 4096));
	check_repair(*state, &world, CRASHRES_REPAIR_REDUCED, 12 * 4096);
	set_region(&world, REGION, 2 * (used + 12 * 4096) - 4096);
	check_repair(*state, &world, CRASHRES_REPAIR_NO_ROOM, 0);
	/* An explicit request is not reduced. */
	world.request.repair = 625;
	check_repair(*state, &world, CRASHRES_REPAIR_REQUESTED, 82 * 4096);
	world_free(&world);
}

/*
 * For a kernel of usual size, digest tables and page tables take at most 2 % of the checked
 * bytes.
 */
static void test_check_tables_take_at_most_2_percent(void **state)
{
	struct world world = world_new();
	struct crashres_plan *plan;
	struct purgatory_params params;
	uint64_t tables, checked;

	world.kernel.image.image_size = 34 * MIB;
	plan = make(*state, &world);
	params = params_of(plan);
	checked = repair_of(plan).checked;
	tables = params.table_offset[0] - params.root_offset[0] +
		 params.bitmap_offset - params.table_offset[0];
	assert_true(tables <= checked / 50);
	assert_true(find(plan, "purgatory")->range.size <= checked / 40);
	crashres_plan_free(plan);
	world_free(&world);
}

static void test_requested_parity_that_does_not_fit_is_refused(void **state)
{
	struct world world = world_new();
	struct crashres_plan *plan = UNTOUCHED;

	set_region(&world, REGION, 10 * MIB);
	world.request.repair = 10000;
	refuse(*state, &world, CRASHRES_ERR_NO_SPACE,
	       "Could not find a free area of memory of 0x502000 bytes for segment parity: "
	       "crash region 0x50000000 - 0x509fffff is too small by 4100 KiB");
	set_region(&world, REGION, 10 * MIB + 4100 * KIB);
	crashres_plan_free(make(*state, &world));
	set_region(&world, REGION, 10 * MIB + 4096 * KIB);
	assert_int_equal(make_status(*state, &world, &plan), CRASHRES_ERR_NO_SPACE);
	world_free(&world);
}

static void test_plan_without_checks_has_no_digests(void **state)
{
	struct world world = world_new();
	struct crashres_plan *plan;
	struct purgatory_params params;

	world.request.no_checks = true;
	plan = make(*state, &world);
	params = params_of(plan);
	/* Purgatory still cleans these segments from the caches. */
	assert_int_equal(params.segment_count, 4);
	assert_range(((struct crashres_range){ params.segments[0].base, params.segments[0].size }),
		     find(plan, "kernel")->range.base, find(plan, "kernel")->range.size);
	assert_int_equal(params.block_count, 0);
	assert_int_equal(params.group_count, 0);
	assert_int_equal(params.root_offset[0], 0);
	assert_int_equal(params.record, 0);
	assert_int_equal(params.kernel_entry, find(plan, "kernel")->range.base);
	assert_int_equal(params.dtb, find(plan, "dtb")->range.base);
	assert_null(find(plan, "parity"));
	assert_int_equal(repair_of(plan).checked, 0);
	assert_int_equal(repair_of(plan).reason, CRASHRES_REPAIR_OFF);
	crashres_plan_free(plan);
	world_free(&world);
}

static void test_damage_policy_reaches_purgatory(void **state)
{
	static const enum purgatory_policy policies[] = {
		[CRASHRES_ON_DAMAGE_RESET] = PURGATORY_POLICY_RESET,
		[CRASHRES_ON_DAMAGE_HALT] = PURGATORY_POLICY_HALT,
		[CRASHRES_ON_DAMAGE_BOOT] = PURGATORY_POLICY_BOOT,
	};
	struct world world = world_new();
	struct crashres_plan *plan;

	for (size_t i = 0; i < COUNT(policies); i++) {
		world.request.on_damage = i;
		world.request.check_seconds = 10 * i;
		plan = make(*state, &world);
		assert_int_equal(params_of(plan).on_damage, policies[i]);
		assert_int_equal(params_of(plan).seconds, 10 * i);
		crashres_plan_free(plan);
	}
	world_free(&world);
}

static void test_timeout_policy_reaches_purgatory(void **state)
{
	static const enum purgatory_policy policies[] = {
		[CRASHRES_ON_TIMEOUT_BOOT] = PURGATORY_POLICY_BOOT,
		[CRASHRES_ON_TIMEOUT_RESET] = PURGATORY_POLICY_RESET,
		[CRASHRES_ON_TIMEOUT_HALT] = PURGATORY_POLICY_HALT,
	};
	struct world world = world_new();
	struct crashres_plan *plan;

	assert_int_equal(world.request.on_timeout, CRASHRES_ON_TIMEOUT_BOOT);
	for (size_t i = 0; i < COUNT(policies); i++) {
		world.request.on_timeout = i;
		plan = make(*state, &world);
		assert_int_equal(params_of(plan).on_timeout, policies[i]);
		assert_int_equal(params_of(plan).on_damage, PURGATORY_POLICY_RESET);
		crashres_plan_free(plan);
	}
	world_free(&world);
}

/*
 * A normal load is checked before it starts, but its memory is not reserved, so it has no
 * parity and no record.
 */
static void test_a_normal_load_has_neither_parity_nor_record(void **state)
{
	struct world world = world_new();
	struct crashres_plan *plan;

	world.request.slot = CRASHRES_SLOT_NORMAL;
	world.request.call = CRASHRES_CALL_LOAD;
	world.request.repair = 10000;
	plan = make(*state, &world);
	check_purgatory_segment(plan);
	assert_null(find(plan, "parity"));
	assert_int_equal(params_of(plan).segment_count, 3);
	assert_int_equal(params_of(plan).seconds, 0);
	assert_int_equal(repair_of(plan).reason, CRASHRES_REPAIR_OFF);
	crashres_plan_free(plan);
	world_free(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT_TEST(test_crash_segments_have_the_designed_layout),
		UNIT_TEST(test_designed_layout_holds_for_many_sizes),
		UNIT_TEST(test_large_digest_tables_move_purgatory_above_the_initrd),
		UNIT_TEST(test_large_initrd_moves_purgatory_above_it),
		UNIT_TEST(test_text_offset_of_old_kernels_is_used),
		UNIT_TEST(test_plan_without_initrd_has_5_segments),
		UNIT_TEST(test_bytes_after_image_size_are_not_loaded),
		UNIT_TEST(test_same_inputs_give_the_same_plan),
		UNIT_TEST(test_chosen_holds_the_addresses_of_the_plan),
		UNIT_TEST(test_without_entropy_there_are_no_seeds),
		UNIT_TEST(test_tree_of_the_machine_gets_no_memory_node),
		UNIT_TEST(test_use_of_a_flattened_device_tree_is_warned_of),
		UNIT_TEST(test_requested_device_tree_replaces_that_of_the_machine),
		UNIT_TEST(test_normal_plan_uses_free_ram_without_crash_properties),
		UNIT_TEST(test_window_allows_a_normal_load_into_the_crash_region),
		UNIT_TEST(test_window_allows_a_normal_load_into_reserved_memory),
		UNIT_TEST(test_requested_entry_must_lie_in_the_crash_region),
		UNIT_TEST(test_hotplug_gives_the_elfcorehdr_room_and_no_digest),
		UNIT_TEST(test_file_load_plan_has_files_and_no_segments),
		UNIT_TEST(test_auto_plan_lists_impossible_attempts_with_reasons),
		UNIT_TEST(test_file_load_follows_if_segments_are_impossible),
		UNIT_TEST(test_different_page_size_is_warned_of),
		UNIT_TEST(test_request_takes_precedence_over_the_parts_of_a_uki),
		UNIT_TEST(test_initrd_stays_within_32_gib_of_the_image),
		UNIT_TEST(test_image_goes_where_the_initrd_fits_too),
		UNIT_TEST(test_window_limits_the_segments),
		UNIT_TEST(test_window_without_usable_memory_is_refused),
		UNIT_TEST(test_page_tables_exist_unless_the_mmu_stays_off),
		UNIT_TEST(test_too_small_region_names_the_whole_shortfall),
		UNIT_TEST(test_named_shortfall_is_exact_for_random_sizes),
		UNIT_TEST(test_shortfall_of_the_last_segment_is_named),
		UNIT_TEST(test_shortfall_of_a_normal_load_is_named),
		UNIT_TEST(test_segments_take_half_of_the_ram_at_most),
		UNIT_TEST(test_little_ram_reduces_automatic_parity),
		UNIT_TEST(test_memory_above_2_to_the_48_is_not_used),
		UNIT_TEST(test_third_crash_region_is_left_out_with_a_warning),
		UNIT_TEST(test_plan_warns_of_each_limitation),
		UNIT_TEST(test_missing_and_hidden_regions_are_different_errors),
		UNIT_TEST(test_unusable_device_trees_are_refused),
		UNIT_TEST(test_impossible_requests_are_refused),
		UNIT_TEST(test_unknown_enum_values_are_refused),
		UNIT_TEST(test_too_many_ram_ranges_are_refused),
		UNIT_TEST(test_image_of_2_to_the_48_bytes_is_refused),
		UNIT_TEST(test_text_offset_inside_a_page_is_refused),
		UNIT_TEST(test_parity_has_the_requested_size),
		UNIT_TEST(test_automatic_parity_leaves_half_of_the_region_free),
		UNIT_TEST(test_check_tables_take_at_most_2_percent),
		UNIT_TEST(test_requested_parity_that_does_not_fit_is_refused),
		UNIT_TEST(test_plan_without_checks_has_no_digests),
		UNIT_TEST(test_damage_policy_reaches_purgatory),
		UNIT_TEST(test_timeout_policy_reaches_purgatory),
		UNIT_TEST(test_a_normal_load_has_neither_parity_nor_record),
	};

	return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
