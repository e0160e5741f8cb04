/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sealed-image.c: makes a sealed Image, and takes the kernel out of one. */
#include <endian.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/input.h"
#include "../base/struct-size.h"
#include "../kernel/content.h"
#include "../machine/machine.h"
#include "purgatory-segment.h"
#include "parity.h"
#include "sealed-image.h"
#include "sealed-pe.h"

#define HEADER_SIZE	((uint64_t)CRS_SEAL_PURGATORY_OFFSET)
#define LARGEST_PAGE	(64ULL << 10)	/* of any arm64 kernel */

/*
 * Bytes behind the kernel for a signature at the end. kexec_file_load loads the whole file, so
 * image_size must cover the signature.
 */
#define SIGNATURE_ROOM	(64ULL << 10)

/* Bytes: offsets in a PE file have 32 bits, and a signature must fit too. */
#define FILE_LIMIT	(CRS_MEMFD_LIMIT - (1ULL << 20))

/*
 * The first two instructions of the Image. The first one has the bytes "MZ", which a PE file
 * starts with: ccmp x18, #0, #0xd, pl. It only changes the flags, which purgatory does not read.
 * The second one is "b" to purgatory (Arm ARM, B: opcode 0b000101, then the distance in words).
 */
#define MZ_INSTRUCTION		0xfa405a4dU
#define BRANCH_TO_PURGATORY	(0x14000000U | (HEADER_SIZE - 4) / 4)

_Static_assert(sizeof(struct crs_seal_header) <= CRS_SEALED_PE_OFFSET, "the headers fit");

/* A sealed Image in progress. Offsets are bytes from the start of the Image. */
struct sealing {
	struct crashres_ctx *ctx;
	enum crashres_log_level level;		/* of the message about a signed kernel */
	const struct crashres_kernel *kernel;
	const struct crashres_input *content;	/* the kernel without its signatures */
	const struct crashres_seal_request *seal;
	struct crashres_segment segments[2];	/* kernel, initrd; bases are offsets from
						   purgatory */
	size_t segment_count;			/* 1 or 2 */
	uint64_t checked;			/* bytes that purgatory checks */
	uint64_t group_count;			/* number of parity groups */
	uint64_t purgatory_size;		/* bytes, with digests and room for page tables */
	uint64_t stub;				/* offset of the entry stub for EFI */
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
	sealing->stub = align_up(HEADER_SIZE + sealing->purgatory_size, CRS_SEALED_STUB_SIZE);
	sealing->parity = align_up(sealing->stub + CRS_SEALED_STUB_SIZE, LARGEST_PAGE);
	end = sealing->parity + crs_parity_size(sealing->group_count);
	sealing->kernel_offset = align_up(end, CRS_IMAGE_ALIGNMENT) + kernel->image.text_offset;
	end = kernel->image.image_size;
	if (end < sealing->content->size)
		end = sealing->content->size;
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

	if (status == CRASHRES_OK && sealing->file_size > FILE_LIMIT)
		status = crs_fail(sealing->ctx, CRASHRES_ERR_LIMIT,
				  "the sealed Image has %" PRIu64 " MiB: the limit is %llu MiB",
				  sealing->file_size >> 20, FILE_LIMIT >> 20);
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

/* Puts the sizes and digests of kernel and initrd into the header. */
static void add_digests(const struct sealing *sealing, struct crs_seal_header *header)
{
	const struct crashres_input *kernel = sealing->content, *initrd = sealing->seal->initrd;

	header->kernel_size = htole64(kernel->size);
	crs_digest_bytes(kernel->data, kernel->size, header->kernel_digest);
	if (!initrd)
		return;
	header->initrd_size = htole64(initrd->size);
	crs_digest_bytes(initrd->data, initrd->size, header->initrd_digest);
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
			.code = { htole32(MZ_INSTRUCTION), htole32(BRANCH_TO_PURGATORY) },
			.image_size = htole64(sealing->image_size),
			.pe_offset = htole32(CRS_SEALED_PE_OFFSET),
		},
		.magic = htole64(CRS_SEAL_MAGIC),
		.kernel_offset = htole64(sealing->kernel_offset),
	};

	memcpy(&inner, sealing->content->data, sizeof(inner));
	header.image.flags = inner.flags;
	memcpy(header.image.magic, CRS_IMAGE_MAGIC, sizeof(header.image.magic));
	add_digests(sealing, &header);
	return header;
}

/* Writes @data at @offset, which must not be below the current end of @memfd. */
static enum crashres_status write_at(const struct sealing *sealing, struct crs_memfd *memfd,
				     uint64_t offset, const void *data, uint64_t size)
{
	enum crashres_status status = crs_memfd_skip(sealing->ctx, memfd, offset - memfd->size);

	return status == CRASHRES_OK ? crs_memfd_write(sealing->ctx, memfd, data, size) : status;
}

/* Writes the page with the headers. */
static enum crashres_status write_headers(const struct sealing *sealing, struct crs_memfd *memfd)
{
	const struct crs_seal_header header = make_header(sealing);
	uint8_t pe[CRS_SEALED_PE_SIZE];
	enum crashres_status status = write_at(sealing, memfd, 0, &header, sizeof(header));

	crs_sealed_pe_make(HEADER_SIZE, (uint32_t)sealing->file_size, (uint32_t)sealing->stub, pe);
	return status == CRASHRES_OK ?
		write_at(sealing, memfd, CRS_SEALED_PE_OFFSET, pe, sizeof(pe)) : status;
}

/* Writes purgatory, the stub and the parity. */
static enum crashres_status write_purgatory(const struct sealing *sealing,
					    struct crs_memfd *memfd)
{
	uint8_t stub[CRS_SEALED_STUB_SIZE];
	enum crashres_status status = write_at(sealing, memfd, HEADER_SIZE, sealing->purgatory,
					       sealing->purgatory_size);

	crs_sealed_pe_stub(stub);
	if (status == CRASHRES_OK)
		status = write_at(sealing, memfd, sealing->stub, stub, sizeof(stub));
	if (status == CRASHRES_OK && sealing->group_count)
		status = write_at(sealing, memfd, sealing->parity, sealing->parity_data,
				  crs_parity_size(sealing->group_count));
	return status;
}

/* Writes the sealed Image to a new memfd, which @file owns. */
static enum crashres_status write_file(const struct sealing *sealing, struct crashres_input **file)
{
	CRS_CLEANUP(crs_memfd_closep) struct crs_memfd memfd = CRS_MEMFD_CLOSED;
	CRS_CLEANUP(crs_freep) char *name = NULL;
	const struct crashres_input *kernel = sealing->content;
	enum crashres_status status = crs_memfd_open(sealing->ctx, &memfd);

	if (asprintf(&name, "%s (sealed)", kernel->name) < 0) {
		name = NULL;
		return crs_fail_memory(sealing->ctx);
	}
	if (status == CRASHRES_OK)
		status = write_headers(sealing, &memfd);
	if (status == CRASHRES_OK)
		status = write_purgatory(sealing, &memfd);
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

/* Makes all parts of @sealing, and writes them. */
static enum crashres_status seal_content(struct sealing *sealing,
					 const struct crs_firmware *firmware,
					 struct crashres_input **sealed)
{
	CRS_CLEANUP(crs_freep) uint8_t *purgatory = NULL;
	CRS_CLEANUP(crs_freep) uint8_t *parity = NULL;
	const struct crashres_input *kernel = sealing->content, *initrd = sealing->seal->initrd;
	enum crashres_status status;

	add_segment(sealing, "kernel", kernel->data, kernel->size,
		    sealing->kernel->image.image_size);
	if (initrd)
		add_segment(sealing, "initrd", initrd->data, initrd->size, initrd->size);
	lay_out(sealing);
	status = check_sizes(sealing);
	if (status == CRASHRES_OK)
		status = make_parity(sealing);
	parity = sealing->parity_data;
	if (status == CRASHRES_OK)
		status = make_purgatory(sealing, firmware);
	purgatory = sealing->purgatory;
	if (status == CRASHRES_OK)
		status = write_file(sealing, sealed);
	/* Digests and parity give away the initrd as well, if it is short or its parity is large. */
	if (status == CRASHRES_OK)
		(*sealed)->mode = kernel->mode & (initrd ? initrd->mode : 0777);
	return status;
}

/* Seals @sealing->kernel, and logs if a signature of the kernel is left out. */
static enum crashres_status seal_logged(struct sealing *sealing,
					const struct crashres_machine *machine,
					const struct crashres_seal_request *given,
					struct crashres_input **sealed)
{
	static const struct crs_firmware unknown;
	struct crashres_seal_request full = CRASHRES_SEAL_REQUEST_INIT;
	struct crashres_input *content;
	enum crashres_status status = check(sealing->ctx, sealing->kernel, given, &full);

	if (status == CRASHRES_OK)
		status = crs_kernel_content(sealing->ctx, sealing->kernel, &content);
	if (status != CRASHRES_OK)
		return status;
	sealing->seal = &full;
	sealing->content = content;
	status = seal_content(sealing, machine ? &machine->firmware : &unknown, sealed);
	if (status == CRASHRES_OK && content != sealing->kernel->file)
		crs_log(sealing->ctx, sealing->level, "%s: the sealed Image does not contain the "
			"signature of the kernel", content->name);
	crashres_input_close(content);
	return status;
}

enum crashres_status crs_seal(struct crashres_ctx *ctx, const struct crashres_machine *machine,
			      const struct crashres_kernel *kernel,
			      const struct crashres_seal_request *seal,
			      struct crashres_input **sealed)
{
	struct sealing sealing = { .ctx = ctx, .kernel = kernel, .level = CRASHRES_LOG_INFO };

	return seal_logged(&sealing, machine, seal, sealed);
}

enum crashres_status crashres_seal(struct crashres_ctx *ctx, const struct crashres_machine *machine,
				   const struct crashres_kernel *kernel,
				   const struct crashres_seal_request *seal, struct crashres_input **sealed)
{
	struct sealing sealing = { .ctx = ctx, .kernel = kernel, .level = CRASHRES_LOG_WARNING };

	return seal_logged(&sealing, machine, seal, sealed);
}

void crashres_seal_request_init(struct crashres_seal_request *request, size_t size)
{
	const struct crashres_seal_request defaults = CRASHRES_SEAL_REQUEST_INIT;

	crs_init_struct(&defaults, sizeof(defaults), request, size);
}

/* Reads the header, hostile bytes. False: not a sealed Image, or the kernel is not inside. */
static bool read_header(const void *data, size_t size, struct crs_seal_header *header)
{
	uint64_t offset, kernel_size;

	if (size < sizeof(*header) || !crs_image_probe(data, size))
		return false;
	memcpy(header, data, sizeof(*header));
	offset = le64toh(header->kernel_offset);
	kernel_size = le64toh(header->kernel_size);
	return le64toh(header->magic) == CRS_SEAL_MAGIC && offset >= HEADER_SIZE &&
	       offset < size && kernel_size && kernel_size <= size - offset;
}

bool crs_sealed_find_kernel(const void *data, size_t size, uint64_t *kernel_offset,
			    uint64_t *kernel_size)
{
	struct crs_seal_header header;

	if (!read_header(data, size, &header))
		return false;
	*kernel_offset = le64toh(header.kernel_offset);
	*kernel_size = le64toh(header.kernel_size);
	return true;
}

bool crashres_kernel_is_sealed(const struct crashres_kernel *kernel)
{
	struct crs_seal_header header;

	return read_header(kernel->file->data, kernel->file->size, &header);
}

uint64_t crs_sealed_size_limit(const struct crs_seal_header *header)
{
	uint64_t size = le64toh(header->image.image_size);

	return size < FILE_LIMIT + SIGNATURE_ROOM ? size : FILE_LIMIT + SIGNATURE_ROOM;
}

enum crashres_status crs_sealed_check_kernel(struct crashres_ctx *ctx,
					     const struct crashres_input *file)
{
	struct crs_seal_header header;
	uint8_t digest[PURGATORY_DIGEST_SIZE];

	if (!read_header(file->data, file->size, &header))
		return crs_fail(ctx, CRASHRES_ERR_FORMAT, "%s: is not a sealed Image", file->name);
	crs_digest_bytes(file->data + le64toh(header.kernel_offset), le64toh(header.kernel_size),
			 digest);
	if (memcmp(digest, header.kernel_digest, sizeof(digest)))
		return crs_fail(ctx, CRASHRES_ERR_FORMAT,
				"%s: the kernel in the sealed Image is damaged", file->name);
	return CRASHRES_OK;
}

/* Copies the kernel, which is whole, out of the sealed Image @file. */
static enum crashres_status copy_kernel(struct crashres_ctx *ctx, const struct crashres_input *file,
					struct crashres_input **image)
{
	CRS_CLEANUP(crs_freep) char *name = NULL;
	uint64_t offset = 0, size = 0;

	if (asprintf(&name, "%s (unsealed)", file->name) < 0) {
		name = NULL;
		return crs_fail_memory(ctx);
	}
	crs_sealed_find_kernel(file->data, file->size, &offset, &size);
	return crs_input_copy(ctx, file->data + offset, size, name, image);
}

enum crashres_status crashres_unseal(struct crashres_ctx *ctx, const struct crashres_kernel *kernel,
				     struct crashres_input **image)
{
	enum crashres_status status = crs_sealed_check_kernel(ctx, kernel->file);

	if (status == CRASHRES_OK)
		status = copy_kernel(ctx, kernel->file, image);
	if (status == CRASHRES_OK)
		(*image)->mode = kernel->file->mode;
	return status;
}
