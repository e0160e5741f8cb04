/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tests the lack of memory in the whole library. Each allocation fails once: the library must
 * report the failure and leave its results unchanged; AddressSanitizer sees leaks and double
 * frees. The linker puts the functions below between the library and libc (--wrap). Allocations
 * inside zlib, libelf and libc are not counted.
 */
#include "../../libcrashres/kernel/kernel.h"
#include "support.h"
#include "wrap.h"

static unsigned long allocations_until_failure;	/* 0: none fails; 1: the next one fails */
static size_t largest;			/* bytes; largest allocation so far */

/* Counts an allocation of @size bytes (0: unknown) and returns whether it must fail. */
static bool fails_now(size_t size)
{
	if (size > largest)
		largest = size;
	return allocations_until_failure && --allocations_until_failure == 0;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__real_reallocarray(void *memory, size_t count, size_t size);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t size);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void *__wrap_reallocarray(void *memory, size_t count, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t size);
int __wrap_asprintf(char **text, const char *format, ...);

void *__wrap_malloc(size_t size)
{
	return fails_now(size) ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails_now(count * size) ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
	return fails_now(size) ? NULL : __real_realloc(memory, size);
}

void *__wrap_reallocarray(void *memory, size_t count, size_t size)
{
	return fails_now(count * size) ? NULL : __real_reallocarray(memory, count, size);
}

char *__wrap_strdup(const char *text)
{
	return fails_now(0) ? NULL : __real_strdup(text);
}

char *__wrap_strndup(const char *text, size_t size)
{
	return fails_now(0) ? NULL : __real_strndup(text, size);
}

__attribute__((format(printf, 2, 3)))
int __wrap_asprintf(char **text, const char *format, ...)
{
	va_list args;
	int result;

	/* After a failure *text is undefined (asprintf(3)), so the library must not use it. */
	*text = UNTOUCHED;
	if (fails_now(0))
		return -1;
	va_start(args, format);
	result = vasprintf(text, format, args);
	va_end(args);
	return result;
}

/* Writes a kernel in each container; the UKI also holds an initrd, a DTB and a command line. */
static void write_kernels(struct unit *unit)
{
	struct bytes image = pack_image(), text = { (uint8_t *)(uintptr_t)"text", 4 };
	struct bytes zboot = wrap_zboot(image, "gzip", "gzip"), packed;
	const struct wrap_section sections[] = {
		{ ".linux", zboot, 0 }, { ".initrd", text, 0 }, { ".dtb", text, 0 },
		{ ".cmdline", text, 0 },
	};
	struct wrap_segment segment = { 0, image, 0 };
	struct {
		const char *name;
		struct bytes file;
	} kernels[] = {
		{ "Image.gz", pack("gzip", image.data, image.size) },
		{ "uki", wrap_pe(sections, COUNT(sections)) },
		{ "vmlinux", wrap_elf(&segment, 1) },
		{ "uImage", wrap_uimage(image, 0) },
	};

	for (size_t i = 0; i < COUNT(kernels); i++) {
		unit_write(unit, kernels[i].name, kernels[i].file.data, kernels[i].file.size);
		free(kernels[i].file.data);
	}
	packed = pack("lz4-legacy", image.data, image.size);
	if (packed.data)
		unit_write(unit, "Image.lz4", packed.data, packed.size);
	free(packed.data);
	free(zboot.data);
	free(image.data);
}

/*
 * Does the work of kexec -p except for the system call. Asserts that a failure leaves the
 * results unchanged.
 */
static enum crashres_status read_open_and_plan(struct unit *unit, const char *kernel_path,
					       const char *dtb_path)
{
	struct crashres_request request = CRASHRES_REQUEST_INIT;
	struct crashres_machine *machine = UNTOUCHED;
	struct crashres_kernel *kernel = UNTOUCHED;
	struct crashres_plan *plan = UNTOUCHED;
	struct crashres_input *dtb = NULL;
	enum crashres_status status = crashres_machine_read(unit->ctx, &machine);

	if (status != CRASHRES_OK) {
		assert_ptr_equal(machine, UNTOUCHED);
		return status;
	}
	status = crashres_machine_set_serial(unit->ctx, machine, "ttyS0");
	if (status == CRASHRES_OK)
		status = crashres_kernel_open(unit->ctx, kernel_path, &kernel);
	if (status != CRASHRES_OK) {
		assert_ptr_equal(kernel, UNTOUCHED);
		crashres_machine_free(machine);
		return status;
	}
	status = crashres_input_open(unit->ctx, dtb_path, &dtb);
	request.slot = CRASHRES_SLOT_CRASH;
	request.command_line = "nr_cpus=1";
	request.dtb = dtb;
	if (status == CRASHRES_OK)
		status = crashres_plan_make(unit->ctx, machine, kernel, &request, &plan);
	if (status == CRASHRES_OK)
		crashres_plan_free(plan);
	else
		assert_ptr_equal(plan, UNTOUCHED);
	crashres_input_close(dtb);
	crashres_kernel_close(kernel);
	crashres_machine_free(machine);
	return status;
}

/*
 * Runs the work with the first, then the second ... allocation failing, until no allocation
 * fails any more.
 */
static void fail_each_allocation_once(struct unit *unit, const char *name)
{
	CRS_CLEANUP(crs_freep) char *kernel = unit_path(unit, name);
	CRS_CLEANUP(crs_freep) char *dtb = unit_path(unit, "my.dtb");
	unsigned long failures = 0, tolerated = 0;

	for (unsigned long nth = 1; ; nth++) {
		enum crashres_status status;

		allocations_until_failure = nth;
		status = read_open_and_plan(unit, kernel, dtb);
		if (allocations_until_failure) {	/* all allocations succeeded */
			allocations_until_failure = 0;
			assert_int_equal(status, CRASHRES_OK);
			break;
		}
		/* A failure while an optional file is read is tolerated. */
		tolerated += status != CRASHRES_ERR_MEMORY;
		failures += status == CRASHRES_ERR_MEMORY;
		if (status == CRASHRES_ERR_MEMORY)
			assert_non_null(strstr(crashres_error(unit->ctx), "out of memory"));
		else
			assert_in_set(status, ((LargestIntegralType[]){
				CRASHRES_OK, CRASHRES_ERR_UNSUPPORTED }), 2);
	}
	assert_true(failures > 20);
	assert_true(tolerated < failures);
}

static void test_each_failing_allocation_is_reported(void **state)
{
	static const char *const kernels[] = {
		"Image.gz", "uki", "vmlinux", "uImage",
#ifdef HAVE_LZ4
		"Image.lz4",
#endif
	};
	struct unit *unit = *state;
	CRS_CLEANUP(crs_freep) char *root = unit_path(unit, ".");

	unit_write_machine(unit);
	write_kernels(unit);
	assert_ok(unit, crashres_ctx_set_root(unit->ctx, root));
	crashres_ctx_set_log(unit->ctx, NULL, NULL);
	for (size_t i = 0; i < COUNT(kernels); i++)
		fail_each_allocation_once(unit, kernels[i]);
}

/* The search for a ready sealed Image: each failing allocation is reported, and nothing leaks. */
static void test_each_failing_allocation_of_a_search_is_reported(void **state)
{
	struct unit *unit = *state;
	CRS_CLEANUP(crs_freep) char *root = unit_path(unit, "."), *path = unit_path(unit, "uki");
	struct crashres_seal_request seal = CRASHRES_SEAL_REQUEST_INIT;
	struct crashres_kernel *kernel, *found;
	unsigned long failures = 0;
	struct crashres_input *sealed;

	write_kernels(unit);
	assert_ok(unit, crashres_ctx_set_root(unit->ctx, root));
	assert_ok(unit, crashres_kernel_open(unit->ctx, path, &kernel));
	seal.initrd = kernel->initrd;
	assert_ok(unit, crashres_seal(unit->ctx, NULL, kernel, &seal, &sealed));
	unit_write(unit, "sealed/a", sealed->data, sealed->size);
	for (bool done = false; !done; failures += !done) {
		enum crashres_status status;

		found = UNTOUCHED;
		allocations_until_failure = failures + 1;
		status = crashres_sealed_find(unit->ctx, "/sealed", kernel, NULL, &found);
		done = allocations_until_failure;	/* all allocations succeeded */
		allocations_until_failure = 0;
		assert_int_equal(status, done ? CRASHRES_OK : CRASHRES_ERR_MEMORY);
		if (!done)
			assert_ptr_equal(found, UNTOUCHED);
	}
	assert_true(failures >= 5);
	crashres_kernel_close(found);
	crashres_input_close(sealed);
	crashres_kernel_close(kernel);
}

static void test_context_without_memory_is_an_error(void **state)
{
	struct crashres_ctx *ctx = UNTOUCHED;

	allocations_until_failure = 1;
	assert_int_equal(crashres_ctx_new(&ctx), CRASHRES_ERR_MEMORY);
	assert_int_equal(allocations_until_failure, 0);
	assert_ptr_equal(ctx, UNTOUCHED);
}

/* Opens an Image of 300000 bytes whose header claims @image_size bytes of memory. */
static struct crashres_kernel *open_large(struct unit *unit, uint64_t image_size)
{
	struct bytes image = pack_image();
	struct crashres_kernel *kernel;
	struct crashres_input *input;
	CRS_CLEANUP(crs_freep) char *path = unit_path(unit, "large");

	unit_put_le(image.data + 16, 8, image_size);
	unit_write(unit, "large", image.data, image.size);
	free(image.data);
	assert_ok(unit, crashres_input_open(unit->ctx, path, &input));
	assert_ok(unit, crashres_kernel_from_input(unit->ctx, input, &kernel));
	crashres_input_close(input);
	return kernel;
}

/* An earlier version took 24 s and 4 GiB of memory before it found the limit. */
static void test_a_seal_too_large_is_refused_before_any_work(void **state)
{
	static const struct {
		uint64_t image_size;
		const char *sentence;	/* follows the name of the file */
	} cases[] = {
		{ 64 * GIB, "purgatory: 65536 MiB of segments need 1028 MiB of digests and page "
			    "tables: the limit is 256 MiB" },
		{ 1ULL << 48, "purgatory: 268435456 MiB of segments need 4212740 MiB of digests "
			      "and page tables: the limit is 256 MiB" },
		{ 5 * GIB, "the sealed Image has 5522 MiB: the limit is 4095 MiB" },
	};
	struct unit *unit = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct crashres_kernel *kernel = open_large(unit, cases[i].image_size);
		struct crashres_seal_request seal = CRASHRES_SEAL_REQUEST_INIT;
		struct crashres_input *sealed = UNTOUCHED;
		CRS_CLEANUP(crs_freep) char *path = unit_path(unit, "large");
		char sentence[256];

		snprintf(sentence, sizeof(sentence), "%s: %s", path, cases[i].sentence);
		largest = 0;
		allocations_until_failure = 1;
		assert_fails(unit, crashres_seal(unit->ctx, NULL, kernel, &seal, &sealed),
			     CRASHRES_ERR_LIMIT, sentence);
		/* No allocation was made: the first one would have failed. */
		assert_int_equal(allocations_until_failure, 1);
		allocations_until_failure = 0;
		assert_ptr_equal(sealed, UNTOUCHED);
		crashres_kernel_close(kernel);
	}
}

/* Plans a kexec_load of a kernel with @image_size bytes of memory. */
static enum crashres_status plan_large(struct unit *unit, uint64_t image_size,
				       struct crashres_plan **plan)
{
	struct crashres_request request = CRASHRES_REQUEST_INIT;
	struct crashres_kernel *kernel = open_large(unit, image_size);
	struct crashres_machine *machine;
	enum crashres_status status;

	request.slot = CRASHRES_SLOT_CRASH;
	request.call = CRASHRES_CALL_LOAD;
	assert_ok(unit, crashres_machine_read(unit->ctx, &machine));
	largest = 0;
	status = crashres_plan_make(unit->ctx, machine, kernel, &request, plan);
	crashres_machine_free(machine);
	crashres_kernel_close(kernel);
	return status;
}

/* The limits of kexec_load: the digest tables (256 MiB), then the sum of all segments. */
static void test_a_plan_too_large_is_refused_before_any_work(void **state)
{
	struct unit *unit = *state;
	CRS_CLEANUP(crs_freep) char *root = unit_path(unit, ".");
	struct crashres_plan *plan = UNTOUCHED;

	unit_write_machine(unit);
	unit_write_text(unit, "proc/iomem",
			"4000000000-7fffffffff : System RAM\n"
			"  4100000000-64ffffffff : Crash kernel\n");
	assert_ok(unit, crashres_ctx_set_root(unit->ctx, root));
	assert_fails(unit, plan_large(unit, 64 * GIB, &plan), CRASHRES_ERR_LIMIT,
		     "purgatory: 65536 MiB of segments need 1029 MiB of digests and page tables: "
		     "the limit is 256 MiB");
	assert_true(largest < MIB);
	unit_write_text(unit, "proc/iomem",
			"4000000000-41ffffffff : System RAM\n"
			"  4000000000-41dfffffff : Crash kernel\n");
	assert_fails(unit, plan_large(unit, 5 * GIB, &plan), CRASHRES_ERR_LIMIT,
		     "the segments take 5200 MiB: the kernel allows at most half of its RAM, 256 "
		     "MiB");
	assert_true(largest < MIB);
	assert_ptr_equal(plan, UNTOUCHED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT_TEST(test_each_failing_allocation_is_reported),
		UNIT_TEST(test_context_without_memory_is_an_error),
		UNIT_TEST(test_each_failing_allocation_of_a_search_is_reported),
		UNIT_TEST(test_a_seal_too_large_is_refused_before_any_work),
		UNIT_TEST(test_a_plan_too_large_is_refused_before_any_work),
	};

	return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
