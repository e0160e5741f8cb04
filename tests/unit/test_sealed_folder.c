/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tests the search for a ready sealed Image (plan/sealed-folder.c), and a plan that uses it. A
 * wrong program loads the sealed Image of another kernel or initrd, or the file of another user,
 * hangs at a FIFO, or reads a file outside of the root. Or one bad file prevents the load.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../libcrashres/kernel/kernel.h"
#include "../../libcrashres/machine/machine.h"
#include "../../libcrashres/plan/plan.h"
#include "../../libcrashres/plan/purgatory-segment.h"
#include "../../libcrashres/plan/sealed-image.h"
#include "support.h"

#define FOLDER "/var/sealed"

/* A kernel, two initrds, and the root in which the folder lies. */
struct world {
	struct crashres_kernel *kernel;
	struct crashres_input *initrd, *other;
};

/* Opens an Image of 64 KiB whose bytes depend on @seed. */
static struct crashres_kernel *open_kernel(struct unit *unit, const char *name, uint32_t seed)
{
	CRS_CLEANUP(crs_freep) char *path = unit_path(unit, name);
	struct crs_image_header header = {
		.image_size = htole64(MIB), .flags = htole64(0xa), .magic = CRS_IMAGE_MAGIC,
	};
	struct crashres_kernel *kernel;
	uint8_t data[64 * KIB];

	unit_fill(data, sizeof(data), seed);
	memcpy(data, &header, sizeof(header));
	unit_write(unit, name, data, sizeof(data));
	assert_ok(unit, crashres_kernel_open(unit->ctx, path, &kernel));
	return kernel;
}

static struct crashres_input *open_input(struct unit *unit, const char *name, uint32_t seed)
{
	CRS_CLEANUP(crs_freep) char *path = unit_path(unit, name);
	struct crashres_input *input;
	uint8_t data[5000];

	unit_fill(data, sizeof(data), seed);
	unit_write(unit, name, data, sizeof(data));
	assert_ok(unit, crashres_input_open(unit->ctx, path, &input));
	return input;
}

/* Sets the mode of the file or folder @name, because the umask can have any value. */
static void set_mode(struct unit *unit, const char *name, mode_t mode)
{
	char *path = unit_path(unit, name);

	assert_int_equal(chmod(path, mode), 0);
	free(path);
}

static struct world world_new(struct unit *unit)
{
	struct world world = {
		.kernel = open_kernel(unit, "Image", 1),
		.initrd = open_input(unit, "initrd", 2),
		.other = open_input(unit, "other", 3),
	};
	char *root = unit_path(unit, "root");

	unit_write(unit, "root/var/sealed/.placeholder", "x", 1);
	set_mode(unit, "root/var/sealed", 0755);
	assert_ok(unit, crashres_ctx_set_root(unit->ctx, root));
	free(root);
	return world;
}

static void world_free(struct world *world)
{
	crashres_kernel_close(world->kernel);
	crashres_input_close(world->initrd);
	crashres_input_close(world->other);
}

/* Writes @data to the file @name in the folder, with mode 0644 and mtime @seconds. */
static void put_bytes(struct unit *unit, const char *name, const void *data, size_t size,
		      time_t seconds)
{
	const struct timespec times[2] = { { seconds, 0 }, { seconds, 0 } };
	char relative[64], *path;

	snprintf(relative, sizeof(relative), "root/var/sealed/%s", name);
	unit_write(unit, relative, data, size);
	set_mode(unit, relative, 0644);
	path = unit_path(unit, relative);
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
	free(path);
}

static struct crashres_input *seal_now(struct unit *unit, const struct crashres_kernel *kernel,
				       const struct crashres_input *initrd)
{
	struct crashres_seal_request seal = CRASHRES_SEAL_REQUEST_INIT;
	struct crashres_input *sealed;

	seal.initrd = initrd;
	assert_ok(unit, crashres_seal(unit->ctx, NULL, kernel, &seal, &sealed));
	return sealed;
}

/* Puts the sealed Image of @kernel and @initrd into the folder, with mtime @seconds. */
static void put(struct unit *unit, const char *name, const struct crashres_kernel *kernel,
		const struct crashres_input *initrd, time_t seconds)
{
	struct crashres_input *sealed = seal_now(unit, kernel, initrd);

	put_bytes(unit, name, sealed->data, sealed->size, seconds);
	crashres_input_close(sealed);
}

/* Asserts that the search finds the file @name. */
static void assert_found(struct unit *unit, const struct world *world,
			 const struct crashres_input *initrd, const char *name)
{
	struct crashres_kernel *sealed;

	assert_ok(unit, crashres_sealed_find(unit->ctx, FOLDER, world->kernel, initrd, &sealed));
	assert_string_equal(sealed->file->name, name);
	assert_true(crashres_kernel_is_sealed(sealed));
	/* IMA reads security.ima from the original file. */
	assert_true(sealed->file->original_fd >= 0);
	crashres_kernel_close(sealed);
}

static void assert_not_found(struct unit *unit, const struct world *world,
			     const struct crashres_input *initrd, enum crashres_status status,
			     const char *sentence)
{
	struct crashres_kernel *sealed = UNTOUCHED;

	assert_fails(unit, crashres_sealed_find(unit->ctx, FOLDER, world->kernel, initrd, &sealed),
		     status, sentence);
	assert_ptr_equal(sealed, UNTOUCHED);
}

static void test_newest_image_of_kernel_and_initrd_is_found(void **state)
{
	struct unit *unit = *state;
	struct world world = world_new(unit);
	struct crashres_kernel *stranger = open_kernel(unit, "stranger", 9);

	put(unit, "stranger", stranger, world.initrd, 900);
	put(unit, "other", world.kernel, world.other, 800);
	put(unit, "old", world.kernel, world.initrd, 100);
	assert_found(unit, &world, world.initrd, FOLDER "/old");
	put(unit, "new", world.kernel, world.initrd, 200);
	assert_found(unit, &world, world.initrd, FOLDER "/new");
	assert_found(unit, &world, world.other, FOLDER "/other");
	put(unit, ".temporary", world.kernel, world.initrd, 300);
	assert_found(unit, &world, world.initrd, FOLDER "/new");
	crashres_kernel_close(stranger);
	world_free(&world);
}

static void test_other_or_missing_initrd_is_named(void **state)
{
	struct unit *unit = *state;
	struct world world = world_new(unit);
	CRS_CLEANUP(crs_freep) char *other = NULL, *lacks = NULL;

	assert_true(asprintf(&other, FOLDER "/a: is sealed with another initrd than %s",
			     world.other->name) > 0);
	assert_true(asprintf(&lacks, FOLDER "/a: is sealed without an initrd, but the load has %s",
			     world.initrd->name) > 0);
	put(unit, "a", world.kernel, world.initrd, 1);
	assert_not_found(unit, &world, world.other, CRASHRES_ERR_OTHER_INITRD, other);
	assert_not_found(unit, &world, NULL, CRASHRES_ERR_OTHER_INITRD, FOLDER
			 "/a: is sealed with an initrd, but the load has no initrd");
	put(unit, "a", world.kernel, NULL, 1);
	assert_not_found(unit, &world, world.initrd, CRASHRES_ERR_OTHER_INITRD, lacks);
	assert_found(unit, &world, NULL, FOLDER "/a");
	world_free(&world);
}

/* The initrd of a UKI counts if the load names none. */
static void test_initrd_of_the_kernel_file_counts(void **state)
{
	struct unit *unit = *state;
	struct world world = world_new(unit);

	put(unit, "a", world.kernel, world.initrd, 1);
	world.kernel->initrd = world.initrd;
	assert_found(unit, &world, NULL, FOLDER "/a");
	world.kernel->initrd = NULL;
	world_free(&world);
}

/* Everything that is no sealed Image is skipped: the search ends, and finds the good file. */
static void test_other_files_are_skipped(void **state)
{
	struct unit *unit = *state;
	struct world world = world_new(unit);
	char *path = unit_path(unit, "root/var/sealed/fifo");
	char *link = unit_path(unit, "root/var/sealed/link");
	char *outside = unit_path(unit, "outside");
	CRS_CLEANUP(crs_freep) char *none = NULL;

	assert_true(asprintf(&none, FOLDER " has no sealed Image of %s",
			     world.kernel->file->name) > 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	/* The link leads out of the root, to a sealed Image that would fit. */
	put(unit, "a", world.kernel, world.initrd, 1);
	free(path);
	path = unit_path(unit, "root/var/sealed/a");
	assert_int_equal(rename(path, outside), 0);
	assert_int_equal(symlink(outside, link), 0);
	free(link);
	/* No link is followed: behind it, the folder can belong to another user. */
	put(unit, "a", world.kernel, world.initrd, 1);
	link = unit_path(unit, "root/var/elsewhere");
	assert_int_equal(rename(path, link), 0);
	assert_int_equal(symlink("../elsewhere", path), 0);
	unit_write(unit, "root/var/sealed/folder/x", "x", 1);
	unit_write(unit, "root/var/sealed/empty", "", 0);
	unit_write(unit, "root/var/sealed/text", "text", 4);
	unit_write(unit, "root/var/sealed/kernel", world.kernel->file->data,
		   world.kernel->file->size);
	assert_not_found(unit, &world, world.initrd, CRASHRES_ERR_NO_SEALED_IMAGE, none);
	put(unit, "good", world.kernel, world.initrd, 1);
	assert_found(unit, &world, world.initrd, FOLDER "/good");
	free(path);
	free(link);
	free(outside);
	world_free(&world);
}

static void test_missing_folder_is_an_empty_one(void **state)
{
	struct unit *unit = *state;
	struct world world = world_new(unit);
	struct crashres_kernel *sealed = UNTOUCHED;
	CRS_CLEANUP(crs_freep) char *none = NULL;

	assert_true(asprintf(&none, "/nowhere has no sealed Image of %s",
			     world.kernel->file->name) > 0);
	assert_fails(unit, crashres_sealed_find(unit->ctx, "/nowhere", world.kernel, NULL, &sealed),
		     CRASHRES_ERR_NO_SEALED_IMAGE, none);
	world_free(&world);
}

/* A header that is cut, or that names more bytes than the file has, is no sealed Image. */
static void test_damaged_headers_are_skipped(void **state)
{
	struct unit *unit = *state;
	struct world world = world_new(unit);
	struct crashres_seal_request seal = CRASHRES_SEAL_REQUEST_INIT;
	const size_t header = sizeof(struct crs_seal_header);
	struct crashres_kernel *found;
	struct crashres_input *sealed;
	uint8_t *bytes;

	seal.initrd = world.initrd;
	assert_ok(unit, crashres_seal(unit->ctx, NULL, world.kernel, &seal, &sealed));
	for (size_t size = 1; size < header + 10; size++) {
		unit_write(unit, "root/var/sealed/a", sealed->data, size);
		assert_int_equal(crashres_sealed_find(unit->ctx, FOLDER, world.kernel,
						      world.initrd, &found),
				 CRASHRES_ERR_NO_SEALED_IMAGE);
	}
	/* Every single byte of the header, changed: no access outside, and never a wrong match. */
	bytes = malloc(sealed->size);
	for (size_t i = 64; i < header; i++) {
		memcpy(bytes, sealed->data, sealed->size);
		bytes[i] ^= 0x80;
		unit_write(unit, "root/var/sealed/a", bytes, sealed->size);
		assert_int_equal(crashres_sealed_find(unit->ctx, FOLDER, world.kernel,
						      world.initrd, &found),
				 CRASHRES_ERR_NO_SEALED_IMAGE);
	}
	free(bytes);
	crashres_input_close(sealed);
	world_free(&world);
}

/* ------------------------------------------------------------ files that cannot be used */

/* Returns the bytes of a sealed Image of the world's kernel and initrd. The caller frees them. */
static uint8_t *copy_sealed(struct unit *unit, const struct world *world, size_t *size)
{
	struct crashres_input *sealed = seal_now(unit, world->kernel, world->initrd);
	uint8_t *bytes = unit_alloc(sealed->size);

	memcpy(bytes, sealed->data, sealed->size);
	*size = sealed->size;
	crashres_input_close(sealed);
	return bytes;
}

/* Asserts that the search logs @reason about the newest file "bad", and then takes "good". */
static void assert_skipped(struct unit *unit, const struct world *world, const char *reason)
{
	char line[300];

	free(unit->log);
	unit->log = strdup("");
	assert_found(unit, world, world->initrd, FOLDER "/good");
	snprintf(line, sizeof(line), "warning: this sealed Image is not used: %s" FOLDER "/bad: %s",
		 strncmp(reason, "truncated", 9) ? "" : "kernel ", reason);
	if (!unit_logged(unit, line))
		fail_msg("expected: %s\nlog: %s", line, unit->log);
}

/* The offset of the digests of the initrd in the sealed Image @bytes. */
static size_t find_digests(const uint8_t *bytes)
{
	const uint8_t *purgatory = bytes + CRS_SEAL_PURGATORY_OFFSET;
	struct purgatory_header header;
	struct purgatory_params params;

	memcpy(&header, purgatory, sizeof(header));
	memcpy(&params, purgatory + le64toh(header.image_size), sizeof(params));
	return CRS_SEAL_PURGATORY_OFFSET + le64toh(params.table_offset[0]) +
	       le64toh(params.segments[1].first_block) * PURGATORY_DIGEST_SIZE;
}

/* One bad file must not prevent the load: the next one is taken, and a warning says why. */
static void test_damaged_files_are_skipped_with_a_warning(void **state)
{
	struct unit *unit = *state;
	struct world world = world_new(unit);
	CRS_CLEANUP(crs_freep) char *reason = NULL;
	struct crs_seal_header header;
	size_t size;
	uint8_t *bytes = copy_sealed(unit, &world, &size);

	memcpy(&header, bytes, sizeof(header));
	put(unit, "good", world.kernel, world.initrd, 100);
	/* The end is missing: inside the kernel, and before the kernel. */
	for (size_t cut = size - 1; cut > 4096; cut = cut / 2) {
		char text[100];

		put_bytes(unit, "bad", bytes, cut, 200);
		snprintf(text, sizeof(text), "truncated: the sections end at byte %zu, the file at "
			 "byte %zu", size, cut);
		assert_skipped(unit, &world, text);
	}
	/* The kernel inside is another one. */
	bytes[le64toh(header.kernel_offset) + 5000] ^= 1;
	put_bytes(unit, "bad", bytes, size, 200);
	assert_skipped(unit, &world, "the kernel in the sealed Image is damaged");
	bytes[le64toh(header.kernel_offset) + 5000] ^= 1;
	/* Purgatory expects another initrd than the header names. */
	bytes[find_digests(bytes)] ^= 1;
	put_bytes(unit, "bad", bytes, size, 200);
	assert_true(asprintf(&reason, "is sealed with another initrd than %s: the sizes are equal, "
			     "the bytes differ", world.initrd->name) > 0);
	assert_skipped(unit, &world, reason);
	free(bytes);
	world_free(&world);
}

/* Such a file is not read: it would need as much memory as its size. */
static void test_too_large_files_are_skipped_before_they_are_read(void **state)
{
	static const off_t sizes[] = { 3LL << 30, 5LL << 30 };
	struct unit *unit = *state;
	struct world world = world_new(unit);
	CRS_CLEANUP(crs_freep) char *path = unit_path(unit, "root/var/sealed/bad");
	uint64_t image_size;
	size_t size;
	uint8_t *bytes = copy_sealed(unit, &world, &size);
	char text[100];

	memcpy(&image_size, bytes + offsetof(struct crs_image_header, image_size), 8);
	put(unit, "good", world.kernel, world.initrd, 100);
	for (size_t i = 0; i < COUNT(sizes); i++) {
		put_bytes(unit, "bad", bytes, size, 200);
		assert_int_equal(truncate(path, sizes[i]), 0);
		snprintf(text, sizeof(text), "has %jd bytes, and its header allows %" PRIu64,
			 (intmax_t)sizes[i], le64toh(image_size));
		assert_skipped(unit, &world, text);
	}
	/* image_size in the header is hostile, too: 4095 MiB and a signature are the limit. */
	unit_put_le(bytes + offsetof(struct crs_image_header, image_size), 8, UINT64_MAX);
	put_bytes(unit, "bad", bytes, size, 200);
	assert_int_equal(truncate(path, sizes[1]), 0);
	assert_skipped(unit, &world, "has 5368709120 bytes, and its header allows 4293984256");
	free(bytes);
	world_free(&world);
}

static void test_files_that_others_can_change_are_skipped(void **state)
{
	static const mode_t modes[] = { 0664, 0646, 0666 };
	struct unit *unit = *state;
	struct world world = world_new(unit);
	CRS_CLEANUP(crs_freep) char *path = unit_path(unit, "root/var/sealed/bad");

	put(unit, "good", world.kernel, world.initrd, 100);
	put(unit, "bad", world.kernel, world.initrd, 200);
	for (size_t i = 0; i < COUNT(modes); i++) {
		set_mode(unit, "root/var/sealed/bad", modes[i]);
		assert_skipped(unit, &world, "other users can write to it");
	}
	set_mode(unit, "root/var/sealed/bad", 0644);
	assert_found(unit, &world, world.initrd, FOLDER "/bad");
	if (geteuid()) {
		print_message("skipped: only root can make a file of another user\n");
	} else {
		assert_int_equal(chown(path, 65534, 0), 0);
		assert_skipped(unit, &world, "belongs to another user");
		/* Such a file with another initrd is no reason for an error. */
		put(unit, "bad", world.kernel, world.other, 200);
		assert_skipped(unit, &world, "belongs to another user");
	}
	world_free(&world);
}

static void test_folder_that_others_can_change_is_an_empty_one(void **state)
{
	struct unit *unit = *state;
	struct world world = world_new(unit);
	CRS_CLEANUP(crs_freep) char *path = unit_path(unit, "root/var/sealed"), *none = NULL;

	assert_true(asprintf(&none, FOLDER " has no sealed Image of %s",
			     world.kernel->file->name) > 0);
	put(unit, "good", world.kernel, world.initrd, 100);
	set_mode(unit, "root/var/sealed", 01777);
	assert_not_found(unit, &world, world.initrd, CRASHRES_ERR_NO_SEALED_IMAGE, none);
	assert_true(unit_logged(unit, "warning: no sealed Image in this folder is used: " FOLDER
				      ": other users can write to it"));
	set_mode(unit, "root/var/sealed", 0755);
	assert_found(unit, &world, world.initrd, FOLDER "/good");
	if (geteuid()) {
		print_message("skipped: only root can make a folder of another user\n");
	} else {
		assert_int_equal(chown(path, 65534, 0), 0);
		assert_not_found(unit, &world, world.initrd, CRASHRES_ERR_NO_SEALED_IMAGE, none);
		assert_true(unit_logged(unit, "warning: no sealed Image in this folder is used: "
					      FOLDER ": belongs to another user"));
	}
	world_free(&world);
}

/*
 * Asserts that the search for @initrd (may be NULL) finds nothing, and that it logs @reason about
 * the file "bad".
 */
static void assert_damaged(struct unit *unit, const struct world *world,
			   const struct crashres_input *initrd, const char *reason)
{
	CRS_CLEANUP(crs_freep) char *none = NULL, *line = NULL;

	free(unit->log);
	unit->log = strdup("");
	assert_true(asprintf(&none, FOLDER " has no sealed Image of %s",
			     world->kernel->file->name) > 0);
	assert_true(asprintf(&line, "warning: this sealed Image is not used: %s", reason) > 0);
	assert_not_found(unit, world, initrd, CRASHRES_ERR_NO_SEALED_IMAGE, none);
	if (!unit_logged(unit, line))
		fail_msg("expected: %s\nlog: %s", line, unit->log);
}

/* A wrong byte in the header of an Image without an initrd. It has no initrd to name. */
static void test_digest_without_initrd_is_damage(void **state)
{
	static const char reason[] = FOLDER "/bad: the sealed Image is damaged: the header has the "
		"digest of an initrd of 0 bytes";
	struct unit *unit = *state;
	struct world world = world_new(unit);
	struct crashres_input *sealed = seal_now(unit, world.kernel, NULL);
	const size_t digest = offsetof(struct crs_seal_header, initrd_digest);
	uint8_t *bytes = unit_alloc(sealed->size);

	for (size_t i = digest; i < digest + PURGATORY_DIGEST_SIZE; i++) {
		memcpy(bytes, sealed->data, sealed->size);
		bytes[i] = 'X';
		put_bytes(unit, "bad", bytes, sealed->size, 200);
		assert_damaged(unit, &world, NULL, reason);
		assert_damaged(unit, &world, world.initrd, reason);
	}
	free(bytes);
	crashres_input_close(sealed);
	world_free(&world);
}

/* A wrong byte in the header names another initrd, but purgatory expects the one of the load. */
static void test_wrong_initrd_in_the_header_is_damage(void **state)
{
	static const char reason[] = FOLDER "/bad: the sealed Image is damaged: the header names "
		"another initrd than purgatory";
	struct unit *unit = *state;
	struct world world = world_new(unit);
	const size_t first = offsetof(struct crs_seal_header, initrd_size);
	size_t size;
	uint8_t *bytes = copy_sealed(unit, &world, &size);

	for (size_t i = first; i < sizeof(struct crs_seal_header); i++) {
		bytes[i] ^= 0x10;
		put_bytes(unit, "bad", bytes, size, 200);
		assert_damaged(unit, &world, world.initrd, reason);
		bytes[i] ^= 0x10;
	}
	free(bytes);
	world_free(&world);
}

/* A damaged file with another initrd is no reason to prevent the load of the kernel itself. */
static void test_damaged_file_with_another_initrd_does_not_count(void **state)
{
	struct unit *unit = *state;
	struct world world = world_new(unit);
	CRS_CLEANUP(crs_freep) char *other = NULL;
	struct crs_seal_header header;
	size_t size;
	uint8_t *bytes = copy_sealed(unit, &world, &size);
	char text[200];

	memcpy(&header, bytes, sizeof(header));
	put_bytes(unit, "bad", bytes, 200, 200);
	assert_damaged(unit, &world, world.other, FOLDER "/bad: is not a sealed Image");
	assert_damaged(unit, &world, NULL, FOLDER "/bad: is not a sealed Image");
	snprintf(text, sizeof(text), "kernel " FOLDER "/bad: truncated: the sections end at byte %zu"
		 ", the file at byte 5000", size);
	put_bytes(unit, "bad", bytes, 5000, 200);
	assert_damaged(unit, &world, world.other, text);
	bytes[le64toh(header.kernel_offset) + 5000] ^= 1;
	put_bytes(unit, "bad", bytes, size, 200);
	assert_damaged(unit, &world, world.other,
		       FOLDER "/bad: the kernel in the sealed Image is damaged");
	/* An older one that is whole is still an error. */
	assert_true(asprintf(&other, FOLDER "/old: is sealed with another initrd than %s",
			     world.other->name) > 0);
	put(unit, "old", world.kernel, world.initrd, 100);
	assert_not_found(unit, &world, world.other, CRASHRES_ERR_OTHER_INITRD, other);
	free(bytes);
	world_free(&world);
}

/* If a file fits but is damaged, an older file with another initrd is not the reason to name. */
static void test_damaged_file_counts_more_than_another_initrd(void **state)
{
	struct unit *unit = *state;
	struct world world = world_new(unit);
	CRS_CLEANUP(crs_freep) char *none = NULL;
	size_t size;
	uint8_t *bytes = copy_sealed(unit, &world, &size);

	assert_true(asprintf(&none, FOLDER " has no sealed Image of %s",
			     world.kernel->file->name) > 0);
	put(unit, "old", world.kernel, world.other, 100);
	put_bytes(unit, "bad", bytes, size - 1, 200);
	assert_not_found(unit, &world, world.initrd, CRASHRES_ERR_NO_SEALED_IMAGE, none);
	free(bytes);
	world_free(&world);
}

/* A file that changes between the two steps of the search. */
struct swap {
	char *from, *to;	/* rename(from, to) at the first warning */
};

static void swap_files(void *data, enum crashres_log_level level, const char *line)
{
	const struct swap *swap = data;

	if (level == CRASHRES_LOG_WARNING && strstr(line, "/bad:"))
		assert_int_equal(rename(swap->from, swap->to), 0);
}

/*
 * The warning about the newest file is the moment at which another program replaces the second one.
 * The file that is loaded is the file that is compared, so the new one is refused.
 */
static void test_file_that_is_replaced_during_the_search_is_compared(void **state)
{
	struct unit *unit = *state;
	struct world world = world_new(unit);
	struct swap swap = {
		.from = unit_path(unit, "foreign"),
		.to = unit_path(unit, "root/var/sealed/good"),
	};
	CRS_CLEANUP(crs_freep) char *none = NULL;
	size_t size;
	uint8_t *bytes = copy_sealed(unit, &world, &size);

	assert_true(asprintf(&none, FOLDER " has no sealed Image of %s",
			     world.kernel->file->name) > 0);
	put(unit, "good", world.kernel, world.initrd, 100);
	put_bytes(unit, "bad", bytes, size - 1, 200);
	/* The header is the same, the kernel inside is another one. */
	memset(bytes + size - 64 * KIB, 0x55, 64 * KIB);
	memset(bytes + size - MIB, 0x55, 64 * KIB);
	unit_write(unit, "foreign", bytes, size);
	set_mode(unit, "foreign", 0644);
	crashres_ctx_set_log(unit->ctx, swap_files, &swap);
	assert_not_found(unit, &world, world.initrd, CRASHRES_ERR_NO_SEALED_IMAGE, none);
	assert_int_equal(access(swap.from, F_OK), -1);
	free(swap.from);
	free(swap.to);
	free(bytes);
	world_free(&world);
}

/* The plan passes the sealed Image to kexec_file_load, and compares its initrd. */
static void test_plan_loads_the_ready_image(void **state)
{
	struct unit *unit = *state;
	struct world world = world_new(unit);
	struct crashres_machine machine = {
		.iomem.hidden = true,
		.page_size = 4096,
		.permissions.locked_down = CRASHRES_ANSWER_YES,
	};
	struct crashres_request request = CRASHRES_REQUEST_INIT;
	struct crashres_attempt attempt = CRASHRES_ATTEMPT_INIT;
	struct crashres_kernel *sealed;
	struct crashres_plan *plan = UNTOUCHED;
	enum crashres_answer answer;

	put(unit, "a", world.kernel, world.initrd, 1);
	assert_ok(unit, crashres_sealed_find(unit->ctx, FOLDER, world.kernel, world.initrd,
					     &sealed));
	request.slot = CRASHRES_SLOT_CRASH;
	request.initrd = world.initrd;
	request.sealed = sealed;
	assert_ok(unit, crashres_plan_uses_sealed(unit->ctx, &machine, world.kernel, &request,
						  &answer));
	assert_int_equal(answer, CRASHRES_ANSWER_YES);
	assert_ok(unit, crashres_plan_make(unit->ctx, &machine, world.kernel, &request, &plan));
	assert_int_equal(crashres_plan_attempt_count(plan), 3);
	assert_ok(unit, crashres_plan_attempt(unit->ctx, plan, 1, &attempt));
	assert_int_equal(attempt.check, CRASHRES_CHECK_ALREADY_SEALED);
	assert_string_equal(attempt.kernel, FOLDER "/a");
	assert_true(attempt.original_files);
	assert_ok(unit, crashres_plan_attempt(unit->ctx, plan, 2, &attempt));
	assert_string_equal(attempt.kernel, world.kernel->file->name);
	crashres_plan_free(plan);
	plan = UNTOUCHED;
	request.initrd = world.other;
	assert_int_equal(crashres_plan_make(unit->ctx, &machine, world.kernel, &request, &plan),
			 CRASHRES_ERR_REQUEST);
	request.sealed = world.kernel;
	assert_int_equal(crashres_plan_make(unit->ctx, &machine, world.kernel, &request, &plan),
			 CRASHRES_ERR_REQUEST);
	assert_int_equal(crashres_error_member(unit->ctx), CRASHRES_MEMBER_SEALED);
	assert_ptr_equal(plan, UNTOUCHED);
	crashres_kernel_close(sealed);
	world_free(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT_TEST(test_newest_image_of_kernel_and_initrd_is_found),
		UNIT_TEST(test_other_or_missing_initrd_is_named),
		UNIT_TEST(test_initrd_of_the_kernel_file_counts),
		UNIT_TEST(test_other_files_are_skipped),
		UNIT_TEST(test_missing_folder_is_an_empty_one),
		UNIT_TEST(test_damaged_headers_are_skipped),
		UNIT_TEST(test_damaged_files_are_skipped_with_a_warning),
		UNIT_TEST(test_too_large_files_are_skipped_before_they_are_read),
		UNIT_TEST(test_files_that_others_can_change_are_skipped),
		UNIT_TEST(test_folder_that_others_can_change_is_an_empty_one),
		UNIT_TEST(test_digest_without_initrd_is_damage),
		UNIT_TEST(test_wrong_initrd_in_the_header_is_damage),
		UNIT_TEST(test_damaged_file_with_another_initrd_does_not_count),
		UNIT_TEST(test_damaged_file_counts_more_than_another_initrd),
		UNIT_TEST(test_file_that_is_replaced_during_the_search_is_compared),
		UNIT_TEST(test_plan_loads_the_ready_image),
	};

	return cmocka_run_group_tests_name("sealed_folder", tests, NULL, NULL);
}
