/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sealed-image.c: makes a sealed Image, and takes the kernel out of one. */
#include <endian.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/input.h"
#include "../base/struct-size.h"
#include "../kernel/kernel.h"
#include "../machine/machine.h"
#include "purgatory-segment.h"
#include "parity.h"
#include "sealed-image.h"

#define HEADER_SIZE	((uint64_t)CRS_SEAL_PURGATORY_OFFSET)
#define LARGEST_PAGE	(64ULL << 10)	/* of any arm64 kernel */

/*
 * Bytes behind the kernel for an appended signature. kexec_file_load loads the whole file, so
 * image_size must cover the signature.
 */
#define SIGNATURE_ROOM	(64ULL << 10)

/*
 * The first instruction of the Image: "b" to purgatory (Arm ARM, B: opcode 0b000101, then the
 * distance in words).
 */
#define BRANCH_TO_PURGATORY (0x14000000U | HEADER_SIZE / 4)

/* A sealed Image in progress. Offsets are bytes from the start of the Image. */
struct sealing {
	struct crashres_ctx *ctx;
	const struct crashres_kernel *kernel;
	const struct crashres_seal_request *seal;
	struct crashres_segment segments[2];	/* kernel, initrd; bases are offsets from
						   purgatory */
	size_t segment_count;			/* 1 or 2 */
	uint64_t checked;			/* bytes that purgatory checks */
	uint64_t group_count;			/* number of parity groups */
	uint64_t purgatory_size;		/* bytes, with digests and room for page tables */
	uint64_t parity;			/* offset of the parity area */
	uint64_t kernel_offset;			/* offset of the kernel */
	uint64_t file_size;			/* bytes of the file */
	uint64_t image_size;			/* bytes in memory, for the Image header */
	uint8_t *purgatory;			/* from malloc(); NULL until it is made */
	uint8_t *parity_data;			/* from malloc(); NULL: none, or not yet made */
};

static uint64_t align_up(uint64_t value, uint64_t alignment)
{
	return (value + alignment - 1) / alignment * alignment;
}

/* Adds a segment to check. @size: bytes in memory; bytes of the file behind it are not checked. */
static void add_segment(struct sealing *sealing, const char *name, const uint8_t *data,
			uint64_t data_size, uint64_t size)
{
	sealing->segments[sealing->segment_count++] = (struct crashres_segment){
		.name = name,
		.data = data,
		.data_size = data_size < size ? data_size : size,
		.range = { .size = align_up(size, PURGATORY_BLOCK_SIZE) },
	};
	sealing->checked += align_up(size, PURGATORY_BLOCK_SIZE);
}

/* Computes all offsets and sizes. Every number comes from files of at most 4 GiB or the header. */
static void lay_out(struct sealing *sealing)
{
	const struct crashres_kernel *kernel = sealing->kernel;
	const struct crs_purgatory_segment contents = { .sealed = true, .segments_max = 2 };
	enum crashres_repair_reason reason;
	uint64_t end;

	sealing->group_count = crs_parity_groups(sealing->checked / PURGATORY_BLOCK_SIZE,
						 sealing->seal->repair, UINT64_MAX, &reason);
	sealing->purgatory_size = crs_purgatory_segment_size(&contents, sealing->checked);
	sealing->parity = align_up(HEADER_SIZE + sealing->purgatory_size, LARGEST_PAGE);
	end = sealing->parity + crs_parity_size(sealing->group_count);
	sealing->kernel_offset = align_up(end, CRS_IMAGE_ALIGNMENT) + kernel->image.text_offset;
	end = kernel->image.image_size;
	if (end < kernel->file->size)
		end = kernel->file->size;
	sealing->file_size = sealing->kernel_offset + align_up(end, PURGATORY_BLOCK_SIZE);
	sealing->image_size = align_up(sealing->file_size + SIGNATURE_ROOM, LARGEST_PAGE);
	sealing->segments[0].range.base = sealing->kernel_offset - HEADER_SIZE;
}

/*
 * Checks the limits before anything is allocated: image_size in the kernel's header is hostile
 * and can be larger than any memory.
 */
static enum crashres_status check_sizes(const struct sealing *sealing)
{
	const struct crs_purgatory_segment contents = { .sealed = true };
	enum crashres_status status = crs_purgatory_segment_check(sealing->ctx, &contents,
								  sealing->checked);

	if (status == CRASHRES_OK && sealing->file_size > CRS_MEMFD_LIMIT)
		status = crs_fail(sealing->ctx, CRASHRES_ERR_LIMIT,
				  "the sealed Image has %" PRIu64 " MiB: more than 4 GiB",
				  sealing->file_size >> 20);
	return crs_prefix_error(sealing->ctx, status, "%s", sealing->kernel->file->name);
}

static enum crashres_status make_purgatory(struct sealing *sealing,
					   const struct crs_firmware *firmware)
{
	const struct crs_purgatory_segment contents = {
		.sealed = true,
		.segments_max = 2,
		.segments = sealing->segments,
		.segment_count = sealing->segment_count,
		.kernel_entry = sealing->kernel_offset - HEADER_SIZE,
		.firmware = firmware,
		.on_damage = (enum purgatory_policy)sealing->seal->on_damage,
		.on_timeout = crs_purgatory_on_timeout(sealing->seal->on_timeout),
		.seconds = sealing->seal->check_seconds,
		.parity = sealing->parity - HEADER_SIZE,
		.group_count = sealing->group_count,
		.initrd_size = sealing->seal->initrd ? sealing->seal->initrd->size : 0,
	};
	uint64_t size;

	return crs_purgatory_segment_make(sealing->ctx, &contents, 0, &sealing->purgatory, &size);
}

static enum crashres_status make_parity(struct sealing *sealing)
{
	if (!sealing->group_count)
		return CRASHRES_OK;
	sealing->parity_data = malloc(crs_parity_size(sealing->group_count));
	if (!sealing->parity_data)
		return crs_fail_memory(sealing->ctx);
	crs_parity_make(sealing->segments, sealing->segment_count, sealing->group_count,
			sealing->parity_data);
	return CRASHRES_OK;
}

/*
 * Makes the header. The flags come from the kernel's header, because byte order, page size and
 * placement are properties of the kernel.
 */
static struct crs_seal_header make_header(const struct sealing *sealing)
{
	struct crs_image_header inner;
	struct crs_seal_header header = {
		.image = {
			.code = { htole32(BRANCH_TO_PURGATORY) },
			.image_size = htole64(sealing->image_size),
		},
		.magic = htole64(CRS_SEAL_MAGIC),
		.kernel_offset = htole64(sealing->kernel_offset),
		.kernel_size = htole64(sealing->kernel->file->size),
	};

	memcpy(&inner, sealing->kernel->file->data, sizeof(inner));
	header.image.flags = inner.flags;
	memcpy(header.image.magic, CRS_IMAGE_MAGIC, sizeof(header.image.magic));
	return header;
}

/* Writes @data at @offset, which must not be below the current end of @memfd. */
static enum crashres_status write_at(const struct sealing *sealing, struct crs_memfd *memfd,
				     uint64_t offset, const void *data, uint64_t size)
{
	enum crashres_status status = crs_memfd_skip(sealing->ctx, memfd, offset - memfd->size);

	return status == CRASHRES_OK ? crs_memfd_write(sealing->ctx, memfd, data, size) : status;
}

/* Writes the sealed Image to a new memfd, which @file owns. */
static enum crashres_status write_file(const struct sealing *sealing, struct crashres_input **file)
{
	CRS_CLEANUP(crs_memfd_closep) struct crs_memfd memfd = CRS_MEMFD_CLOSED;
	CRS_CLEANUP(crs_freep) char *name = NULL;
	const struct crs_seal_header header = make_header(sealing);
	const struct crashres_input *kernel = sealing->kernel->file;
	enum crashres_status status = crs_memfd_open(sealing->ctx, &memfd);

	if (asprintf(&name, "%s (sealed)", kernel->name) < 0) {
		name = NULL;
		return crs_fail_memory(sealing->ctx);
	}
	if (status == CRASHRES_OK)
		status = write_at(sealing, &memfd, 0, &header, sizeof(header));
	if (status == CRASHRES_OK)
		status = write_at(sealing, &memfd, HEADER_SIZE, sealing->purgatory,
			     sealing->purgatory_size);
	if (status == CRASHRES_OK && sealing->group_count)
		status = write_at(sealing, &memfd, sealing->parity, sealing->parity_data,
			     crs_parity_size(sealing->group_count));
	if (status == CRASHRES_OK)
		status = write_at(sealing, &memfd, sealing->kernel_offset, kernel->data, kernel->size);
	if (status == CRASHRES_OK)
		status = crs_memfd_skip(sealing->ctx, &memfd, sealing->file_size - memfd.size);
	return status == CRASHRES_OK ? crs_input_from_memfd(sealing->ctx, &memfd, name, file) : status;
}

static enum crashres_status check(struct crashres_ctx *ctx, const struct crashres_kernel *kernel,
				  const struct crashres_seal_request *given,
				  struct crashres_seal_request *seal)
{
	enum crashres_status status = crs_copy_struct_in(ctx, "seal request", given, seal,
							  sizeof(*seal));

	if (status == CRASHRES_OK)
		status = crs_purgatory_check_policy(ctx, seal->on_damage, seal->on_timeout);
	if (status != CRASHRES_OK)
		return status;
	if (crashres_kernel_is_sealed(kernel))
		return crs_fail(ctx, CRASHRES_ERR_REQUEST, "%s: is already sealed",
				kernel->file->name);
	return CRASHRES_OK;
}

enum crashres_status crashres_seal(struct crashres_ctx *ctx, const struct crashres_machine *machine,
				   const struct crashres_kernel *kernel,
				   const struct crashres_seal_request *seal, struct crashres_input **sealed)
{
	static const struct crs_firmware unknown;
	CRS_CLEANUP(crs_freep) uint8_t *purgatory = NULL;
	CRS_CLEANUP(crs_freep) uint8_t *parity = NULL;
	struct crashres_seal_request full = CRASHRES_SEAL_REQUEST_INIT;
	struct sealing sealing = { .ctx = ctx, .kernel = kernel, .seal = &full };
	enum crashres_status status = check(ctx, kernel, seal, &full);

	if (status != CRASHRES_OK)
		return status;
	add_segment(&sealing, "kernel", kernel->file->data, kernel->file->size,
		    kernel->image.image_size);
	if (full.initrd)
		add_segment(&sealing, "initrd", full.initrd->data, full.initrd->size,
			    full.initrd->size);
	lay_out(&sealing);
	status = check_sizes(&sealing);
	if (status == CRASHRES_OK)
		status = make_parity(&sealing);
	parity = sealing.parity_data;
	if (status == CRASHRES_OK)
		status = make_purgatory(&sealing, machine ? &machine->firmware : &unknown);
	purgatory = sealing.purgatory;
	if (status == CRASHRES_OK)
		status = write_file(&sealing, sealed);
	if (status != CRASHRES_OK)
		return status;
	/* Digests and parity give away the initrd as well, if it is short or its parity is large. */
	(*sealed)->mode = kernel->file->mode & (full.initrd ? full.initrd->mode : 0777);
	return CRASHRES_OK;
}

void crashres_seal_request_init(struct crashres_seal_request *request, size_t size)
{
	const struct crashres_seal_request defaults = CRASHRES_SEAL_REQUEST_INIT;

	crs_init_struct(&defaults, sizeof(defaults), request, size);
}

bool crs_sealed_find_kernel(const void *data, size_t size, uint64_t *kernel_offset,
			    uint64_t *kernel_size)
{
	struct crs_seal_header header;

	if (size < sizeof(header) || !crs_image_probe(data, size))
		return false;
	memcpy(&header, data, sizeof(header));
	*kernel_offset = le64toh(header.kernel_offset);
	*kernel_size = le64toh(header.kernel_size);
	return le64toh(header.magic) == CRS_SEAL_MAGIC && *kernel_offset >= HEADER_SIZE &&
	       *kernel_offset < size && *kernel_size && *kernel_size <= size - *kernel_offset;
}

bool crashres_kernel_is_sealed(const struct crashres_kernel *kernel)
{
	uint64_t offset, size;

	return crs_sealed_find_kernel(kernel->file->data, kernel->file->size, &offset, &size);
}

enum crashres_status crashres_unseal(struct crashres_ctx *ctx, const struct crashres_kernel *kernel,
				     struct crashres_input **image)
{
	CRS_CLEANUP(crs_freep) char *name = NULL;
	enum crashres_status status;
	uint64_t offset, size;

	if (!crs_sealed_find_kernel(kernel->file->data, kernel->file->size, &offset, &size))
		return crs_fail(ctx, CRASHRES_ERR_FORMAT, "%s: is not a sealed Image",
				kernel->file->name);
	if (asprintf(&name, "%s (unsealed)", kernel->file->name) < 0) {
		name = NULL;
		return crs_fail_memory(ctx);
	}
	status = crs_input_copy(ctx, kernel->file->data + offset, size, name, image);
	if (status == CRASHRES_OK)
		(*image)->mode = kernel->file->mode;
	return status;
}
