/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <sys/stat.h>

#include "../../libcrashres/kernel/kernel.h"
#include "pack.h"
#include "support.h"

#define UNKNOWN \
	"Cannot determine the file type of %s: neither an arm64 kernel nor one in a known wrapper"

/* One gzip member. The input is gone afterwards. */
static struct bytes gzip(struct bytes inner)
{
	struct bytes outer = pack("gzip", inner.data, inner.size);

	free(inner.data);
	return outer;
}

/* Opens the bytes as the file "Image" of the test's directory. */
static enum crashres_status open_bytes(struct unit *unit, const void *data, size_t size,
				       struct crashres_kernel **kernel)
{
	CRS_CLEANUP(crs_freep) char *path = unit_path(unit, "Image");

	unit_write(unit, "Image", data, size);
	return crashres_kernel_open(unit->ctx, path, kernel);
}

/* @format has one %s, where the file's name stands. */
__attribute__((format(printf, 4, 0)))
static void refuse(struct unit *unit, struct bytes file, enum crashres_status status,
		   const char *format)
{
	struct crashres_kernel *kernel = UNTOUCHED;
	CRS_CLEANUP(crs_freep) char *path = unit_path(unit, "Image");
	char sentence[256];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(sentence, sizeof(sentence), format, path);
#pragma GCC diagnostic pop
	assert_fails(unit, open_bytes(unit, file.data, file.size, &kernel), status, sentence);
	assert_ptr_equal(kernel, UNTOUCHED);
}

static void check_opens(struct unit *unit, struct bytes file)
{
	struct bytes image = pack_image();
	struct crashres_kernel *kernel;

	assert_ok(unit, open_bytes(unit, file.data, file.size, &kernel));
	assert_int_equal(kernel->file->size, image.size);
	assert_memory_equal(kernel->file->data, image.data, image.size);
	assert_int_equal(kernel->image.image_size, MIB);
	assert_int_equal(kernel->image.page_size, 4096);
	assert_true(kernel->image.anywhere);
	crashres_kernel_close(kernel);
	free(image.data);
}

static void test_a_raw_image(void **state)
{
	struct bytes image = pack_image();

	check_opens(*state, image);
	free(image.data);
}

static void test_gzip_around_it_up_to_three_times(void **state)
{
	struct bytes file = pack_image();

	for (int depth = 1; depth <= 3; depth++) {
		file = gzip(file);
		check_opens(*state, file);
	}
	file = gzip(file);
	refuse(*state, file, CRASHRES_ERR_FORMAT,
	       "%s (gzip) (gzip) (gzip) (gzip): wrapped more than 3 times");
	free(file.data);
}

/* Signatures are appended behind the compressed kernel. */
static void test_what_follows_the_gzip_member_is_ignored(void **state)
{
	struct bytes file = gzip(pack_image());

	file.data = realloc(file.data, file.size + 1000);
	assert_non_null(file.data);
	unit_fill(file.data + file.size, 1000, 9);
	file.size += 1000;
	check_opens(*state, file);
	free(file.data);
}

static void test_gzip_truncated_at_many_lengths(void **state)
{
	struct bytes file = gzip(pack_image());

	for (size_t cut = 1; cut < file.size - 18; cut += cut < 20 ? 1 : 7919) {
		struct bytes part = { file.data, file.size - cut };

		refuse(*state, part, CRASHRES_ERR_FORMAT, "%s: gzip: truncated");
	}
	for (size_t size = 18; size < 30; size++)
		refuse(*state, (struct bytes){ file.data, size }, CRASHRES_ERR_FORMAT,
		       "%s: gzip: truncated");
	/* Less than a header and a trailer is not taken for gzip. */
	refuse(*state, (struct bytes){ file.data, 17 }, CRASHRES_ERR_FORMAT,
	       UNKNOWN);
	free(file.data);
}

static void test_gzip_damaged(void **state)
{
	struct bytes file = gzip(pack_image());

	file.data[file.size - 8] ^= 1;
	refuse(*state, file, CRASHRES_ERR_FORMAT, "%s: gzip: damaged: incorrect data check");
	file.data[file.size - 8] ^= 1;
	file.data[file.size - 1] ^= 1;
	refuse(*state, file, CRASHRES_ERR_FORMAT, "%s: gzip: damaged: incorrect length check");
	file.data[file.size - 1] ^= 1;
	file.data[10] |= 6;		/* a block type that does not exist */
	refuse(*state, file, CRASHRES_ERR_FORMAT, "%s: gzip: damaged: invalid block type");
	file.data[3] = 0xff;
	refuse(*state, file, CRASHRES_ERR_FORMAT, "%s: gzip: damaged: unknown header flags set");
	free(file.data);
}

static void test_gzip_around_nothing(void **state)
{
	struct bytes file = gzip((struct bytes){ unit_alloc(1), 0 });

	refuse(*state, file, CRASHRES_ERR_FORMAT, "%s: gzip: nothing in it");
	free(file.data);
}

static void test_gzip_around_something_else(void **state)
{
	struct bytes file = gzip((struct bytes){ unit_alloc(1000), 1000 });

	refuse(*state, file, CRASHRES_ERR_FORMAT, "Cannot determine the file type of %s (gzip): "
	       "neither an arm64 kernel nor one in a known wrapper");
	free(file.data);
}

static void test_files_that_are_no_kernel(void **state)
{
	struct bytes image = pack_image();
	struct bytes zeros = { unit_alloc(4096), 4096 };

	refuse(*state, (struct bytes){ image.data, 0 }, CRASHRES_ERR_FORMAT, "%s: the file is empty");
	refuse(*state, (struct bytes){ image.data, 1 }, CRASHRES_ERR_FORMAT,
	       UNKNOWN);
	refuse(*state, (struct bytes){ image.data, 63 }, CRASHRES_ERR_FORMAT,
	       UNKNOWN);
	refuse(*state, zeros, CRASHRES_ERR_FORMAT,
	       UNKNOWN);
	free(image.data);
	free(zeros.data);
}

/* What the Image's header says is told with the file's name in front. */
static void test_kernels_that_cannot_be_started(void **state)
{
	struct bytes image = pack_image();

	unit_put_le(image.data + 24, 8, 1);
	refuse(*state, image, CRASHRES_ERR_UNSUPPORTED,
	       "kernel %s: a big-endian kernel: purgatory and kernel must be little-endian");
	unit_put_le(image.data + 24, 8, 0);
	unit_put_le(image.data + 16, 8, 0);
	image = gzip(image);
	refuse(*state, image, CRASHRES_ERR_UNSUPPORTED, "kernel %s (gzip): image_size is 0 (a kernel "
	       "before Linux 3.17): how much memory it needs is unknown");
	free(image.data);
}

static void refuse_path(struct unit *unit, const char *path, const char *sentence)
{
	struct crashres_kernel *kernel = UNTOUCHED;
	struct crashres_file *file = UNTOUCHED;

	assert_fails(unit, crashres_kernel_open(unit->ctx, path, &kernel), CRASHRES_ERR_OS,
		     sentence);
	assert_fails(unit, crashres_file_open(unit->ctx, path, &file), CRASHRES_ERR_OS, sentence);
	assert_ptr_equal(kernel, UNTOUCHED);
	assert_ptr_equal(file, UNTOUCHED);
}

static void test_paths_that_are_no_file(void **state)
{
	struct unit *unit = *state;
	CRS_CLEANUP(crs_freep) char *missing = unit_path(unit, "missing");
	char sentence[256];

	refuse_path(unit, "", "Cannot open `': No such file or directory");
	snprintf(sentence, sizeof(sentence), "Cannot open `%s': No such file or directory", missing);
	refuse_path(unit, missing, sentence);
	snprintf(sentence, sizeof(sentence), "%s: Is a directory", unit->dir);
	refuse_path(unit, unit->dir, sentence);
}

static void test_files_come_mapped_or_read(void **state)
{
	struct unit *unit = *state;
	CRS_CLEANUP(crs_freep) char *path = unit_path(unit, "initrd");
	struct crashres_file *file;

	unit_write_text(unit, "initrd", "0123456789");
	assert_ok(unit, crashres_file_open(unit->ctx, path, &file));
	assert_int_equal(file->size, 10);
	assert_memory_equal(file->data, "0123456789", 10);
	assert_string_equal(file->name, path);
	assert_true(file->mapped);
	crashres_file_close(file);
	/* Files of /proc tell no size. */
	assert_ok(unit, crashres_file_open(unit->ctx, "/proc/self/comm", &file));
	assert_memory_equal(file->data, "test_kernel", 11);
	assert_false(file->mapped);
	crashres_file_close(file);
	crashres_file_close(NULL);
	crashres_kernel_close(NULL);
}

static void test_reading_stops_at_its_limit(void **state)
{
	struct unit *unit = *state;
	CRS_CLEANUP(crs_freep) char *at_limit = NULL;
	uint8_t *data = UNTOUCHED;
	size_t size = 77;

	unit_write_text(unit, "file", "0123456789");
	assert_ok(unit, crashres_ctx_set_root(unit->ctx, unit->dir));
	assert_fails(unit, crs_read_below_root(unit->ctx, "file", 9, &data, &size),
		     CRASHRES_ERR_FORMAT, "/file: more than 9 bytes");
	assert_fails(unit, crs_read_below_root(unit->ctx, "none", 9, &data, &size),
		     CRASHRES_ERR_OS, "/none: No such file or directory");
	assert_fails(unit, crs_read_below_root(unit->ctx, ".", 9, &data, &size),
		     CRASHRES_ERR_OS, "/.: cannot read: Is a directory");
	assert_ptr_equal(data, UNTOUCHED);
	assert_int_equal(size, 77);
	assert_ok(unit, crs_read_below_root(unit->ctx, "file", 10, (uint8_t **)&at_limit, &size));
	assert_int_equal(size, 10);
	assert_string_equal(at_limit, "0123456789");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT_TEST(test_a_raw_image),
		UNIT_TEST(test_gzip_around_it_up_to_three_times),
		UNIT_TEST(test_what_follows_the_gzip_member_is_ignored),
		UNIT_TEST(test_gzip_truncated_at_many_lengths),
		UNIT_TEST(test_gzip_damaged),
		UNIT_TEST(test_gzip_around_nothing),
		UNIT_TEST(test_gzip_around_something_else),
		UNIT_TEST(test_files_that_are_no_kernel),
		UNIT_TEST(test_kernels_that_cannot_be_started),
		UNIT_TEST(test_paths_that_are_no_file),
		UNIT_TEST(test_files_come_mapped_or_read),
		UNIT_TEST(test_reading_stops_at_its_limit),
	};

	return cmocka_run_group_tests_name("kernel", tests, NULL, NULL);
}
