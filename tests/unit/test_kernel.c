/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tests crashres_kernel_open() (kernel/kernel.c), which removes the containers around an Image.
 * A wrong program follows a chain of containers without an end, hands over a device node that
 * kexec_file_load refuses, or loses the file that carries the signature.
 */
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../libcrashres/kernel/kernel.h"
#include "support.h"
#include "wrap.h"

#define UNKNOWN \
	"Cannot determine the file type of %s: it is neither an arm64 kernel nor a known wrapper"

/* Returns @inner as one gzip member and frees @inner. */
static struct bytes gzip(struct bytes inner)
{
	struct bytes outer = pack("gzip", inner.data, inner.size);

	free(inner.data);
	return outer;
}

/* Writes the bytes to the file "Image" and opens the file as a kernel. */
static enum crashres_status open_bytes(struct unit *unit, const void *data, size_t size,
				       struct crashres_kernel **kernel)
{
	CRS_CLEANUP(crs_freep) char *path = unit_path(unit, "Image");

	unit_write(unit, "Image", data, size);
	return crashres_kernel_open(unit->ctx, path, kernel);
}

/*
 * Asserts that opening @file fails with @status and the message @format. The only %s of @format
 * is the path of the file.
 */
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

/* Asserts that @file opens as the Image of pack_image(). */
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

static void test_raw_image_is_opened(void **state)
{
	struct bytes image = pack_image();

	check_opens(*state, image);
	free(image.data);
}

/*
 * Asserts the public values of an Image header, through gzip. @flags: bits 1-2 page size, bit 3
 * any address (booting.rst). @page_size is in bytes, 0: unspecified. Frees @file.
 */
static void check_header(struct unit *unit, struct bytes file, uint64_t flags, uint64_t page_size,
			 bool anywhere)
{
	struct crashres_kernel *kernel;

	unit_put_le(file.data + 8, 8, 0x80000);
	unit_put_le(file.data + 24, 8, flags);
	file = gzip(file);
	assert_ok(unit, open_bytes(unit, file.data, file.size, &kernel));
	assert_int_equal(crashres_kernel_page_size(kernel), page_size);
	assert_int_equal(crashres_kernel_text_offset(kernel), 0x80000);
	assert_int_equal(crashres_kernel_image_size(kernel), MIB);
	assert_int_equal(crashres_kernel_runs_anywhere(kernel), anywhere);
	assert_false(crashres_kernel_is_sealed(kernel));
	crashres_kernel_close(kernel);
	free(file.data);
}

static void test_values_of_the_image_header_are_returned(void **state)
{
	check_header(*state, pack_image(), 0, 0, false);
	check_header(*state, pack_image(), 0x2, 4096, false);
	check_header(*state, pack_image(), 0xc, 16384, true);
	check_header(*state, pack_image(), 0xe, 65536, true);
}

static void test_gzip_is_unpacked_up_to_three_times(void **state)
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

/* Signature tools append signatures to the compressed file. */
static void test_bytes_after_the_gzip_member_are_ignored(void **state)
{
	struct bytes file = gzip(pack_image());

	file.data = realloc(file.data, file.size + 1000);
	assert_non_null(file.data);
	unit_fill(file.data + file.size, 1000, 9);
	file.size += 1000;
	check_opens(*state, file);
	free(file.data);
}

static void test_truncated_gzip_is_refused_at_many_lengths(void **state)
{
	struct bytes file = gzip(pack_image());

	for (size_t cut = 1; cut < file.size - 18; cut += cut < 20 ? 1 : 7919) {
		struct bytes part = { file.data, file.size - cut };

		refuse(*state, part, CRASHRES_ERR_FORMAT,
		       "%s: gzip: the compressed data is truncated");
	}
	for (size_t size = 18; size < 30; size++)
		refuse(*state, (struct bytes){ file.data, size }, CRASHRES_ERR_FORMAT,
		       "%s: gzip: the compressed data is truncated");
	/* A file shorter than header and trailer (18 bytes) is not recognised as gzip. */
	refuse(*state, (struct bytes){ file.data, 17 }, CRASHRES_ERR_FORMAT,
	       UNKNOWN);
	free(file.data);
}

static void test_damaged_gzip_is_refused(void **state)
{
	struct bytes file = gzip(pack_image());

	file.data[file.size - 8] ^= 1;
	refuse(*state, file, CRASHRES_ERR_FORMAT,
	       "%s: gzip: the compressed data is damaged: incorrect data check");
	file.data[file.size - 8] ^= 1;
	file.data[file.size - 1] ^= 1;
	refuse(*state, file, CRASHRES_ERR_FORMAT,
	       "%s: gzip: the compressed data is damaged: incorrect length check");
	file.data[file.size - 1] ^= 1;
	file.data[10] |= 6;		/* block type 3 does not exist (RFC 1951) */
	refuse(*state, file, CRASHRES_ERR_FORMAT,
	       "%s: gzip: the compressed data is damaged: invalid block type");
	file.data[3] = 0xff;
	refuse(*state, file, CRASHRES_ERR_FORMAT,
	       "%s: gzip: the compressed data is damaged: unknown header flags set");
	free(file.data);
}

static void test_empty_gzip_is_refused(void **state)
{
	struct bytes file = gzip((struct bytes){ unit_alloc(1), 0 });

	refuse(*state, file, CRASHRES_ERR_FORMAT, "%s: gzip: the content is empty");
	free(file.data);
}

static void test_gzip_of_another_file_is_refused(void **state)
{
	struct bytes file = gzip((struct bytes){ unit_alloc(1000), 1000 });

	refuse(*state, file, CRASHRES_ERR_FORMAT, "Cannot determine the file type of %s (gzip): "
	       "it is neither an arm64 kernel nor a known wrapper");
	free(file.data);
}

static void test_file_that_is_not_a_kernel_is_refused(void **state)
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

/* The message starts with the name of the file. */
static void test_unsupported_kernel_is_refused_by_name(void **state)
{
	struct bytes image = pack_image();

	unit_put_le(image.data + 24, 8, 1);
	refuse(*state, image, CRASHRES_ERR_UNSUPPORTED,
	       "kernel %s: the kernel is big-endian: only little-endian kernels are supported");
	unit_put_le(image.data + 24, 8, 0);
	unit_put_le(image.data + 16, 8, 0);
	image = gzip(image);
	refuse(*state, image, CRASHRES_ERR_UNSUPPORTED, "kernel %s (gzip): image_size is 0 (Linux "
	       "before 3.17): the memory size of the kernel is unknown");
	free(image.data);
}

/* Asserts that opening @path fails with the message @sentence, as a kernel and as an input. */
static void refuse_path(struct unit *unit, const char *path, const char *sentence)
{
	struct crashres_kernel *kernel = UNTOUCHED;
	struct crashres_input *file = UNTOUCHED;

	assert_fails(unit, crashres_kernel_open(unit->ctx, path, &kernel), CRASHRES_ERR_OS,
		     sentence);
	assert_fails(unit, crashres_input_open(unit->ctx, path, &file), CRASHRES_ERR_OS, sentence);
	assert_ptr_equal(kernel, UNTOUCHED);
	assert_ptr_equal(file, UNTOUCHED);
}

static void test_path_without_a_file_is_refused(void **state)
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

/*
 * Opens a FIFO that delivers @bytes. Like a block device, it cannot be mapped and can deliver
 * more bytes than the kernel has. A child process writes the bytes.
 */
static enum crashres_status open_device(struct unit *unit, struct bytes bytes,
					struct crashres_kernel **kernel)
{
	CRS_CLEANUP(crs_freep) char *path = unit_path(unit, "device");
	enum crashres_status status;
	int child_status;
	pid_t child;

	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	child = fork();
	if (child == 0) {
		FILE *fifo = fopen(path, "wb");

		_exit(fwrite(bytes.data, 1, bytes.size, fifo) != bytes.size || fclose(fifo));
	}
	status = crashres_kernel_open(unit->ctx, path, kernel);
	assert_int_equal(waitpid(child, &child_status, 0), child);
	assert_int_equal(child_status, 0);
	return status;
}

/* Asserts that @device opens as a regular file of @size bytes that starts with @image. */
static void check_device(struct unit *unit, struct bytes device, struct bytes image, size_t size)
{
	struct crashres_kernel *kernel;
	struct stat st;

	assert_ok(unit, open_device(unit, device, &kernel));
	assert_int_equal(kernel->file->size, size);
	assert_memory_equal(kernel->file->data, image.data, image.size);
	/* kexec_file_load accepts regular files only. */
	assert_int_equal(fstat(kernel->file->fd, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(st.st_size, size);
	crashres_kernel_close(kernel);
}

/*
 * The kernel refuses a segment with bufsz > memsz (EINVAL), so at most image_size bytes are
 * passed.
 */
static void test_kernel_from_a_device_is_cut_at_its_end(void **state)
{
	struct bytes image = pack_image();
	struct bytes device = pack_join(pack_image(), pack_noise(2 * MIB, 8));

	check_device(*state, image, image, image.size);
	check_device(*state, device, image, MIB);
	free(device.data);
	device = pack_join(pack("gzip", image.data, image.size), pack_noise(MIB, 8));
	check_device(*state, device, image, image.size);
	free(device.data);
	device = pack_join(wrap_uimage(image, 0), pack_noise(MIB, 8));
	check_device(*state, device, image, image.size);
	free(device.data);
	free(image.data);
}

/* Only the original file has the extended attribute security.ima with the signature. */
static void test_original_descriptor_is_kept_if_nothing_was_unpacked(void **state)
{
	struct unit *unit = *state;
	struct bytes image = pack_image();
	CRS_CLEANUP(crs_freep) char *path = unit_path(unit, "Image");
	struct crashres_kernel *kernel;
	struct stat st, original;

	image = pack_join(image, pack_noise(MIB, 8));	/* the file is longer than image_size */
	assert_ok(unit, open_bytes(unit, image.data, image.size, &kernel));
	assert_int_equal(fstat(kernel->file->original_fd, &st), 0);
	assert_int_equal(stat(path, &original), 0);
	assert_int_equal(st.st_ino, original.st_ino);
	assert_int_equal(st.st_dev, original.st_dev);
	assert_int_equal(kernel->file->size, image.size);
	assert_string_equal(crashres_kernel_type(kernel), "Image");
	crashres_kernel_close(kernel);
	image = gzip(image);
	assert_ok(unit, open_bytes(unit, image.data, image.size, &kernel));
	assert_int_equal(kernel->file->original_fd, -1);
	crashres_kernel_close(kernel);
	free(image.data);
}

/*
 * A program can open a kernel that has no path. It can close its input before or after the
 * kernel.
 */
static void test_kernel_in_memory_is_opened(void **state)
{
	struct unit *unit = *state;
	struct bytes image = pack_image();
	struct bytes files[] = { image, pack("gzip", image.data, image.size) };

	for (size_t i = 0; i < 2 * COUNT(files); i++) {
		struct crashres_kernel *kernel;
		struct crashres_input *input;

		assert_ok(unit, crashres_input_from_memory(unit->ctx, "mine", files[i / 2].data,
							   files[i / 2].size, &input));
		assert_ok(unit, crashres_kernel_from_input(unit->ctx, input, &kernel));
		if (i % 2)
			crashres_input_close(input);
		assert_string_equal(kernel->file->name, i / 2 ? "mine (gzip)" : "mine");
		assert_int_equal(kernel->file->size, image.size);
		assert_memory_equal(kernel->file->data, image.data, image.size);
		crashres_kernel_close(kernel);
		if (i % 2 == 0) {
			assert_memory_equal(input->data, files[i / 2].data, files[i / 2].size);
			crashres_input_close(input);
		}
	}
	free(files[1].data);
	free(image.data);
}

/* After a failure the caller still owns the input. */
static void test_other_bytes_in_memory_are_refused(void **state)
{
	struct unit *unit = *state;
	struct crashres_kernel *kernel = UNTOUCHED;
	struct crashres_input *input;

	assert_ok(unit, crashres_input_from_memory(unit->ctx, "mine", "text", 4, &input));
	assert_fails(unit, crashres_kernel_from_input(unit->ctx, input, &kernel),
		     CRASHRES_ERR_FORMAT, "Cannot determine the file type of mine: it is neither "
		     "an arm64 kernel nor a known wrapper");
	assert_ptr_equal(kernel, UNTOUCHED);
	assert_memory_equal(input->data, "text", 4);
	crashres_input_close(input);
}

static void test_type_names_the_container_inside_gzip(void **state)
{
	struct unit *unit = *state;
	struct bytes image = pack_image();
	struct wrap_segment segment = { 0, image, 0 };
	/* Columns: the expected type, the file. */
	const struct {
		const char *type;
		struct bytes file;
	} cases[] = {
		{ "Image", pack_image() },
		{ "Image", gzip(pack_image()) },
		{ "vmlinuz", gzip(wrap_zboot(image, "gzip", "gzip")) },
		{ "vmlinux", gzip(wrap_elf(&segment, 1)) },
		{ "uImage", gzip(wrap_uimage(image, 0)) },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct crashres_kernel *kernel;

		assert_ok(unit, open_bytes(unit, cases[i].file.data, cases[i].file.size, &kernel));
		assert_string_equal(crashres_kernel_type(kernel), cases[i].type);
		assert_int_equal(kernel->file->size, image.size);
		assert_memory_equal(kernel->file->data, image.data, image.size);
		assert_null(kernel->initrd);
		assert_null(kernel->dtb);
		assert_null(kernel->command_line);
		crashres_kernel_close(kernel);
		free(cases[i].file.data);
	}
	free(image.data);
}

static void test_fit_image_is_refused_by_name(void **state)
{
	struct bytes fit = { (uint8_t *)(uintptr_t)"\xd0\x0d\xfe\xed", 4 };

	refuse(*state, fit, CRASHRES_ERR_UNSUPPORTED, "%s: is a FIT image or a device tree, not a "
	       "kernel (dumpimage of u-boot-tools extracts the kernel of a FIT image)");
	fit.size = 3;
	refuse(*state, fit, CRASHRES_ERR_FORMAT, UNKNOWN);
}

static void test_format_list_returns_its_full_length(void **state)
{
	static const char start[] = "arm64 Image, vmlinux, uImage, vmlinuz (EFI zboot), uki; unpacks "
				    "gzip (zlib)";
	char list[512] = "", cut[8] = "";
	size_t length = crashres_kernel_formats(list, sizeof(list));

	assert_memory_equal(list, start, strlen(start));
	assert_int_equal(length, strlen(list));
	assert_int_equal(crashres_kernel_formats(cut, sizeof(cut)), length);
	assert_string_equal(cut, "arm64 I");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT_TEST(test_raw_image_is_opened),
		UNIT_TEST(test_values_of_the_image_header_are_returned),
		UNIT_TEST(test_gzip_is_unpacked_up_to_three_times),
		UNIT_TEST(test_bytes_after_the_gzip_member_are_ignored),
		UNIT_TEST(test_truncated_gzip_is_refused_at_many_lengths),
		UNIT_TEST(test_damaged_gzip_is_refused),
		UNIT_TEST(test_empty_gzip_is_refused),
		UNIT_TEST(test_gzip_of_another_file_is_refused),
		UNIT_TEST(test_file_that_is_not_a_kernel_is_refused),
		UNIT_TEST(test_unsupported_kernel_is_refused_by_name),
		UNIT_TEST(test_path_without_a_file_is_refused),
		UNIT_TEST(test_kernel_from_a_device_is_cut_at_its_end),
		UNIT_TEST(test_original_descriptor_is_kept_if_nothing_was_unpacked),
		UNIT_TEST(test_kernel_in_memory_is_opened),
		UNIT_TEST(test_other_bytes_in_memory_are_refused),
		UNIT_TEST(test_type_names_the_container_inside_gzip),
		UNIT_TEST(test_fit_image_is_refused_by_name),
		UNIT_TEST(test_format_list_returns_its_full_length),
	};

	return cmocka_run_group_tests_name("kernel", tests, NULL, NULL);
}
